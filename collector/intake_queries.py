"""The questions about the intake: who sends, is anything missing, what was refused and why.

Counts and lags come from the tallies of batches; what they mean is for `completeness`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa

from collector.completeness import (
    REMEDIES,
    Clock,
    Presence,
    Rhythm,
    clock_of,
    presence_of,
)
from collector.model import Signal
from collector.queries import LIMIT, SINCE, UNTIL, Kind, Parameter, Queries, Question, Values
from collector.store.reader import Reader

__all__ = ["register_intake"]

_EVER_SINCE = Parameter("since", Kind.INSTANT, required=False)
_EVER_UNTIL = Parameter("until", Kind.INSTANT, required=False)
_SOURCE = Parameter("source", required=False)
_SIGNAL = Parameter("signal", required=False, choices=tuple(Signal))
_REASON = Parameter("reason", required=False)
_BEFORE_NS = Parameter("before_ns", Kind.INTEGER, required=False)
_MOST_SENDERS = 10_000

Row = Mapping[str, Any]

_WHEN = pa.timestamp("us", tz="UTC")
_COUNT, _REAL, _TEXT = pa.uint64(), pa.float64(), pa.string()
_MEANT = [
    ("presence", _TEXT),
    ("interval_s", _REAL),
    ("quiet_s", _REAL),
    ("longest_s", _REAL),
    ("silences", _COUNT),
    ("clock", _TEXT),
]
_SENDERS = pa.schema(
    [
        *((name, _TEXT) for name in ("source", "signal", "service_name", "instance")),
        ("sample", pa.bool_()),
        *((name, _COUNT) for name in ("requests", "stored", "gaps", "future")),
        *((name, _REAL) for name in ("least_lag_ms", "median_lag_ms", "p95_lag_ms")),
        ("cut_off", _COUNT),
        ("dropped", _COUNT),
        ("first_seen", _WHEN),
        ("last_seen", _WHEN),
        *_MEANT,
    ]
)
_SOURCES = pa.schema(
    [
        ("source", _TEXT),
        ("signal", _TEXT),
        *((name, _COUNT) for name in ("received", "stored", "refused", "duplicate", "gaps")),
        ("last_seen", _WHEN),
        ("sample", pa.bool_()),
        *((name, _COUNT) for name in ("senders", "rhythmic", "silent", "silences")),
        *((name, _REAL) for name in ("least_lag_ms", "median_lag_ms", "p95_lag_ms")),
        ("clock", _TEXT),
        *((name, _COUNT) for name in ("future", "cut_off", "dropped")),
    ]
)
_INTAKE = ("bucket", "source", "signal", "received", "stored", "refused", "duplicate")
_REFUSED = (
    *("received_at", "received_ns", "source", "signal", "reason", "records", "detail"),
    "set_aside",
)
_REASONS = (
    *("reason", "source", "signal", "records", "set_aside", "last_at", "example"),
    "remedy",
)
_GAPS = (
    *("source", "signal", "service_name", "instance", "sample", "stream"),
    *("first_missing", "last_missing", "missing", "noticed_at"),
)


def register_intake(queries: Queries) -> None:
    """Add the questions about the intake."""
    ever = (_EVER_SINCE, _EVER_UNTIL)
    kept = (SINCE, UNTIL, _SOURCE, _SIGNAL)
    for question in (
        Question("sources", ever, tuple(_SOURCES.names), _sources),
        Question("senders", (*ever, LIMIT), tuple(_SENDERS.names), _senders),
        Question("sequence_gaps", (SINCE, UNTIL, LIMIT), _GAPS, "queries/sequence_gaps"),
        Question("intake", kept, _INTAKE, "queries/intake"),
        Question("refused", (*kept, _REASON, _BEFORE_NS, LIMIT), _REFUSED, "queries/refused"),
        Question("refused_reasons", kept, _REASONS, _reasons),
    ):
        queries.register(question)


def _senders(reader: Reader, values: Values) -> pa.Table:
    return pa.Table.from_pylist(_told_senders(reader, values), _SENDERS)


def _told_senders(reader: Reader, values: Values) -> list[dict[str, Any]]:
    intervals = {_sender(row): row for row in reader.rows("queries/sender_intervals", values)}
    senders = reader.rows("queries/senders", values)
    return [{**row, **_meant(row, intervals.get(_sender(row)))} for row in senders]


def _sender(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("source", "signal", "service_name", "instance"))


def _meant(sender: Row, heard: Row | None) -> dict[str, Any]:
    """What the counts of one sender mean; what they cannot tell is null or "not measured"."""
    lag_ms = sender["least_lag_ms"]
    clock = clock_of(None if lag_ms is None else timedelta(milliseconds=lag_ms), sender["requests"])
    if heard is None:
        return {"presence": Presence.NOT_MEASURED.value, "clock": clock.value}
    steps = [timedelta(microseconds=step) for step in heard["intervals_us"] or ()]
    quiet = timedelta(microseconds=max(0, heard["quiet_us"]))
    rhythm = Rhythm.of(steps)
    return {
        "presence": presence_of(rhythm, quiet).value,
        "interval_s": rhythm.median.total_seconds() if rhythm.is_regular else None,
        "quiet_s": quiet.total_seconds(),
        "longest_s": (heard["longest_us"] or 0) / 1e6 or None,
        "silences": rhythm.silences(steps),
        "clock": clock.value,
    }


def _sources(reader: Reader, values: Values) -> pa.Table:
    """Each source and kind of record with what its senders amount to."""
    senders: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for sender in _told_senders(reader, {**values, "limit": _MOST_SENDERS}):
        senders[sender["source"], sender["signal"]].append(sender)
    counted = {
        (row["source"], row["signal"]): row for row in reader.rows("queries/sources", values)
    }
    rows = [
        {**_of_source(key, counted.get(key)), **_summed(senders.get(key, ()))}
        for key in sorted({*counted, *senders})
    ]
    return pa.Table.from_pylist(rows, _SOURCES)


def _of_source(key: tuple[str, str], counted: Row | None) -> dict[str, Any]:
    """The counts of a source; of one known only by its drop counters nothing came."""
    nothing = {"received": 0, "stored": 0, "refused": 0, "duplicate": 0, "last_seen": None}
    return {"source": key[0], "signal": key[1], **(counted or nothing)}


def _summed(senders: Iterable[Row]) -> dict[str, Any]:
    rows = list(senders)
    rhythmic = [row for row in rows if row["presence"] != Presence.NOT_MEASURED]
    busiest = max(rows, key=lambda row: row["requests"], default={})
    return {
        "sample": bool(rows) and all(row["sample"] for row in rows),
        "senders": len(rows),
        "rhythmic": len(rhythmic),
        "silent": _counted(row["presence"] == Presence.SILENT for row in rhythmic),
        "silences": _total(rows, "silences"),
        "gaps": _total(rows, "gaps"),
        "least_lag_ms": min(_known(rows, "least_lag_ms"), default=None),
        "median_lag_ms": busiest.get("median_lag_ms"),
        "p95_lag_ms": max(_known(rows, "p95_lag_ms"), default=None),
        "clock": _worst_clock(rows),
        **{name: _total(rows, name) for name in ("future", "cut_off", "dropped")},
    }


def _counted(answers: Iterable[bool]) -> int | None:
    """How often yes; None when nobody was asked."""
    told = list(answers)
    return sum(told) if told else None


def _known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row.get(name) is not None]


def _total(rows: Iterable[Row], name: str) -> int | None:
    known = _known(rows, name)
    return sum(known) if known else None


def _worst_clock(rows: Iterable[Row]) -> str:
    told = {row["clock"] for row in rows}
    order = (Clock.AHEAD, Clock.LATE, Clock.AGREES)
    return next((clock.value for clock in order if clock in told), Clock.NOT_MEASURED.value)


def _reasons(reader: Reader, values: Values) -> pa.Table:
    """Refusals by reason, each with what its sender can do about it."""
    table = reader.table("queries/refused_reasons", values)
    remedies = [REMEDIES.get(reason) for reason in table["reason"].to_pylist()]
    return table.append_column("remedy", pa.array(remedies, pa.string()))
