"""The time over which a budget in money counts: a calendar period in a time zone, or the last days.

Moments go in, moments in UTC come out. Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

__all__ = ["Period", "Rolling", "period_of", "whole_hours", "zone_of"]

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Period(StrEnum):
    """Calendar periods of a time zone; weeks begin on Monday."""

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


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as Europe/Berlin."""
    try:
        return ZoneInfo(name)
    # What a name may do wrong: not exist, not be a name, lead outside of the folder, or name one.
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"expected a time zone such as Europe/Berlin, got {name!r:.80}") from error


def period_of(
    period: Period | Rolling, now: datetime, zone: ZoneInfo | None = None
) -> tuple[datetime, datetime]:
    """Begin and end, in UTC, of the period that holds `now`; a rolling one ends with its hour.

    A calendar period begins at the first midnight of its first day, or when that day begins
    where clocks skip midnight.
    """
    zone = zone or ZoneInfo("UTC")
    if isinstance(period, Rolling):
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour - period.days * _DAY, hour + _HOUR
    first = _first_day(period, now.astimezone(zone).date())
    following = _following(period, first)
    # Clocks that go back over midnight show a day again after the next one has begun.
    while _begin(following, zone) <= now:
        first, following = following, _following(period, following)
    return _begin(first, zone), _begin(following, zone)


def whole_hours(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the whole hours of UTC between two moments at least an hour apart."""
    begin, end = (
        at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for at in (since, until)
    )
    return (begin if begin == since else begin + _HOUR), end


def _first_day(period: Period, day: date) -> date:
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - day.weekday() * _DAY
        case Period.MONTH:
            return day.replace(day=1)
        case _:
            assert_never(period)


def _following(period: Period, first: date) -> date:
    match period:
        case Period.DAY:
            return first + _DAY
        case Period.WEEK:
            return first + 7 * _DAY
        case Period.MONTH:
            return (first + 32 * _DAY).replace(day=1)
        case _:
            assert_never(period)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    # PEP 495: fold=0 is the first of two midnights, and where there is none the moment of change.
    return datetime.combine(day, time.min, zone).astimezone(UTC)
