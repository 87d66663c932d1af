"""Answers: what a door sends back, as OTLP responses and google.rpc.Status."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, assert_never

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import (
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
)
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.errors import WatchkeeperError
from collector.model import Signal
from collector.receive.credentials import Unauthenticated
from collector.receive.intake import Answer
from collector.receive.limits import Malformed, TooLarge
from collector.receive.rate import TooFast
from collector.store.wal import Busy, LogError

ExportResponse: TypeAlias = (
    ExportTraceServiceResponse | ExportLogsServiceResponse | ExportMetricsServiceResponse
)

RETRY_AFTER = timedelta(seconds=1)


def response(signal: Signal, answer: Answer) -> ExportResponse:
    """The response; without partial_success when everything was taken."""
    match signal:
        case Signal.TRACES:
            traces = ExportTraceServiceResponse()
            if answer.message:
                traces.partial_success.rejected_spans = answer.rejected
                traces.partial_success.error_message = answer.message
            return traces
        case Signal.LOGS:
            logs = ExportLogsServiceResponse()
            if answer.message:
                logs.partial_success.rejected_log_records = answer.rejected
                logs.partial_success.error_message = answer.message
            return logs
        case Signal.METRICS:
            metrics = ExportMetricsServiceResponse()
            if answer.message:
                metrics.partial_success.rejected_data_points = answer.rejected
                metrics.partial_success.error_message = answer.message
            return metrics
        case _:
            assert_never(signal)


def status_of(error: WatchkeeperError) -> Status:
    """The status of a request that was not taken; the retryable ones say when to come back."""
    match error:
        case Busy():
            return _retryable(RESOURCE_EXHAUSTED, error)
        case LogError():
            return _retryable(UNAVAILABLE, error)
        case Unauthenticated():
            return Status(code=UNAUTHENTICATED, message=str(error))
        case TooLarge():
            return Status(code=RESOURCE_EXHAUSTED, message=str(error))
        case Malformed():
            return _malformed(error)
        case _:
            return Status(code=INVALID_ARGUMENT, message=str(error))


def retry_after(error: WatchkeeperError) -> timedelta:
    """How long the sender should wait."""
    return error.retry_after if isinstance(error, TooFast) else RETRY_AFTER


def retry_info(error: WatchkeeperError) -> RetryInfo:
    delay = Duration()
    delay.FromTimedelta(retry_after(error))
    return RetryInfo(retry_delay=delay)


def _malformed(error: Malformed) -> Status:
    """OTLP/HTTP, "Bad Data": the details hold a BadRequest that describes the bad data."""
    status = Status(code=INVALID_ARGUMENT, message=str(error))
    violation = BadRequest.FieldViolation(field="body", description=str(error))
    status.details.add().Pack(BadRequest(field_violations=[violation]))
    return status


def _retryable(code: int, error: WatchkeeperError) -> Status:
    status = Status(code=code, message=str(error))
    status.details.add().Pack(retry_info(error))
    return status
