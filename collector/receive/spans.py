"""Spans become columns.

This is the path that decides how many spans a second fit into one core. So it works
column by column, reads equal attributes once, and asks what a span means only when one
of its attributes could mean something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.model import Signal
from collector.receive.check import Refusal, check
from collector.receive.facts import add_facts
from collector.receive.normalise import SPAN_KEYS, Meaning, facts_of_span, meaning_of_span
from collector.receive.parse import parse
from collector.receive.rows import MAX_NS, Rows
from collector.receive.senders import KnownResource, KnownScope, Senders
from collector.receive.values import Members, attributes_of, json_text
from collector.receive.wire import TracesData
from collector.store.wal import Record

__all__ = ["SpanDecoder"]

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_NOTHING = Meaning()
_MEANINGS = Meaning._fields


# 512: beyond, larger lists do not make a span cheaper.
_TOGETHER = 512


@dataclass(frozen=True, slots=True)
class Group:
    """Spans that one request brought from one sender."""

    record: Record
    resource: KnownResource
    scope: KnownScope
    spans: Sequence[Any]


class SpanDecoder:
    """Turns trace requests into rows of span and of the facts that spans tell."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._members = Members(SPAN_KEYS.__contains__)
        self._statuses: dict[bytes, tuple[int, str]] = {}

    def add(self, record: Record, rows: Rows) -> list[Refusal]:
        """Read the spans of one request; answers with those that were refused.

        They become rows with `finish`.
        """
        body, request = record.body, None
        if record.encoding == "json":
            request = parse(record.signal, record.encoding, body)
            body = request.SerializeToString()
        shallow = TracesData.FromString(body)
        refused: list[Refusal] = []
        if _is_suspect(shallow):
            refused = check(record.signal, request or parse(record.signal, "protobuf", body))
        self._add_groups(record, shallow, {refusal.path for refusal in refused}, rows)
        if len(rows.groups) >= _TOGETHER:
            self.finish(rows)
        return refused

    def _add_groups(
        self, record: Record, shallow: Any, refused: set[tuple[int, ...]], rows: Rows
    ) -> None:
        received_us = record.received_ns // 1000
        received = 0
        for resource_at, group in enumerate(shallow.resource_spans):
            resource = self._senders.resource(group.resource, group.schema_url, received_us, rows)
            for scope_at, spans_of in enumerate(group.scope_spans):
                scope = self._senders.scope(spans_of.scope, spans_of.schema_url, rows)
                spans = list(spans_of.spans)
                received += len(spans)
                if refused:
                    spans = [
                        span
                        for span_at, span in enumerate(spans)
                        if (resource_at, scope_at, span_at) not in refused
                    ]
                if spans:
                    rows.groups.append(Group(record, resource, scope, spans))
        rows.count(record.source, Signal.TRACES, received_us, received)

    def finish(self, rows: Rows) -> None:
        """Turn the groups read so far into columns, all at once: most requests are small."""
        groups, rows.groups = rows.groups, []
        if not groups:
            return
        columns = rows.columns["span"]
        spans = [span for group in groups for span in group.spans]
        for group in groups:
            _repeat(columns, group)
        attributes = [list(span.attributes) for span in spans]
        statuses = [self._status(span.status) for span in spans]
        _extend_plain(columns, spans)
        member = self._members.__getitem__
        columns["attributes"] += [f"{{{','.join(map(member, data))}}}" for data in attributes]
        columns["status_code"] += [code for code, _ in statuses]
        columns["status_message"] += [message for _, message in statuses]
        events = [list(span.events) for span in spans]
        columns["events"] += [_events_json(data) if data else "[]" for data in events]
        columns["links"] += [_links_json(data) if (data := span.links) else "[]" for span in spans]
        dull = self._members.dull.issuperset
        telling = [at for at, data in enumerate(attributes) if events[at] or not dull(data)]
        group_of = [group for group in groups for _ in group.spans] if telling else []
        meanings = [_NOTHING] * len(spans)
        for at in telling:
            meanings[at] = self._meaning(
                group_of[at], spans[at], attributes[at], events[at], statuses[at], rows
            )
        _extend_meanings(columns, meanings, bool(telling))

    def _meaning(
        self,
        group: Group,
        span: Any,
        pairs: Sequence[bytes],
        event_data: Sequence[bytes],
        status: tuple[int, str],
        rows: Rows,
    ) -> Meaning:
        """What one span means; the facts it tells become rows."""
        attributes = dict(map(self._members.pairs.__getitem__, pairs))
        events = [_event(Span.Event.FromString(data)) for data in event_data]
        name, scope, resource = span.name, group.scope, group.resource
        told = facts_of_span(
            name,
            scope.name,
            attributes,
            resource.attributes,
            span.trace_id,
            span.span_id,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            events,
        )
        if told:
            add_facts(rows, group.record.sequence, told)
        return meaning_of_span(name, scope.name, attributes, resource.attributes, *status, events)

    def _status(self, data: bytes) -> tuple[int, str]:
        known = self._statuses.get(data)
        if known is None:
            status = Status.FromString(data)
            known = (status.code, status.message)
            if len(self._statuses) < 1024:
                self._statuses[data] = known
        return known


def _is_suspect(shallow: Any) -> bool:
    """Whether a span of the request might be refused; if not, `check` need not be asked."""
    for group in shallow.resource_spans:
        for spans_of in group.scope_spans:
            spans = spans_of.spans
            if not spans:
                continue
            traces = {span.trace_id for span in spans}
            ids = {span.span_id for span in spans}
            parents = {span.parent_span_id for span in spans}
            if (
                set(map(len, traces)) != {16}
                or set(map(len, ids)) != {8}
                or not set(map(len, parents)) <= {0, 8}
                or _NO_TRACE in traces
                or _NO_SPAN in ids
                or max(span.start_time_unix_nano for span in spans) > MAX_NS
                or max(span.end_time_unix_nano for span in spans) > MAX_NS
            ):
                return True
    return False


def _repeat(columns: dict[str, list[Any]], group: Group) -> None:
    count, record = len(group.spans), group.record
    columns["sequence"] += [record.sequence] * count
    columns["received_at"] += [record.received_ns // 1000] * count
    columns["source"] += [record.source] * count
    columns["resource_hash"] += [group.resource.hash] * count
    columns["scope_hash"] += [group.scope.hash] * count


def _extend_plain(columns: dict[str, list[Any]], spans: Sequence[Any]) -> None:
    starts = [span.start_time_unix_nano for span in spans]
    columns["trace_id"] += [span.trace_id for span in spans]
    columns["span_id"] += [span.span_id for span in spans]
    columns["parent_span_id"] += [span.parent_span_id or None for span in spans]
    columns["trace_state"] += [span.trace_state for span in spans]
    columns["flags"] += [span.flags for span in spans]
    columns["name"] += [span.name for span in spans]
    columns["kind"] += [span.kind for span in spans]
    columns["started_at"] += [start // 1000 for start in starts]
    columns["start_ns"] += starts
    columns["end_ns"] += [span.end_time_unix_nano for span in spans]
    columns["dropped_attributes_count"] += [span.dropped_attributes_count for span in spans]
    columns["dropped_events_count"] += [span.dropped_events_count for span in spans]
    columns["dropped_links_count"] += [span.dropped_links_count for span in spans]


def _extend_meanings(
    columns: dict[str, list[Any]], meanings: Sequence[Meaning], any_told: bool
) -> None:
    if not any_told:
        nothing = [None] * len(meanings)
        for name in _MEANINGS:
            columns[name] += nothing
        return
    told = zip(*meanings, strict=True)
    for name, values in zip(_MEANINGS, told, strict=True):
        columns[name] += values


def _events_json(events: Sequence[bytes]) -> str:
    return json_text([_event(Span.Event.FromString(data)) for data in events])


def _event(event: Span.Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "time_ns": event.time_unix_nano,
        "attributes": attributes_of(event.attributes),
        "dropped_attributes_count": event.dropped_attributes_count,
    }


def _links_json(links: Sequence[bytes]) -> str:
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
