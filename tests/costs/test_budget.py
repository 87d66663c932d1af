"""Budgets in money: their files, and how one stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.costs.budget import SpendState, Spent, stand
from collector.costs.budgets_file import read_budgets
from collector.costs.period import Period, Rolling
from collector.costs.steps import Act, Step
from collector.model import HoldKind
from collector.slo.marked import Refusal

dollars = st.floats(0, 1e9, allow_nan=False)
amounts = st.floats(0.01, 1e9, allow_nan=False)
shares = st.none() | st.floats(0, 1, allow_nan=False)


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
    # Within and not measured are the same height: calls without a price make the difference.
    order = [
        SpendState.NOT_MEASURED if unpriced else SpendState.WITHIN,
        SpendState.AT_RISK,
        SpendState.EXCEEDED,
    ]

    before = stand(Spent(9, unpriced, usd), amount, elapsed)
    after = stand(Spent(10, unpriced, usd + more), amount, elapsed)

    assert order.index(after.state) >= order.index(before.state)
    assert after.left_usd is not None and before.left_usd is not None
    assert after.left_usd <= before.left_usd


@given(st.none() | dollars, amounts, shares, st.integers(1, 5))
def test_a_budget_with_calls_of_no_price_never_claims_to_hold(
    usd: float | None, amount: float, elapsed: float | None, unpriced: int
) -> None:
    assert stand(Spent(9, unpriced, usd), amount, elapsed).state is not SpendState.WITHIN


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


def test_steps_are_read_lowest_first_and_do_nothing_that_they_do_not_say() -> None:
    clerk, plain = read_budgets(
        budget(
            "amount_usd: 5, period: month, time_zone: Europe/Berlin, steps: ["
            "{at: 1.2, act: push, hold: kill, lasts: 7d}, {at: 0.8, act: warn}, "
            "{at: 1, act: push, hold: degrade, models: {gpt-5: gpt-5-mini}}]"
        )
        + "---\n"
        + budget("amount_usd: 5, period: day", "plain")
    )

    assert clerk.time_zone == "Europe/Berlin"
    assert clerk.steps == (
        Step(0.8, Act.WARN),
        Step(1.0, Act.PUSH, HoldKind.DEGRADE, models={"gpt-5": "gpt-5-mini"}),
        Step(1.2, Act.PUSH, HoldKind.KILL, timedelta(days=7)),
    )
    assert plain.steps == ()


DAY = "amount_usd: 5, period: day"
ROLLING = "amount_usd: 5, rolling_days: 3"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (f"{DAY}, time_zone: Mars/Base", "such as Europe/Berlin"),
        (f"{ROLLING}, time_zone: UTC", "belongs to a calendar period"),
        (f"{DAY}, steps: [{{act: warn}}]", "at is missing"),
        (f"{DAY}, steps: [{{at: 0, act: warn}}]", "above 0"),
        (f"{DAY}, steps: [{{at: .nan, act: warn}}]", "above 0"),
        (f"{DAY}, steps: [{{at: 1, act: stop}}]", "one of warn, propose, push"),
        (f"{DAY}, steps: [{{at: 1, act: push}}]", "expected a hold"),
        (f"{DAY}, steps: [{{at: 1, act: warn, hold: kill}}]", "none for warn"),
        (f"{DAY}, steps: [{{at: 1, act: push, hold: resume}}]", "one of degrade, pause, kill"),
        (f"{DAY}, steps: [{{at: 1, act: push, hold: kill, lasts: 31d}}]", "1 minute to 30 days"),
        (f"{DAY}, steps: [{{at: 1, act: push, hold: kill, lasts: 1M}}]", "varies in length"),
        (f"{DAY}, steps: [{{at: 1, act: warn, lasts: 1d}}]", "belongs to a hold"),
        (f"{DAY}, steps: [{{at: 1, act: push, hold: kill, models: {{a: b}}}}]", "degrade only"),
        (f"{DAY}, steps: [{{at: 1, act: push, hold: degrade, models: {{}}}}]", "gpt-5-mini"),
        (f"{DAY}, steps: [{{at: 1, act: warn, again_below: 0.5}}]", "belongs to rolling_days"),
        (f"{ROLLING}, steps: [{{at: 1, act: warn, again_below: 1}}]", "less than 1"),
        (f"{DAY}, steps: [{{at: 1, act: warn}}, {{at: 1, act: warn}}]", "given twice"),
        (
            f"{DAY}, together: true, steps: [{{at: 1, act: push, hold: degrade}}]",
            "name the agents",
        ),
    ],
)
def test_a_wrong_step_is_refused_with_what_was_expected(spec: str, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as refused:
        read_budgets(budget(spec))

    assert refused.value.line == 4


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
