"""The applier: whatever the batching, repetition or order, the same evidence is stored once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applied, Applier
from collector.store.batch import Batch
from collector.store.connection import Store
from collector.store.set_aside import SetAside
from collector.store.wal import Record, WriteAheadLog

NOON_NS = 1_768_478_400_000_000_000
EVIDENCE = ("resource", "scope", "span", "log_record", "metric_point", "decision")
DERIVED = ("run", "action")


class MemoryLog:
    """A write-ahead log in memory."""

    def __init__(self, records: Sequence[Record] = (), at_once: int = 1000) -> None:
        self.records = list(records)
        self.released = 0
        self.at_once = at_once

    def append(self, signal: Signal, body: bytes, source: str = "gateway") -> None:
        sequence = len(self.records) + 1
        self.records.append(Record(sequence, signal, "protobuf", source, NOON_NS, body))

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self.records[after : after + self.at_once]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self.records)

    def release(self, sequence: int) -> None:
        self.released = sequence


# Of three spans the first is an agent, the second plain, the third a tool beneath it.
LEVELS = (
    [("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.name", "clerk")],
    [("http.request.method", "GET")],
    [("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "transfer")],
)


def traces(*numbers: int, service: str = "gateway", agents: bool = False) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(_text("service.name", service))
    spans = group.scope_spans.add().spans
    for number in numbers:
        span = spans.add(
            trace_id=(number // 3 + 1).to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            name=f"step {number}",
            start_time_unix_nano=NOON_NS + number * 1_000_000_000,
            end_time_unix_nano=NOON_NS + number * 1_000_000_000 + 5_000,
        )
        if number % 3:
            span.parent_span_id = number.to_bytes(8, "big")
        if agents:
            span.attributes.extend(_text(*pair) for pair in LEVELS[number % 3])
    return request.SerializeToString()


def logs(*numbers: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in numbers:
        records.add(time_unix_nano=NOON_NS + number, severity_text="INFO")
    return request.SerializeToString()


def points(*numbers: int) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="budget")
    for number in numbers:
        metric.gauge.data_points.add(time_unix_nano=NOON_NS + number, as_int=number)
    return request.SerializeToString()


def refusal(number: int) -> bytes:
    """A span that tells of a refused call, as the client reports it in a log record."""
    request = ExportLogsServiceRequest()
    log = (
        request.resource_logs.add()
        .scope_logs.add()
        .log_records.add(time_unix_nano=NOON_NS + number, event_name="watchkeeper.decision")
    )
    told = {
        "watchkeeper.decision.id": f"decision-{number}",
        "watchkeeper.decision.verdict": "deny",
        "watchkeeper.decision.effect": "blocked",
        "watchkeeper.decision.stage": "pre_tool_call",
        "watchkeeper.decision.mode": "enforce",
        "watchkeeper.decision.source": "control_plane",
        "watchkeeper.hold_id": f"hold-{number}",
        "gen_ai.agent.name": "rogue",
        "gen_ai.tool.name": "transfer",
    }
    log.attributes.extend(_text(key, value) for key, value in told.items())
    return request.SerializeToString()


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def applier_of(store: Store, log: Any, **options: Any) -> Applier:
    return Applier(store, log, Decoder(), **options)


def apply_all(store: Store, log: MemoryLog, **options: Any) -> None:
    applier = applier_of(store, log, **options)
    while applier.position < len(log.records):
        applier.step()


def told(store: Store, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = store.cursor().execute(sql).fetchall()
    return rows


def evidence(store: Store) -> dict[str, list[str]]:
    """Every row of evidence, without how and when it came."""
    arrival = {"sequence", "received_at", "first_received_at"}
    found = {}
    for table in (*EVIDENCE, *DERIVED):
        rows = store.cursor().sql(f"select * from {table}").to_arrow_table().to_pylist()
        kept = [{k: v for k, v in row.items() if k not in arrival} for row in rows]
        found[table] = sorted(map(repr, kept))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


def counter(number: int) -> bytes:
    """A point that claims more decisions than it may tell."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="mcp_decisions")
    point = metric.sum.data_points.add(time_unix_nano=NOON_NS + number, as_int=5000)
    point.attributes.extend([_text("decision", "deny"), _text("tool_name", f"tool {number}")])
    return request.SerializeToString()


def test_a_batch_that_tells_more_than_memory_holds_is_stored_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.receive.decode._MOST_DECISIONS", 1500)
    log = MemoryLog()
    for number in range(5):
        log.append(Signal.METRICS, counter(number))
    sizes: list[int] = []

    with Store(tmp_path / "evidence.duckdb") as store:
        applier = Applier(
            store, log, Decoder(), on_applied=lambda applied: sizes.append(applied.decisions)
        )
        applier.step()

        assert (applier.position, applier.step()) == (5, 0)
    assert sizes == [2000, 2000, 1000]


def test_a_batch_can_be_queried_and_moves_the_position(store: Store) -> None:
    log = MemoryLog()
    log.append(Signal.TRACES, traces(0, 1, 2))
    log.append(Signal.LOGS, logs(0))
    log.append(Signal.METRICS, points(0, 1))
    seen: list[Applied] = []

    apply_all(store, log, on_applied=seen.append)

    assert told(store, "select service_name, count(*) from spans group by 1") == [("gateway", 3)]
    assert store.position() == 3
    assert seen == [Applied(3, 3, 1, 2, 0, frozenset())]


def test_a_retried_request_is_counted_as_duplicate(store: Store) -> None:
    log = MemoryLog(at_once=1)
    for _ in range(2):
        log.append(Signal.TRACES, traces(0, 1))
        log.append(Signal.LOGS, logs(0, 0))
        log.append(Signal.METRICS, points(0))

    apply_all(store, log)

    counts = "select signal, received, stored, refused, duplicate from sources order by signal"
    assert told(store, counts) == [
        ("logs", 4, 2, 0, 2),
        ("metrics", 2, 1, 0, 1),
        ("traces", 4, 2, 0, 2),
    ]


def test_the_same_span_in_another_request_is_stored_once(store: Store) -> None:
    log = MemoryLog(at_once=1)
    log.append(Signal.TRACES, traces(0, 1, 2))
    log.append(Signal.TRACES, traces(2, 3))

    apply_all(store, log)

    assert told(store, "select count(*), count(distinct span_id) from span") == [(4, 4)]


def test_a_decision_and_its_hold_are_told_once(store: Store) -> None:
    log = MemoryLog(at_once=1)
    log.append(Signal.LOGS, refusal(1))
    log.append(Signal.LOGS, refusal(1))
    seen: list[Applied] = []

    apply_all(store, log, on_applied=seen.append)

    assert told(store, "select decision_id, hold_id from decision") == [("decision-1", "hold-1")]
    assert [applied.hold_ids for applied in seen] == [frozenset({"hold-1"}), frozenset()]


def test_the_traces_of_decisions_and_of_telling_spans_are_derived(store: Store) -> None:
    request = ExportTraceServiceRequest.FromString(traces(0, 1, 2, 3))
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[0].attributes.append(_text("gen_ai.operation.name", "chat"))
    log = MemoryLog()
    log.append(Signal.TRACES, request.SerializeToString())
    touched: list[bytes] = []

    def remember(cursor: duckdb.DuckDBPyConnection, table: str, known: object) -> None:
        rows = cursor.execute(f"select trace_id from {table}").fetchall()
        touched.extend(trace_id for (trace_id,) in rows)

    apply_all(store, log, derive=remember)

    assert touched == [spans[0].trace_id]


# Batching, duplication, order

requests = st.one_of(
    st.lists(st.integers(0, 12), min_size=1, max_size=5).map(
        lambda numbers: (Signal.TRACES, traces(*numbers, agents=True))
    ),
    st.integers(0, 4).map(lambda number: (Signal.LOGS, logs(number, number + 5))),
    st.integers(0, 4).map(lambda number: (Signal.METRICS, points(number))),
    st.integers(0, 3).map(lambda number: (Signal.LOGS, refusal(number))),
    st.just((Signal.LOGS, b"\xff\xfe")),
)


def test_a_plain_span_that_comes_last_still_links_a_tool_to_its_agent(store: Store) -> None:
    log = MemoryLog(at_once=1)
    for number in (2, 0, 1):
        log.append(Signal.TRACES, traces(number, agents=True))

    apply_all(store, log)

    assert told(store, "select name, agent, run_id from actions") == [
        ("transfer", "clerk", "0000000000000001")
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(requests, min_size=1, max_size=8), data=st.data())
def test_any_batching_repetition_and_order_store_the_same(
    sent: list[tuple[Signal, bytes]], data: st.DataObject, tmp_path_factory: Any
) -> None:
    again = data.draw(st.permutations([*sent, *data.draw(st.lists(st.sampled_from(sent)))]))
    at_once = data.draw(st.integers(1, 5))
    folder = tmp_path_factory.mktemp("stores")

    with Store(folder / "plain.duckdb") as plain, Store(folder / "again.duckdb") as other:
        for store, messages, size in ((plain, sent, 1000), (other, again, at_once)):
            log = MemoryLog(at_once=size)
            for signal, body in messages:
                log.append(signal, body)
            apply_all(store, log)

        assert evidence(plain) == evidence(other)
        balance = "select sum(received) - sum(stored) - sum(refused) - sum(duplicate) from sources"
        assert told(other, balance) == [(0,)]


# What goes wrong


class FailingDecoder(Decoder):
    """Decodes, but the batch that holds a certain sequence cannot be stored."""

    def __init__(self, poison: int, folder: Path) -> None:
        super().__init__(SetAside(folder).keep)
        self.poison = poison

    def decode(self, records: Sequence[Record]) -> Batch:
        batch = super().decode(records)
        if all(record.sequence != self.poison for record in records):
            return batch
        spans = batch.tables["span"]
        spoiled = spans.set_column(
            spans.schema.get_field_index("name"), "name", [[None] * spans.num_rows]
        )
        return Batch(batch.sequence, {**batch.tables, "span": spoiled})


def test_a_record_the_store_refuses_is_set_aside_and_the_rest_is_kept(
    store: Store, tmp_path: Path
) -> None:
    log = MemoryLog()
    for number in (0, 10, 20):
        log.append(Signal.TRACES, traces(number))
    applier = Applier(store, log, FailingDecoder(2, tmp_path / "set-aside"))

    applier.step()

    assert told(store, "select name from span order by name") == [("step 0",), ("step 20",)]
    [(sequence, reason, detail)] = told(
        store, "select sequence, reason, detail from refused_record"
    )
    assert (sequence, reason) == (2, "not_storable")
    assert detail.startswith("kept in set-aside/2.otlp as protobuf: ")
    assert (tmp_path / "set-aside" / "2.otlp").read_bytes() == log.records[1].body
    assert store.position() == 3


def test_a_crash_between_decode_and_commit_moves_nothing(store: Store) -> None:
    log = MemoryLog()
    log.append(Signal.TRACES, traces(0, 1))

    def crash(cursor: duckdb.DuckDBPyConnection, touched: str, known: Any = None) -> None:
        raise KeyboardInterrupt

    log.append(Signal.LOGS, _refusal_with_trace())
    with pytest.raises(KeyboardInterrupt):
        applier_of(store, log, derive=crash).step()

    assert store.position() == 0
    assert told(store, "select count(*) from span") == [(0,)]
    apply_all(store, log)
    assert told(store, "select count(*) from span") == [(2,)]


def _refusal_with_trace() -> bytes:
    request = ExportLogsServiceRequest.FromString(refusal(1))
    log = request.resource_logs[0].scope_logs[0].log_records[0]
    log.trace_id, log.span_id = (1).to_bytes(16, "big"), (1).to_bytes(8, "big")
    return request.SerializeToString()


def test_a_full_disk_is_no_records_fault(store: Store) -> None:
    log = MemoryLog()
    log.append(Signal.LOGS, _refusal_with_trace())

    def full(cursor: duckdb.DuckDBPyConnection, touched: str, known: Any = None) -> None:
        raise duckdb.IOException("no space left on device")

    with pytest.raises(duckdb.IOException):
        applier_of(store, log, derive=full).step()

    assert store.position() == 0
    assert told(store, "select count(*) from refused_record") == [(0,)]


def test_clocks_at_both_ends_do_not_disturb_the_search_for_duplicates(store: Store) -> None:
    request = ExportTraceServiceRequest.FromString(traces(0, 1))
    early, late = request.resource_spans[0].scope_spans[0].spans
    early.start_time_unix_nano = early.end_time_unix_nano = 0
    late.start_time_unix_nano = late.end_time_unix_nano = 2**63 - 1
    log = MemoryLog(at_once=1)
    for _ in range(2):
        log.append(Signal.TRACES, request.SerializeToString())

    apply_all(store, log)

    assert told(store, "select start_ns from span order by 1") == [(0,), (2**63 - 1,)]


def test_logs_years_apart_are_found_again_when_retried(store: Store) -> None:
    log = MemoryLog(at_once=1)
    for _ in range(2):
        log.append(Signal.LOGS, logs(0, -NOON_NS + 1, 2**62 - NOON_NS))

    apply_all(store, log)

    assert told(store, "select count(*) from log_record") == [(3,)]


def test_a_batch_that_cannot_be_tallied_is_stored_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tables: object) -> dict[str, pa.Table]:
        raise ArithmeticError("a lag without a sign")

    monkeypatch.setattr("collector.store.applier.tallies", broken)
    log = MemoryLog()
    log.append(Signal.TRACES, traces(0, 1))

    applier_of(store, log).step()

    assert told(store, "select count(*) from span") == [(2,)]
    assert told(store, "select count(*) from refused_record") == [(0,)]


# The thread


def test_the_log_may_forget_only_what_a_checkpoint_covers(store: Store) -> None:
    log = MemoryLog()
    log.append(Signal.TRACES, traces(0))
    applier = applier_of(store, log, idle_checkpoint_s=0.0)

    applier.step()
    before = log.released
    applier.step()

    assert (before, log.released) == (0, 1)


def test_records_of_a_real_log_arrive_and_survive_an_unclean_end(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    log = WriteAheadLog(tmp_path / "log")
    arrived = threading.Event()
    with Store(path) as store:
        applier = applier_of(store, log, tick_s=0.01, on_applied=lambda applied: arrived.set())
        applier.start()
        log.append(Signal.TRACES, "protobuf", "gateway", NOON_NS, traces(0, 1)).result(5)
        assert arrived.wait(5)
        applier.stop(drain_s=5)
        log.append(Signal.TRACES, "protobuf", "gateway", NOON_NS, traces(2)).result(5)

    with Store(path) as store:
        applier = applier_of(store, log)
        applier.step()
        assert told(store, "select count(*) from span") == [(3,)]
    log.close()


def test_a_log_that_was_lost_gives_no_number_again(tmp_path: Path) -> None:
    first, second = WriteAheadLog(tmp_path / "log"), WriteAheadLog(tmp_path / "fresh")
    with Store(tmp_path / "evidence.duckdb") as store:
        for log, number in ((first, 0), (second, 1)):
            applier = applier_of(store, log)
            log.append(Signal.TRACES, "protobuf", "gateway", NOON_NS, traces(number)).result(5)
            applier.step()
            applier.stop()
            log.close()

        assert told(store, "select count(*) from span") == [(2,)]


def test_stopping_applies_what_is_left(store: Store) -> None:
    log = MemoryLog(at_once=1)
    applier = applier_of(store, log, tick_s=0.01)
    applier.start()
    for number in range(5):
        log.append(Signal.TRACES, traces(number))

    applier.stop(drain_s=10)

    assert store.position() == 5
    assert log.released == 5


def test_the_thread_goes_on_after_a_fault_and_says_so(store: Store) -> None:
    log = MemoryLog()
    faults = [duckdb.IOException("no space left on device")]

    def full_once(cursor: duckdb.DuckDBPyConnection, touched: str, known: Any = None) -> None:
        if faults:
            raise faults.pop()

    log.append(Signal.LOGS, _refusal_with_trace())
    applier = applier_of(store, log, derive=full_once, tick_s=0.05)
    applier.start()
    deadline = time.monotonic() + 10
    while applier.position < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    applier.stop()

    assert applier.position == 1
    assert told(store, "select decision_id from decision") == [("decision-1",)]
