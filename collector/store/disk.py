"""Directories and names that survive a power cut, and how much a disk still takes.

A file that is synced can still be gone with its name: the entry belongs to the directory,
and is on the disk only once that is synced too.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["check_usable", "free_bytes", "make_directory", "segment_bytes", "sync_directory"]

# 64 MiB: a new segment every few seconds at full load.
SEGMENT_BYTES = 64 * 1024 * 1024
# 32: on a disk of less than 2 GiB the log may not take all of it at once.
SEGMENT_SHARE = 32


def make_directory(directory: Path) -> None:
    """Create what is missing on the way there, for this user only, every new name synced."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_directory(each.parent)
    # A process that died between creating and syncing leaves a name that exists unsynced.
    sync_directory(directory.parent)


def check_usable(directory: Path) -> None:
    """Raises PermissionError where files cannot be made, before anyone relies on it."""
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))


def sync_directory(directory: Path) -> None:
    """Make the names in a directory as lasting as the files behind them."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def free_bytes(directory: str) -> int:
    """What this user may still write to the disk that holds the directory.

    Asked for every request: text, because building a path costs ten times the answer.
    """
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def segment_bytes(directory: str) -> int:
    """How large a segment of the log is on the disk that holds the directory."""
    disk = os.statvfs(directory)
    return min(SEGMENT_BYTES, disk.f_blocks * disk.f_frsize // SEGMENT_SHARE)
