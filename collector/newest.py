"""Pages of the newest, and one trace by its id: found without reading the whole store.

Rows lie in order of arrival, so a narrow range of time reads few of them. There is no index
on the ids of traces; whoever links to a trace says when it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from collector.store.derive import REACH
from collector.store.reader import Reader

__all__ = [
    "decisions_of_trace",
    "newest_decisions",
    "newest_traces",
    "newest_ungoverned",
    "one_trace",
]

Values = Mapping[str, Any]

_WINDOWS = tuple(timedelta(minutes=minutes) for minutes in (15, 120, 1440, 14400))
# How far from the time told of a trace its spans and decisions are looked for.
_NEARBY = timedelta(days=1)
# So many runs in the window are worth another question before all their spans are read.
_MANY = 5_000
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def newest_traces(reader: Reader, values: Values) -> pa.Table:
    """A page of traces, looked for in ever longer windows.

    A window that yields a full page holds the newest traces, because every trace in it
    began later than all that are not.
    """
    for start in _starts(reader, values, "queries/runs_enough", "queries/runs_exactly"):
        page = reader.table("queries/traces", {**values, "window_start": start})
        if page.num_rows >= values["limit"]:
            break
    return page


def newest_decisions(reader: Reader, values: Values) -> pa.Table:
    """A page of decisions, looked for in ever longer windows."""
    for start in _starts(reader, values, "queries/decisions_enough"):
        page = reader.table("queries/decisions", {**values, "since": start})
        if page.num_rows >= values["limit"]:
            break
    return page


def newest_ungoverned(reader: Reader, values: Values) -> pa.Table:
    """A page of calls nobody decided about, looked for in ever longer windows."""
    until = _end(values)
    for start in _starts(reader, values):
        page = reader.table("queries/ungoverned", {**values, "since": start, "until": until})
        if page.num_rows >= values["limit"]:
            break
    return page


def one_trace(reader: Reader, values: Values) -> pa.Table:
    """The spans of a trace: near the time that is told, else where its id is found.

    Archived days are searched only for what did not begin since.
    """
    near = values.get("near")
    if near is not None:
        spans = _spans(reader, values, _plus(near, -_NEARBY), _plus(near, _NEARBY))
        if spans.num_rows:
            return spans
    [known] = reader.rows("queries/trace_times", values)
    first, last = known["first_at"], known["last_at"]
    archived_until = known["archived_until"] or _EARLIEST
    if first is None or first <= _plus(archived_until, REACH):
        return _spans(reader, values, _EARLIEST, _LATEST)
    return _spans(reader, values, first, last)


def decisions_of_trace(reader: Reader, values: Values) -> pa.Table:
    """The decisions taken within a trace: near the time that is told, else wherever they are."""
    near = values.get("near")
    if near is not None:
        window = {"since": _plus(near, -_NEARBY), "until": _plus(near, _NEARBY)}
        decisions = reader.table("queries/trace_decisions", {**values, **window})
        if decisions.num_rows:
            return decisions
    everything = {"since": _EARLIEST, "until": _LATEST}
    return reader.table("queries/trace_decisions", {**values, **everything})


def _spans(reader: Reader, values: Values, since: datetime, until: datetime) -> pa.Table:
    window = {"spans_since": since, "spans_until": until}
    return reader.table("queries/trace", {**values, **window})


def _starts(reader: Reader, values: Values, *enough: str) -> Iterator[datetime]:
    """Starts to look from, ever earlier: first the latest behind which there seems to be enough."""
    since, end = values["since"], _end(values)
    starts = [end - window for window in _WINDOWS if end - window > since]
    likely = _likely(reader, values, enough) if starts else []
    yield from reversed(likely)
    yield from (*(start for start in starts if not likely or start < likely[0]), since)


def _likely(reader: Reader, values: Values, enough: Iterable[str]) -> list[datetime]:
    """Where each of the questions says that enough is behind, each looking behind the one before,
    as long as that left many.

    Nothing when a text or an outcome is asked for: nobody can tell how rare it is.
    """
    if values.get("text") is not None or values.get("outcome") is not None:
        return []
    found: list[datetime] = []
    since, end = values["since"], _end(values)
    for name in enough:
        bound = {**values, "verdict": values.get("verdict"), "since": since, "end": end}
        [row] = reader.rows(name, bound)
        if row["start_at"] is None or not since < row["start_at"] < end:
            break
        since = row["start_at"]
        found.append(since)
        if row.get("events", _MANY) < _MANY:
            break
    return found


def _end(values: Values) -> datetime:
    until: datetime = values["until"]
    before = _instant_of(values["before_ns"])
    return until if before is None else min(until, before)


def _instant_of(nanoseconds: int | None) -> datetime | None:
    if nanoseconds is None:
        return None
    try:
        # One microsecond later, because the nanoseconds are cut off.
        return datetime.fromtimestamp(nanoseconds // 10**9 + 1, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _plus(at: datetime, length: timedelta) -> datetime:
    try:
        return at + length
    except OverflowError:
        return _EARLIEST if length < timedelta(0) else _LATEST
