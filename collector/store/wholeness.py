"""Whether archived files are whole: by size and ends at every look, by SHA-256 at a close one.

A close look reads a file once, and again only when its size or its time of change differs.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from collector.store.sealed import SealedFile

__all__ = ["Wholeness"]

_Stamp = tuple[int, int, int]
_DAMAGED = "it is damaged: restore it from a backup"


class Wholeness:
    """Looks at the files of one folder, and remembers which it has read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[_Stamp, bool]] = {}

    def fault(self, file: SealedFile, *, closely: bool = False) -> str | None:
        """Why a file cannot be read, or None."""
        path = self._folder / file.path
        try:
            found = path.stat()
            if found.st_size != file.bytes:
                return f"it has {found.st_size} bytes, expected {file.bytes}: " + (
                    "restore it from a backup"
                )
            with path.open("rb") as stream:
                head = stream.read(4)
                stream.seek(-4, os.SEEK_END)
                if not head == stream.read(4) == b"PAR1":
                    return _DAMAGED
            stamp = (found.st_size, found.st_mtime_ns, found.st_ino)
            return None if self._is_right(file, path, stamp, closely) else _DAMAGED
        except OSError as error:
            return f"it cannot be read ({error.strerror}): restore it from a backup"

    def _is_right(self, file: SealedFile, path: Path, stamp: _Stamp, closely: bool) -> bool:
        known, is_right = self._read.get(file.path, (None, True))
        if known == stamp or not closely:
            return known != stamp or is_right
        with path.open("rb") as stream:
            is_right = hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
        self._read[file.path] = (stamp, is_right)
        return is_right
