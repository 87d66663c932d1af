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

__all__ = ["Members", "Pairs", "attributes_of", "json_text", "plain"]

# 65,536 distinct attributes of at most 512 bytes: about 40 MB at the very most.
MEMO_ENTRIES = 65_536
MEMO_BYTES = 512

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


def number(value: float) -> float | str:
    """A float, or the name of one that JSON cannot write."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


class Pairs(dict[bytes, tuple[str, Any]]):
    """A serialised KeyValue to its key and plain value."""

    def __missing__(self, data: bytes) -> tuple[str, Any]:
        pair = KeyValue.FromString(data)
        return _key(pair), plain(pair.value)


class Members(dict[bytes, str]):
    """A serialised KeyValue to its JSON member, `"key":value`.

    `pairs` holds the same attributes as values; `dull` those that can mean nothing to a dialect.
    """

    def __init__(self, is_telling: Callable[[str], bool]) -> None:
        super().__init__()
        self.pairs = Pairs()
        self.dull: set[bytes] = set()
        self._keys: dict[str, tuple[str, bool]] = {}
        self._is_telling = is_telling

    def __missing__(self, data: bytes) -> str:
        pair = KeyValue.FromString(data)
        key, value = _key(pair), plain(pair.value)
        start, is_telling = self._keys.get(key) or self._known(key)
        member = start + json_text(value)
        if len(data) <= MEMO_BYTES:
            if len(self) >= MEMO_ENTRIES:
                self._forget()
            self[data] = member
            self.pairs[data] = (key, value)
            if not is_telling:
                self.dull.add(data)
        return member

    def _known(self, key: str) -> tuple[str, bool]:
        if len(self._keys) >= MEMO_ENTRIES:
            self._keys.clear()
        self._keys[key] = known = (f"{encode_basestring(key)}:", self._is_telling(key))
        return known

    def _forget(self) -> None:
        self.clear()
        self.pairs.clear()
        self.dull.clear()


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
