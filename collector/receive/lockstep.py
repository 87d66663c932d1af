"""Protobuf read side by side: the same field of thousands of messages at once.

A message is a slice of one buffer. All messages advance together, field by field, and
what happens to one happens to thousands in a single array operation. Messages of one
sender look alike, so as many steps suffice as a message has fields.

Only the plain case is read. A message with an unknown field, a group, a field twice that
may come once, or an end that does not fit is *odd*: protobuf itself has to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Buffer", "Field", "Messages", "Repeated", "Shape", "read"]

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Numbers: TypeAlias = npt.NDArray[np.uint64]

# Behind the last message, so that a look ahead stays inside.
_PADDING = bytes(16)
_TWO_BYTE_TAG = 0x80
_LONGEST_LENGTH = 4
_LONGEST_VARINT = 10
# A few messages much longer than the others are not worth a step each.
_PATIENCE = 64
_FEW = 32
# 2,048: twice what a span may have in attributes. Nobody has more fields but to keep us busy.
_MOST_STEPS = 2048


class Shape(Enum):
    """How a field is written, and whether it may come more than once."""

    BYTES = "bytes"
    REPEATED = "repeated"
    VARINT = "varint"
    FIXED64 = "fixed64"
    FIXED32 = "fixed32"


_WIRE_TYPES = {
    Shape.VARINT: 0,
    Shape.FIXED64: 1,
    Shape.BYTES: 2,
    Shape.REPEATED: 2,
    Shape.FIXED32: 5,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message type; its number is at most 31, so its tag has one or two bytes."""

    number: int
    shape: Shape

    @property
    def tag(self) -> tuple[int, int]:
        """The first byte and the second, which is -1 where there is none."""
        tag = self.number << 3 | _WIRE_TYPES[self.shape]
        return (tag, -1) if tag < _TWO_BYTE_TAG else (tag & 0x7F | _TWO_BYTE_TAG, tag >> 7)


class Buffer:
    """Bytes that hold many messages, with views to read numbers from any place."""

    def __init__(self, data: bytes) -> None:
        self._data = data + _PADDING
        self.bytes = np.frombuffer(self._data, np.uint8)
        self.fixed64 = self._view("<u8", 8)
        self.fixed32 = self._view("<u4", 4)

    def _view(self, kind: str, size: int) -> npt.NDArray[Any]:
        shape = (len(self._data) - size + 1,)
        return np.ndarray(shape=shape, dtype=kind, buffer=self._data, strides=(1,))

    def slices(self, starts: Ints, ends: Ints) -> pa.Array:
        """Slices as an Arrow array of binary; they must rise and not overlap."""
        bounds = np.empty(2 * len(starts) + 1, np.int32)
        bounds[0:-1:2] = starts
        bounds[1:-1:2] = ends
        bounds[-1] = ends[-1] if len(ends) else 0
        buffers = [None, pa.py_buffer(bounds), pa.py_buffer(self._data)]
        alternating = pa.Array.from_buffers(pa.binary(), 2 * len(starts), buffers)
        return alternating.take(pa.array(np.arange(0, 2 * len(starts), 2)))

    def words(self, at: Ints) -> Numbers:
        """Eight bytes from each place on, as one number."""
        return _fixed(self.fixed64, at, 8)[0]

    def cut(self, start: int, end: int) -> bytes:
        """One slice."""
        return self._data[start:end]


@dataclass(slots=True)
class Repeated:
    """Every occurrence of a repeated field, message by message.

    Those of message i are at positions offsets[i] to offsets[i + 1].
    """

    offsets: Ints
    starts: Ints
    ends: Ints

    @property
    def counts(self) -> Ints:
        return np.diff(self.offsets)

    @property
    def rows(self) -> Ints:
        """The message of each occurrence."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    def kept(self, chosen: Flags) -> Repeated:
        """The occurrences of the chosen messages only."""
        if chosen.all():
            return self
        here = np.repeat(chosen, self.counts)
        offsets = np.concatenate(([0], np.cumsum(self.counts[chosen])))
        return Repeated(offsets, self.starts[here], self.ends[here])

    def of(self, row: int) -> list[tuple[int, int]]:
        """Start and end of each occurrence in one message."""
        here = slice(int(self.offsets[row]), int(self.offsets[row + 1]))
        return list(zip(self.starts[here].tolist(), self.ends[here].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Messages:
    """What was read: for each field its slices or numbers, in the order of the messages.

    A field that a message does not have is an empty slice, or zero. Of odd messages nothing
    that is told here counts.
    """

    odd: Flags
    starts: Mapping[str, Ints]
    ends: Mapping[str, Ints]
    numbers: Mapping[str, Numbers]
    seen: Mapping[str, Flags]
    repeated: Mapping[str, Repeated]

    def kept(self, chosen: Flags) -> Messages:
        """The chosen messages only."""
        if chosen.all():
            return self
        return Messages(
            self.odd[chosen],
            {name: starts[chosen] for name, starts in self.starts.items()},
            {name: ends[chosen] for name, ends in self.ends.items()},
            {name: numbers[chosen] for name, numbers in self.numbers.items()},
            {name: seen[chosen] for name, seen in self.seen.items()},
            {name: found.kept(chosen) for name, found in self.repeated.items()},
        )

    def lengths(self, name: str) -> Ints:
        return self.ends[name] - self.starts[name]


class _Reading:
    """Messages as they are being read."""

    def __init__(self, starts: Ints, fields: Mapping[str, Field]) -> None:
        count = len(starts)
        self.odd: Flags = np.zeros(count, bool)
        self.starts: dict[str, Ints] = {}
        self.ends: dict[str, Ints] = {}
        self.numbers: dict[str, Numbers] = {}
        self.seen: dict[str, Flags] = {}
        self.repeated: dict[str, _Gathered] = {}
        for name, field in fields.items():
            if field.shape is Shape.REPEATED:
                self.repeated[name] = _Gathered(count)
                continue
            self.seen[name] = np.zeros(count, bool)
            if field.shape is Shape.BYTES:
                self.starts[name], self.ends[name] = starts.copy(), starts.copy()
            else:
                self.numbers[name] = np.zeros(count, np.uint64)

    def done(self) -> Messages:
        repeated = {name: found.ordered() for name, found in self.repeated.items()}
        return Messages(self.odd, self.starts, self.ends, self.numbers, self.seen, repeated)


class _Gathered:
    """Occurrences of a repeated field as they are found, one step of all messages at a time."""

    def __init__(self, count: int) -> None:
        self._counts = np.zeros(count, np.int64)
        self._found: list[tuple[Ints, Ints, Ints, Ints]] = []

    def add(self, rows: Ints, starts: Ints, ends: Ints) -> None:
        ordinals = self._counts[rows]
        self._counts[rows] = ordinals + 1
        self._found.append((rows, ordinals, starts, ends))

    def ordered(self) -> Repeated:
        offsets = np.zeros(len(self._counts) + 1, np.int64)
        np.cumsum(self._counts, out=offsets[1:])
        starts = np.empty(offsets[-1], np.int64)
        ends = np.empty(offsets[-1], np.int64)
        for rows, ordinals, found_starts, found_ends in self._found:
            places = offsets[rows] + ordinals
            starts[places] = found_starts
            ends[places] = found_ends
        return Repeated(offsets, starts, ends)


def read(buffer: Buffer, starts: Ints, ends: Ints, fields: Mapping[str, Field]) -> Messages:
    """The fields of the messages at these slices of the buffer."""
    messages = _Reading(starts, fields)
    known = {field.tag[0]: (name, field) for name, field in fields.items()}
    rows = np.flatnonzero(ends > starts)
    at, limits = starts[rows], ends[rows]
    steps = 0
    while rows.size:
        steps += 1
        if steps > _MOST_STEPS or (steps > _PATIENCE and rows.size < _FEW):
            messages.odd[rows] = True
            break
        at = _step(buffer, messages, known, rows, at, limits)
        messages.odd[rows[at > limits]] = True
        going = at < limits
        if not going.all():
            rows, at, limits = rows[going], at[going], limits[going]
    return messages.done()


def _step(
    buffer: Buffer,
    messages: _Reading,
    known: Mapping[int, tuple[str, Field]],
    rows: Ints,
    at: Ints,
    limits: Ints,
) -> Ints:
    """Read the field at which each message stands; answers where each stands then."""
    tags = buffer.bytes[at]
    if (tags == tags[0]).all():
        return _advance(buffer, messages, known.get(int(tags[0])), rows, at, limits)
    after = np.empty_like(at)
    for tag in np.flatnonzero(np.bincount(tags, minlength=256)).tolist():
        here = np.flatnonzero(tags == tag)
        after[here] = _advance(buffer, messages, known.get(tag), rows[here], at[here], limits[here])
    return after


def _advance(
    buffer: Buffer,
    messages: _Reading,
    known: tuple[str, Field] | None,
    rows: Ints,
    at: Ints,
    limits: Ints,
) -> Ints:
    """Read one field of messages that all stand before it."""
    if known is None:
        messages.odd[rows] = True
        return limits
    name, field = known
    second = field.tag[1]
    if second >= 0:
        messages.odd[rows[buffer.bytes[at + 1] != second]] = True
        at = at + 1
    if field.shape is not Shape.REPEATED:
        seen = messages.seen[name]
        messages.odd[rows[seen[rows]]] = True
        seen[rows] = True
    match field.shape:
        case Shape.BYTES | Shape.REPEATED:
            return _take_bytes(buffer, messages, name, rows, at + 1, limits)
        case Shape.VARINT:
            numbers, after = _varints(buffer, at + 1)
            # A continued last byte or one past the end is odd either way.
            messages.odd[rows[after - at - 1 > _LONGEST_VARINT]] = True
        case Shape.FIXED64:
            numbers, after = _fixed(buffer.fixed64, at + 1, 8)
        case Shape.FIXED32:
            numbers, after = _fixed(buffer.fixed32, at + 1, 4)
    messages.numbers[name][rows] = numbers
    return after


def _take_bytes(
    buffer: Buffer, messages: _Reading, name: str, rows: Ints, at: Ints, limits: Ints
) -> Ints:
    lengths, starts = _lengths(buffer, at)
    ends = starts + lengths
    wrong = (ends > limits) | (starts - at > _LONGEST_LENGTH)
    if wrong.any():
        messages.odd[rows[wrong]] = True
        right = ~wrong
        rows, starts, good_ends = rows[right], starts[right], ends[right]
        ends = np.where(wrong, limits, ends)
    else:
        good_ends = ends
    if name in messages.repeated:
        messages.repeated[name].add(rows, starts, good_ends)
    else:
        messages.starts[name][rows] = starts
        messages.ends[name][rows] = good_ends
    return ends


def _lengths(buffer: Buffer, at: Ints) -> tuple[Ints, Ints]:
    """The length that stands at each place, and the place behind it."""
    first = buffer.bytes[at].astype(np.int64)
    if (first < 128).all():
        return first, at + 1
    numbers, after = _varints(buffer, at)
    # What is cut here has too many bytes and is odd.
    return (numbers & np.uint64(0x7FFFFFFF)).astype(np.int64), after


def _varints(buffer: Buffer, at: Ints) -> tuple[Numbers, Ints]:
    """The varint at each place, and the place behind it."""
    byte = buffer.bytes[at]
    numbers = (byte & 0x7F).astype(np.uint64)
    after = at + 1
    going = np.flatnonzero(byte >= 128)
    shift = 7
    while going.size and shift < 7 * _LONGEST_VARINT:
        last = len(buffer.bytes) - 1
        byte = buffer.bytes[np.minimum(after[going], last)]
        numbers[going] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
        after[going] += 1
        going = going[byte >= 128]
        shift += 7
    after[going] += 1
    return numbers, after


def _fixed(view: npt.NDArray[Any], at: Ints, size: int) -> tuple[Numbers, Ints]:
    return view[np.minimum(at, len(view) - 1)].astype(np.uint64), at + size
