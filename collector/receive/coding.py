"""Codings: a body without its Content-Encoding, measured while it unfolds.

RFC 9110 §8.4 lists codings in the order in which they were applied, so the last one is
undone first. What one coding stands for is bounded in size, in streams, and in memory.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol, TypeAlias

from collector.errors import RefusedInput
from collector.receive.limits import Limits, Malformed, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["UnknownCoding", "inflate", "is_zlib"]

# 2: nobody sends more, and each costs a pass over the body.
_MOST_CODINGS = 2
# 64: each further stream costs a copy of what is left.
_MOST_STREAMS = 64
# RFC 9659 §3: a sender must not ask for a window of more than 8 MiB.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


class UnknownCoding(RefusedInput):
    """The request is compressed in a way that the collector does not read."""


class _Stream(Protocol):
    """Unpacks one stream; zlib and zstd agree on this much."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_Opener: TypeAlias = Callable[[bytes], _Stream]


def inflate(body: bytes, coding: str, limits: Limits) -> bytes:
    """The body without its Content-Encoding; stops as soon as it grows too large."""
    if not coding:
        return body
    for name in reversed(_names(coding)):
        body = _unpacked(body, name, limits)
    return body


def _names(coding: str) -> list[str]:
    listed = (name.strip().lower() for name in coding.split(","))
    names = [name for name in listed if name not in ("", "identity")]
    if len(names) > _MOST_CODINGS:
        raise UnknownCoding(
            f"expected at most {_MOST_CODINGS} codings in Content-Encoding, got {len(names)}: "
            "compress the body once"
        )
    return names


def _unpacked(body: bytes, coding: str, limits: Limits) -> bytes:
    """RFC 1952 §2.2 and RFC 8878 §3.1: gzip and zstd may be several streams in a row."""
    opened = _opener(coding)
    pieces: list[bytes] = []
    room = limits.inflated_bytes
    while not pieces or body:
        if len(pieces) == _most_streams(coding):
            raise Malformed(
                f"bytes follow the end of the {coding} body: send one compressed stream"
            )
        piece, body = _one(opened(body), body, coding, room)
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            raise TooLarge(
                f"a request may have {limits.inflated_bytes} bytes after decompression, "
                "this one has more: make the exporter's batches smaller"
            )
    return b"".join(pieces)


def _one(stream: _Stream, body: bytes, coding: str, room: int) -> tuple[bytes, bytes]:
    """What one stream holds, at most a byte more than there is room for, and what follows it."""
    try:
        piece = stream.decompress(body, room + 1)
    except (zlib.error, zstd.ZstdError) as error:
        raise Malformed(f"expected a body compressed with {coding}: {error}") from error
    if len(piece) <= room and not stream.eof:
        raise Malformed(f"the {coding} body ends too early: it was cut on its way, send it again")
    return piece, stream.unused_data


def _most_streams(coding: str) -> int:
    # RFC 9110 §8.4.1.2: deflate is one zlib stream.
    return 1 if coding == "deflate" else _MOST_STREAMS


def _opener(coding: str) -> _Opener:
    match coding:
        case "gzip" | "x-gzip":
            return lambda body: zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return _deflate
        case "zstd":
            return lambda body: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
    raise UnknownCoding(
        f"expected Content-Encoding gzip, deflate, zstd or identity, got {coding[:40]!r}"
    )


def _deflate(body: bytes) -> _Stream:
    # RFC 9110 §8.4.1.2: some senders leave out the zlib wrapper.
    return zlib.decompressobj(zlib.MAX_WBITS if is_zlib(body) else -zlib.MAX_WBITS)


def is_zlib(body: bytes) -> bool:
    """Whether the body starts with a zlib header (RFC 1950 §2.2)."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
