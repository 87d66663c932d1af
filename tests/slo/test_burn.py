"""Burn rates, reachable thresholds and the guard against few events."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slo.budget import Counts
from collector.slo.burn import (
    Guard,
    PairReading,
    burn_rate,
    reachable_threshold,
    read_pair,
    wilson_lower_bound,
)
from collector.slo.windows import parse_pairs, standard, window_pair

from_decimals = st.integers(1, 9_999).map(lambda share: share / 10_000)


def read(long: Counts, short: Counts, target: float, text: str = "page 1h/5m 14.4") -> PairReading:
    (pair,) = parse_pairs(text)
    return read_pair(pair, {"1h": long, "5m": short}, target, standard().guard, 0.8)


@pytest.mark.parametrize(
    ("bad", "total", "target", "burn"),
    [
        (5, 100, 0.995, 10.0),  # 25,920,000 in a toolkit that forgets the window
        (1, 10, 0.995, 20.0),
        (2, 20, 0.95, 2.0),  # 5,184,000 there
        (5, 100, 0.90, 0.5),
        (0, 100, 0.99, 0.0),
        (100, 100, 0.95, 20.0),
    ],
)
def test_burn_rates_are_the_conventional_ones(
    bad: int, total: int, target: float, burn: float
) -> None:
    assert burn_rate(bad, total, target) == burn


def test_a_burn_rate_is_unknown_without_events_or_without_a_budget() -> None:
    assert burn_rate(0, 0, 0.99) is None
    assert burn_rate(1, 10, 1.0) is None


@given(bad=st.integers(0, 10**6), good=st.integers(0, 10**6), target=from_decimals)
def test_a_burn_rate_equals_the_definition(bad: int, good: int, target: float) -> None:
    total = bad + good

    burn = burn_rate(bad, total, target)

    if total == 0:
        assert burn is None
    else:
        assert burn == float(Fraction(bad, total) / (1 - Fraction(str(target))))


def test_the_standard_pairs_are_those_of_the_workbook() -> None:
    pairs = [(str(p.severity), p.long.label, p.short.label, p.factor) for p in standard().pairs]

    assert pairs == [
        ("page", "1h", "5m", 14.4),
        ("page", "6h", "30m", 6.0),
        ("ticket", "1d", "2h", 3.0),
        ("ticket", "3d", "6h", 1.0),
    ]


@pytest.mark.parametrize(
    ("target", "thresholds"),
    [
        (0.999, [14.4, 6, 3, 1]),
        (0.95, [14.4, 6, 3, 1]),
        (0.90, [8, 6, 3, 1]),
        (0.80, [4, 4, 3, 1]),
        (0.50, [1.6, 1.6, 1.6, 1]),
    ],
)
def test_no_threshold_lies_beyond_what_a_target_lets_burn(
    target: float, thresholds: list[float]
) -> None:
    read = [reachable_threshold(pair.factor, target, 0.8) for pair in standard().pairs]

    assert [threshold for threshold, _ in read] == thresholds
    assert [stood for _, stood in read] == [
        threshold == pair.factor
        for threshold, pair in zip(thresholds, standard().pairs, strict=True)
    ]


@given(target=from_decimals)
def test_a_total_outage_reaches_every_threshold(target: float) -> None:
    for pair in standard().pairs:
        counts = dict.fromkeys([pair.long.label, pair.short.label], Counts(0, 10_000))

        assert read_pair(pair, counts, target, standard().guard, 0.8).firing


def test_a_burn_exactly_at_the_threshold_fires() -> None:
    at = Counts(10_000 - 144, 10_000)
    below = Counts(10_000 - 143, 10_000)

    assert read(at, at, 0.999).firing
    assert not read(below, at, 0.999).firing
    assert not read(at, below, 0.999).firing


def test_a_long_window_that_burned_before_does_not_fire_alone() -> None:
    reading = read(Counts(0, 1000), Counts(1000, 1000), 0.95)

    assert not reading.firing
    assert not reading.muted


def test_one_bad_event_of_few_is_muted_and_not_silent() -> None:
    reading = read(Counts(10, 11), Counts(0, 1), 0.999)

    assert reading.burn_long == pytest.approx(90.9, rel=1e-3)
    assert not reading.firing
    assert reading.muted


def test_an_outage_of_ten_events_is_believed() -> None:
    assert read(Counts(0, 10), Counts(0, 2), 0.95).firing


def test_without_a_budget_no_pair_has_a_threshold() -> None:
    reading = read(Counts(0, 1000), Counts(0, 1000), 1.0)

    assert reading.threshold is None
    assert not reading.reachable
    assert not reading.firing


@pytest.mark.parametrize(
    ("bad", "total", "lower"),
    [(0, 10, 0.0), (10, 10, 0.7225), (5, 10, 0.2366), (1, 1, 0.2065)],
)
def test_the_wilson_bound_is_that_of_the_tables(bad: int, total: int, lower: float) -> None:
    assert wilson_lower_bound(bad, total, 1.96) == pytest.approx(lower, abs=1e-3)


@given(bad=st.integers(0, 1000), good=st.integers(0, 1000))
def test_the_wilson_bound_never_exceeds_the_share(bad: int, good: int) -> None:
    total = bad + good

    assert 0 <= wilson_lower_bound(bad, total, 1.645) <= (bad / total + 1e-12 if total else 0)


def test_the_guard_asks_for_events_and_for_bad_events() -> None:
    guard = Guard(minimum_events=10, minimum_bad_events=2, z=1.645, share_of_threshold=0.5)

    assert not guard.believes(Counts(0, 9), 0.95, 6.0)
    assert not guard.believes(Counts(9, 10), 0.95, 1.0)
    assert guard.believes(Counts(2, 10), 0.95, 6.0)


def test_a_short_window_must_be_the_shorter_one() -> None:
    with pytest.raises(ValueError, match="shorter"):
        window_pair("page", "1h", "2h", 6)
