"""The state of an objective, rule by rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import BudgetState
from collector.slo.budget import Counts
from collector.slo.objective import (
    EventSignal,
    Indicator,
    Objective,
    Ratio,
    RollingWindow,
    Selection,
)
from collector.slo.state import current_burn, exhausted_in, judge
from collector.slo.windows import standard


def objective(target: float = 0.95) -> Objective:
    return Objective(
        name="task-success",
        display_name="Tasks succeed",
        service="agents",
        indicator=Indicator(
            EventSignal.RUNS, Selection(), Ratio(Selection(outcome=("ok",)), marks_bad=False)
        ),
        target=target,
        window=RollingWindow(timedelta(days=30)),
        agents=("*",),
        pairs=standard().pairs,
        guard=standard().guard,
    )


def everywhere(counts: Counts) -> dict[str, Counts]:
    return dict.fromkeys(["5m", "30m", "1h", "2h", "6h", "1d", "3d"], counts)


@pytest.mark.parametrize(
    ("target", "period", "windows", "state"),
    [
        (0.95, Counts(0, 0), Counts(0, 0), BudgetState.NO_DATA),
        (1.0, Counts(1, 2), Counts(0, 0), BudgetState.EXHAUSTED),
        (1.0, Counts(20, 20), Counts(20, 20), BudgetState.HEALTHY),
        (0.95, Counts(3, 3), Counts(3, 3), BudgetState.LOW_TRAFFIC),
        (0.95, Counts(0, 9), Counts(0, 9), BudgetState.LOW_TRAFFIC),
        (0.95, Counts(95, 100), Counts(95, 100), BudgetState.EXHAUSTED),
        (0.95, Counts(962, 1000), Counts(50, 50), BudgetState.AT_RISK),
        (0.95, Counts(990, 1000), Counts(0, 10), BudgetState.BURNING),
        (0.95, Counts(990, 1000), Counts(80, 100), BudgetState.AT_RISK),
        (0.999, Counts(9_999, 10_000), Counts(9, 10), BudgetState.LOW_TRAFFIC),
        (0.95, Counts(990, 1000), Counts(99, 100), BudgetState.HEALTHY),
    ],
)
def test_the_first_rule_that_applies_names_the_state(
    target: float, period: Counts, windows: Counts, state: BudgetState
) -> None:
    judgement = judge(objective(target), period, everywhere(windows), standard())

    assert judgement.state is state, judgement.reason


def test_the_reason_says_which_windows_burn() -> None:
    judgement = judge(objective(), Counts(990, 1000), everywhere(Counts(0, 10)), standard())

    assert judgement.reason == "burns at 20× over 1h and 20× over 5m; page from 14.4×"


def test_a_target_of_ninety_percent_can_page() -> None:
    judgement = judge(objective(0.9), Counts(990, 1000), everywhere(Counts(0, 20)), standard())

    assert judgement.state is BudgetState.BURNING
    assert not judgement.readings[0].reachable


@given(good=st.integers(0, 5000), bad=st.integers(0, 5000))
def test_a_state_is_exhausted_exactly_when_nothing_is_left_of_enough_events(
    good: int, bad: int
) -> None:
    judgement = judge(objective(), Counts(good, good + bad), {}, standard())

    enough = good + bad >= standard().guard.minimum_events
    spent = judgement.budget_left is not None and judgement.budget_left <= 0
    assert (judgement.state is BudgetState.EXHAUSTED) == (enough and spent)


def test_the_forecast_reads_the_shortest_window_with_enough_events() -> None:
    burns = {"1h": Counts(0, 1), "6h": Counts(9, 10), "1d": Counts(100, 100)}

    assert current_burn(objective(), burns) == 2.0
    assert exhausted_in(objective(), 0.5, burns, timedelta(days=30)) == timedelta(days=7.5)
