"""What an objective counts: whole steps of five minutes from the rollups, the rest event by event.

1. A stretch that begins or ends within a step of five minutes reads that step's own events.
2. An objective that asks for a limit, a name or a model reads events only: rollups do not
   know these.
3. The newest six hours are read event by event as well: there are few, and most windows
   of a burn rate begin there.

Both ways give the same counts. Ask all statements of one count in one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from collector.slo.budget import Counts
from collector.slo.objective import EventSignal, Indicator, Limit, Ratio, Selection
from collector.store.steps import STEP, step_after, step_before

__all__ = ["Ask", "Bucket", "bucket_counts", "event_parameters", "is_rolled_up", "window_counts"]

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]
Windows: TypeAlias = dict[str, dict[int, Counts]]

NEAR = timedelta(hours=6)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A Monday, from which hours, days and weeks are counted.
_ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)


class Bucket(NamedTuple):
    """What one agent's events came to in one step of time.

    A plain tuple: a month has thousands of them.
    """

    agent: str
    starts_at: datetime
    good: int
    total: int


def window_counts(
    ask: Ask,
    indicator: Indicator,
    starts: Sequence[datetime],
    until: datetime,
    agent: str | None = None,
) -> Windows:
    """Counts by agent and place in `starts`; a window without events is absent."""
    bound = {**indicator_parameters(indicator), "agent": agent}
    pivot = step_before(until - NEAR)
    far = {place: at for place, at in enumerate(starts) if step_after(at) < pivot}
    if not far or not is_rolled_up(indicator):
        return _near(ask, bound, dict(enumerate(starts)), until)
    counts: Windows = {}
    near = {place: max(at, pivot) if place in far else at for place, at in enumerate(starts)}
    _add(counts, _near(ask, bound, near, until))
    _add(counts, _rolled(ask, bound, far, pivot))
    for place, at in far.items():
        if at < step_after(at):
            _add(counts, _near(ask, bound, {place: at}, step_after(at)))
    return counts


def bucket_counts(
    ask: Ask,
    indicator: Indicator,
    since: datetime,
    until: datetime,
    bucket_s: int,
    agent: str | None = None,
    origin: datetime = _ORIGIN,
) -> list[Bucket]:
    """Counts of every agent in steps of time that are not empty, in any order.

    Steps begin at multiples of `bucket_s` from `origin`; those read from the rollups at the first
    step of five minutes after that. A step may come in parts.
    """
    bound = {**indicator_parameters(indicator), "bucket_s": bucket_s, "agent": agent}
    low, high = step_after(since), step_before(until)
    events = partial(_events_in_buckets, ask, {**bound, "origin": origin})
    whole_steps = timedelta(seconds=bucket_s) % STEP == timedelta(0)
    if not whole_steps or high - low < NEAR or not is_rolled_up(indicator):
        return _buckets(events(since, until))
    rolled = {**bound, "origin": step_after(origin), "since": low, "until": high}
    return [
        *_buckets(events(since, low)),
        *_buckets(ask("slo/rolled_buckets", rolled)),
        *_buckets(events(high, until)),
    ]


def is_rolled_up(indicator: Indicator) -> bool:
    """Whether the rollups know everything that this indicator asks for."""
    if isinstance(indicator.good_when, Limit):
        return False
    asked = (indicator.counted, indicator.good_when.marked)
    return all(each.name is None and each.model is None for each in asked)


def event_parameters(
    ask: Ask, indicator: Indicator, since: datetime, until: datetime
) -> dict[str, Any]:
    """What reading the very events of a stretch binds."""
    return {
        **indicator_parameters(indicator),
        "since": since,
        "until": until,
        "started_from": _started_from(ask, indicator.signal.value, since, until),
    }


def indicator_parameters(indicator: Indicator) -> dict[str, Any]:
    """What the macros `objective_events` and `objective_rolled` bind."""
    marked, marks_bad, limit = Selection(), False, None
    match indicator.good_when:
        case Ratio():
            marked, marks_bad = indicator.good_when.marked, indicator.good_when.marks_bad
        case Limit():
            limit = indicator.good_when
    return {
        "signal": indicator.signal.value,
        **_lists("", indicator.counted),
        **_lists("marked_", marked),
        "marks_bad": marks_bad,
        "limit_ms": None if limit is None else limit.milliseconds,
        "inclusive": limit is not None and limit.inclusive,
    }


def _near(
    ask: Ask, bound: Mapping[str, Any], starts: Mapping[int, datetime], until: datetime
) -> Windows:
    """Counts of windows with one end, event by event."""
    from_ = _started_from(ask, bound["signal"], min(starts.values()), until)
    return _windows(
        ask, "slo/window_counts", bound, starts, {"until": until, "started_from": from_}
    )


def _rolled(
    ask: Ask, bound: Mapping[str, Any], starts: Mapping[int, datetime], until: datetime
) -> Windows:
    whole = {place: step_after(at) for place, at in starts.items()}
    return _windows(ask, "slo/rolled_windows", bound, whole, {"until": until})


def _windows(
    ask: Ask,
    name: str,
    bound: Mapping[str, Any],
    starts: Mapping[int, datetime],
    more: Mapping[str, Any],
) -> Windows:
    places = list(starts)
    counts: Windows = {}
    for row in ask(name, {**bound, "starts": list(starts.values()), **more}):
        counts.setdefault(row["agent"], {})[places[row["place"]]] = _counts(row)
    return counts


def _events_in_buckets(
    ask: Ask, bound: Mapping[str, Any], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    if since >= until:
        return []
    from_ = _started_from(ask, bound["signal"], since, until)
    stretch = {"since": since, "until": until, "started_from": from_}
    return ask("slo/bucket_counts", {**bound, **stretch})


def _started_from(ask: Ask, signal: str, since: datetime, until: datetime) -> datetime:
    """Nothing that happened in a stretch started before this; only that much need be read."""
    if signal == EventSignal.DECISIONS.value:
        return since
    (row,) = ask("slo/longest", {"signal": signal, "since": since, "until": until})
    try:
        return since - timedelta(microseconds=row["longest_us"])
    except OverflowError:
        return _EPOCH


def _buckets(rows: Iterable[Mapping[str, Any]]) -> list[Bucket]:
    return [Bucket(row["agent"], row["bucket"], row["good"], row["total"]) for row in rows]


def _add(counts: Windows, more: Windows) -> None:
    for agent, places in more.items():
        known = counts.setdefault(agent, {})
        for place, count in places.items():
            known[place] = _sum(known.get(place), count)


def _sum(one: Counts | None, other: Counts) -> Counts:
    return other if one is None else Counts(one.good + other.good, one.total + other.total)


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(row["good"], row["total"])


def _lists(prefix: str, selection: Selection) -> dict[str, list[str] | None]:
    chosen = {field.name: getattr(selection, field.name) for field in fields(selection)}
    return {
        f"{prefix}{name}s": None if values is None else list(values)
        for name, values in chosen.items()
    }
