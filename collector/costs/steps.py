"""What is done when so much of a budget in money is spent: warn, propose a hold, or push one.

1. A step is reached when the known costs are its share of the amount or more. Calls without a
   price reach nothing: what is not measured is no reason to stop anybody.
2. Each step is taken once in a calendar period. What is late, told anew or released by a person
   brings it back no sooner than the next period.
3. A rolling budget has no period: its step is taken again only after the costs fell below
   `again_below`, so costs that sway about the step take it once.

Sums go in, steps come out. Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from collector.model import HoldKind

__all__ = ["LONGEST", "Act", "Step", "StepKey", "is_below", "is_reached"]

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=30)
_AGAIN_BELOW = 0.9


class Act(StrEnum):
    """Who decides on the hold: nobody needs to, a person does, or the file did."""

    WARN = "warn"
    PROPOSE = "propose"
    PUSH = "push"


@dataclass(frozen=True)
class Step:
    """One step of a budget.

    at: the share of the amount, 1 is all of it
    hold: what is proposed or pushed; lasts is how long it holds if no person ends it
    models: which model a degraded agent is to use in place of another; without, it may only read
    """

    at: float
    act: Act
    hold: HoldKind | None = None
    lasts: timedelta = LONGEST
    models: Mapping[str, str] = field(default_factory=dict, hash=False)
    again_below: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.at <= 100:
            raise ValueError(f"expected a share above 0 such as 0.8, got {self.at}")
        if (self.act is Act.WARN) != (self.hold is None):
            raise ValueError("expected a hold for propose and push, and none for warn")
        if self.models and self.hold is not HoldKind.DEGRADE:
            raise ValueError("expected models with the hold degrade only")
        if not SHORTEST <= self.lasts <= LONGEST:
            raise ValueError("expected a hold of 1 minute to 30 days")
        if self.again_below is not None and not 0 <= self.again_below < self.at:
            raise ValueError(f"expected again_below from 0 to less than {self.at}")

    @property
    def rearmed_below(self) -> float:
        """The share below which the step of a rolling budget may be taken again."""
        return self.at * _AGAIN_BELOW if self.again_below is None else self.again_below


@dataclass(frozen=True)
class StepKey:
    """What makes a step of a budget the same one, however often it is decided.

    The amount belongs to it: a budget that was raised is another one. `since` is the begin of a
    calendar period; a rolling budget has none, and control counts how often it was taken.
    """

    budget: str
    agent: str | None
    amount_usd: float
    step: Step
    since: datetime | None = None

    @property
    def text(self) -> str:
        step = self.step
        named = [
            self.budget,
            self.agent,
            self.amount_usd,
            step.at,
            step.act.value,
            None if step.hold is None else step.hold.value,
            None if self.since is None else self.since.isoformat(),
        ]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def is_reached(usd: float | None, amount_usd: float, at: float) -> bool:
    """Whether known costs are so much of the amount, reckoned with the digits as written."""
    return usd is not None and _exact(usd) >= _exact(amount_usd) * _exact(at)


def is_below(usd: float | None, amount_usd: float, share: float) -> bool:
    """Whether known costs fell below a share of the amount; what is not known did not."""
    return usd is not None and _exact(usd) < _exact(amount_usd) * _exact(share)


def _exact(value: float) -> Decimal:
    # 1.1 of 50 is 55, which the product of the floats is not.
    return Decimal(repr(float(value)))
