"""Requests of which nothing can be kept, and OTLP/JSON of any request."""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

__all__ = ["REFUSED", "otlp_json"]

_IDS = ("traceId", "spanId", "parentSpanId")


def otlp_json(request: Message) -> bytes:
    """RFC 4648 §8 for ids and numbers for enums, where protobuf writes base64 and names."""
    document = MessageToDict(request, use_integers_for_enums=True)
    return json.dumps(_hex_ids(document)).encode()


def _hex_ids(node: Any) -> Any:
    if isinstance(node, list):
        return [_hex_ids(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        key: base64.b64decode(value).hex() if key in _IDS else _hex_ids(value)
        for key, value in node.items()
    }


def _traces() -> Message:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"short", span_id=bytes(range(8)), name="a")
    spans.add(trace_id=b"short", span_id=bytes(range(8)), name="b")
    return request


def _logs() -> Message:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(trace_id=b"short", event_name="a")
    records.add(trace_id=b"short", event_name="b")
    return request


def _metrics() -> Message:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.gauge.data_points.add(as_int=1)
    metric.gauge.data_points.add(as_int=2)
    return request


REFUSED: dict[str, tuple[Message, type[Any], str]] = {
    "traces": (_traces(), ExportTraceServiceResponse, "rejected_spans"),
    "logs": (_logs(), ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (_metrics(), ExportMetricsServiceResponse, "rejected_data_points"),
}
