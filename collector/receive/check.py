"""The structural check: which records of a request will be refused, and why.

Both the door, which tells the sender, and the decoder, which keeps the evidence,
ask here, so that they cannot disagree. What is odd but can be kept is kept: an
empty name, an end before its start, a log without a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.model import Signal
from collector.receive.parse import ExportRequest

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_LATEST_NS = 2**63 - 1
_NO_RECORDED_VALUE = 1


class Reason(StrEnum):
    """Why a record is refused."""

    TRACE_ID = "invalid_trace_id"
    SPAN_ID = "invalid_span_id"
    PARENT_SPAN_ID = "invalid_parent_span_id"
    TIME = "time_out_of_range"
    METRIC_NAME = "metric_without_name"
    METRIC_DATA = "metric_without_data"
    POINT_VALUE = "point_without_value"
    BUCKETS = "invalid_buckets"
    AGENT = "agent_not_allowed"
    ENVIRONMENT = "environment_not_allowed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused record.

    path: positions of resource, scope and record in the request, for metrics of
    resource, scope, metric and point; without a point the whole metric is meant,
    and `records` counts its points.
    """

    path: tuple[int, ...]
    reason: Reason
    detail: str
    records: int = 1


_Fault: TypeAlias = tuple[Reason, str]
_Point: TypeAlias = (
    NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint
)


def check(signal: Signal, request: ExportRequest) -> list[Refusal]:
    """The records of the request that will be refused, in their order; mostly none."""
    match request:
        case ExportTraceServiceRequest():
            return list(_refused_spans(request))
        case ExportLogsServiceRequest():
            return list(_refused_logs(request))
        case ExportMetricsServiceRequest():
            return list(_refused_points(request))
    raise TypeError(f"expected an OTLP request of {signal}, got {type(request).__name__}")


def _refused_spans(request: ExportTraceServiceRequest) -> Iterator[Refusal]:
    for resource_at, resource in enumerate(request.resource_spans):
        for scope_at, scope in enumerate(resource.scope_spans):
            for span_at, span in enumerate(scope.spans):
                if fault := span_fault(span):
                    yield Refusal((resource_at, scope_at, span_at), *fault)


def span_fault(span: Span) -> _Fault | None:
    """Why a span is refused, in a word and in detail; None when it is kept."""
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return Reason.TRACE_ID, _id_detail(trace_id, 16)
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return Reason.SPAN_ID, _id_detail(span_id, 8)
    if parent and len(parent) != 8:
        return Reason.PARENT_SPAN_ID, f"expected 8 bytes or none, got {len(parent)}"
    if span.start_time_unix_nano > _LATEST_NS or span.end_time_unix_nano > _LATEST_NS:
        return _late(max(span.start_time_unix_nano, span.end_time_unix_nano))
    return None


def _refused_logs(request: ExportLogsServiceRequest) -> Iterator[Refusal]:
    for resource_at, resource in enumerate(request.resource_logs):
        for scope_at, scope in enumerate(resource.scope_logs):
            for log_at, log in enumerate(scope.log_records):
                if fault := _log_fault(log):
                    yield Refusal((resource_at, scope_at, log_at), *fault)


def _log_fault(log: LogRecord) -> _Fault | None:
    if log.trace_id and len(log.trace_id) != 16:
        return Reason.TRACE_ID, f"expected 16 bytes or none, got {len(log.trace_id)}"
    if log.span_id and len(log.span_id) != 8:
        return Reason.SPAN_ID, f"expected 8 bytes or none, got {len(log.span_id)}"
    if log.time_unix_nano > _LATEST_NS or log.observed_time_unix_nano > _LATEST_NS:
        return _late(max(log.time_unix_nano, log.observed_time_unix_nano))
    return None


def _refused_points(request: ExportMetricsServiceRequest) -> Iterator[Refusal]:
    for resource_at, resource in enumerate(request.resource_metrics):
        for scope_at, scope in enumerate(resource.scope_metrics):
            for metric_at, metric in enumerate(scope.metrics):
                yield from _refused_of_metric((resource_at, scope_at, metric_at), metric)


def _refused_of_metric(path: tuple[int, ...], metric: Metric) -> Iterator[Refusal]:
    kind = metric.WhichOneof("data")
    if kind is None:
        yield Refusal(path, Reason.METRIC_DATA, f"the metric {metric.name!r} has no data")
        return
    points: list[_Point] = list(getattr(metric, kind).data_points)
    if not metric.name:
        detail = f"a {kind} has an empty name"
        yield Refusal(path, Reason.METRIC_NAME, detail, records=len(points))
        return
    for point_at, point in enumerate(points):
        if fault := _point_fault(point):
            yield Refusal((*path, point_at), *fault)


def _point_fault(point: _Point) -> _Fault | None:
    if point.time_unix_nano > _LATEST_NS or point.start_time_unix_nano > _LATEST_NS:
        return _late(max(point.time_unix_nano, point.start_time_unix_nano))
    match point:
        case NumberDataPoint():
            return _number_fault(point)
        case HistogramDataPoint():
            return _buckets_fault(point)
    return None


def _number_fault(point: NumberDataPoint) -> _Fault | None:
    if point.flags & _NO_RECORDED_VALUE or point.WhichOneof("value") is not None:
        return None
    return Reason.POINT_VALUE, "expected as_double or as_int, or the flag that says there is none"


def _buckets_fault(point: HistogramDataPoint) -> _Fault | None:
    buckets, bounds = len(point.bucket_counts), len(point.explicit_bounds)
    if buckets == bounds + 1 or (buckets == 0 and bounds == 0):
        return None
    return Reason.BUCKETS, f"expected one bucket more than bounds, got {buckets} and {bounds}"


def _id_detail(value: bytes, length: int) -> str:
    if len(value) == length:
        return "every byte is zero"
    return f"expected {length} bytes, got {len(value)}"


def _late(time_ns: int) -> _Fault:
    return Reason.TIME, f"expected a time before the year 2262, got {time_ns} ns"
