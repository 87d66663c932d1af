"""Budgets in money: their periods, and how one stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.costs.budget import Period, Rolling, SpendState, Spent, period_of, stand
from collector.costs.budgets_file import read_budgets
from collector.slo.marked import Refusal

NOW = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
periods = st.sampled_from(Period) | st.integers(1, 366).map(Rolling)
dollars = st.floats(0, 1e9, allow_nan=False)
amounts = st.floats(0.01, 1e9, allow_nan=False)
shares = st.none() | st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("period", "begins", "ends"),
    [
        (Period.DAY, datetime(2026, 1, 15), datetime(2026, 1, 16)),
        (Period.WEEK, datetime(2026, 1, 12), datetime(2026, 1, 19)),
        (Period.MONTH, datetime(2026, 1, 1), datetime(2026, 2, 1)),
        (Rolling(30), datetime(2025, 12, 16, 12), datetime(2026, 1, 15, 12, 30)),
    ],
)
def test_a_period_has_its_begin_and_end(
    period: Period | Rolling, begins: datetime, ends: datetime
) -> None:
    assert period_of(period, NOW) == (begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC))


@given(periods, moments)
def test_every_moment_lies_in_its_period_and_the_next_one_begins_where_it_ends(
    period: Period | Rolling, now: datetime
) -> None:
    begins, ends = period_of(period, now)

    assert begins <= now <= ends
    assert begins.minute == begins.second == begins.microsecond == 0, "counts are by the hour"
    if isinstance(period, Period):
        assert now < ends
        assert period_of(period, ends)[0] == ends
        assert period_of(period, begins) == (begins, ends)


def test_nothing_asked_is_nothing_spent() -> None:
    found = stand(Spent(), 10, 0.5)

    assert (found.state, found.left_usd, found.projected_usd) == (SpendState.WITHIN, 10, 0)


def test_what_has_no_price_at_all_is_not_measured() -> None:
    found = stand(Spent(calls=3, unpriced_calls=3, usd=None), 10, 0.5)

    assert (found.state, found.left_usd, found.at_least) == (SpendState.NOT_MEASURED, None, True)


def test_an_even_pace_that_ends_above_the_budget_is_at_risk() -> None:
    assert stand(Spent(1, 0, 6), 10, 0.5).state is SpendState.AT_RISK
    assert stand(Spent(1, 0, 5), 10, 0.5).state is SpendState.WITHIN
    assert stand(Spent(1, 0, 6), 10, 0.01).projected_usd is None
    assert stand(Spent(1, 0, 6), 10, None).state is SpendState.WITHIN


@given(dollars, dollars, amounts, shares, st.integers(0, 5))
def test_spending_more_never_makes_a_budget_stand_better(
    usd: float, more: float, amount: float, elapsed: float | None, unpriced: int
) -> None:
    order = [SpendState.WITHIN, SpendState.AT_RISK, SpendState.EXCEEDED]

    before = stand(Spent(9, unpriced, usd), amount, elapsed)
    after = stand(Spent(10, unpriced, usd + more), amount, elapsed)

    assert order.index(after.state) >= order.index(before.state)
    assert after.left_usd is not None and before.left_usd is not None
    assert after.left_usd <= before.left_usd


@given(dollars, amounts, shares)
def test_a_projection_is_never_below_what_is_spent(
    usd: float, amount: float, elapsed: float | None
) -> None:
    found = stand(Spent(1, 0, usd), amount, elapsed)

    assert found.projected_usd is None or found.projected_usd >= usd
    assert (found.state is SpendState.EXCEEDED) == (usd > amount)


def budget(spec: str, name: str = "clerk-month") -> str:
    return (
        f"apiVersion: watchkeeper/v1\nkind: SpendBudget\nmetadata: {{name: {name}}}\n"
        f"spec: {{{spec}}}\n"
    )


def test_a_file_holds_several_budgets() -> None:
    every, fleet = read_budgets(
        budget("amount_usd: 5, period: day")
        + "---\n"
        + budget(
            "agents: [clerk, rogue], together: true, amount_usd: 100, rolling_days: 30", "fleet"
        )
    )

    assert (every.agents, every.period, every.covers("anybody")) == ((), Period.DAY, True)
    assert (fleet.agents, fleet.period, fleet.together) == (("clerk", "rogue"), Rolling(30), True)
    assert not fleet.covers("gateway")


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (4, budget("period: day"), "amount_usd is missing"),
        (4, budget("amount_usd: 0, period: day"), "above 0 USD"),
        (4, budget("amount_usd: .nan, period: day"), "above 0 USD"),
        (4, budget("amount_usd: 5, period: year"), "one of day, week, month"),
        (4, budget("amount_usd: 5"), "either period"),
        (4, budget("amount_usd: 5, period: day, rolling_days: 3"), "either period"),
        (4, budget("amount_usd: 5, rolling_days: 0"), "1 to 366 days"),
        (4, budget("amount_usd: 5, rolling_days: many"), "a number of days"),
        (4, budget("amount_usd: 5, period: day, together: 1"), "true or false"),
        (4, budget("amount_usd: 5, period: day, agent: clerk"), "not a known field"),
        (
            8,
            budget("amount_usd: 5, period: day") + "---\n" + budget("amount_usd: 5, period: day"),
            "taken",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(line: int, text: str, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_budgets(text)

    assert reason in refused.value.reason
    assert refused.value.line == line


def test_a_rolling_period_is_as_long_as_it_says() -> None:
    begins, ends = period_of(Rolling(7), NOW.replace(minute=0))

    assert ends - begins == timedelta(days=7)
