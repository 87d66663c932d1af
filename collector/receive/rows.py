"""Rows of a batch as they are decoded: a list for each column, and a count for each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.model import Signal
from collector.receive.check import Refusal
from collector.store.batch import KEYS, SCHEMAS, Batch, table_of
from collector.store.wal import Record

__all__ = ["DETAIL_CHARACTERS", "MAX_NS", "MOST_TOLD", "Rows"]

MAX_NS = 2**63 - 1
DETAIL_CHARACTERS = 1000
# A request can have 200,000 records that are refused for one reason, and nobody reads them all.
MOST_TOLD = 20

_SIGNAL_OF = {
    "span": Signal.TRACES,
    "log_record": Signal.LOGS,
    "metric_point": Signal.METRICS,
}

Columns = dict[str, list[Any]]
Sender = tuple[str, Signal]


class Rows:
    """Columns of every table, growing record by record."""

    def __init__(self) -> None:
        self.sequence = 0
        # Spans that are read and no rows yet; see SpanDecoder.finish.
        self.groups: list[Any] = []
        self.waiting_spans = self.waiting_bytes = 0
        # Spans become rows as Arrow tables; those of the other tables are in the columns.
        self.spans: list[pa.Table] = []
        self.columns: dict[str, Columns] = {
            name: {column: [] for column in schema.names}
            for name, schema in SCHEMAS.items()
            if name != "span"
        }
        self.seen: dict[str, set[bytes]] = {"resource": set(), "scope": set()}
        # Where the refusals of a request and reason lie.
        self._told: dict[tuple[int, str], list[int]] = {}
        self.received: Counter[Sender] = Counter()
        self.refused: Counter[Sender] = Counter()
        self.newest_us: dict[Sender, int] = {}

    @property
    def decisions(self) -> int:
        """How many decisions were told so far."""
        return len(self.columns["decision"]["decision_id"])

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Append one row; a column it does not name stays null."""
        for name, column in self.columns[table].items():
            column.append(row.get(name))

    def count(self, source: str, signal: Signal, received_us: int, records: int) -> None:
        """So many records came from a source."""
        sender = (source, signal)
        self.received[sender] += records
        self.newest_us[sender] = max(self.newest_us.get(sender, 0), received_us)

    def refuse(self, record: Record, reason: str, detail: str, records: int = 1) -> None:
        """So many records of a request are not kept.

        Of each request and reason the first are told one by one, the others only counted.
        """
        self.refused[(record.source, record.signal)] += records
        told = self._told.setdefault((record.sequence, str(reason)), [])
        if len(told) >= MOST_TOLD:
            self.columns["refused_record"]["records"][told[-1]] += records
            return
        told.append(len(self.columns["refused_record"]["records"]))
        self.add(
            "refused_record",
            {
                "sequence": record.sequence,
                "received_at": record.received_ns // 1000,
                "source": record.source,
                "signal": record.signal,
                "reason": str(reason),
                "records": records,
                # A lone surrogate in a message of ours must not spoil the row that reports it.
                "detail": detail[:DETAIL_CHARACTERS].encode("utf-8", "replace").decode("utf-8"),
            },
        )

    def refuse_all(self, record: Record, refusals: Sequence[Refusal]) -> None:
        """The records that `check` named are not kept."""
        for refusal in refusals:
            self.refuse(record, refusal.reason, refusal.detail, refusal.records)

    def merge(self, other: Rows) -> None:
        """Append the rows of another."""
        self.sequence = max(self.sequence, other.sequence)
        self.spans += other.spans
        for table, columns in other.columns.items():
            for name, values in columns.items():
                self.columns[table][name] += values
        self.received += other.received
        self.refused += other.refused
        for sender, newest in other.newest_us.items():
            self.newest_us[sender] = max(self.newest_us.get(sender, 0), newest)

    def batch(self) -> Batch:
        """Arrow tables without repeated keys."""
        duplicate: Counter[Sender] = Counter()
        tables = {"span": self._distinct_spans(duplicate)}
        for table, columns in self.columns.items():
            if repeated := _repeated([columns[column] for column in KEYS.get(table, ())]):
                duplicate += self._drop(table, repeated)
        self._count_sources(duplicate)
        tables |= {name: table_of(name, columns) for name, columns in self.columns.items()}
        return Batch(self.sequence, {name: tables[name] for name in SCHEMAS})

    def _distinct_spans(self, duplicate: Counter[Sender]) -> pa.Table:
        spans = pa.concat_tables([SCHEMAS["span"].empty_table(), *self.spans]).combine_chunks()
        repeated = _repeated_spans(spans)
        if not repeated.any():
            return spans
        for entry in pc.value_counts(spans["source"].filter(pa.array(repeated))).to_pylist():
            duplicate[(entry["values"], Signal.TRACES)] += entry["counts"]
        return spans.filter(pa.array(~repeated)).combine_chunks()

    def _drop(self, table: str, repeated: set[int]) -> Counter[Sender]:
        columns = self.columns[table]
        dropped: Counter[Sender] = Counter()
        if table in _SIGNAL_OF:
            dropped.update((columns["source"][row], _SIGNAL_OF[table]) for row in repeated)
        for name, values in columns.items():
            columns[name] = [value for row, value in enumerate(values) if row not in repeated]
        return dropped

    def _count_sources(self, duplicate: Counter[Sender]) -> None:
        for sender, received in sorted(self.received.items()):
            refused = self.refused[sender]
            self.add(
                "source_count",
                {
                    "counted_at": self.newest_us[sender],
                    "source": sender[0],
                    "signal": sender[1],
                    "received": received,
                    "stored": received - refused - duplicate[sender],
                    "refused": refused,
                    "duplicate": duplicate[sender],
                },
            )


def _repeated(key: Sequence[Sequence[Any]]) -> set[int]:
    """The rows whose key an earlier row has; none where there is no key."""
    if not key or len(set(zip(*key, strict=True))) == len(key[0]):
        return set()
    seen: set[tuple[Any, ...]] = set()
    repeated: set[int] = set()
    for row, values in enumerate(zip(*key, strict=True)):
        if values in seen:
            repeated.add(row)
        seen.add(values)
    return repeated


def _repeated_spans(spans: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The spans that an earlier row tells already."""
    repeated = np.zeros(spans.num_rows, bool)
    if not spans.num_rows:
        return repeated
    # Ids have 16 and 8 bytes here: others are refused.
    span_ids = _data(spans["span_id"]).view(np.uint64)
    ordered = np.sort(span_ids)
    if (ordered[1:] != ordered[:-1]).all():
        return repeated
    traces = _data(spans["trace_id"]).view(np.uint64).reshape(-1, 2)
    starts = spans["start_ns"].to_numpy().view(np.uint64)
    keys = np.column_stack((traces, span_ids, starts))
    repeated[:] = True
    repeated[np.unique(keys, axis=0, return_index=True)[1]] = False
    return repeated


def _data(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of all values, one behind the other."""
    values = column.combine_chunks()
    _, bounds, data = values.buffers()
    ends = np.frombuffer(bounds, np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
