"""Budgets in money: over which time they count, and how one stands.

Sums go in, states come out. Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

__all__ = ["Period", "Rolling", "Spend", "SpendBudget", "SpendState", "Spent", "period_of", "stand"]

_LEAST_SHARE = 0.05
_DAY = timedelta(days=1)


class Period(StrEnum):
    """Calendar periods, UTC; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Rolling:
    """The last so many days, at every moment anew."""

    days: int

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 366:
            raise ValueError(f"expected 1 to 366 days, got {self.days}")


@dataclass(frozen=True)
class SpendBudget:
    """How much agents may cost. Without names it is every agent's; `together` adds them up."""

    name: str
    amount_usd: float
    period: Period | Rolling
    agents: tuple[str, ...] = ()
    together: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.amount_usd <= 1e12:
            raise ValueError(f"expected an amount above 0 USD, got {self.amount_usd}")

    def covers(self, agent: str) -> bool:
        return not self.agents or agent in self.agents


@dataclass(frozen=True)
class Spent:
    """What calls cost in a period: `usd` is None when the cost of none of them is known."""

    calls: int = 0
    unpriced_calls: int = 0
    usd: float | None = 0.0


class SpendState(StrEnum):
    """How a budget stands. Calls without a price can only make it worse."""

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


def period_of(period: Period | Rolling, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the period that holds `now`; a rolling one ends with it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case Rolling(days):
            hour = now.replace(minute=0, second=0, microsecond=0)
            return hour - days * _DAY, now
        case Period.DAY:
            return midnight, midnight + _DAY
        case Period.WEEK:
            monday = midnight - midnight.weekday() * _DAY
            return monday, monday + 7 * _DAY
        case Period.MONTH:
            first = midnight.replace(day=1)
            return first, (first + 32 * _DAY).replace(day=1)
        case _:
            assert_never(period)


def stand(spent: Spent, amount_usd: float, elapsed: float | None) -> Spend:
    """How a budget stands; `elapsed` is the share of the period that is over, None if it rolls.

    What was spent is projected evenly to the end of the period, from a twentieth of it on.
    """
    at_least = spent.unpriced_calls > 0
    if spent.usd is None:
        return Spend(SpendState.NOT_MEASURED, None, None, at_least)
    projected = None if elapsed is None or elapsed < _LEAST_SHARE else spent.usd / min(elapsed, 1.0)
    return Spend(
        _state(spent.usd, amount_usd, projected), amount_usd - spent.usd, projected, at_least
    )


def _state(usd: float, amount_usd: float, projected: float | None) -> SpendState:
    if usd > amount_usd:
        return SpendState.EXCEEDED
    if projected is not None and projected > amount_usd:
        return SpendState.AT_RISK
    return SpendState.WITHIN
