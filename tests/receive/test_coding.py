"""Codings: every body comes back whole, and none unfolds without a bound."""

from __future__ import annotations

import gzip
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.receive.coding import UnknownCoding, inflate
from collector.receive.limits import Limits, Malformed, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALL = Limits(message_bytes=1000, inflated_bytes=10_000)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@given(st.binary(max_size=10_000), st.sampled_from(sorted(PACKERS)))
def test_every_coding_gives_the_body_back(body: bytes, coding: str) -> None:
    assert inflate(body, "identity", SMALL) == body
    assert inflate(PACKERS[coding](body), coding, SMALL) == body
    assert inflate(PACKERS[coding](body), f" identity, {coding.upper()} ,", SMALL) == body


def test_the_coding_applied_last_is_undone_first() -> None:
    body = gzip.compress(zstd.compress(b"gateway"))

    assert inflate(body, "zstd, gzip", SMALL) == b"gateway"


def test_more_codings_than_anybody_needs_are_refused() -> None:
    with pytest.raises(UnknownCoding, match="at most 2 codings"):
        inflate(b"x", "gzip, gzip, gzip", SMALL)


def test_deflate_without_its_wrapper_is_read() -> None:
    assert inflate(raw_deflate(b"gateway"), "deflate", SMALL) == b"gateway"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_streams_in_a_row_are_one_body(coding: str) -> None:
    pack = PACKERS[coding]

    assert inflate(pack(b"gate") + pack(b"") + pack(b"way"), coding, SMALL) == b"gateway"


def test_a_skippable_zstd_frame_says_nothing() -> None:
    skippable = struct.pack("<II", 0x184D2A50, 3) + b"abc"

    assert inflate(skippable + zstd.compress(b"gateway"), "zstd", SMALL) == b"gateway"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_streams_without_end_are_refused(coding: str) -> None:
    with pytest.raises(Malformed, match="follow the end"):
        inflate(PACKERS[coding](b"") * 100, coding, SMALL)


def test_a_zstd_window_beyond_what_http_allows_is_refused() -> None:
    greedy = zstd.compress(bytes(20_000_000), options={zstd.CompressionParameter.window_log: 27})

    with pytest.raises(Malformed, match="too much memory"):
        inflate(greedy, "zstd", Limits())


@pytest.mark.parametrize("coding", sorted(PACKERS))
def test_a_bomb_is_refused_before_it_unfolds(coding: str) -> None:
    bomb = PACKERS[coding](bytes(8_000_000))
    tracemalloc.start()

    with pytest.raises(TooLarge, match="after decompression"):
        inflate(bomb, coding, SMALL)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_many_small_streams_share_one_limit() -> None:
    with pytest.raises(TooLarge, match="after decompression"):
        inflate(gzip.compress(bytes(1000)) * 20, "gzip", SMALL)


@pytest.mark.parametrize("coding", sorted(PACKERS))
@given(body=st.binary(min_size=1, max_size=500), data=st.data())
def test_a_cut_stream_is_refused(coding: str, body: bytes, data: st.DataObject) -> None:
    whole = PACKERS[coding](body)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    with pytest.raises(Malformed):
        inflate(cut, coding, SMALL)


@pytest.mark.parametrize("coding", sorted(PACKERS))
def test_bytes_behind_the_stream_are_refused(coding: str) -> None:
    with pytest.raises(Malformed, match=r"follow the end|compressed with"):
        inflate(PACKERS[coding](b"clerk") + b"rogue", coding, SMALL)


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(UnknownCoding, match="'br'"):
        inflate(b"x", "br", SMALL)
