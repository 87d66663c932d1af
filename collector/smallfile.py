"""Small files that people write: read whole, or refused before they can do harm.

What is no file (a pipe, a device, a directory) might never end, and is not read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["bytes_of", "state_of"]


def bytes_of(path: Path, most: int) -> bytes:
    """All bytes of the file; OSError where it is none, cannot be read or has more than `most`."""
    # Opening a pipe waits for its writer unless told not to.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "expected a file, got a directory, a pipe or a device")
        with open(handle, "rb", closefd=False) as opened:
            found = opened.read(most + 1)
    finally:
        os.close(handle)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"expected at most {most:,} bytes, got more")
    return found


def state_of(path: Path) -> tuple[int, ...] | None:
    """Changes whenever the file, or who may read it, does; None where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
