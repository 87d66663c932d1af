"""Segments: the files of the write-ahead log.

A name reads ORDINAL-FIRST_SEQUENCE-MARKER.wal. The ordinal orders the files, also
when a failed write made the log start a sequence number twice.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from collector.store.disk import sync_directory
from collector.store.frame import MARKER_BYTES, Damage, Found, received_ns_of, scan

_NAME = re.compile(r"(\d{12})-(\d{20})-([0-9a-f]{16})\.wal")


class Segment:
    """One file of frames; `end` is how far it is synced, `last_sequence` 0 while it is empty."""

    def __init__(self, path: Path, fd: int) -> None:
        ordinal, first, marker = _parts(path)
        self.path = path
        self.ordinal = ordinal
        self.first_sequence = first
        self.marker = bytes.fromhex(marker)
        self.last_sequence = 0
        self.end = 0
        # Of the frames that `recover` found; 0 when there are none.
        self.newest_received_ns = 0
        self._fd = fd
        self.capacity = os.fstat(fd).st_size

    @classmethod
    def create(cls, directory: Path, ordinal: int, first_sequence: int, capacity: int) -> Segment:
        """A preallocated file, itself and its name synced before it is used."""
        marker = secrets.token_hex(MARKER_BYTES)
        path = directory / f"{ordinal:012d}-{first_sequence:020d}-{marker}.wal"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, capacity)
            os.fsync(fd)
            sync_directory(directory)
        except BaseException:
            os.close(fd)
            path.unlink()
            raise
        return cls(path, fd)

    @classmethod
    def open(cls, path: Path) -> Segment:
        return cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))

    @property
    def room(self) -> int:
        return self.capacity - self.end

    def append(self, frames: bytes, last_sequence: int) -> None:
        """Write and sync; only then do the frames belong to the segment."""
        _write_all(self._fd, frames, self.end)
        os.fdatasync(self._fd)
        self.end += len(frames)
        self.last_sequence = last_sequence

    def read(self, offset: int, size: int) -> bytes:
        """Synced bytes from `offset`, fewer at the end."""
        return _read_all(self._fd, offset, min(size, self.end - offset))

    def recover(self, ceiling: int | None) -> list[Damage]:
        """Find how far the good frames reach; return the damaged stretches.

        `ceiling` is where the next segment starts. Frames from there on were
        written here, failed to sync and were never acknowledged.
        """
        data = _read_all(self._fd, 0, self.capacity)
        damages = []
        for piece in scan(data, self.marker):
            match piece:
                case Damage():
                    damages.append(piece)
                case Found(sequence=sequence) if ceiling is not None and sequence >= ceiling:
                    break
                case Found():
                    self.last_sequence, self.end = piece.sequence, piece.end
                    came_ns = received_ns_of(data, piece)
                    self.newest_received_ns = max(self.newest_received_ns, came_ns)
        damages = [damage for damage in damages if damage.end <= self.end]
        return damages + list(self._unread_tail(data, ceiling))

    def _unread_tail(self, data: bytes, ceiling: int | None) -> Iterator[Damage]:
        """In a segment with a successor, what follows the last frame that counts is damage.

        Only the last segment can have been torn while it was written. A sync that failed
        leaves the like only if cutting the file back has failed as well.
        """
        tail = data[self.end :].rstrip(b"\0")
        if ceiling is not None and tail:
            yield Damage(self.end, len(tail))

    def torn(self) -> Damage | None:
        """What is written behind the last good frame."""
        tail = _read_all(self._fd, self.end, self.capacity - self.end).rstrip(b"\0")
        return Damage(self.end, len(tail)) if tail else None

    def bytes_at(self, damage: Damage) -> bytes:
        return _read_all(self._fd, damage.offset, damage.size)

    def cut_tail(self, capacity: int) -> None:
        """Forget what is behind the last good frame, and take room for the next ones."""
        # Until it is cut, nothing may be written behind the end.
        self.capacity = self.end
        os.ftruncate(self._fd, self.end)
        # A full disk must not keep the collector from starting: the next frame asks again.
        with suppress(OSError):
            os.posix_fallocate(self._fd, 0, max(capacity, self.end, 1))
            self.capacity = max(capacity, self.end, 1)
        os.fsync(self._fd)

    def seal(self) -> None:
        """Give back the room that will not be used."""
        os.ftruncate(self._fd, self.end)
        os.fdatasync(self._fd)
        self.capacity = self.end

    def close(self) -> None:
        os.close(self._fd)

    def delete(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def marker_of(path: Path) -> bytes:
    """What every frame of a segment begins with."""
    return bytes.fromhex(_parts(path)[2])


def segment_paths(directory: Path) -> list[Path]:
    """Segment files, oldest first."""
    return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))


def set_aside(segment: Segment, damage: Damage, kind: str = "damaged") -> Path:
    """Keep bytes that are no frame for whoever has to explain them."""
    path = segment.path.with_suffix(f".{damage.offset}.{kind}")
    with suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, segment.bytes_at(damage), 0)
            os.fsync(fd)
            sync_directory(path.parent)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(fd)
    return path


def _parts(path: Path) -> tuple[int, int, str]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"expected a name like ORDINAL-SEQUENCE-MARKER.wal, got {path.name}")
    return int(match[1]), int(match[2]), match[3]


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _read_all(fd: int, offset: int, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := os.pread(fd, size, offset)):
        pieces.append(piece)
        size, offset = size - len(piece), offset + len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
