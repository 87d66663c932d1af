"""Keeping: how long evidence stays, and what may be deleted now.

Acts come in, one after another, and are folded into the rules in force. The rules say of a
piece of evidence whether it may go. Nothing here reads a clock, a file or a database.

1. Each signal is kept for a number of days; governance records never less than 183
   (Regulation (EU) 2024/1689, articles 19(1) and 26(6): at least six months).
2. Only an override can go below the floor: an admin signs it with a reason and an end.
3. What a legal hold covers stays until the hold is released, whatever its age.
4. A piece is as young as the latest of the times its rows tell and the time they arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from collector.errors import RefusedInput

__all__ = ["FLOOR_DAYS", "Act", "Hold", "Kind", "Override", "Piece", "Rules", "Signal", "folded"]

FLOOR_DAYS = 183
# Objectives and pages look back over a week.
LEAST_DAYS = 8
MOST_DAYS = 36_500
LONGEST_OVERRIDE = timedelta(days=366)
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


class Signal(StrEnum):
    """What has a retention of its own. Spans and logs that carry governance go with it."""

    SPANS = "spans"
    LOGS = "logs"
    METRICS = "metrics"
    GOVERNANCE = "governance"


class Kind(StrEnum):
    """What an admin may do to the rules."""

    SET = "set"
    OVERRIDE = "override"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Act:
    """One signed act: who did what to the rules, when and why."""

    act_id: str
    kind: Kind
    by: str
    at: datetime
    reason: str
    signal: Signal | None = None
    days: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    hold_id: str | None = None

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Act:
        """The act that signed claims tell; RefusedInput says which claim is wrong."""
        try:
            return cls(
                act_id=_text(claims, "act_id"),
                kind=Kind(claims["kind"]),
                by=_text(claims, "by"),
                at=_required_instant(claims, "at"),
                reason=_text(claims, "reason"),
                signal=None if claims.get("signal") is None else Signal(claims["signal"]),
                days=_days(claims.get("days")),
                since=_instant(claims.get("since")),
                until=_instant(claims.get("until")),
                agent=None if claims.get("agent") is None else _text(claims, "agent"),
                hold_id=None if claims.get("hold_id") is None else _text(claims, "hold_id"),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise RefusedInput(f"not an act of retention: {error}") from error

    def claims(self) -> dict[str, Any]:
        """What is signed."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in told.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: evidence of a period, of one agent or of all, that must stay."""

    hold_id: str
    by: str
    at: datetime
    reason: str
    since: datetime
    until: datetime
    agent: str | None

    def covers(self, first: datetime, last: datetime) -> bool:
        """Whether it may cover a row between these times; of which agent is not asked."""
        return first < self.until and last >= self.since


@dataclass(frozen=True, slots=True)
class Override:
    """A shorter time for governance records, until it ends by itself."""

    by: str
    at: datetime
    reason: str
    days: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that are deleted together: of which signal, what times they tell, when the last came."""

    signal: Signal
    first_at: datetime
    last_at: datetime
    latest_received_at: datetime

    @property
    def youngest(self) -> datetime:
        return max(self.last_at, self.latest_received_at)


@dataclass(frozen=True)
class Rules:
    """What is in force after some acts."""

    days: Mapping[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, FLOOR_DAYS))
    override: Override | None = None
    holds: tuple[Hold, ...] = ()

    def days_of(self, signal: Signal, now: datetime) -> int:
        """How many days a signal is kept at a moment."""
        if signal is not Signal.GOVERNANCE:
            return self.days[signal]
        if self.override is not None and self.override.at <= now < self.override.until:
            return self.override.days
        return max(FLOOR_DAYS, self.days[signal])

    def kept_since(self, signal: Signal, now: datetime) -> datetime:
        """What is younger than this moment stays."""
        return now - timedelta(days=self.days_of(signal, now))

    def may_delete(self, piece: Piece, now: datetime) -> bool:
        """Whether a piece is old enough and under no hold."""
        if any(hold.covers(piece.first_at, piece.last_at) for hold in self.holds):
            return False
        return piece.youngest < self.kept_since(piece.signal, now)

    def after(self, act: Act) -> Rules:
        """The rules once an act is done; RefusedInput when it breaks them."""
        match act.kind:
            case Kind.SET:
                return replace(self, days={**self.days, **_set(act)})
            case Kind.OVERRIDE:
                return replace(self, override=_override(act))
            case Kind.HOLD:
                return replace(self, holds=(*self.holds, _hold(act)))
            case Kind.RELEASE:
                return replace(self, holds=self._without(act))

    def _without(self, act: Act) -> tuple[Hold, ...]:
        left = tuple(hold for hold in self.holds if hold.hold_id != act.hold_id)
        if len(left) == len(self.holds):
            raise RefusedInput(
                f"no legal hold {act.hold_id!r} stands: `watchkeeper retention show` lists them"
            )
        return left


def folded(acts: Iterable[Act]) -> Rules:
    """The rules after all acts, in their order."""
    rules = Rules()
    for act in acts:
        rules = rules.after(act)
    return rules


def _set(act: Act) -> dict[Signal, int]:
    if act.signal is None or act.days is None:
        raise RefusedInput("set takes a signal and a number of days")
    if act.signal is Signal.GOVERNANCE and act.days < FLOOR_DAYS:
        raise RefusedInput(
            f"governance records are kept at least {FLOOR_DAYS} days (EU AI Act, articles 19"
            f" and 26), got {act.days}: an admin can sign"
            " `watchkeeper retention override` with a reason"
        )
    if not LEAST_DAYS <= act.days <= MOST_DAYS:
        raise RefusedInput(f"expected {LEAST_DAYS} to {MOST_DAYS} days, got {act.days}")
    return {act.signal: act.days}


def _override(act: Act) -> Override:
    if act.signal is not Signal.GOVERNANCE:
        raise RefusedInput("only governance has a floor to override; use `set` for other signals")
    if act.days is None or not LEAST_DAYS <= act.days < FLOOR_DAYS:
        raise RefusedInput(
            f"an override names {LEAST_DAYS} to {FLOOR_DAYS - 1} days, got {act.days}"
        )
    if act.until is None or not act.at < act.until <= act.at + LONGEST_OVERRIDE:
        raise RefusedInput(
            f"an override ends within {LONGEST_OVERRIDE.days} days: say when with --until"
        )
    return Override(act.by, act.at, act.reason, act.days, act.until)


def _hold(act: Act) -> Hold:
    since, until = act.since or _ALWAYS, act.until or _FOREVER
    if until <= since:
        raise RefusedInput(f"--until must be later than --since, got {until} after {since}")
    return Hold(act.act_id, act.by, act.at, act.reason, since, until, act.agent)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= 1000:
        raise ValueError(f"{name}: expected 1 to 1000 characters, got {value!r:.80}")
    return value


def _days(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError(f"days: expected a whole number, got {value!r:.80}")
    return value


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    at = datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        raise ValueError(f"expected a time with its zone such as 2026-01-15T12:00:00Z, got {value}")
    return at.astimezone(UTC)


def _required_instant(claims: Mapping[str, Any], name: str) -> datetime:
    at = _instant(claims[name])
    if at is None:
        raise ValueError(f"{name}: expected a time, got none")
    return at
