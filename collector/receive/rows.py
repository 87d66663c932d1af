"""Rows of a batch as they are decoded: a list for each column, and a count for each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from collector.model import Signal
from collector.store.batch import KEYS, SCHEMAS, Batch, table_of

__all__ = ["MAX_NS", "Rows"]

MAX_NS = 2**63 - 1

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
        # Spans that are read and not in the columns yet; see SpanDecoder.finish.
        self.groups: list[Any] = []
        self.columns: dict[str, Columns] = {
            name: {column: [] for column in schema.names} for name, schema in SCHEMAS.items()
        }
        self.seen: dict[str, set[bytes]] = {"resource": set(), "scope": set()}
        self.received: Counter[Sender] = Counter()
        self.refused: Counter[Sender] = Counter()
        self.newest_us: dict[Sender, int] = {}

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Append one row; a column it does not name stays null."""
        for name, column in self.columns[table].items():
            column.append(row.get(name))

    def count(self, source: str, signal: Signal, received_us: int, records: int) -> None:
        """So many records came from a source."""
        sender = (source, signal)
        self.received[sender] += records
        self.newest_us[sender] = max(self.newest_us.get(sender, 0), received_us)

    def merge(self, other: Rows) -> None:
        """Append the rows of another."""
        self.sequence = max(self.sequence, other.sequence)
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
        for table, key in KEYS.items():
            repeated = _repeated([self.columns[table][column] for column in key])
            if repeated:
                duplicate += self._drop(table, repeated)
        self._count_sources(duplicate)
        tables = {name: table_of(name, columns) for name, columns in self.columns.items()}
        return Batch(self.sequence, tables)

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
    """The rows whose key an earlier row has."""
    if len(set(zip(*key, strict=True))) == len(key[0]):
        return set()
    seen: set[tuple[Any, ...]] = set()
    repeated: set[int] = set()
    for row, values in enumerate(zip(*key, strict=True)):
        if values in seen:
            repeated.add(row)
        seen.add(values)
    return repeated
