"""Attributes of many messages at once: each message's as one JSON object, and as columns to ask.

The text of a JSON object is put together from pieces that mostly exist already: what opens
a key is made once for each key, and a text stands in the request as it will stand in the
JSON. Only what JSON has to escape, real numbers, lists and maps go through Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.receive.lockstep import Buffer, Field, Flags, Ints, Repeated, Shape, read
from collector.receive.values import json_text, number, plain

__all__ = ["Attributes", "Kind", "Values", "attributes_json", "read_attributes"]

Kinds: TypeAlias = npt.NDArray[np.int8]

_PAIR = {"key": Field(1, Shape.BYTES), "value": Field(2, Shape.BYTES)}
_VALUE = {
    "text": Field(1, Shape.BYTES),
    "flag": Field(2, Shape.VARINT),
    "whole": Field(3, Shape.VARINT),
    "real": Field(4, Shape.FIXED64),
    "list": Field(5, Shape.BYTES),
    "map": Field(6, Shape.BYTES),
    "bytes": Field(7, Shape.BYTES),
}


class Kind:
    """What a value is. Plain integers, because they fill an array."""

    NOTHING = 0
    TEXT = 1
    WHOLE = 2
    REAL = 3
    FLAG = 4
    DEEP = 5


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of some messages, one entry each, message by message.

    `keys` are the distinct keys, `codes` say which an attribute has. Messages in `odd` could
    not be read; what stands here of them does not count.
    """

    offsets: Ints
    rows: Ints
    keys: Sequence[str]
    codes: Ints
    values: Values
    odd: Flags


@dataclass(frozen=True, slots=True)
class Values:
    """One value an attribute: its kind, and where each kind has its numbers or its slice.

    `whole` and `real` count where the kind says so. `pieces` holds texts: those at `plain`
    are values as they are, and those at `written` as JSON writes them.
    """

    kinds: Kinds
    whole: npt.NDArray[np.int64]
    real: npt.NDArray[np.float64]
    pieces: pa.Array
    plain: Ints
    written: Ints

    def texts(self, attributes: Ints) -> pa.Array:
        """The values of these attributes as text; null where an index is -1, and for a kind
        that is no text and no number."""
        if not len(self.plain):
            return pa.nulls(len(attributes), pa.string())
        place = np.where(attributes >= 0, self.plain[attributes], -1)
        taken = self.pieces.take(pa.array(np.maximum(place, 0), mask=place < 0))
        return taken.cast(pa.string())


def read_attributes(buffer: Buffer, found: Repeated) -> Attributes:
    """Read the KeyValue messages at these slices."""
    pairs = read(buffer, found.starts, found.ends, _PAIR)
    values = read(buffer, pairs.starts["value"], pairs.ends["value"], _VALUE)
    rows = found.rows
    told = sum(values.seen[name].astype(np.int8) for name in _VALUE)
    odd_attributes = pairs.odd | values.odd | (told > 1)
    odd = np.zeros(len(found.offsets) - 1, bool)
    odd[rows[odd_attributes]] = True
    codes, keys = _keys(buffer.slices(pairs.starts["key"], pairs.ends["key"]))
    kinds = np.zeros(len(rows), np.int8)
    kinds[values.seen["text"]] = Kind.TEXT
    kinds[values.seen["whole"]] = Kind.WHOLE
    kinds[values.seen["real"]] = Kind.REAL
    kinds[values.seen["flag"]] = Kind.FLAG
    kinds[values.seen["list"] | values.seen["map"] | values.seen["bytes"]] = Kind.DEEP
    kinds[odd_attributes] = Kind.NOTHING
    whole = values.numbers["whole"].view(np.int64)
    real = values.numbers["real"].view(np.float64)
    texts = np.flatnonzero(kinds == Kind.TEXT)
    pieces = _Pieces(len(rows))
    pieces.add_texts(texts, buffer.slices(values.starts["text"][texts], values.ends["text"][texts]))
    pieces.add_wholes(np.flatnonzero(kinds == Kind.WHOLE), whole)
    pieces.add_reals(np.flatnonzero(kinds == Kind.REAL), real)
    pieces.add_flags(np.flatnonzero(kinds == Kind.FLAG), values.numbers["flag"] != 0)
    pieces.add_nothing(np.flatnonzero(kinds == Kind.NOTHING))
    deep = np.flatnonzero(kinds == Kind.DEEP)
    slices = zip(
        pairs.starts["value"][deep].tolist(), pairs.ends["value"][deep].tolist(), strict=True
    )
    pieces.add_deep(deep, [buffer.cut(start, end) for start, end in slices])
    read_values = Values(kinds, whole, real, pieces.joined(), pieces.plain, pieces.written)
    return Attributes(found.offsets, rows, keys, codes, read_values, odd)


class _Pieces:
    """Texts of values as they gather, and where each attribute has its own."""

    def __init__(self, count: int) -> None:
        self.plain = np.full(count, -1, np.int64)
        self.written = np.full(count, -1, np.int64)
        self._arrays: list[pa.Array] = []
        self._count = 0

    def joined(self) -> pa.Array:
        return pa.concat_arrays(self._arrays) if self._arrays else pa.array([], pa.binary())

    def add_texts(self, attributes: Ints, texts: pa.Array) -> None:
        # Refuses what is no UTF-8.
        texts.cast(pa.string())
        places = self._add(texts)
        self.plain[attributes] = places
        self.written[attributes] = places
        escaped = _to_escape(texts)
        if escaped.size:
            written = [encode_basestring(texts[at].as_py().decode())[1:-1] for at in escaped]
            self.written[attributes[escaped]] = self._add(_binary(written))

    def add_wholes(self, attributes: Ints, whole: npt.NDArray[np.int64]) -> None:
        if attributes.size:
            written = pc.cast(pa.array(whole[attributes]), pa.string()).cast(pa.binary())
            self.plain[attributes] = self.written[attributes] = self._add(written)

    def add_reals(self, attributes: Ints, real: npt.NDArray[np.float64]) -> None:
        if attributes.size:
            numbers = real[attributes]
            wild = np.flatnonzero(~np.isfinite(numbers))
            # One call for all of them: half the cost of one each.
            texts = repr(numbers.tolist())[1:-1].split(", ")
            for at in wild.tolist():
                texts[at] = str(number(float(numbers[at])))
            places = self._add(_binary(texts))
            self.plain[attributes] = places
            self.written[attributes] = places
            self.written[attributes[wild]] = self._add(_binary([f'"{texts[at]}"' for at in wild]))

    def add_flags(self, attributes: Ints, flags: Flags) -> None:
        if attributes.size:
            places = self._add(_binary(["false", "true"]))
            self.written[attributes] = places[flags[attributes].astype(np.int64)]

    def add_nothing(self, attributes: Ints) -> None:
        if attributes.size:
            self.written[attributes] = self._add(_binary(["null"]))

    def add_deep(self, attributes: Ints, values: Sequence[bytes]) -> None:
        if attributes.size:
            known: dict[bytes, str] = {}
            for value in values:
                if value not in known:
                    known[value] = json_text(plain(AnyValue.FromString(value)))
            self.written[attributes] = self._add(_binary([known[value] for value in values]))

    def _add(self, texts: pa.Array) -> Ints:
        places = np.arange(self._count, self._count + len(texts))
        self._arrays.append(texts)
        self._count += len(texts)
        return places


def attributes_json(attributes: Attributes) -> pa.Array:
    """The attributes of each message as the text of a JSON object."""
    count, messages = len(attributes.rows), len(attributes.offsets) - 1
    quoted = attributes.values.kinds == Kind.TEXT
    openings = _openings(attributes.keys)
    # What comes before a key: nothing yet, a text to close, or another value.
    before = np.full(count, _FIRST, np.int64)
    if count:
        before[1:] = np.where(quoted[:-1], _AFTER_TEXT, _AFTER_OTHER)
        starts = attributes.offsets[:-1]
        before[starts[attributes.offsets[1:] > starts]] = _FIRST
    picks = np.empty(2 * count + messages, np.int64)
    places = 2 * np.arange(count) + attributes.rows
    picks[places] = attributes.codes * 6 + before * 2 + quoted
    picks[places + 1] = len(openings) + attributes.values.written
    ends = 2 * attributes.offsets[1:] + np.arange(messages)
    picks[ends] = _closings(attributes, quoted) + len(openings) - len(_CLOSINGS)
    source = pa.concat_arrays([openings, attributes.values.pieces])
    taken = source.take(pa.array(picks))
    return _regrouped(taken, ends + 1)


_FIRST, _AFTER_TEXT, _AFTER_OTHER = 0, 1, 2
_SEPARATORS = ("{", '",', ",")
_CLOSINGS = ("{}", '"}', "}")


def _openings(keys: Sequence[str]) -> pa.Array:
    """For each key the six ways to open a member with it, and at the end the closings."""
    texts: list[str] = []
    for key in keys:
        member = f"{encode_basestring(key)}:"
        for separator in _SEPARATORS:
            texts += (separator + member, f'{separator}{member}"')
    return _binary([*texts, *_CLOSINGS])


def _closings(attributes: Attributes, quoted: Flags) -> Ints:
    """Which closing each message has: its last value decides."""
    ends = attributes.offsets[1:]
    if not len(quoted):
        return np.zeros(len(ends), np.int64)
    closings = np.where(quoted[ends - 1], 1, 2)
    return np.where(ends > attributes.offsets[:-1], closings, 0)


def _regrouped(pieces: pa.Array, ends: Ints) -> pa.Array:
    """Pieces that follow each other as longer texts, each up to the given piece."""
    _, bounds, data = pieces.buffers()
    old = np.frombuffer(bounds, np.int32, len(pieces) + 1)
    new = np.empty(len(ends) + 1, np.int32)
    new[0] = old[0]
    new[1:] = old[ends]
    return pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(new), data])


def _keys(slices: pa.Array) -> tuple[Ints, list[str]]:
    encoded = slices.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [key.decode() for key in encoded.dictionary.to_pylist()]


def _to_escape(texts: pa.Array) -> Ints:
    """The texts with a character that JSON does not let stand: controls, quote, backslash."""
    _, bounds, data = texts.buffers()
    offsets = np.frombuffer(bounds, np.int32, len(texts) + 1)
    if not offsets[-1]:
        return np.empty(0, np.int64)
    content = np.frombuffer(data, np.uint8, offsets[-1])
    special = np.flatnonzero((content < 0x20) | (content == 0x22) | (content == 0x5C))
    return np.unique(np.searchsorted(offsets, special, side="right") - 1)


def _binary(texts: Sequence[str]) -> pa.Array:
    return pa.array(texts, pa.string()).view(pa.binary())
