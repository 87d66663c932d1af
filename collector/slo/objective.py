"""An objective: what is promised of an agent, over which time, and which events count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from collector.slo.burn import Guard, WindowPair
from collector.slo.duration import Duration

EVERY_AGENT = "*"


class EventSignal(StrEnum):
    """Which events an objective counts."""

    RUNS = "runs"
    ACTIONS = "actions"
    DECISIONS = "decisions"


@dataclass(frozen=True)
class Selection:
    """Which events are meant: each field is the values accepted, None accepts all."""

    outcome: tuple[str, ...] | None = None
    verdict: tuple[str, ...] | None = None
    kind: tuple[str, ...] | None = None
    name: tuple[str, ...] | None = None
    model: tuple[str, ...] | None = None
    environment: tuple[str, ...] | None = None
    agent: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Ratio:
    """Good events are those marked; or, when `marks_bad`, those not marked."""

    marked: Selection
    marks_bad: bool


@dataclass(frozen=True)
class Limit:
    """Good events took at most `milliseconds`, or strictly less when not `inclusive`."""

    milliseconds: float
    inclusive: bool


@dataclass(frozen=True)
class Indicator:
    """The events that count, and what makes one of them good."""

    signal: EventSignal
    counted: Selection
    good_when: Ratio | Limit

    def describe(self) -> str:
        match self.good_when:
            case Limit(milliseconds, inclusive):
                words = "within" if inclusive else "in under"
                return f"{self.signal} {words} {milliseconds / 1000:g} s"
            case Ratio(marked, marks_bad):
                return f"{self.signal} {'without' if marks_bad else 'with'} {_words(marked)}"


@dataclass(frozen=True)
class RollingWindow:
    """The last so many days, at every moment anew."""

    length: timedelta

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        return now - self.length, now


@dataclass(frozen=True)
class CalendarWindow:
    """Periods counted from a local start, such as months in Europe/Berlin.

    Steps are taken on the local clock, so a day has 23 or 25 hours when the clock changes
    and a month has 28 to 31 days.
    """

    start: datetime
    zone: ZoneInfo
    step: Duration

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None:
            raise ValueError("the start of a calendar window is local time, without an offset")
        if self.step.unit in "mh":
            raise ValueError(f"a calendar window steps by d, w, M, Q or Y, got {self.step}")
        if self.step.months and self.start.day > 28:
            raise ValueError(
                f"a month does not always have a day {self.start.day}: start on day 1 to 28"
            )

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Start and end of the period that holds `now`; before `start`, those of the first."""
        index = self._guess(now)
        while self._boundary(index) > now:
            index -= 1
        while self._boundary(index + 1) <= now:
            index += 1
        index = max(index, 0)
        return self._boundary(index), self._boundary(index + 1)

    def _guess(self, now: datetime) -> int:
        local = now.astimezone(self.zone).replace(tzinfo=None)
        if self.step.months:
            months = (local.year - self.start.year) * 12 + local.month - self.start.month
            return months // self.step.months
        length = self.step.length or timedelta(days=1)
        return (local - self.start) // length

    def _boundary(self, index: int) -> datetime:
        return self._local(index).replace(tzinfo=self.zone).astimezone(UTC)

    def _local(self, index: int) -> datetime:
        if not self.step.months:
            return self.start + index * (self.step.length or timedelta(days=1))
        months = self.start.month - 1 + index * self.step.months
        return self.start.replace(year=self.start.year + months // 12, month=months % 12 + 1)


@dataclass(frozen=True)
class Objective:
    """One promise, as one SLO document states it."""

    name: str
    display_name: str
    service: str
    indicator: Indicator
    target: float
    window: RollingWindow | CalendarWindow
    agents: tuple[str, ...]
    pairs: tuple[WindowPair, ...]
    guard: Guard

    def __post_init__(self) -> None:
        if not 0 < self.target <= 1:
            raise ValueError(f"a target lies above 0 and at most at 1, got {self.target}")

    @property
    def covers_every_agent(self) -> bool:
        return EVERY_AGENT in self.agents

    def covers(self, agent: str) -> bool:
        chosen = self.indicator.counted.agent
        if chosen is not None and agent not in chosen:
            return False
        return self.covers_every_agent or agent in self.agents

    def period(self, now: datetime) -> timedelta:
        since, until = self.window.bounds(now)
        return until - since


def _words(selection: Selection) -> str:
    parts = [
        f"{field} {' or '.join(values)}"
        for field, values in vars(selection).items()
        if values is not None
    ]
    return " and ".join(parts) or "any value"
