"""Parsing: the bytes of a request, in either OTLP encoding, as a protobuf message."""

from __future__ import annotations

import base64
import json
from typing import Any, TypeAlias, assert_never

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.limits import Malformed
from collector.store.wal import Encoding

ExportRequest: TypeAlias = (
    ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest
)

# 100: the depth at which upb stops reading protobuf; JSON spends two levels
# (object and list) where protobuf spends one.
MAX_JSON_DEPTH = 200

# json_format leaves some wrong types and numbers to Python's own errors.
_JSON_FAULTS = (
    ParseError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
_ID_KEYS = frozenset(("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"))


def empty_request(signal: Signal) -> ExportRequest:
    match signal:
        case Signal.TRACES:
            return ExportTraceServiceRequest()
        case Signal.LOGS:
            return ExportLogsServiceRequest()
        case Signal.METRICS:
            return ExportMetricsServiceRequest()
        case _:
            assert_never(signal)


def parse(signal: Signal, encoding: Encoding, body: bytes) -> ExportRequest:
    """The request; raises Malformed when the bytes are not one."""
    return _from_json(signal, body) if encoding == "json" else _from_protobuf(signal, body)


def _from_protobuf(signal: Signal, body: bytes) -> ExportRequest:
    request = empty_request(signal)
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Malformed(
            f"expected a protobuf {type(request).__name__} of OTLP 1.x: {error}"
        ) from error
    return request


def _from_json(signal: Signal, body: bytes) -> ExportRequest:
    request = empty_request(signal)
    try:
        document = json.loads(body)
        if not isinstance(document, dict):
            raise Malformed(f"expected a JSON object, got {type(document).__name__}")
        _ids_to_base64(document)
        ParseDict(document, request, ignore_unknown_fields=True)
    except _JSON_FAULTS as error:
        raise Malformed(f"expected OTLP/JSON of {type(request).__name__}: {error}") from error
    return request


def _ids_to_base64(document: dict[str, Any]) -> None:
    """OTLP/JSON writes ids in hex where the protobuf JSON mapping wants base64."""
    level: list[Any] = [document]
    for _ in range(MAX_JSON_DEPTH):
        if not level:
            return
        level = [child for node in level for child in _children(node)]
    raise Malformed(f"the JSON is nested deeper than {MAX_JSON_DEPTH} levels")


def _children(node: Any) -> list[Any]:
    if isinstance(node, list):
        return [child for child in node if isinstance(child, (dict, list))]
    for key in _ID_KEYS & node.keys():
        node[key] = _base64_id(key, node[key])
    return [child for child in node.values() if isinstance(child, (dict, list))]


def _base64_id(key: str, text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError as error:
        raise Malformed(
            f"expected {key} in hex digits, as OTLP/JSON writes ids, got {text[:40]!r}"
        ) from error
