"""The steps of five minutes that rollups count in, and which part of a period they can answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["STEP", "bounds", "step_after", "step_before"]

STEP = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def step_before(at: datetime) -> datetime:
    """The start of the step that holds a moment."""
    return at - (at - _EPOCH) % STEP


def step_after(at: datetime) -> datetime:
    """The first start of a step at or after a moment."""
    return at + (_EPOCH - at) % STEP


def bounds(since: datetime, until: datetime, bucket_s: int) -> dict[str, datetime]:
    """Where a period reads rollups and where it reads rows, as statements bind it.

    Rollups answer `rolled_from <= t < rolled_until`, rows the rest of `since <= t < until`;
    buckets finer than a step are read from rows altogether. Latencies are rolled up by the hour:
    `hours_from <= t < hours_until`. A comparison with as much time
    before the period begins at `before` and reads rows in the steps that hold one of the
    three moments: `before_low` to `before_high`, `since_low` to `since_high`, and from
    `until_low` on. The three never overlap.
    """
    return (
        _whole_steps(since, until, bucket_s)
        | _whole_hours(since, until)
        | _with_before(since, until)
    )


def _whole_steps(since: datetime, until: datetime, bucket_s: int) -> dict[str, datetime]:
    low, high = step_after(since), step_before(until)
    if low >= high or timedelta(seconds=bucket_s) % STEP:
        low = high = until
    return {"rolled_from": low, "rolled_until": high}


def _whole_hours(since: datetime, until: datetime) -> dict[str, datetime]:
    low, high = since + (_EPOCH - since) % _HOUR, until - (until - _EPOCH) % _HOUR
    if low >= high:
        low = high = until
    return {"hours_from": low, "hours_until": high}


def _with_before(since: datetime, until: datetime) -> dict[str, datetime]:
    before = _minus(since, until - since)
    edges = {"before": before, "before_low": step_before(before)}
    if until - since < STEP:
        return edges | dict.fromkeys(("before_high", "since_low", "since_high", "until_low"), until)
    return edges | {
        "before_high": step_after(before),
        "since_low": step_before(since),
        "since_high": step_after(since),
        "until_low": step_before(until),
    }


def _minus(at: datetime, length: timedelta) -> datetime:
    try:
        return at - length
    except OverflowError:
        return _EPOCH
