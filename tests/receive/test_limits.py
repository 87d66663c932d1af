"""Limits: sizes are measured while inflating, retries are recognised for a while."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Signal
from collector.receive.limits import (
    Headroom,
    Limits,
    Malformed,
    RetryWindow,
    TooLarge,
    UnknownCoding,
    fingerprint,
    floor_bytes,
    inflate,
)
from collector.store.disk import free_bytes

SMALL = Limits(message_bytes=1000, inflated_bytes=10_000)


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@given(st.binary(max_size=10_000))
def test_every_coding_gives_the_body_back(body: bytes) -> None:
    assert inflate(body, "identity", SMALL) == body
    assert inflate(gzip.compress(body), "gzip", SMALL) == body
    assert inflate(zlib.compress(body), "deflate", SMALL) == body


def test_deflate_without_its_wrapper_is_read() -> None:
    assert inflate(raw_deflate(b"gateway"), "deflate", SMALL) == b"gateway"


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()

    with pytest.raises(TooLarge, match="after decompression"):
        inflate(bomb, "gzip", SMALL)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@given(st.binary(min_size=1, max_size=500), st.data())
def test_a_cut_stream_is_refused(body: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(body)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    with pytest.raises(Malformed):
        inflate(cut, "gzip", SMALL)


def test_bytes_behind_the_stream_are_refused() -> None:
    with pytest.raises(Malformed, match="follow the end"):
        inflate(gzip.compress(b"clerk") * 2, "gzip", SMALL)


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(UnknownCoding, match="'br'"):
        inflate(b"x", "br", SMALL)


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="message_bytes"):
        Limits(message_bytes=2, inflated_bytes=1)


def test_a_fingerprint_depends_on_signal_source_and_body() -> None:
    prints = {
        fingerprint(Signal.TRACES, "otlp-grpc", b"a"),
        fingerprint(Signal.LOGS, "otlp-grpc", b"a"),
        fingerprint(Signal.TRACES, "otlp-http", b"a"),
        fingerprint(Signal.TRACES, "otlp-grpc", b"b"),
    }

    assert len(prints) == 4
    assert fingerprint(Signal.TRACES, "otlp-grpc", b"a") in prints


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_window_forgets_after_its_time() -> None:
    clock = Clock()
    window: RetryWindow[str] = RetryWindow(clock, seconds=600)
    window.put(b"key", "answer")

    clock.now = 599
    early = window.get(b"key")
    clock.now = 601

    assert (early, window.get(b"key")) == ("answer", None)


@given(st.lists(st.binary(max_size=2), max_size=30))
def test_a_window_keeps_the_newest_entries(keys: list[bytes]) -> None:
    window: RetryWindow[int] = RetryWindow(Clock(), entries=5)
    for number, key in enumerate(keys):
        window.put(key, number)

    newest = list(dict.fromkeys(reversed(keys)))[:5]
    assert len(window) <= 5
    assert all(window.get(key) == len(keys) - 1 - keys[::-1].index(key) for key in newest)


@pytest.mark.parametrize(
    ("behind", "free", "told"),
    [
        (0, 1000, None),
        (100, 10, None),
        (101, 1000, "101 bytes are acknowledged and not stored yet, at most 100 may be"),
        (0, 9, "the disk has 9 bytes left, and 10 must stay free"),
    ],
)
def test_headroom_ends_at_its_bounds(behind: int, free: int, told: str | None) -> None:
    headroom = Headroom(lambda: behind, lambda: free, most_unapplied_bytes=100, least_free_bytes=10)

    shortage = headroom.shortage()

    assert shortage is None if told is None else (shortage or "").startswith(told)


def test_the_floor_is_less_than_what_a_disk_has(tmp_path: Path) -> None:
    assert 0 < floor_bytes(tmp_path) <= 512 * 1024 * 1024
    assert free_bytes(str(tmp_path)) > 0
