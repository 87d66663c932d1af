"""Answers: what a door sends back, as OTLP responses and google.rpc.Status."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, assert_never

from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.errors import WatchkeeperError
from collector.model import Signal
from collector.receive.intake import Answer
from collector.receive.limits import TooLarge
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
            return _retryable(RESOURCE_EXHAUSTED, str(error))
        case LogError():
            return _retryable(UNAVAILABLE, str(error))
        case TooLarge():
            return Status(code=RESOURCE_EXHAUSTED, message=str(error))
        case _:
            return Status(code=INVALID_ARGUMENT, message=str(error))


def retry_info() -> RetryInfo:
    delay = Duration()
    delay.FromTimedelta(RETRY_AFTER)
    return RetryInfo(retry_delay=delay)


def _retryable(code: int, message: str) -> Status:
    status = Status(code=code, message=message)
    status.details.add().Pack(retry_info())
    return status
