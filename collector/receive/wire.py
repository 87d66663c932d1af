"""Trace requests read shallowly: what the columns are made of stays bytes.

The message types made here are wire-compatible with OTLP's, but some of their fields are
plain bytes. `TracesData` leaves each span, resource and scope as bytes; `Span` leaves its
attributes, events, links and status.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.trace.v1 import trace_pb2

__all__ = ["Span", "TracesData"]

_OTLP = ".opentelemetry.proto."
_PACKAGE = "watchkeeper.wire"
_LEFT_AS_BYTES = {
    ".opentelemetry.proto.common.v1.KeyValue",
    ".opentelemetry.proto.common.v1.InstrumentationScope",
    ".opentelemetry.proto.resource.v1.Resource",
    ".opentelemetry.proto.trace.v1.Span",
    ".opentelemetry.proto.trace.v1.Status",
    ".opentelemetry.proto.trace.v1.Span.Event",
    ".opentelemetry.proto.trace.v1.Span.Link",
}


def _shallow_file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    trace_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = "watchkeeper/wire.proto"
    file.package = _PACKAGE
    file.ClearField("dependency")
    for message in file.message_type:
        _make_shallow(message)
    return file


def _make_shallow(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        if field.type_name in _LEFT_AS_BYTES:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
        elif field.type_name:
            field.type_name = field.type_name.replace(f"{_OTLP}trace.v1", f".{_PACKAGE}")
    for nested in message.nested_type:
        _make_shallow(nested)


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_shallow_file())


def _message_type(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


TracesData: Any = _message_type("TracesData")
Span: Any = _message_type("Span")
