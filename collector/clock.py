"""The clock of this machine against what was received before: evidence is dated by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

__all__ = ["moved_back", "warn_if_moved_back"]

# A minute: a clock kept by NTP steps by less.
SLACK = timedelta(minutes=1)

_log = structlog.get_logger("collector.clock")


def moved_back(newest: datetime | None, now: datetime) -> timedelta | None:
    """How far `now` is behind the newest arrival; None while it is within the slack."""
    if newest is None or newest - now <= SLACK:
        return None
    return newest - now


def warn_if_moved_back(newest_received_ns: int | None, now: datetime) -> None:
    """Tell an operator that what arrives from now on will be dated before what is there."""
    newest = None if newest_received_ns is None else _instant(newest_received_ns)
    if behind := moved_back(newest, now):
        _log.warning(
            "clock_moved_back",
            behind_s=round(behind.total_seconds()),
            newest_received_at=str(newest),
            action="set the clock: arrival times of evidence follow it",
        )


def _instant(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
