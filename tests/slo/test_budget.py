"""Error budgets against a slow reference written from the definition."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slo.budget import Counts, allowed_bad, budget_left, time_to_exhaustion

counts = st.integers(0, 10**9)
targets = st.integers(1, 99_999).map(lambda share: float(Decimal(share) / 100_000))


def slow_budget_left(good: int, bad: int, target: float) -> Fraction:
    """1 - bad / (total x (1 - target)), in exact fractions."""
    allowed = (good + bad) * (1 - Fraction(str(target)))
    return 1 - Fraction(bad) / allowed


def test_one_bad_event_in_ten_thousand_and_one_spends_two_percent_of_half_a_percent() -> None:
    left = budget_left(10_000, 10_001, 0.995)

    assert left is not None
    assert 1 - left == pytest.approx(0.02, rel=1e-4)


def test_no_traffic_is_neither_a_whole_nor_an_empty_budget() -> None:
    assert budget_left(0, 0, 0.99) is None


@pytest.mark.parametrize(
    ("total", "bad", "target"), [(1000, 5, 0.995), (20, 1, 0.95), (10, 1, 0.9), (10_000, 1, 0.9999)]
)
def test_a_budget_spent_to_the_last_event_is_exactly_zero(
    total: int, bad: int, target: float
) -> None:
    assert budget_left(total - bad, total, target) == 0.0


def test_ten_events_with_one_bad_use_twenty_times_a_budget_of_half_a_percent() -> None:
    left = budget_left(9, 10, 0.995)

    assert left == 1 - 20


def test_half_of_a_tenth_spent_leaves_half() -> None:
    assert budget_left(95, 100, 0.9) == 0.5


def test_a_target_of_one_is_kept_until_the_first_bad_event() -> None:
    assert budget_left(10, 10, 1.0) == 1.0
    assert budget_left(999_999, 1_000_000, 1.0) == 0.0


@given(good=counts, bad=counts, target=targets)
def test_the_budget_equals_the_definition(good: int, bad: int, target: float) -> None:
    left = budget_left(good, good + bad, target)

    if good + bad == 0:
        assert left is None
    else:
        assert left == float(slow_budget_left(good, bad, target))


@given(good=counts, bad=counts, target=targets)
def test_a_further_bad_event_never_returns_budget(good: int, bad: int, target: float) -> None:
    before = budget_left(good, good + bad, target)
    after = budget_left(good, good + bad + 1, target)

    assert after is not None
    assert before is None or after <= before


@given(total=counts, target=targets)
def test_the_allowed_events_are_the_share_of_the_total(total: int, target: float) -> None:
    assert allowed_bad(total, target) == float(total * (1 - Fraction(str(target))))


@pytest.mark.parametrize("target", [0.0, -0.1, 1.0001, 99.5])
def test_a_target_that_is_no_share_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="a target lies above 0"):
        budget_left(1, 2, target)


@pytest.mark.parametrize(("good", "total"), [(2, 1), (-1, 0), (1, 0)])
def test_more_good_events_than_events_are_refused(good: int, total: int) -> None:
    with pytest.raises(ValueError, match="0 <= good <= total"):
        Counts(good, total)


def test_a_budget_lasts_its_period_at_a_burn_of_one() -> None:
    assert time_to_exhaustion(1.0, timedelta(days=30), 1.0) == timedelta(days=30)
    assert time_to_exhaustion(0.18, timedelta(days=30), 20.5) == timedelta(
        seconds=0.18 * 2_592_000 / 20.5
    )


@pytest.mark.parametrize(
    ("left", "burn", "expected"),
    [(0.5, 0.0, None), (0.5, None, None), (None, 2.0, None), (-0.1, 2.0, timedelta(0))],
)
def test_exhaustion_is_unknown_without_burn_and_now_when_spent(
    left: float | None, burn: float | None, expected: timedelta | None
) -> None:
    assert time_to_exhaustion(left, timedelta(days=30), burn) == expected
