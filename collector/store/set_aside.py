"""What was acknowledged and cannot be stored: its bytes, one file a record.

Nothing that was acknowledged may be gone. The row in `refused_record` names the file; the
request in it can be read with any OTLP tool, and sent again once the fault is mended.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from collector.store.disk import make_directory, sync_directory
from collector.store.wal import Record

__all__ = ["SetAside"]

MOST_BYTES = 1024**3

_log = structlog.get_logger("collector.store.set_aside")


class SetAside:
    """A directory that grows up to a bound; what comes then is only counted."""

    def __init__(self, directory: Path, most_bytes: int = MOST_BYTES) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._bytes = sum(file.stat().st_size for file in directory.glob("*.otlp"))

    def keep(self, record: Record) -> str:
        """Where the record's bytes are kept, in words; synced when this answers."""
        path = self._directory / f"{record.sequence}.otlp"
        if path.exists() and path.read_bytes() == record.body:
            return self._told(path, record)
        if path.exists():
            # The number was given before, in a log that is lost.
            path = path.with_stem(f"{record.sequence}-{record.received_ns}")
        if self._bytes + len(record.body) > self._most_bytes:
            _log.error("record_not_kept", sequence=record.sequence, bytes=len(record.body))
            return f"not kept, because {self._directory.name} holds {self._bytes} bytes already"
        make_directory(self._directory)
        _write_synced(path, record.body)
        self._bytes += len(record.body)
        return self._told(path, record)

    def _told(self, path: Path, record: Record) -> str:
        return f"kept in {self._directory.name}/{path.name} as {record.encoding}"


def _write_synced(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
