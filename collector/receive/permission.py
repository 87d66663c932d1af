"""Permission: which records of a request a sender may not send, and the request without them.

A record is refused when it claims an agent that its sender may not speak for. It claims every
name that normalisation would read from it: its own agent, those of the decisions, scores
and aliases it tells, and every DID or SPIFFE id beside them, because a name is learnt from it.
One that tells of a command claims to be control. One that claims none speaks for its
resource's service.name.

A claim is all there is: a sender may still attach a span without any name, or a verdict of its
own, to a span of another agent, if it knows the ids and may send for its own service.name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.receive.check import Reason, Refusal
from collector.receive.credentials import Grant
from collector.receive.normalise import (
    AliasFact,
    CommandFact,
    DecisionFact,
    Fact,
    GovernanceFact,
    TrustFact,
    facts_of_log,
    facts_of_metric,
    facts_of_span,
    meaning_of_span,
    sender_of,
)
from collector.receive.parse import ExportRequest
from collector.receive.values import attributes_of, plain

__all__ = ["remove_forbidden"]

# What the control process calls itself: nobody else knows what became of a command.
_CONTROL = "watchkeeper-control"
_IDENTIFIERS = ("did:", "spiffe://")

_Record: TypeAlias = Span | LogRecord | Metric
_Claims: TypeAlias = Callable[[Any, str, dict[str, Any]], Iterator[str | None]]


@dataclass(frozen=True, slots=True)
class _Group:
    """What one resource sent: per scope its name and its records."""

    resource: Any
    scopes: Sequence[tuple[str, Any]]

    @property
    def is_empty(self) -> bool:
        return not any(len(records) for _, records in self.scopes)


def remove_forbidden(request: ExportRequest, grant: Grant) -> list[Refusal]:
    """Take out of the request what its sender may not send; answers with what that was."""
    claims, resources, groups = _read(request)
    refused: list[Refusal] = []
    for resource_at, group in reversed(list(enumerate(groups))):
        if found := list(_from_group(resource_at, group, claims, grant)):
            refused += found
            if group.is_empty:
                del resources[resource_at]
    return refused


def _read(request: ExportRequest) -> tuple[_Claims, Any, list[_Group]]:
    match request:
        case ExportTraceServiceRequest():
            return (
                _of_span,
                request.resource_spans,
                [
                    _Group(
                        one.resource, [(scope.scope.name, scope.spans) for scope in one.scope_spans]
                    )
                    for one in request.resource_spans
                ],
            )
        case ExportLogsServiceRequest():
            return (
                _of_log,
                request.resource_logs,
                [
                    _Group(
                        one.resource,
                        [(scope.scope.name, scope.log_records) for scope in one.scope_logs],
                    )
                    for one in request.resource_logs
                ],
            )
        case ExportMetricsServiceRequest():
            return (
                _of_metric,
                request.resource_metrics,
                [
                    _Group(
                        one.resource,
                        [(scope.scope.name, scope.metrics) for scope in one.scope_metrics],
                    )
                    for one in request.resource_metrics
                ],
            )
    raise TypeError(f"expected an OTLP request, got {type(request).__name__}")


def _from_group(
    resource_at: int, group: _Group, claims: _Claims, grant: Grant
) -> Iterator[Refusal]:
    resource = attributes_of(group.resource.attributes)
    sender = sender_of(resource)
    for scope_at, (scope, records) in enumerate(group.scopes):
        forbidden: list[int] = []
        for record_at, record in enumerate(records):
            fault = _wrong_environment(sender.environment, grant) or _wrong_agent(
                {name for name in claims(record, scope, resource) if name}
                or {sender.service_name or ""},
                grant,
            )
            if fault:
                path = (resource_at, scope_at, record_at)
                yield Refusal(path, *fault, records=_size(record))
                forbidden.append(record_at)
        for record_at in reversed(forbidden):
            del records[record_at]


def _wrong_environment(environment: str | None, grant: Grant) -> tuple[Reason, str] | None:
    if _is_allowed(environment or "", grant.environments):
        return None
    told = repr(environment[:80]) if environment else "none"
    expected = ", ".join(grant.environments)
    return Reason.ENVIRONMENT, f"{grant.source} may send for {expected}, got {told}"


def _wrong_agent(names: Iterable[str], grant: Grant) -> tuple[Reason, str] | None:
    for name in sorted(names):
        if not _is_allowed(name, grant.agents):
            told = repr(name[:80]) if name else "no name"
            return (
                Reason.AGENT,
                f"{grant.source} may send for {', '.join(grant.agents)}, got {told}",
            )
    return None


def _is_allowed(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _size(record: _Record) -> int:
    """A metric counts as its points, as in every answer."""
    if not isinstance(record, Metric):
        return 1
    kind = record.WhichOneof("data")
    return len(getattr(record, kind).data_points) if kind else 1


def _of_span(span: Span, scope: str, resource: dict[str, Any]) -> Iterator[str | None]:
    attributes = attributes_of(span.attributes)
    status = span.status
    events = [
        {
            "name": event.name,
            "time_ns": event.time_unix_nano,
            "attributes": attributes_of(event.attributes),
        }
        for event in span.events
    ]
    meaning = meaning_of_span(
        span.name, scope, attributes, resource, int(status.code), status.message, events
    )
    yield meaning.agent_name or meaning.agent_id
    yield _identifier(meaning.agent_id)
    yield from _told(
        facts_of_span(
            span.name,
            scope,
            attributes,
            resource,
            span.trace_id,
            span.span_id,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            events,
        )
    )


def _of_log(log: LogRecord, scope: str, resource: dict[str, Any]) -> Iterator[str | None]:
    attributes = attributes_of(log.attributes)
    yield _named(attributes)
    yield from _told(
        facts_of_log(
            scope,
            log.event_name,
            plain(log.body),
            attributes,
            resource,
            log.trace_id or None,
            log.span_id or None,
            log.time_unix_nano,
            log.observed_time_unix_nano,
        )
    )


def _of_metric(metric: Metric, scope: str, resource: dict[str, Any]) -> Iterator[str | None]:
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points if kind else ():
        attributes = attributes_of(point.attributes)
        yield _named(attributes)
        if isinstance(point, NumberDataPoint):
            times = point.start_time_unix_nano, point.time_unix_nano
            yield from _told(
                facts_of_metric(
                    scope, metric.name, attributes, resource, _value(point), None, *times, 1
                )
            )


def _value(point: NumberDataPoint) -> float | None:
    kind = point.WhichOneof("value")
    return None if kind is None else float(getattr(point, kind))


def _named(attributes: dict[str, Any]) -> str | None:
    name = attributes.get("gen_ai.agent.name")
    return name if isinstance(name, str) else None


def _told(facts: Iterable[Fact]) -> Iterator[str | None]:
    for fact in facts:
        yield fact.agent
        match fact:
            case AliasFact():
                yield fact.alias
            case CommandFact():
                yield _CONTROL
            case DecisionFact() | TrustFact() | GovernanceFact():
                yield _identifier(fact.agent_id)


def _identifier(agent_id: str | None) -> str | None:
    """An id that stands for its agent wherever it is told, so that it counts as a name."""
    return agent_id if agent_id is not None and agent_id.startswith(_IDENTIFIERS) else None
