"""A sequence rule: which actions, in which order, within how long, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from collector.model import ActionKind, Outcome

__all__ = ["CLEARED", "LONGEST", "MOST_STEPS", "Rule", "Scope", "Severity", "Step"]

MOST_STEPS = 10
LONGEST = timedelta(days=30)
# The number of the steps after which a sequence no longer counts.
CLEARED = 0


class Scope(StrEnum):
    """What the actions of one sequence have in common."""

    CONVERSATION = "conversation"
    AGENT = "agent"
    TRACE = "trace"
    INSTANCE = "instance"


class Severity(StrEnum):
    """How grave a match is, gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True)
class Step:
    """One action of a sequence. `names` and `models` are patterns with * and ?, None is any.

    An action that was denied did not happen, so it is asked for by its outcome only.
    """

    title: str
    kinds: tuple[ActionKind, ...] | None = None
    names: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    outcomes: tuple[Outcome, ...] = (Outcome.OK, Outcome.ERROR, Outcome.UNKNOWN)


@dataclass(frozen=True)
class Rule:
    """Steps in their order, all within `within` by one `scope`, and what clears them between."""

    name: str
    display_name: str
    description: str
    severity: Severity
    scope: Scope
    within: timedelta
    steps: tuple[Step, ...]
    unless: tuple[Step, ...] = ()
    agents: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= MOST_STEPS:
            raise ValueError(f"a sequence has 1 to {MOST_STEPS} steps, got {len(self.steps)}")
        if not timedelta(0) < self.within <= LONGEST:
            raise ValueError(f"a sequence lasts at most {LONGEST}, got {self.within}")

    @property
    def asks_for_agents(self) -> bool:
        """Whether it matters to the rule which agent acted."""
        return self.scope is Scope.AGENT or self.agents is not None

    def numbered(self) -> list[tuple[int, Step]]:
        """Steps from 1 on; those that clear a sequence all have the number CLEARED."""
        return [*enumerate(self.steps, 1), *((CLEARED, step) for step in self.unless)]
