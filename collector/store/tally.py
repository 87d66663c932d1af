"""The tally of a batch: who sent how much, how late, with which numbers, and what they dropped.

Computed from the columns of the rows that are newly stored, a few steps of Arrow for a
whole batch, and kept in the same transaction.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.completeness import DROP_COUNTERS, GROWTH, TOLERANCE, counted_drop, ranges
from collector.model import Signal
from collector.store.batch import BIG, FLAG, REAL, TEXT, TIME, UBIG

__all__ = ["TALLIES", "tallies"]

Tables: TypeAlias = Mapping[str, pa.Table]
Row: TypeAlias = dict[str, Any]

_SENDER = [("source", TEXT), ("signal", TEXT), ("service_name", TEXT), ("instance", TEXT)]
_SEEN = [("first_at", TIME), ("last_at", TIME), *_SENDER, ("sample", FLAG)]
_SIGNALS = {"span": Signal.TRACES, "log_record": Signal.LOGS, "metric_point": Signal.METRICS}
_DROPPED = ("attributes", "events", "links")

TALLIES: Mapping[str, pa.Schema] = {
    "sender_count": pa.schema(
        [
            *_SEEN,
            ("lag_bucket", pa.int16()),
            ("least_lag_us", BIG),
            ("requests", UBIG),
            ("records", UBIG),
            ("future", UBIG),
            *((f"dropped_{what}", UBIG) for what in _DROPPED),
        ]
    ),
    "sequence_range": pa.schema([*_SEEN, ("stream", TEXT), ("low", UBIG), ("high", UBIG)]),
    "drop_count": pa.schema(
        [
            ("counted_at", TIME),
            *_SENDER,
            ("sample", FLAG),
            ("reason", TEXT),
            ("series", TEXT),
            ("is_delta", FLAG),
            ("start_ns", BIG),
            ("value", REAL),
            # Only folding fills it.
            ("first_at", TIME),
        ]
    ),
}


def tallies(tables: Tables) -> dict[str, pa.Table]:
    """The rows that one batch of newly stored evidence adds to each table of tallies."""
    senders = {row["resource_hash"]: row for row in _plain(tables["resource"]).to_pylist()}
    rows: dict[str, list[Row]] = {
        "sender_count": [
            row for table in _SIGNALS for row in _sender_counts(table, tables[table], senders)
        ],
        "sequence_range": _sequence_ranges(tables["log_record"], senders),
        "drop_count": _drop_counts(tables["metric_point"], senders),
    }
    return {name: pa.Table.from_pylist(rows[name], schema) for name, schema in TALLIES.items()}


def _sender(row: Row, signal: str, senders: Mapping[bytes, Row]) -> Row:
    sender = senders[row["resource_hash"]]
    named = {name: sender[name] for name in ("service_name", "instance", "sample")}
    return {"source": row["source"], "signal": signal, **named}


# How many, how late


def _sender_counts(name: str, table: pa.Table, senders: Mapping[bytes, Row]) -> list[Row]:
    """One row for each sender and each lag among the requests of a batch."""
    if not table.num_rows:
        return []
    requests = _requests(name, table)
    newest = requests["told_ns_max"].to_numpy()
    received = requests["received_us_max"].to_numpy()
    lag_us = received - newest // 1000
    known = newest > 0
    requests = (
        requests.append_column("lag_bucket", pa.array(_buckets(lag_us), pa.int16(), mask=~known))
        .append_column("least_lag_us", pa.array(lag_us, pa.int64(), mask=~known))
        .group_by(["source", "resource_hash", "lag_bucket"], use_threads=False)
        .aggregate(
            [
                ("received_us_max", "min"),
                ("received_us_max", "max"),
                ("least_lag_us", "min"),
                ([], "count_all"),
                ("told_ns_count", "sum"),
                ("future_sum", "sum"),
                *((f"dropped_{what}_sum", "sum") for what in _DROPPED),
            ]
        )
    )
    return [
        {
            **_sender(row, _SIGNALS[name].value, senders),
            "first_at": row["received_us_max_min"],
            "last_at": row["received_us_max_max"],
            "lag_bucket": row["lag_bucket"],
            "least_lag_us": row["least_lag_us_min"],
            "requests": row["count_all"],
            "records": row["told_ns_count_sum"],
            "future": row["future_sum_sum"],
            **{f"dropped_{what}": row[f"dropped_{what}_sum_sum"] for what in _DROPPED},
        }
        for row in requests.to_pylist()
    ]


def _requests(name: str, table: pa.Table) -> pa.Table:
    """One row for each request and resource: a sequence number is one request."""
    told = _TOLD[name](table)
    received = pc.cast(table["received_at"], pa.int64())
    beyond = pc.add(received, TOLERANCE.microseconds + TOLERANCE.seconds * 1_000_000)
    columns = {
        "sequence": table["sequence"],
        "source": table["source"],
        "resource_hash": _storage(table["resource_hash"]),
        "told_ns": told,
        "received_us": received,
        "future": pc.cast(pc.greater(pc.divide(told, 1000), beyond), pa.int64()),
        **{f"dropped_{what}": _dropped(table, what) for what in _DROPPED},
    }
    return (
        pa.table(columns)
        .group_by(["sequence", "source", "resource_hash"], use_threads=False)
        .aggregate(
            [
                ("told_ns", "max"),
                ("told_ns", "count"),
                ("received_us", "max"),
                ("future", "sum"),
                *((f"dropped_{what}", "sum") for what in _DROPPED),
            ]
        )
    )


# When a record's sender saw it last, by the sender's own clock; 0 where it told no time.
_TOLD: Mapping[str, Callable[[pa.Table], Any]] = {
    "span": lambda table: pc.max_element_wise(table["start_ns"], table["end_ns"]),
    "log_record": lambda table: pc.max_element_wise(table["time_ns"], table["observed_ns"]),
    "metric_point": lambda table: table["time_ns"],
}


def _dropped(table: pa.Table, what: str) -> Any:
    name = f"dropped_{what}_count"
    if name not in table.column_names:
        return pa.array(np.zeros(table.num_rows, np.int64))
    return pc.cast(table[name], pa.int64())


def _buckets(lag_us: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """`completeness.bucket_of`, for a whole column."""
    lag_ms = lag_us / 1000
    sizes = np.floor(np.log1p(np.abs(lag_ms)) / GROWTH)
    return np.copysign(sizes, lag_ms).astype(np.int16)


# Numbered records

_NUMBER = r'"watchkeeper\.sequence\.number":(?P<number>[0-9]{1,15})[,}]'
_STREAM = r'"watchkeeper\.sequence\.stream":"(?P<stream>[^"\\]{1,100})"'
_MARK = '"watchkeeper.sequence.number":'


def _sequence_ranges(logs: pa.Table, senders: Mapping[bytes, Row]) -> list[Row]:
    """The ranges of numbers that a batch brought, by stream."""
    if not logs.num_rows:
        return []
    attributes = _storage(logs["attributes"])
    numbered = logs.filter(pc.match_substring(attributes, _MARK))
    if not numbered.num_rows:
        return []
    attributes = _storage(numbered["attributes"])
    streams: dict[tuple[str, bytes, str], list[tuple[int, int]]] = {}
    for source, resource, received, number, stream in zip(
        numbered["source"].to_pylist(),
        _storage(numbered["resource_hash"]).to_pylist(),
        pc.cast(numbered["received_at"], pa.int64()).to_pylist(),
        pc.struct_field(pc.extract_regex(attributes, _NUMBER), "number").to_pylist(),
        pc.struct_field(pc.extract_regex(attributes, _STREAM), "stream").to_pylist(),
        strict=True,
    ):
        if number is not None and int(number) > 0:
            streams.setdefault((source, resource, stream or ""), []).append((int(number), received))
    return [
        {
            **_sender({"source": source, "resource_hash": resource}, Signal.LOGS.value, senders),
            "stream": stream,
            "first_at": min(received for _, received in seen),
            "last_at": max(received for _, received in seen),
            "low": low,
            "high": high,
        }
        for (source, resource, stream), seen in streams.items()
        for low, high in ranges(number for number, _ in seen)
    ]


# Drop counters


def _drop_counts(points: pa.Table, senders: Mapping[bytes, Row]) -> list[Row]:
    """What the drop counters among the points of a batch say."""
    if not points.num_rows:
        return []
    told = points.filter(pc.is_in(points["name"], pa.array(sorted(DROP_COUNTERS))))
    return [row for point in _plain(told).to_pylist() if (row := _drop_count(point, senders))]


def _drop_count(point: Row, senders: Mapping[bytes, Row]) -> Row | None:
    drop = counted_drop(point["name"], json.loads(point["attributes"]))
    value = point["value"]
    if drop is None or value is None or not 0 <= value < math.inf:
        return None
    return {
        **_sender(point, drop.signal, senders),
        "counted_at": point["measured_at"],
        "reason": drop.reason,
        "series": f"{point['name']}{point['attributes']}",
        "is_delta": point["temporality"] == "delta",
        "start_ns": point["start_ns"],
        "value": value if drop.reason else 0.0,
    }


# DuckDB's own types travel as bytes or text; Arrow computes with what they travel as.


def _plain(table: pa.Table) -> pa.Table:
    return pa.table({name: _storage(table[name]) for name in table.column_names})


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    chunks = [chunk.storage for chunk in column.chunks]
    return pa.chunked_array(chunks, column.type.storage_type)
