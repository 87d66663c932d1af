"""The structural check: bad records are named, odd ones are let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.model import Signal
from collector.receive.check import Reason, Refusal, check
from collector.receive.intake import Answer, answer_for

TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(8))
NOON_NS = 1_768_478_400_000_000_000


def span(**changes: object) -> Span:
    fields: dict[str, object] = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "invoke_agent clerk",
        "start_time_unix_nano": NOON_NS,
        "end_time_unix_nano": NOON_NS + 5,
    }
    return Span(**(fields | changes))  # type: ignore[arg-type]


def of_spans(*spans: Span) -> list[Refusal]:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return check(Signal.TRACES, request)


def of_log(log: LogRecord) -> list[Refusal]:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.append(log)
    return check(Signal.LOGS, request)


def of_metric(metric: Metric) -> list[Refusal]:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.append(metric)
    return check(Signal.METRICS, request)


def test_good_spans_are_not_refused() -> None:
    assert of_spans(span(), span(parent_span_id=SPAN_ID), span(name="")) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trace_id": b""}, Reason.TRACE_ID),
        ({"trace_id": b"short"}, Reason.TRACE_ID),
        ({"trace_id": bytes(16)}, Reason.TRACE_ID),
        ({"span_id": b""}, Reason.SPAN_ID),
        ({"span_id": bytes(8)}, Reason.SPAN_ID),
        ({"span_id": bytes(16)}, Reason.SPAN_ID),
        ({"parent_span_id": b"123"}, Reason.PARENT_SPAN_ID),
        ({"start_time_unix_nano": 2**63}, Reason.TIME),
        ({"end_time_unix_nano": 2**64 - 1}, Reason.TIME),
    ],
)
def test_a_bad_span_is_refused_with_its_place(changes: dict[str, object], reason: Reason) -> None:
    refusals = of_spans(span(), span(**changes), span())

    assert [(refusal.path, refusal.reason) for refusal in refusals] == [((0, 0, 1), reason)]


def test_a_span_that_ends_before_its_start_is_let_through() -> None:
    assert of_spans(span(start_time_unix_nano=NOON_NS, end_time_unix_nano=1)) == []


@given(trace_id=st.binary(max_size=20), span_id=st.binary(max_size=10))
def test_exactly_the_ids_of_the_specification_pass(trace_id: bytes, span_id: bytes) -> None:
    refused = of_spans(span(trace_id=trace_id, span_id=span_id))

    valid = len(trace_id) == 16 and any(trace_id) and len(span_id) == 8 and any(span_id)
    assert bool(refused) != valid


@pytest.mark.parametrize(
    "log",
    [LogRecord(), LogRecord(trace_id=TRACE_ID, span_id=SPAN_ID), LogRecord(trace_id=bytes(16))],
)
def test_a_log_without_time_or_trace_is_let_through(log: LogRecord) -> None:
    assert of_log(log) == []


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (LogRecord(trace_id=b"short"), Reason.TRACE_ID),
        (LogRecord(span_id=b"short"), Reason.SPAN_ID),
        (LogRecord(observed_time_unix_nano=2**63), Reason.TIME),
    ],
)
def test_a_bad_log_is_refused(log: LogRecord, reason: Reason) -> None:
    assert [refusal.reason for refusal in of_log(log)] == [reason]


def gauge(name: str, *points: NumberDataPoint) -> Metric:
    return Metric(name=name, gauge=Gauge(data_points=points))


def test_good_points_are_not_refused() -> None:
    zero, none = NumberDataPoint(as_int=0), NumberDataPoint(flags=1)

    assert of_metric(gauge("trust", zero, none)) == []


def test_a_point_without_a_value_is_refused_alone() -> None:
    good, bad = NumberDataPoint(as_double=1.0), NumberDataPoint()

    refusals = of_metric(gauge("trust", good, bad))

    assert [(r.path, r.reason, r.records) for r in refusals] == [
        ((0, 0, 0, 1), Reason.POINT_VALUE, 1)
    ]


def test_a_metric_without_a_name_is_refused_with_all_its_points() -> None:
    point = NumberDataPoint(as_int=1)

    refusals = of_metric(gauge("", point, point))

    assert [(r.path, r.reason, r.records) for r in refusals] == [((0, 0, 0), Reason.METRIC_NAME, 2)]


def test_a_metric_without_data_is_refused() -> None:
    assert [refusal.reason for refusal in of_metric(Metric(name="trust"))] == [Reason.METRIC_DATA]


def test_buckets_must_fit_their_bounds() -> None:
    point = HistogramDataPoint(bucket_counts=[1, 2], explicit_bounds=[1.0, 2.0])
    histogram = Metric(name="latency", histogram=Histogram(data_points=[point]))

    assert [refusal.reason for refusal in of_metric(histogram)] == [Reason.BUCKETS]


def test_the_answer_counts_records_per_reason() -> None:
    answer = answer_for(of_spans(span(span_id=b""), span(trace_id=b""), span(span_id=b"x")))

    assert answer == Answer(
        3,
        "refused: 2 invalid_span_id (expected 8 bytes, got 0), "
        "1 invalid_trace_id (expected 16 bytes, got 0)",
    )


def test_nothing_refused_is_an_empty_answer() -> None:
    assert answer_for([]) == Answer()
