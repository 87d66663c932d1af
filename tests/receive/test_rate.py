"""Rates and shares: what one source may take from the others."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.receive.rate import InFlight, Rates, TooFast
from collector.store.wal import Busy


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_rate_nothing_is_refused() -> None:
    rates = Rates(Clock())

    rates.charge("otlp-grpc", None, 10**12)
    rates.admit("otlp-grpc", None)


def test_what_was_overdrawn_is_waited_for_as_long_as_was_said() -> None:
    clock = Clock()
    rates = Rates(clock, default=100)
    rates.charge("clerk", None, 350)

    with pytest.raises(TooFast) as caught:
        rates.admit("clerk", None)
    clock.now += caught.value.retry_after.total_seconds()

    assert timedelta(seconds=2.5) < caught.value.retry_after < timedelta(seconds=2.51)
    rates.admit("clerk", None)


def test_a_flood_of_one_source_costs_no_other() -> None:
    rates = Rates(Clock(), default=100)
    rates.charge("rogue", None, 10**9)

    rates.admit("clerk", None)


def test_an_own_rate_wins_over_the_default() -> None:
    rates = Rates(Clock(), default=1)
    rates.charge("clerk", 1000, 900)

    rates.admit("clerk", 1000)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5000)), max_size=60))
def test_over_any_time_a_source_gets_its_rate_one_burst_and_one_request(
    requests: list[tuple[float, int]],
) -> None:
    clock = Clock()
    rates = Rates(clock, default=1000)
    taken = 0

    for pause, size in requests:
        clock.now += pause
        try:
            rates.admit("clerk", None)
        except TooFast:
            continue
        rates.charge("clerk", None, size)
        taken += size

    assert taken <= 1000 * clock.now + 1000 + 5000


def test_a_share_is_given_back_when_the_record_is_synced_or_fails() -> None:
    waiting = InFlight(share_bytes=100)
    futures: list[Future[int]] = [Future(), Future()]
    for future in futures:
        waiting.admit("clerk", 50)
        waiting.begin("clerk", 50, future)

    with pytest.raises(Busy, match="100 bytes of clerk wait"):
        waiting.admit("clerk", 1)
    waiting.admit("gateway", 80)
    futures[0].set_result(1)
    futures[1].set_exception(OSError())

    assert waiting.bytes_of("clerk") == 0


def test_one_request_larger_than_the_share_still_fits() -> None:
    InFlight(share_bytes=100).admit("clerk", 10_000)
