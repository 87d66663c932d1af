"""A copy of the database file while it is in use.

DuckDB changes what the file's header points at only at a checkpoint, and never overwrites it
before. So checkpoints wait while the file is copied, and the copy is the state of the last
one. The headers are compared before and after, in case one came from elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from collector.store.connection import Store, StoreError
from collector.store.schema import statement
from collector.store.sealed import SealedFile, sealed_file

__all__ = ["Copied", "copy_database"]

# The main header and the two that take turns, 4 KiB each.
HEADERS_BYTES = 3 * 4096
CHUNK = 4 * 1024 * 1024
PATIENCE_S = 120.0
PAUSE_S = 0.05

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What is in the copy."""

    position: int
    sha256: str
    bytes: int
    archive: tuple[SealedFile, ...]


def copy_database(
    store: Store, target: Path, *, reaches: int = 0, progress: Progress = lambda done, size: None
) -> Copied:
    """Copy a state in which at least `reaches` records are applied."""
    _await(lambda: store.position() >= reaches, "the acknowledged records are not stored")
    with store.checkpoints_paused() as checkpoint:
        _await(checkpoint, "other work kept the database from a checkpoint")
        before = _headers(store.path)
        sha256, size = copy_file(store.path, target, progress)
        if _headers(store.path) != before:
            raise StoreError("the database changed while it was copied: try the backup again")
    position, archive = _look_into(target)
    return Copied(position, sha256, size, archive)


def copy_file(
    source: Path, target: Path, progress: Progress = lambda done, size: None
) -> tuple[str, int]:
    """Copy and hash in one pass, synced; answers SHA-256 and size."""
    digest = hashlib.sha256()
    done, size = 0, source.stat().st_size
    with source.open("rb") as read, target.open("xb") as write:
        while chunk := read.read(min(CHUNK, size - done)):
            write.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress(done, size)
        write.flush()
        os.fsync(write.fileno())
    return digest.hexdigest(), done


def _await(is_done: Callable[[], bool], why_not: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        if time.monotonic() > deadline:
            raise StoreError(f"{why_not} within {PATIENCE_S:g} s: try the backup again later")
        time.sleep(PAUSE_S)


def _headers(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADERS_BYTES)


def _look_into(path: Path) -> tuple[int, tuple[SealedFile, ...]]:
    """Open the copy by itself: it must be whole, and it knows which files belong to it."""
    try:
        with duckdb.connect(str(path), read_only=True) as copy:
            position = copy.execute(statement("apply/position")).fetchall()[0][0]
            files = tuple(map(sealed_file, copy.execute(statement("archive/files")).fetchall()))
    except duckdb.Error as error:
        raise StoreError(f"the copied database does not open ({error}): try again") from error
    return int(position), files
