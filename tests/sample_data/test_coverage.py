"""The sample fleet has something to show on the coverage page, and all of it says sample."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.coverage_queries import register_coverage
from collector.model import Signal
from collector.queries import Queries
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from collector.store.reader import Reader
from collector.store.wal import Record
from sample_data import history
from sample_data.story import Period, Story

UNTIL = datetime(2026, 1, 15, 12, tzinfo=UTC)
WEEK = Period(UNTIL - timedelta(days=7), UNTIL)
ASKED = {"since": WEEK.since.isoformat(), "until": UNTIL.isoformat()}


class MemoryLog:
    """A write-ahead log in memory."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def continue_after(self, sequence: int) -> None:
        """Sequences are the test's."""

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self._records[after:]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self._records)

    def release(self, sequence: int) -> None:
        """Nothing to forget: the memory is the test's."""


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    records = []
    for number, (_, request) in enumerate(history.requests(Story(7, UNTIL), WEEK), 1):
        is_spans = isinstance(request, ExportTraceServiceRequest)
        signal = Signal.TRACES if is_spans else Signal.LOGS
        body = request.SerializeToString()
        received_ns = int(UNTIL.timestamp()) * 10**9
        records.append(Record(number, signal, "protobuf", "sample", received_ns, body))
    with Store(tmp_path_factory.mktemp("store") / "evidence.duckdb") as store:
        applier = Applier(store, MemoryLog(records), Decoder(), derive=derive)
        while applier.step():
            pass
        asked = Queries(Reader(store), now=lambda: UNTIL)
        register_coverage(asked)
        yield asked


def asked(queries: Queries, question: str, **more: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = queries.ask(question, {**ASKED, **more}).to_pylist()
    return rows


def test_planner_leaves_some_calls_undecided_and_gateway_none(queries: Queries) -> None:
    tools = {row["agent"]: row for row in asked(queries, "coverage") if row["kind"] == "tool"}

    assert 0.8 < tools["planner"]["coverage"] < 1
    assert tools["gateway"]["coverage"] == 1.0
    assert {row["name"] for row in asked(queries, "ungoverned", kind="tool")} == {"propose_slot"}


def test_couriers_slips_are_suspected_and_nobody_is_accused_beside(queries: Queries) -> None:
    found = asked(queries, "bypasses")

    assert {(row["agent"], row["certainty"], row["sample"]) for row in found} == {
        ("courier", "suspected", True)
    }


def test_allowed_calls_of_the_sample_went_well_or_failed(queries: Queries) -> None:
    rows = asked(queries, "outcomes")

    assert sum(row["ok"] + row["error"] for row in rows) / sum(row["allowed"] for row in rows) > 0.9
