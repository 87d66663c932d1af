"""Judgements: the state of one objective for one agent, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from collector.model import BudgetState
from collector.slo.budget import Counts, allowed_bad, budget_left, time_to_exhaustion
from collector.slo.burn import NOTHING, PairReading, Severity, Window, burn_rate, read_pair
from collector.slo.objective import Objective
from collector.slo.windows import Alerting


@dataclass(frozen=True)
class Judgement:
    """What is known of one objective for one agent at one moment."""

    counts: Counts
    budget_left: float | None
    state: BudgetState
    reason: str
    readings: tuple[PairReading, ...]


def judge(
    objective: Objective, counts: Counts, burns: Mapping[str, Counts], alerting: Alerting
) -> Judgement:
    """Judge the counts of the period and of each burn window (by label).

    The first rule that applies names the state:
    no_data: no event counted in the period.
    exhausted: the target is 1 and one event was bad.
    low_traffic: fewer events in the period than the guard asks for.
    exhausted: nothing of the budget is left.
    burning: a page pair fires.
    at_risk: a ticket pair fires, or less than a quarter of the budget is left.
    low_traffic: a pair would fire, but the guard does not believe so few events.
    healthy: none of these.
    """
    left = budget_left(counts.good, counts.total, objective.target)
    readings = tuple(
        read_pair(pair, burns, objective.target, objective.guard, alerting.reachable_share)
        for pair in objective.pairs
    )
    state, reason = _state(objective, counts, left, readings, alerting)
    return Judgement(counts, left, state, reason, readings)


def current_burn(objective: Objective, burns: Mapping[str, Counts]) -> float | None:
    """Burn rate of the shortest long window that holds enough events to be believed."""
    for window in sorted({pair.long for pair in objective.pairs}, key=lambda each: each.length):
        counts = burns.get(window.label, NOTHING)
        if counts.total >= objective.guard.minimum_events:
            return burn_rate(counts.bad, counts.total, objective.target)
    return None


def exhausted_in(
    objective: Objective, left: float | None, burns: Mapping[str, Counts], period: timedelta
) -> timedelta | None:
    """When the budget is gone if the current burn goes on; None when it does not burn."""
    return time_to_exhaustion(left, period, current_burn(objective, burns))


def burn_windows(objective: Objective) -> tuple[Window, ...]:
    """Every window some pair asks for, once, shortest first."""
    windows = {window for pair in objective.pairs for window in (pair.long, pair.short)}
    return tuple(sorted(windows, key=lambda window: window.length))


def _state(
    objective: Objective,
    counts: Counts,
    left: float | None,
    readings: tuple[PairReading, ...],
    alerting: Alerting,
) -> tuple[BudgetState, str]:
    if left is None:
        return BudgetState.NO_DATA, f"no {objective.indicator.signal} counted in the period"
    if objective.target == 1 and counts.bad:
        return BudgetState.EXHAUSTED, f"{_spent(objective, counts)}; the target allows none"
    if counts.total < objective.guard.minimum_events:
        return BudgetState.LOW_TRAFFIC, (
            f"{_spent(objective, counts)}; at least {objective.guard.minimum_events} are needed"
        )
    if left <= 0:
        allowed = allowed_bad(counts.total, objective.target)
        return BudgetState.EXHAUSTED, f"{_spent(objective, counts)}; {allowed:.4g} were allowed"
    return _burning(left, readings, alerting)


def _burning(
    left: float, readings: tuple[PairReading, ...], alerting: Alerting
) -> tuple[BudgetState, str]:
    for severity, state in (
        (Severity.PAGE, BudgetState.BURNING),
        (Severity.TICKET, BudgetState.AT_RISK),
    ):
        for reading in readings:
            if reading.firing and reading.pair.severity is severity:
                return state, _firing(reading)
    if left < alerting.at_risk_below:
        return BudgetState.AT_RISK, f"{left:.0%} of the budget is left"
    for reading in readings:
        if reading.muted:
            return BudgetState.LOW_TRAFFIC, (
                f"{_firing(reading)}, but that is {reading.long.bad} bad of {reading.long.total}"
            )
    return BudgetState.HEALTHY, f"{left:.0%} of the budget is left"


def _spent(objective: Objective, counts: Counts) -> str:
    return f"{counts.bad:,} of {counts.total:,} {objective.indicator.signal} were bad"


def _firing(reading: PairReading) -> str:
    pair = reading.pair
    return (
        f"burns at {reading.burn_long:.3g}× over {pair.long.label} and "
        f"{reading.burn_short:.3g}× over {pair.short.label}; "
        f"{pair.severity} from {reading.threshold:.3g}×"
    )
