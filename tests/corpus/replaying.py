"""Replays recorded exports through the real decoder, applier and store, in one process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from collector.costs.price import BEGINNING, Price, PriceList, Rates
from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive, rederive
from collector.store.seen import SeenTraces
from collector.store.wal import Record

RECORDED = Path(__file__).parents[2] / "sample_data" / "recorded"
# What the newest run of the real frameworks sent, one file for each framework and instrumentation.
FRAMEWORKS = Path(__file__).parents[1] / "frameworks" / "recorded"
RECEIVED_NS = 1_768_478_400_000_000_000  # 2026-01-15T12:00:00Z

# The recorded models are fakes; what they would cost is made up. fake-small has no price.
PRICES = PriceList((Price("fake", ("fake-large",), Rates(3, 15, 0.3), BEGINNING),))

Request = tuple[Signal, dict[str, Any]]


def recording(name: str, folder: Path = RECORDED) -> dict[str, Any]:
    """One recorded file, as it is."""
    loaded: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def requests_of(name: str, folder: Path = RECORDED) -> list[Request]:
    """Every export request of a recording, signal by signal."""
    recorded = recording(name, folder)
    return [(signal, request) for signal in Signal for request in recorded[signal.value]]


class FakeLog:
    """A write-ahead log in memory, which hands out one batch after the other."""

    def __init__(self) -> None:
        self._batches: list[list[Record]] = []

    def add(self, batch: Sequence[Request], first: int) -> int:
        """Append one batch of requests; answers the sequence after its last."""
        records = [record_of(first + n, *request) for n, request in enumerate(batch)]
        self._batches.append(records)
        return first + len(records)

    def read(self, after: int, max_bytes: int) -> list[Record]:
        for records in self._batches:
            if records and records[-1].sequence > after:
                return records
        return []

    def wait(self, after: int, timeout: float) -> bool:
        return bool(self.read(after, 0))

    def continue_after(self, sequence: int) -> None:
        """Sequences are the test's."""

    def release(self, sequence: int) -> None:
        """Nothing to forget: the memory is the test's."""


def record_of(sequence: int, signal: Signal, request: dict[str, Any]) -> Record:
    """A request as the log keeps it: OTLP/JSON, ids in hex."""
    body = json.dumps(request).encode()
    return Record(sequence, signal, "json", "recorded", RECEIVED_NS, body)


def replay(
    path: Path, batches: Sequence[Sequence[Request]], seen: SeenTraces | None = None
) -> Store:
    """A store that holds these batches, each applied in a transaction of its own."""
    store = Store(path / "evidence.duckdb")
    log, sequence = FakeLog(), 1
    for batch in batches:
        sequence = log.add(batch, sequence)
    applier = Applier(
        store,
        log,
        Decoder(),
        derive=partial(derive, prices=lambda: PRICES),
        rederive=partial(rederive, prices=lambda: PRICES),
        seen=seen,
    )
    while applier.step():
        pass
    applier.match_all()
    _next_batch(store)
    return store


def _next_batch(store: Store) -> None:
    """What the next batch of anything does to what the last one left behind."""
    cursor = store.cursor()
    cursor.execute("create temp table nothing (trace_id blob)").fetchall()
    derive(cursor, "nothing")
    cursor.close()


def one_by_one(request: Request) -> list[Request]:
    """The same export in as many requests as it has spans, log records or metrics."""
    signal, content = request
    outer, inner, records = _NESTING[signal]
    return [
        (signal, {outer: [{**resource, inner: [{**scope, records: [record]}]}]})
        for resource in content[outer]
        for scope in resource[inner]
        for record in scope[records]
    ]


_NESTING = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
}


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """All rows of one query."""
    cursor = store.cursor()
    try:
        return list(cursor.execute(query).fetchall())
    finally:
        cursor.close()
