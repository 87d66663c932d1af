"""A text planted, one message a place, into every string and bytes field that OTLP has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
# AnyValue and its lists contain each other: twice around is every shape.
DEPTH = 11
_TEXT = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def places(descriptor: Descriptor, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field that holds text or bytes."""
    for field in descriptor.fields:
        if field.type in _TEXT:
            yield (*path, field.name)
        elif field.message_type and len(path) < DEPTH and path.count(field.name) < 2:
            yield from places(field.message_type, (*path, field.name))


def planted(signal: str, path: tuple[str, ...], text: str) -> Any:
    """A request that holds the text there and nothing else."""
    request = REQUESTS[signal]()
    message: Any = request
    for name in path[:-1]:
        field = message.DESCRIPTOR.fields_by_name[name]
        message = getattr(message, name)
        if field.is_repeated:
            message = message.add()
        else:
            message.SetInParent()
    field = message.DESCRIPTOR.fields_by_name[path[-1]]
    value = text if field.type == FieldDescriptor.TYPE_STRING else text.encode()
    if field.is_repeated:
        getattr(message, path[-1]).append(value)
    else:
        setattr(message, path[-1], value)
    return request


def every_place() -> list[tuple[str, tuple[str, ...]]]:
    return [(signal, path) for signal, kind in REQUESTS.items() for path in places(kind.DESCRIPTOR)]
