"""The tally of batches: gaps, lags and drops, whatever the order, repetition and batching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from collector.completeness import bucket_of, lag_ms_of
from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.fold import fold
from collector.store.tally import TALLIES
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000
SECOND_NS = 1_000_000_000


class Given:
    """A store and the records that are to come into it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._records: list[Record] = []

    def came(self, signal: Signal, body: bytes, received_ns: int = NOON_NS) -> None:
        sequence = len(self._records) + 1
        self._records.append(Record(sequence, signal, "protobuf", "gateway", received_ns, body))

    def rows(self, sql: str, at_once: int = 1000) -> list[tuple[Any, ...]]:
        """What the store answers once everything is applied, so many records at a time."""
        applier = Applier(self.store, Log(self._records, at_once), Decoder())
        while applier.position < len(self._records):
            applier.step()
        answer: list[tuple[Any, ...]] = self.store.cursor().execute(sql).fetchall()
        return answer


class Log:
    """A write-ahead log in memory."""

    def __init__(self, records: Sequence[Record], at_once: int) -> None:
        self._records, self._at_once = records, at_once

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return list(self._records[after : after + self._at_once])

    def wait(self, after: int, timeout: float) -> bool:
        return False

    def release(self, sequence: int) -> None:
        pass


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("tally") / "watchkeeper.duckdb") as opened:
        yield opened


@pytest.fixture
def given_(store: Store) -> Given:
    return emptied(store)


def emptied(store: Store) -> Given:
    cursor = store.cursor()
    for table in (*TALLIES, "span", "log_record", "metric_point", "resource", "source_count"):
        cursor.execute(f"delete from {table}")
    cursor.execute("update position set sequence = 0")
    cursor.close()
    return Given(store)


def numbered(*numbers: int, stream: str = "run-1", instance: str = "clerk-1") -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(
        [text("service.name", "clerk"), text("service.instance.id", instance)]
    )
    records = group.scope_logs.add().log_records
    for number in numbers:
        log = records.add(time_unix_nano=NOON_NS + number, event_name="watchkeeper.decision")
        log.attributes.append(text("watchkeeper.sequence.stream", stream))
        log.attributes.append(
            KeyValue(key="watchkeeper.sequence.number", value=AnyValue(int_value=number))
        )
    return request.SerializeToString()


def spans(end_ns: int, count: int = 1, cut_off: int = 0) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(text("service.name", "clerk"))
    for number in range(count):
        group.scope_spans.add().spans.add(
            trace_id=(end_ns + 1).to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            start_time_unix_nano=end_ns - 10,
            end_time_unix_nano=end_ns - number,
            dropped_attributes_count=cut_off,
        )
    return request.SerializeToString()


def dropped(value: int, time_ns: int, start_ns: int = NOON_NS, delta: bool = False) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.append(text("service.name", "clerk"))
    metric = group.scope_metrics.add().metrics.add(name="otel.sdk.processor.span.processed")
    metric.sum.aggregation_temporality = (
        AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
        if delta
        else AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    point = metric.sum.data_points.add(
        start_time_unix_nano=start_ns, time_unix_nano=time_ns, as_int=value
    )
    point.attributes.append(text("error.type", "queue_full"))
    return request.SerializeToString()


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


GAPS = "select first_missing, last_missing, missing from sequence_gaps order by 1"


def test_one_dropped_record_is_one_gap(given_: Given) -> None:
    given_.came(Signal.LOGS, numbered(1, 2, 4))

    assert given_.rows(GAPS) == [(3, 3, 1)]


def test_a_late_arrival_closes_the_gap(given_: Given) -> None:
    given_.came(Signal.LOGS, numbered(1, 2, 4))
    given_.came(Signal.LOGS, numbered(3))

    assert given_.rows(GAPS, at_once=1) == []


def test_the_first_record_may_be_the_missing_one(given_: Given) -> None:
    given_.came(Signal.LOGS, numbered(2, 3))

    assert given_.rows(GAPS) == [(1, 1, 1)]


def test_a_restarted_sender_begins_a_new_sequence(given_: Given) -> None:
    given_.came(Signal.LOGS, numbered(1, 2, 3, stream="run-1"))
    given_.came(Signal.LOGS, numbered(1, 2, stream="run-2"))

    assert given_.rows(GAPS) == []


def test_another_sender_cannot_fill_the_gap(given_: Given) -> None:
    given_.came(Signal.LOGS, numbered(1, 3))
    given_.came(Signal.LOGS, numbered(2, instance="rogue-1"))

    assert (2, 2, 1) in given_.rows(GAPS)


def test_a_number_inside_a_text_is_no_number(given_: Given) -> None:
    request = ExportLogsServiceRequest()
    log = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=NOON_NS)
    log.attributes.append(text("note", '"watchkeeper.sequence.number":9,'))
    given_.came(Signal.LOGS, request.SerializeToString())

    assert given_.rows(GAPS) == []


def test_gaps_of_a_source_that_numbers_nothing_are_not_measured(given_: Given) -> None:
    given_.came(Signal.TRACES, spans(NOON_NS))
    given_.came(Signal.LOGS, numbered(1, 3))

    assert given_.rows("select signal, gaps from sources order by signal") == [
        ("logs", 1),
        ("traces", None),
    ]


arrivals = st.lists(st.tuples(st.sampled_from(("a", "b")), st.integers(1, 12)), max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(came=arrivals, at_once=st.integers(1, 5), again=st.integers(0, 3))
def test_any_order_repetition_and_batching_gives_the_same_gaps(
    store: Store, came: list[tuple[str, int]], at_once: int, again: int
) -> None:
    now = emptied(store)
    for stream, number in [*came, *came[:again]]:
        now.came(Signal.LOGS, numbered(number, stream=stream))

    found = now.rows("select stream, first_missing, last_missing from sequence_gaps", at_once)

    assert {
        (stream, number) for stream, low, high in found for number in range(low, high + 1)
    } == missing_by_hand(came)


def missing_by_hand(came: list[tuple[str, int]]) -> set[tuple[str, int]]:
    """Every number up to the highest that came, less those that came."""
    missing = set()
    for stream in {stream for stream, _ in came}:
        seen = {number for name, number in came if name == stream}
        missing |= {(stream, number) for number in range(1, max(seen)) if number not in seen}
    return missing


LAGS = "select requests, stored, future, least_lag_ms, median_lag_ms, cut_off from senders"


def test_a_request_is_as_late_as_its_newest_record(given_: Given) -> None:
    given_.came(Signal.TRACES, spans(NOON_NS - 2 * SECOND_NS, count=3, cut_off=2))

    told = given_.rows(LAGS)

    assert told == [(1, 3, 0, 2000.0, pytest.approx(lag_ms_of(bucket_of(2000))), 6)]


def test_a_clock_that_is_ahead_sends_records_from_the_future(given_: Given) -> None:
    given_.came(Signal.TRACES, spans(NOON_NS + 90 * SECOND_NS))

    assert given_.rows("select future, least_lag_ms from senders") == [(1, -90_000.0)]


def test_one_batch_that_waited_moves_neither_the_least_nor_the_middle(given_: Given) -> None:
    for number in range(20):
        waited_ns = 3600 * SECOND_NS if number == 7 else 1 * SECOND_NS
        received_ns = NOON_NS + number * SECOND_NS
        given_.came(Signal.TRACES, spans(received_ns - waited_ns), received_ns)

    (told,) = given_.rows("select least_lag_ms, median_lag_ms, p95_lag_ms from senders", 3)

    assert told[0] == 1000
    assert told[1] == told[2] == pytest.approx(1000, rel=0.125)


def test_a_repeated_request_counts_once(given_: Given) -> None:
    given_.came(Signal.TRACES, spans(NOON_NS))
    given_.came(Signal.TRACES, spans(NOON_NS))

    assert given_.rows("select requests, stored from senders", at_once=1) == [(1, 1)]


def test_records_without_a_time_say_nothing_of_the_clock(given_: Given) -> None:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(severity_text="INFO")
    given_.came(Signal.LOGS, request.SerializeToString())

    assert given_.rows("select requests, least_lag_ms, median_lag_ms from senders") == [
        (1, None, None)
    ]


def test_the_counters_of_an_sdk_are_kept(given_: Given) -> None:
    given_.came(Signal.METRICS, dropped(4, NOON_NS + 1))

    assert given_.rows("select service_name, signal, reason, value, is_delta from drop_count") == [
        ("clerk", "traces", "queue_full", 4.0, False)
    ]


ANSWERS = (
    "select * from sources order by all",
    "select * from senders order by all",
    "select * from sequence_gaps order by all",
    "select * from senders_between(timestamptz '2026-01-15 11:00:00+00', null) order by all",
)


def answers(store: Store) -> list[list[dict[str, Any]]]:
    return [store.cursor().sql(sql).to_arrow_table().to_pylist() for sql in ANSWERS]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    came=st.lists(
        st.tuples(st.sampled_from(("span", "log", "drop")), st.integers(0, 200)),
        min_size=1,
        max_size=20,
    )
)
@example(came=[("drop", 0), ("drop", 117), ("drop", 118)])
def test_folding_changes_no_answer(store: Store, came: list[tuple[str, int]]) -> None:
    now = emptied(store)
    for kind, minute in came:
        at_ns = NOON_NS - minute * 31 * SECOND_NS
        if kind == "span":
            now.came(Signal.TRACES, spans(at_ns - minute), at_ns)
        elif kind == "log":
            now.came(Signal.LOGS, numbered(minute + 1), at_ns)
        else:
            now.came(Signal.METRICS, dropped(200 - minute, at_ns), at_ns)
    now.rows("select 1", at_once=1)
    before = answers(store)

    fold(store.cursor())

    assert answers(store) == before


def test_folding_leaves_a_row_a_minute(given_: Given) -> None:
    for second in range(0, 120, 5):
        received_ns = NOON_NS + second * SECOND_NS
        given_.came(Signal.TRACES, spans(received_ns - 1_000_000), received_ns)
    later_ns = NOON_NS + 2 * 3600 * SECOND_NS
    given_.came(Signal.TRACES, spans(later_ns), later_ns)
    given_.rows("select 1", at_once=1)

    fold(given_.store.cursor())

    counted = "select count(*), sum(requests) from sender_count"
    assert given_.store.cursor().execute(counted).fetchall() == [(3, 25)]
