"""Limits: sizes are stated, retries are recognised for a while."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Signal
from collector.receive.limits import (
    Headroom,
    Limits,
    RetryWindow,
    fingerprint,
    floor_bytes,
)
from collector.store.disk import free_bytes


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
