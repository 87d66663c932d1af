"""Attribute values as plain Python and as JSON text.

JSON has no bytes and no infinity: bytes become {"base64": "..."}, and not-a-number and the
infinities the strings "NaN", "Infinity" and "-Infinity". An empty value is null. An
attribute whose key or value is only an index into a string table is "#<index>".
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["attributes_of", "attributes_text", "json_text", "number", "plain"]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def json_text(value: Any) -> str:
    """A plain value as JSON; text and numbers without the cost of setting up an encoder."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    return _encode(value)


def plain(value: AnyValue) -> Any:
    """An AnyValue as something JSON can hold."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    return _READERS[kind](value)


def attributes_of(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes by key; of a repeated key the last value."""
    return {_key(pair): plain(pair.value) for pair in attributes}


def attributes_text(attributes: Iterable[KeyValue]) -> str:
    """Attributes as a JSON object in their order; a repeated key stays repeated."""
    members = (
        f"{encode_basestring(_key(pair))}:{json_text(plain(pair.value))}" for pair in attributes
    )
    return f"{{{','.join(members)}}}"


def number(value: float) -> float | str:
    """A float, or the name of one that JSON cannot write."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _key(pair: KeyValue) -> str:
    if pair.key_strindex and not pair.key:
        return f"#{pair.key_strindex}"
    return pair.key


_READERS: dict[str | None, Callable[[AnyValue], Any]] = {
    None: lambda value: None,
    "bool_value": lambda value: value.bool_value,
    "int_value": lambda value: value.int_value,
    "double_value": lambda value: number(value.double_value),
    "array_value": lambda value: [plain(item) for item in value.array_value.values],
    "kvlist_value": lambda value: attributes_of(value.kvlist_value.values),
    "bytes_value": lambda value: {"base64": b64encode(value.bytes_value).decode("ascii")},
    "string_value_strindex": lambda value: f"#{value.string_value_strindex}",
}
