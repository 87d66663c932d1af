"""Budgets in money: what agents may cost, and how a budget stands.

Sums go in, states come out. Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from collector.costs.period import Period, Rolling, period_of, zone_of
from collector.costs.steps import Step

__all__ = ["Spend", "SpendBudget", "SpendState", "Spent", "stand"]

_LEAST_SHARE = 0.05


@dataclass(frozen=True)
class SpendBudget:
    """How much agents may cost. Without names it is every agent's; `together` adds them up.

    steps: what is done when so much of it is spent, the lowest first; nothing without them.
    """

    name: str
    amount_usd: float
    period: Period | Rolling
    agents: tuple[str, ...] = ()
    together: bool = False
    time_zone: str = "UTC"
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.amount_usd <= 1e12:
            raise ValueError(f"expected an amount above 0 USD, got {self.amount_usd}")

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Begin and end, in UTC, of the period that holds `now`."""
        return period_of(self.period, now, zone_of(self.time_zone))

    def covers(self, agent: str) -> bool:
        return not self.agents or agent in self.agents


@dataclass(frozen=True)
class Spent:
    """What calls cost in a period: `usd` is None when the cost of none of them is known."""

    calls: int = 0
    unpriced_calls: int = 0
    usd: float | None = 0.0


class SpendState(StrEnum):
    """How a budget stands. Calls without a price can only make it worse: it is never "within"."""

    EXCEEDED = "exceeded"
    AT_RISK = "at_risk"
    NOT_MEASURED = "not_measured"
    WITHIN = "within"


@dataclass(frozen=True)
class Spend:
    """A budget's state; `projected_usd` is None where too little of the period is over."""

    state: SpendState
    left_usd: float | None
    projected_usd: float | None
    at_least: bool


def stand(spent: Spent, amount_usd: float, elapsed: float | None) -> Spend:
    """How a budget stands; `elapsed` is the share of the period that is over, None if it rolls.

    What was spent is projected evenly to the end of the period, from a twentieth of it on.
    """
    at_least = spent.unpriced_calls > 0
    if spent.usd is None:
        return Spend(SpendState.NOT_MEASURED, None, None, at_least)
    projected = None if elapsed is None or elapsed < _LEAST_SHARE else spent.usd / min(elapsed, 1.0)
    state = _state(spent.usd, amount_usd, projected)
    if at_least and state is SpendState.WITHIN:
        state = SpendState.NOT_MEASURED
    return Spend(state, amount_usd - spent.usd, projected, at_least)


def _state(usd: float, amount_usd: float, projected: float | None) -> SpendState:
    if usd > amount_usd:
        return SpendState.EXCEEDED
    if projected is not None and projected > amount_usd:
        return SpendState.AT_RISK
    return SpendState.WITHIN
