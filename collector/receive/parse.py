"""Parsing: the bytes of a request, in either OTLP encoding, as a protobuf message.

OTLP/JSON is the JSON mapping of protobuf with differences (OTLP, "JSON Protobuf Encoding"):
ids are hex, enums are numbers, unknown names are passed over. Names of enum values and of
fields as protobuf writes them are forbidden to senders; they are read here all the same,
because to refuse them would lose what cannot be misunderstood.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, assert_never

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
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

# json_format leaves some wrong types and numbers to Python's own errors.
_JSON_FAULTS = (
    ParseError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    # A name with half a surrogate pair trips protobuf's look for the field.
    SystemError,
)
_TOLD_CHARACTERS = 500
_IDS = frozenset(("trace_id", "span_id", "parent_span_id"))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is special about the fields of a message, by their names in JSON."""

    camels: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    enums: dict[str, EnumDescriptor] = field(default_factory=dict)
    messages: dict[str, Descriptor] = field(default_factory=dict)


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
        document = json.loads(body, object_pairs_hook=_object)
        if not isinstance(document, dict):
            raise Malformed(f"expected a JSON object, got {type(document).__name__}")
        _to_protobuf_json(document, request.DESCRIPTOR)
        ParseDict(document, request, ignore_unknown_fields=True)
    except _JSON_FAULTS as error:
        raise Malformed(
            f"expected OTLP/JSON of {type(request).__name__}: {_brief(error)}"
        ) from error
    return request


def _brief(error: Exception) -> str:
    """What the library says; it quotes the value that it could not read, however long."""
    told = str(error)
    return told if len(told) <= _TOLD_CHARACTERS else f"{told[:_TOLD_CHARACTERS]}…"


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8259 §4: names should be unique; of two values one would be lost unseen."""
    members = dict(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise Malformed(f"expected each name once in a JSON object, got {twice[:40]!r} twice")
    return members


def _to_protobuf_json(document: dict[str, Any], descriptor: Descriptor) -> None:
    """Write known fields, and only these, as the JSON mapping of protobuf wants them."""
    level = [(document, descriptor)]
    while level:
        level = [child for node, kind in level for child in _mapped(node, _shape(kind))]


def _mapped(node: dict[str, Any], shape: _Shape) -> Iterator[tuple[dict[str, Any], Descriptor]]:
    """Map the fields of one message; the messages in it follow."""
    for key in shape.camels.keys() & node.keys():
        if shape.camels[key] in node:
            raise Malformed(f"expected {shape.camels[key]} once in a JSON object, got {key} too")
    for key in shape.ids & node.keys():
        node[key] = _base64_id(key, node[key])
    for key in shape.enums.keys() & node.keys():
        _refuse_unknown_name(key, node[key], shape.enums[key])
    for key in shape.messages.keys() & node.keys():
        children = node[key] if isinstance(node[key], list) else (node[key],)
        for child in children:
            if isinstance(child, dict):
                yield child, shape.messages[key]


@cache
def _shape(descriptor: Descriptor) -> _Shape:
    shape = _Shape()
    for one in descriptor.fields:
        names = (one.name, one.json_name)
        if one.name != one.json_name:
            shape.camels[one.name] = one.json_name
        if one.name in _IDS and one.type == FieldDescriptor.TYPE_BYTES:
            shape.ids.update(names)
        if one.enum_type is not None:
            shape.enums.update(dict.fromkeys(names, one.enum_type))
        if one.message_type is not None:
            shape.messages.update(dict.fromkeys(names, one.message_type))
    return shape


def _refuse_unknown_name(key: str, value: Any, enum: EnumDescriptor) -> None:
    """protobuf would read an unknown name as if nothing had been said."""
    if isinstance(value, str) and value not in enum.values_by_name:
        raise Malformed(f"expected {key} as a number of {enum.name}, got {value[:40]!r}")


def _base64_id(key: str, text: Any) -> Any:
    if text is None:
        return None
    try:
        # `fromhex` would pass over blanks.
        return base64.b64encode(base64.b16decode(text, casefold=True)).decode()
    except (ValueError, TypeError) as error:
        raise Malformed(
            f"expected {key} in hex digits, as OTLP/JSON writes ids, got {str(text)[:40]!r}"
        ) from error
