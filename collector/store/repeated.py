"""Records that came before: exporters send again what they had no answer for.

What is stored already is looked for near the times that the records tell, in the database and,
where these reach into sealed days, in the archive.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from collector.store.batch import KEYS
from collector.store.transaction import registered, run

__all__ = ["EVIDENCE", "without_stored"]

# Each table of records, and the column by which one is looked for.
EVIDENCE = {"span": "start_ns", "log_record": "logged_at", "metric_point": "measured_at"}

_MOST_RANGES = 8
# Exporters give up after minutes; a log without a time of its own carries that of its arrival.
_RETRY_WINDOW = timedelta(hours=1)


def without_stored(cursor: duckdb.DuckDBPyConnection, table: str, incoming: pa.Table) -> pa.Table:
    """The rows that the table has not yet."""
    if not incoming.num_rows:
        return incoming
    stored: set[int] = set()
    with registered(cursor, "incoming_key", _keys(table, incoming)):
        for low, high in _ranges_of(incoming[EVIDENCE[table]]):
            window = {"low": low, "high": high}
            stored.update(row for (row,) in run(cursor, f"apply/stored_{table}", window))
            if _is_archived(cursor, table, low):
                stored.update(row for (row,) in run(cursor, f"archive/stored_{table}", window))
    if not stored:
        return incoming
    kept = [row for row in range(incoming.num_rows) if row not in stored]
    return incoming.take(pa.array(kept, pa.int64()))


def _is_archived(cursor: duckdb.DuckDBPyConnection, table: str, low: Any) -> bool:
    """Whether rows that begin at `low` may be sealed already: then the files are asked too."""
    return bool(run(cursor, f"archive/reaches_{table}", {"low": low})[0][0])


def _keys(table: str, incoming: pa.Table) -> pa.Table:
    keys = incoming.select(list(KEYS[table]))
    return keys.append_column("row", pa.array(np.arange(incoming.num_rows)))


def _ranges_of(times: pa.ChunkedArray) -> list[tuple[Any, Any]]:
    """Where to look for what is stored: few ranges, so that one wrong clock does not make the
    whole table the place to look."""
    is_ns = pa.types.is_integer(times.type)
    ordered = np.sort(times.cast(pa.int64()).to_numpy())
    gap = _RETRY_WINDOW // timedelta(microseconds=1) * (1000 if is_ns else 1)
    breaks = (np.flatnonzero(np.diff(ordered) > gap) + 1)[:_MOST_RANGES]
    ranges = [(part[0], part[-1]) for part in np.split(ordered, breaks)]
    if is_ns:
        return [(int(low), int(high)) for low, high in ranges]
    return [
        (_time(low, times.type) - _RETRY_WINDOW, _time(high, times.type) + _RETRY_WINDOW)
        for low, high in ranges
    ]


def _time(microseconds: int, kind: pa.DataType) -> Any:
    return pa.scalar(int(microseconds), kind).as_py()
