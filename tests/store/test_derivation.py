"""A derivation that fails costs no evidence, and is made up for once it works again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derivation import Derivation
from collector.store.derive import derive
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000


class MemoryLog:
    """A write-ahead log in memory, read one record at a time."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, body: bytes) -> None:
        sequence = len(self.records) + 1
        record = Record(sequence, Signal.TRACES, "protobuf", "gateway", NOON_NS, body)
        self.records.append(record)

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self.records[after : after + 1]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self.records)

    def release(self, sequence: int) -> None:
        pass


class Faulty:
    """Derivation that fails for some traces, until it is mended."""

    def __init__(self, *poison: int, error: type[duckdb.Error] = duckdb.InternalException) -> None:
        self.poison = {trace.to_bytes(16, "big") for trace in poison}
        self.error = error
        self.tries = 0

    def __call__(self, cursor: duckdb.DuckDBPyConnection, touched: str, known: Any = None) -> None:
        self.tries += 1
        rows = cursor.execute(f"select trace_id from {touched}").fetchall()
        if self.poison & {trace for (trace,) in rows}:
            cursor.execute("delete from span")
            raise self.error("the optimiser lost a column")
        derive(cursor, touched)


def agent_runs(*traces: int) -> bytes:
    """A request with one run of the clerk in every trace."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for trace in traces:
        span = spans.add(
            trace_id=trace.to_bytes(16, "big"),
            span_id=trace.to_bytes(8, "big"),
            name="invoke_agent clerk",
            start_time_unix_nano=NOON_NS + trace,
            end_time_unix_nano=NOON_NS + trace + 5_000,
        )
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}
        span.attributes.extend(
            KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in told.items()
        )
    return request.SerializeToString()


def told(store: Store, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = store.cursor().execute(sql).fetchall()
    return rows


def runs(store: Store) -> list[int]:
    return [int(run, 16) for (run,) in told(store, "select run_id from runs order by 1")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


@pytest.mark.parametrize("error", [duckdb.InternalException, duckdb.OutOfMemoryException])
def test_a_failing_derivation_costs_no_evidence(store: Store, error: type[duckdb.Error]) -> None:
    log = MemoryLog()
    log.append(agent_runs(1, 2))
    applier = Applier(store, log, Decoder(), derive=Faulty(1, error=error))

    applier.step()

    refused = "select reason, records, detail like '%optimiser%' from refused"
    assert told(store, "select count(*) from span") == [(2,)]
    assert told(store, refused) == [("not_derived", 0, True)]
    assert told(store, "select stored, refused from sources") == [(2, 0)]
    assert applier.traces_not_derived > 0
    assert store.position() == 1


def test_one_bad_trace_keeps_back_only_itself(store: Store) -> None:
    log = MemoryLog()
    log.append(agent_runs(*range(1, 20)))
    log.append(agent_runs(20))
    applier = Applier(store, log, Decoder(), derive=Faulty(7))

    for _ in range(30):
        applier.step()

    assert runs(store) == [trace for trace in range(1, 21) if trace != 7]
    assert applier.traces_not_derived == 1


def test_what_failed_is_derived_once_it_works_even_after_a_restart(store: Store) -> None:
    log = MemoryLog()
    for trace in (1, 2, 3):
        log.append(agent_runs(trace))
    broken = Applier(store, log, Decoder(), derive=Faulty(1, 2, 3))
    for _ in range(3):
        broken.step()

    mended = Applier(store, log, Decoder(), derive=derive)
    mended.step()

    assert runs(store) == [1, 2, 3]
    assert mended.traces_not_derived == 0
    assert store.position() == 3


def test_a_failure_that_lasts_is_told_once(store: Store) -> None:
    log = MemoryLog()
    for trace in (1, 2, 3):
        log.append(agent_runs(trace))
    applier = Applier(store, log, Decoder(), derive=Faulty(1, 2, 3))

    for _ in range(10):
        applier.step()

    assert told(store, "select reason, records from refused") == [("not_derived", 0)]


def test_a_single_bad_trace_is_not_tried_all_the_time(store: Store) -> None:
    log = MemoryLog()
    log.append(agent_runs(1))
    applier = Applier(store, log, Decoder(), derive=(faulty := Faulty(1)))

    for _ in range(50):
        applier.step()

    assert faulty.tries < 10


def test_a_full_disk_while_deriving_again_is_no_traces_fault(store: Store) -> None:
    def full(cursor: duckdb.DuckDBPyConnection, touched: str, known: Any = None) -> None:
        raise duckdb.IOException("no space left on device")

    log = MemoryLog()
    log.append(agent_runs(1))
    Applier(store, log, Decoder(), derive=Faulty(1)).step()
    derivation = Derivation(store.cursor(), full)

    with pytest.raises(duckdb.IOException):
        derivation.again(1)

    assert told(store, "select max(failures) from underived_trace") == [(0,)]
    assert store.position() == 1
