"""Caps: how large one text and how long one list of attributes may be before it is cut.

As the attribute limits of the OpenTelemetry SDKs, but at the collector: what is cut is marked.
A text ends with `…[truncated N bytes]`, never within a character, and the nearest thing with
attributes, if there is one, names it in `watchkeeper.truncated`. Attributes, events and links
too many are dropped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.receive.parse import ExportRequest
from collector.receive.wire import TracesData

__all__ = ["MARK", "Caps"]

MARK = "watchkeeper.truncated"
MOST_DROPPED = 2**32 - 1

_LOG = "opentelemetry.proto.logs.v1.LogRecord"
# An attribute with a key of its own has 5 bytes at least.
_ATTRIBUTE_BYTES = 5
# An event or link may be empty.
_EVENT_BYTES = 2


@dataclass(frozen=True)
class Caps:
    """Bytes of one text or bytes value and of one in a log's body; attributes of one thing,
    events and links of one span.
    """

    value_bytes: int = 256 * 1024
    body_bytes: int = 1024 * 1024
    attributes: int = 1024
    # 2,560: as many as there is room for in a span that cannot have too many attributes either.
    events: int = 2560

    def may_exceed(self, body: bytes) -> bool:
        """Whether anything in a protobuf request could be over a cap; costs a glance a record."""
        least = min(
            self.value_bytes, self.attributes * _ATTRIBUTE_BYTES, self.events * _EVENT_BYTES
        )
        return len(body) > least and _largest(body) > least

    def apply(self, request: ExportRequest) -> bool:
        """Cut what is over a cap; whether anything was."""
        return _Cut(self).visit(request, self.value_bytes, None)


def _largest(body: bytes) -> int:
    """The size of the largest resource, scope or record.

    The three signals number these fields alike, so that one shallow type reads them all.
    """
    largest = 0
    for group in TracesData.FromString(body).resource_spans:
        largest = max(largest, len(group.resource), len(group.schema_url))
        for scope in group.scope_spans:
            longest = max(map(len, scope.spans), default=0)
            largest = max(largest, longest, len(scope.scope), len(scope.schema_url))
    return largest


class _Cut:
    """One request being cut in place."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps

    def visit(self, message: Any, most: int, marked: list[str] | None, name: str = "") -> bool:
        """marked: names of what was cut, of the nearest message that has attributes."""
        owns = "attributes" in message.DESCRIPTOR.fields_by_name
        marks: list[str] = [] if owns or marked is None else marked
        changed = owns and self._fewer(message, "attributes", self._caps.attributes)
        if isinstance(message, Span):
            changed |= self._fewer(message, "events", self._caps.events)
            changed |= self._fewer(message, "links", self._caps.events)
        for field, value in message.ListFields():
            called = name or field.name
            if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
                changed |= self._cut(message, field, value, most, marks, called)
            elif field.message_type is not None:
                within = self._caps.body_bytes if _is_body(message, field) else most
                for inner in value if field.is_repeated else (value,):
                    changed |= self.visit(inner, within, marks, _name_of(field, inner, name))
        if owns and marks:
            names = message.attributes.add(key=MARK).value.array_value.values
            for cut in dict.fromkeys(marks):
                names.add(string_value=cut)
        return changed

    def _fewer(self, message: Any, name: str, most: int) -> bool:
        values = getattr(message, name)
        spare = len(values) - most
        if spare <= 0:
            return False
        del values[most:]
        counter = f"dropped_{name}_count"
        if counter in message.DESCRIPTOR.fields_by_name:
            setattr(message, counter, min(getattr(message, counter) + spare, MOST_DROPPED))
        return True

    def _cut(
        self,
        message: Any,
        field: FieldDescriptor,
        value: Any,
        most: int,
        marks: list[str],
        called: str,
    ) -> bool:
        values = list(value) if field.is_repeated else [value]
        cut = [_shorter(one, most) for one in values]
        if cut == values:
            return False
        if field.is_repeated:
            value[:] = cut
        else:
            setattr(message, field.name, cut[0])
        marks.append(_shorter(called, 200))
        return True


def _shorter(value: Any, most: int) -> Any:
    """The value, or its beginning and how much is missing."""
    if isinstance(value, bytes):
        return value[:most]
    if len(value) * 4 <= most or len(data := value.encode()) <= most:
        return value
    kept = data[:most].decode("utf-8", "ignore")
    return f"{kept}…[truncated {len(data) - len(kept.encode())} bytes]"


def _is_body(message: Any, field: FieldDescriptor) -> bool:
    return field.name == "body" and message.DESCRIPTOR.full_name == _LOG


def _name_of(field: FieldDescriptor, inner: Any, name: str) -> str:
    """What a mark calls it: an attribute by its key, a body "body", anything else by its field."""
    if field.name == "attributes":
        return str(inner.key)
    return "body" if field.name == "body" else name
