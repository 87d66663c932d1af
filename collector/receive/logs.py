"""Log records become columns."""

from __future__ import annotations

from collections import Counter
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from collector.model import Signal
from collector.receive.facts import add_facts
from collector.receive.normalise import facts_of_log, logged_ns
from collector.receive.rows import MAX_NS, Rows
from collector.receive.senders import KnownResource, KnownScope, Senders, content_hash
from collector.receive.values import attributes_of, json_text, plain
from collector.store.wal import Record

__all__ = ["LogDecoder"]

Paths = frozenset[tuple[int, ...]]


class LogDecoder:
    """Turns log requests into rows of log_record and of the facts that logs tell."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders

    def add(
        self, record: Record, request: ExportLogsServiceRequest, refused: Paths, rows: Rows
    ) -> None:
        """Append the log records of one request, without those at the refused paths."""
        received_us = record.received_ns // 1000
        equals: Counter[bytes] = Counter()
        received = 0
        for resource_at, group in enumerate(request.resource_logs):
            data = group.resource.SerializeToString(deterministic=True)
            resource = self._senders.resource(data, group.schema_url, received_us, rows)
            for scope_at, logs in enumerate(group.scope_logs):
                scope = self._scope(logs, rows)
                received += len(logs.log_records)
                for log_at, log in enumerate(logs.log_records):
                    if (resource_at, scope_at, log_at) not in refused:
                        _add_log(record, resource, scope, log, equals, rows)
        rows.count(record.source, Signal.LOGS, received_us, received)

    def _scope(self, logs: ScopeLogs, rows: Rows) -> KnownScope:
        data = logs.scope.SerializeToString(deterministic=True)
        return self._senders.scope(data, logs.schema_url, rows)


def fingerprint(equals: Counter[bytes], *content: bytes) -> bytes:
    """A hash of the content and of how many equals came before it in the same request."""
    plain_hash = content_hash(*content)
    equals[plain_hash] += 1
    return content_hash(plain_hash, str(equals[plain_hash]).encode())


def _add_log(
    record: Record,
    resource: KnownResource,
    scope: KnownScope,
    log: LogRecord,
    equals: Counter[bytes],
    rows: Rows,
) -> None:
    attributes = attributes_of(log.attributes)
    body = plain(log.body)
    time_ns, observed_ns = log.time_unix_nano, log.observed_time_unix_nano
    told_ns = logged_ns(body, attributes, time_ns, observed_ns) or record.received_ns
    rows.add(
        "log_record",
        {
            "sequence": record.sequence,
            "received_at": record.received_ns // 1000,
            "source": record.source,
            "resource_hash": resource.hash,
            "scope_hash": scope.hash,
            "fingerprint": fingerprint(
                equals, resource.hash, scope.hash, log.SerializeToString(deterministic=True)
            ),
            "logged_at": min(told_ns, MAX_NS) // 1000,
            "time_ns": time_ns,
            "observed_ns": observed_ns,
            "severity_number": log.severity_number,
            "severity_text": log.severity_text,
            "event_name": log.event_name,
            "body": json_text(body) if log.HasField("body") else None,
            "attributes": json_text(attributes),
            "dropped_attributes_count": log.dropped_attributes_count,
            "flags": log.flags,
            "trace_id": log.trace_id or None,
            "span_id": log.span_id or None,
        },
    )
    _add_facts(record, resource, scope, log, body, attributes, rows)


def _add_facts(
    record: Record,
    resource: KnownResource,
    scope: KnownScope,
    log: LogRecord,
    body: Any,
    attributes: dict[str, Any],
    rows: Rows,
) -> None:
    facts = facts_of_log(
        scope.name,
        log.event_name,
        body,
        attributes,
        resource.attributes,
        log.trace_id or None,
        log.span_id or None,
        log.time_unix_nano,
        log.observed_time_unix_nano or record.received_ns,
    )
    add_facts(rows, record, facts, (resource.hash, scope.hash))
