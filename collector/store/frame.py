"""Frames: how one record looks inside a log segment.

Each frame is marker (8 bytes), CRC32 (4), length of the body (4), sequence (8),
received_ns (8), signal (1), encoding (1), length of the source (2), source, body;
little endian. The CRC covers everything behind it. The marker is random for each
segment, so that no sender can put something into a body that looks like a frame.
Nothing here touches a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from collector.model import Signal

Encoding = Literal["protobuf", "json"]

MARKER_BYTES = 8
_CHECKED = struct.Struct("<IQQBBH")
_CRC = struct.Struct("<I")
_CHECKED_FROM = MARKER_BYTES + _CRC.size
_SOURCE_FROM = _CHECKED_FROM + _CHECKED.size

_SIGNALS = (Signal.TRACES, Signal.LOGS, Signal.METRICS)
_ENCODINGS: tuple[Encoding, ...] = ("protobuf", "json")


@dataclass(frozen=True, slots=True)
class Record:
    """One request as it was received, with its place in the log."""

    sequence: int
    signal: Signal
    encoding: Encoding
    source: str
    received_ns: int
    body: bytes

    def __post_init__(self) -> None:
        if len(self.source.encode()) > 0xFFFF:
            raise ValueError(f"a source has at most 65535 bytes, got {len(self.source.encode())}")


@dataclass(frozen=True, slots=True)
class Found:
    """A whole frame whose CRC is right."""

    offset: int
    size: int
    sequence: int

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no frame although a good frame follows them."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


def frame_size(source: str, body: bytes) -> int:
    return _SOURCE_FROM + len(source.encode()) + len(body)


def pack(marker: bytes, record: Record) -> bytes:
    """The frame of a record."""
    source = record.source.encode()
    checked = _CHECKED.pack(
        len(record.body),
        record.sequence,
        record.received_ns,
        _SIGNALS.index(record.signal),
        _ENCODINGS.index(record.encoding),
        len(source),
    )
    crc = crc32(record.body, crc32(source, crc32(checked)))
    return b"".join((marker, _CRC.pack(crc), checked, source, record.body))


def unpack(data: bytes, found: Found) -> Record:
    """The record of a frame that `scan` found in the same data."""
    length, sequence, received_ns, signal, encoding, source_length = _CHECKED.unpack_from(
        data, found.offset + _CHECKED_FROM
    )
    body_from = found.offset + _SOURCE_FROM + source_length
    return Record(
        sequence=sequence,
        signal=_SIGNALS[signal],
        encoding=_ENCODINGS[encoding],
        source=data[body_from - source_length : body_from].decode(),
        received_ns=received_ns,
        body=data[body_from : body_from + length],
    )


def received_ns_of(data: bytes, found: Found) -> int:
    """When the record of a frame came, without its body."""
    received_ns: int = _CHECKED.unpack_from(data, found.offset + _CHECKED_FROM)[2]
    return received_ns


def scan(data: bytes, marker: bytes) -> Iterator[Found | Damage]:
    """Frames in order, and the damaged stretches between them.

    What follows the last good frame is not reported: only the caller can know
    whether it is the torn end of the log.
    """
    offset = 0
    while (found := _next_good(data, marker, offset)) is not None:
        if found.offset > offset:
            yield Damage(offset, found.offset - offset)
        yield found
        offset = found.end


def _next_good(data: bytes, marker: bytes, offset: int) -> Found | None:
    while (offset := data.find(marker, offset)) >= 0:
        found = _frame_at(data, offset)
        if found is not None:
            return found
        offset += 1
    return None


def _frame_at(data: bytes, offset: int) -> Found | None:
    if len(data) - offset < _SOURCE_FROM:
        return None
    (crc,) = _CRC.unpack_from(data, offset + MARKER_BYTES)
    length, sequence, _, _, _, source_length = _CHECKED.unpack_from(data, offset + _CHECKED_FROM)
    end = offset + _SOURCE_FROM + source_length + length
    if end > len(data) or crc32(memoryview(data)[offset + _CHECKED_FROM : end]) != crc:
        return None
    return Found(offset, end - offset, sequence)
