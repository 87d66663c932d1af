"""Error budgets: how much failure an agent may still spend.

A target of 0.995 allows 5 bad events in 1,000. Counts are whole numbers and targets are
decimals, so every share is computed from integers and rounded once, at the end: five bad
events in 1,000 leave exactly 0, not 8.9e-16.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache


@dataclass(frozen=True)
class Counts:
    """Good events among all events of one window."""

    good: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.good <= self.total:
            raise ValueError(f"expected 0 <= good <= total, got {self.good} good of {self.total}")

    @property
    def bad(self) -> int:
        return self.total - self.good


@lru_cache(maxsize=1024)
def allowed_share(target: float) -> tuple[int, int]:
    """1 - target as numerator and denominator, from the target's shortest decimal form."""
    if not 0 < target <= 1:
        raise ValueError(f"a target lies above 0 and at most at 1, got {target}")
    share = 1 - Fraction(repr(float(target)))
    return share.numerator, share.denominator


def budget_left(good: int, total: int, target: float) -> float | None:
    """Share of the budget not yet spent; below zero once overspent; None without traffic.

    A target of 1 has no budget: 1.0 while nothing failed, 0.0 from the first bad event on.
    """
    bad = Counts(good, total).bad
    if total == 0:
        return None
    numerator, denominator = allowed_share(target)
    if numerator == 0:
        return 0.0 if bad else 1.0
    return (total * numerator - bad * denominator) / (total * numerator)


def allowed_bad(total: int, target: float) -> float:
    """How many of these events may be bad before the budget is spent."""
    numerator, denominator = allowed_share(target)
    return total * numerator / denominator


def time_to_exhaustion(
    left: float | None, period: timedelta, burn: float | None
) -> timedelta | None:
    """How long the rest of the budget lasts at this burn rate: left x period / burn.

    Zero once it is spent; None when nothing burns or nothing is known. Budget that returns
    as old bad events leave a rolling window is not foreseen.
    """
    if left is None:
        return None
    if left <= 0:
        return timedelta(0)
    if burn is None or burn <= 0:
        return None
    seconds = left * period.total_seconds() / burn
    return timedelta(seconds=seconds)
