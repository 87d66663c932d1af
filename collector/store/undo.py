"""What a checkpoint of DuckDB overwrites, kept until the checkpoint is whole.

DuckDB writes data to free blocks and then points a new header to it, so that half a
checkpoint leaves the old one. Its metadata blocks are the exception: they are written anew in
place, with a new checksum, while the header on the disk still needs them. A power cut at that
moment leaves a block with the wrong checksum, and a database that cannot be opened.

1. Before a checkpoint copy the metadata blocks into a file, with the number of the header that
   needs them, and sync it.
2. Checkpoint, then drop the file.
3. Before the database is opened: if the newest header is still the one of the copy, put the
   blocks back. If it is newer, the checkpoint was synced before its header was written.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import structlog

from collector.store.disk import sync_directory

__all__ = ["UNDO", "drop", "keep", "put_back"]

UNDO = ".undo"
# The layout of a DuckDB file: a main header, two database headers, then blocks.
HEADERS = (4096, 8192)
BLOCKS_FROM = 12288
BLOCK_BYTES = 262144
_ITERATION = struct.Struct("<Q")
_ITERATION_FROM = 8

_START = struct.Struct("<8sQI")
_OFFSET = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_MAGIC = b"wkundo01"

_log = structlog.get_logger("collector.store.undo")


def keep(database: Path, reading: int, blocks: Iterable[int]) -> None:
    """Copy these blocks of the database; synced when this returns.

    `reading` is a descriptor of the file that stays open: closing one would end DuckDB's lock.
    """
    found = [(block, _block_at(reading, block)) for block in sorted(blocks)]
    # A block that was never written has nothing to be undone.
    whole = [(block, content) for block, content in found if len(content) == BLOCK_BYTES]
    pieces = [_START.pack(_MAGIC, _iteration(reading), len(whole))]
    for block, block_content in whole:
        pieces += [_OFFSET.pack(BLOCKS_FROM + block * BLOCK_BYTES), block_content]
    content = b"".join(pieces)
    with _undo(database).open("wb") as file:
        file.write(content)
        file.write(_CRC.pack(crc32(content)))
        file.flush()
        os.fsync(file.fileno())
    sync_directory(database.parent)


def _block_at(reading: int, block: int) -> bytes:
    return os.pread(reading, BLOCK_BYTES, BLOCKS_FROM + block * BLOCK_BYTES)


def drop(database: Path) -> None:
    """The checkpoint is whole. A copy that outlives a power cut is older than the header."""
    _undo(database).unlink(missing_ok=True)


def put_back(database: Path) -> bool:
    """Undo the checkpoint that a power cut has ended; answers whether there was one."""
    try:
        content = _undo(database).read_bytes()
    except FileNotFoundError:
        return False
    kept = _kept(content)
    with database.open("r+b") as file:
        if kept is None or kept[0] != _iteration(file.fileno()):
            return False
        for offset, block in kept[1]:
            file.seek(offset)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    _log.warning("checkpoint_undone", iteration=kept[0], blocks=len(kept[1]))
    return True


def _kept(content: bytes) -> tuple[int, list[tuple[int, bytes]]] | None:
    """The number of the header and the blocks; None when the copy itself was cut short."""
    if len(content) < _START.size + _CRC.size:
        return None
    magic, iteration, count = _START.unpack_from(content)
    size = _OFFSET.size + BLOCK_BYTES
    whole = len(content) == _START.size + count * size + _CRC.size
    (crc,) = _CRC.unpack_from(content, len(content) - _CRC.size)
    if magic != _MAGIC or not whole or crc32(content[: -_CRC.size]) != crc:
        return None
    places = [_START.size + number * size for number in range(count)]
    blocks = [
        (_OFFSET.unpack_from(content, place)[0], content[place + _OFFSET.size : place + size])
        for place in places
    ]
    return iteration, blocks


def _iteration(descriptor: int) -> int:
    """The number of the newest header: headers take turns, and the higher one counts."""
    found = [
        _ITERATION.unpack(os.pread(descriptor, _ITERATION.size, header + _ITERATION_FROM))[0]
        for header in HEADERS
    ]
    return int(max(found))


def _undo(database: Path) -> Path:
    return database.with_name(database.name + UNDO)
