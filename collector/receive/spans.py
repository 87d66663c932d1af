"""Spans become columns.

This is the path that decides how many spans a second fit into one core, so a chunk of
thousands of spans is read at once: their fields (`lockstep`), their attributes
(`attributes`) and what they mean (`meanings`). A span that is odd in any way goes through
protobuf and plain Python alone, and gives the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.model import Signal
from collector.receive.attributes import Attributes, attributes_json, read_attributes
from collector.receive.check import span_fault
from collector.receive.facts import add_facts
from collector.receive.lockstep import Buffer, Field, Flags, Ints, Messages, Repeated, Shape, read
from collector.receive.meanings import meanings_of
from collector.receive.normalise import Meaning, facts_of_span, meaning_of_span
from collector.receive.parse import parse
from collector.receive.rows import MAX_NS, Rows
from collector.receive.senders import KnownResource, KnownScope, Senders
from collector.receive.values import attributes_of, attributes_text, json_text
from collector.receive.wire import TracesData
from collector.store.batch import HASH, JSON, SCHEMAS, TIME, array_of, table_of
from collector.store.wal import Record

__all__ = ["SpanDecoder"]

Columns: TypeAlias = dict[str, pa.Array]

# 4,096: larger arrays come from the system anew each time, and its pages cost half as much again.
CHUNK_SPANS = 4_096
# 8 MiB: escaping makes 36 times as much of the worst keys, and an array of texts holds 2 GiB.
CHUNK_BYTES = 8 * 1024 * 1024
# 1 MiB: a span of more is read alone.
SPAN_BYTES = 1024 * 1024

_SPAN = {
    "trace_id": Field(1, Shape.BYTES),
    "span_id": Field(2, Shape.BYTES),
    "trace_state": Field(3, Shape.BYTES),
    "parent_span_id": Field(4, Shape.BYTES),
    "name": Field(5, Shape.BYTES),
    "kind": Field(6, Shape.VARINT),
    "start_ns": Field(7, Shape.FIXED64),
    "end_ns": Field(8, Shape.FIXED64),
    "attributes": Field(9, Shape.REPEATED),
    "dropped_attributes_count": Field(10, Shape.VARINT),
    "events": Field(11, Shape.REPEATED),
    "dropped_events_count": Field(12, Shape.VARINT),
    "links": Field(13, Shape.REPEATED),
    "dropped_links_count": Field(14, Shape.VARINT),
    "status": Field(15, Shape.BYTES),
    "flags": Field(16, Shape.FIXED32),
}
_COUNTS = ("dropped_attributes_count", "dropped_events_count", "dropped_links_count")
_MOST_COUNT = 2**32 - 1
_MOST_KIND = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Group:
    """Spans that one request brought from one sender, as bytes."""

    record: Record
    resource: KnownResource
    scope: KnownScope
    spans: Sequence[bytes]


class SpanDecoder:
    """Turns trace requests into rows of span and of the facts that spans tell."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders

    def add(self, record: Record, rows: Rows) -> None:
        """Read the spans of one request; they become rows with `finish`."""
        body = record.body
        if record.encoding == "json":
            body = parse(record.signal, record.encoding, body).SerializeToString()
        received_us, received = record.received_ns // 1000, 0
        for group in TracesData.FromString(body).resource_spans:
            resource = self._senders.resource(group.resource, group.schema_url, received_us, rows)
            for spans_of in group.scope_spans:
                scope = self._senders.scope(spans_of.scope, spans_of.schema_url, rows)
                spans = list(spans_of.spans)
                received += len(spans)
                if spans:
                    rows.groups.append(Group(record, resource, scope, spans))
        rows.count(record.source, Signal.TRACES, received_us, received)
        rows.waiting_spans += received
        rows.waiting_bytes += len(body)
        if rows.waiting_spans >= CHUNK_SPANS or rows.waiting_bytes >= CHUNK_BYTES:
            self.finish(rows)

    def finish(self, rows: Rows) -> None:
        """Turn the spans read so far into rows, all at once: most requests are small."""
        groups, rows.groups = rows.groups, []
        rows.waiting_spans = rows.waiting_bytes = 0
        for chunk in _chunks(groups):
            rows.spans.append(_Chunk(chunk, rows).table())


def _chunks(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups in their order, cut where too many bytes would come together."""
    chunk: list[Group] = []
    room = CHUNK_BYTES
    for group in groups:
        begin = 0
        for at, span in enumerate(group.spans):
            room -= len(span)
            if room < 0 and (at > begin or chunk):
                if at > begin:
                    chunk.append(replace(group, spans=group.spans[begin:at]))
                yield chunk
                chunk, begin, room = [], at, CHUNK_BYTES - len(span)
        chunk.append(replace(group, spans=group.spans[begin:]) if begin else group)
    if chunk:
        yield chunk


class _Chunk:
    """Spans side by side; `group_of` tells each one's group."""

    def __init__(self, groups: Sequence[Group], rows: Rows) -> None:
        self._groups = groups
        self._rows = rows
        self._spans = [span for group in groups for span in group.spans]
        self._group_of: Ints = np.repeat(
            np.arange(len(groups)), [len(group.spans) for group in groups]
        )
        self._buffer = Buffer(b"".join(self._spans))

    def table(self) -> pa.Table:
        """The rows of all spans that are not refused, in the order in which they came."""
        ends = np.cumsum([len(span) for span in self._spans])
        starts = np.concatenate(([0], ends[:-1]))
        messages = read(self._buffer, starts, ends, _SPAN)
        odd = messages.odd | _is_suspect(self._buffer, messages) | (ends - starts > SPAN_BYTES)
        attributes = self._attributes(messages, odd)
        good = np.flatnonzero(~odd)
        table = self._columns(good, messages.kept(~odd), attributes)
        if not odd.any():
            return table
        alone, kept = self._alone(np.flatnonzero(odd))
        order = np.argsort(np.concatenate((good, kept)), kind="stable")
        return pa.concat_tables([table, alone]).take(pa.array(order))

    def _attributes(self, messages: Messages, odd: Flags) -> Attributes:
        """The attributes of the spans that are not odd; odd ones among these become so."""
        attributes = read_attributes(self._buffer, messages.repeated["attributes"].kept(~odd))
        if not attributes.odd.any():
            return attributes
        odd[np.flatnonzero(~odd)[attributes.odd]] = True
        return read_attributes(self._buffer, messages.repeated["attributes"].kept(~odd))

    def _columns(self, good: Ints, messages: Messages, attributes: Attributes) -> pa.Table:
        events = messages.repeated["events"]
        columns = self._of_groups(good) | self._fields(messages)
        columns["attributes"] = _json(attributes_json(attributes))
        columns["events"] = self._lists(events, _events_json)
        columns["links"] = self._lists(messages.repeated["links"], _links_json)
        alike = [columns[name] for name in ("name", "status_code", "status_message")]
        eventful = events.counts > 0
        ask = partial(self._ask, good, columns)
        meant = meanings_of(attributes, alike, eventful, ask)
        columns |= meant.columns
        if meant.alone.size:
            columns |= self._meanings_alone(good, meant.alone, meant.columns)
        schema = SCHEMAS["span"]
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def _of_groups(self, good: Ints) -> Columns:
        """What spans share with the request and the sender that brought them."""
        picks = pa.array(self._group_of[good])
        records = [group.record for group in self._groups]
        resources = array_of([group.resource.hash for group in self._groups], HASH)
        scopes = array_of([group.scope.hash for group in self._groups], HASH)
        received = [record.received_ns // 1000 for record in records]
        return {
            "sequence": pa.array([record.sequence for record in records], pa.uint64()).take(picks),
            "received_at": pa.array(received, TIME).take(picks),
            "source": pa.array([record.source for record in records]).take(picks),
            "resource_hash": _hashes(resources, picks),
            "scope_hash": _hashes(scopes, picks),
        }

    def _fields(self, messages: Messages) -> Columns:
        start_ns, end_ns = (
            messages.numbers[name].view(np.int64) for name in ("start_ns", "end_ns")
        )
        codes, texts = self._statuses(messages)
        columns = {
            "trace_id": self._slices(messages, "trace_id"),
            "span_id": self._slices(messages, "span_id"),
            "parent_span_id": _null_where_empty(self._slices(messages, "parent_span_id")),
            "trace_state": self._slices(messages, "trace_state").cast(pa.string()),
            "name": self._slices(messages, "name").cast(pa.string()),
            "kind": pa.array(messages.numbers["kind"].astype(np.int32)),
            "flags": pa.array(messages.numbers["flags"].astype(np.uint32)),
            "started_at": pa.array(start_ns // 1000).view(TIME),
            "start_ns": pa.array(start_ns),
            "end_ns": pa.array(end_ns),
            "status_code": codes,
            "status_message": texts,
        }
        for name in _COUNTS:
            columns[name] = pa.array(messages.numbers[name].astype(np.uint32))
        return columns

    def _slices(self, messages: Messages, name: str) -> pa.Array:
        return self._buffer.slices(messages.starts[name], messages.ends[name])

    def _statuses(self, messages: Messages) -> tuple[pa.Array, pa.Array]:
        """Codes and messages; most spans have one of a few statuses."""
        encoded = self._slices(messages, "status").dictionary_encode()
        known = [Status.FromString(data) for data in encoded.dictionary.to_pylist()]
        codes = pa.array([status.code for status in known], pa.int32())
        texts = pa.array([status.message for status in known], pa.string())
        return codes.take(encoded.indices), texts.take(encoded.indices)

    def _lists(self, found: Repeated, write: Callable[[list[bytes]], str]) -> pa.Array:
        """Events or links as JSON; most spans have none."""
        picks = np.zeros(len(found.offsets) - 1, np.int64)
        written = ["[]"]
        for row in np.flatnonzero(found.counts).tolist():
            picks[row] = len(written)
            written.append(write([self._buffer.cut(*bounds) for bounds in found.of(row)]))
        return _json(pa.array(written, pa.string()).take(pa.array(picks)))

    def _group(self, place: int) -> Group:
        return self._groups[int(self._group_of[place])]

    def _ask(self, good: Ints, columns: Columns, row: int, told: dict[str, Any]) -> Meaning:
        """What a plain span means."""
        group = self._group(int(good[row]))
        name, code, message = (
            columns[column][row].as_py() for column in ("name", "status_code", "status_message")
        )
        resource = group.resource.attributes
        return meaning_of_span(name, group.scope.name, told, resource, code, message, ())

    def _meanings_alone(self, good: Ints, rows: Ints, columns: Columns) -> Columns:
        """The columns of meaning, with those of some spans that were read alone."""
        meanings = []
        for place in good[rows].tolist():
            span = Span.FromString(self._spans[place])
            meanings.append(_meaning(self._group(place), span, self._rows))
        mask = np.zeros(len(good), bool)
        mask[rows] = True
        told = zip(*meanings, strict=True)
        return {
            name: pc.replace_with_mask(columns[name], mask, pa.array(values, columns[name].type))
            for name, values in zip(Meaning._fields, told, strict=True)
        }

    def _alone(self, places: Ints) -> tuple[pa.Table, Ints]:
        """The rows of odd spans, and which spans they are; what must be refused is not among."""
        columns: dict[str, list[Any]] = {name: [] for name in SCHEMAS["span"].names}
        kept = []
        for place in places.tolist():
            span, group = Span.FromString(self._spans[place]), self._group(place)
            if fault := span_fault(span):
                self._rows.refuse(group.record, *fault)
                continue
            kept.append(place)
            row = _row(group, span) | _meaning(group, span, self._rows)._asdict()
            for name, values in columns.items():
                values.append(row[name])
        return table_of("span", columns), np.array(kept, np.int64)


def _is_suspect(buffer: Buffer, messages: Messages) -> Flags:
    """Spans that might be refused, or whose numbers do not fit as they stand."""
    traces, ids = messages.starts["trace_id"], messages.starts["span_id"]
    parents = messages.lengths("parent_span_id")
    suspect: Flags = (messages.lengths("trace_id") != 16) | (messages.lengths("span_id") != 8)
    suspect |= (parents != 0) & (parents != 8)
    suspect |= (buffer.words(traces) | buffer.words(traces + 8)) == 0
    suspect |= buffer.words(ids) == 0
    for name, most in (("start_ns", MAX_NS), ("end_ns", MAX_NS), ("kind", _MOST_KIND)):
        suspect |= messages.numbers[name] > most
    for name in _COUNTS:
        suspect |= messages.numbers[name] > _MOST_COUNT
    return suspect


def _hashes(hashes: pa.Array, picks: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(HASH, hashes.storage.take(picks))


def _json(texts: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(JSON, texts)


def _null_where_empty(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(pc.binary_length(values), 0), None, values)


def _row(group: Group, span: Span) -> dict[str, Any]:
    """The columns of one span but for its meaning."""
    return {
        "sequence": group.record.sequence,
        "received_at": group.record.received_ns // 1000,
        "source": group.record.source,
        "resource_hash": group.resource.hash,
        "scope_hash": group.scope.hash,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id or None,
        "trace_state": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "started_at": span.start_time_unix_nano // 1000,
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "status_code": span.status.code,
        "status_message": span.status.message,
        "attributes": attributes_text(span.attributes),
        "dropped_attributes_count": span.dropped_attributes_count,
        "events": json_text(list(map(_event, span.events))),
        "dropped_events_count": span.dropped_events_count,
        "links": json_text(list(map(_link, span.links))),
        "dropped_links_count": span.dropped_links_count,
    }


def _meaning(group: Group, span: Span, rows: Rows) -> Meaning:
    """What one span means; the facts it tells become rows."""
    attributes = attributes_of(span.attributes)
    events = list(map(_event, span.events))
    scope, resource = group.scope.name, group.resource.attributes
    times = (span.start_time_unix_nano, span.end_time_unix_nano)
    ids = (span.trace_id, span.span_id)
    told = facts_of_span(span.name, scope, attributes, resource, *ids, *times, events)
    if told:
        add_facts(rows, group.record, told)
    status = (span.status.code, span.status.message)
    return meaning_of_span(span.name, scope, attributes, resource, *status, events)


def _events_json(events: list[bytes]) -> str:
    return json_text([_event(Span.Event.FromString(data)) for data in events])


def _event(event: Span.Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "time_ns": event.time_unix_nano,
        "attributes": attributes_of(event.attributes),
        "dropped_attributes_count": event.dropped_attributes_count,
    }


def _links_json(links: list[bytes]) -> str:
    return json_text([_link(Span.Link.FromString(data)) for data in links])


def _link(link: Span.Link) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "trace_state": link.trace_state,
        "attributes": attributes_of(link.attributes),
        "dropped_attributes_count": link.dropped_attributes_count,
        "flags": link.flags,
    }
