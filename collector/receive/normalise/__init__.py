"""What received telemetry means: attributes of any dialect in, our words out.

One file or folder holds one dialect. Keys are matched one by one, the first hit wins; a
schema URL is never trusted. Attribute values are plain Python (str, int, float,
bool, bytes, list, dict) and `resource` and `attributes` are plain mappings.

Called once per record by decode:

    meaning_of_span(name, scope, attributes, resource, status_code, status_message, events)
    facts_of_span(name, scope, attributes, resource, trace_id, span_id, start_ns, end_ns, events)
    facts_of_log(scope, event_name, body, attributes, resource,
                 trace_id, span_id, time_ns, observed_ns)
    facts_of_metric(scope, name, attributes, resource, value, temporality, start_ns, time_ns,
                    most_units)
    logged_ns(body, attributes, time_ns, observed_ns)   # the time a log record is about

`scope` is the scope's name. `events` is a sequence of mappings with the keys `name`,
`time_ns` and `attributes`; an empty sequence is fine. A fact carries `*_ns` and offers
the matching timestamp (`decided_at`, `scored_at`, …) as a property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from collector.model import Teller
from collector.receive.normalise import agt, claude_code, engines, guardrails, spans, watchkeeper
from collector.receive.normalise.events import Event
from collector.receive.normalise.facts import (
    LATEST_NS,
    AliasFact,
    CallFact,
    CommandFact,
    DecisionFact,
    Fact,
    GovernanceFact,
    Meaning,
    Sender,
    TrustFact,
    sender_of,
)

__all__ = [
    "FACT_KEYS",
    "SPAN_KEYS",
    "AliasFact",
    "CallFact",
    "CommandFact",
    "DecisionFact",
    "Fact",
    "GovernanceFact",
    "Meaning",
    "Sender",
    "TrustFact",
    "facts_of_log",
    "facts_of_metric",
    "facts_of_span",
    "logged_ns",
    "meaning_of_span",
    "sender_of",
    "units_each",
]

# A span with none of these keys and without events tells no fact.
FACT_KEYS = agt.SPAN_MARKERS | guardrails.MARKERS
# One with none of these means nothing either.
SPAN_KEYS = spans.MARKERS | FACT_KEYS

_MOST_UNITS_IN_A_REQUEST = 50_000

Attributes = Mapping[str, Any]
Events = Sequence[Mapping[str, Any]]

# Who reads an event, by its name. A log record has it in its field or in an attribute.
READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = {
    **watchkeeper.READERS,
    **agt.READERS,
    **guardrails.READERS,
    **claude_code.READERS,
    "audit_entry": agt.facts_of_audit,
}

# What an event on a span need not repeat.
_SPAN_IDENTITY = (
    "gen_ai.agent.name",
    "gen_ai.agent.id",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.request.model",
    "gen_ai.conversation.id",
)


def meaning_of_span(
    name: str,
    scope: str,
    attributes: Attributes,
    resource: Attributes,
    status_code: int,
    status_message: str,
    events: Events,
) -> Meaning:
    """The normalised columns of one span; nothing here is inherited from other spans."""
    return spans.meaning(name, scope, attributes, status_code, status_message, events)


def facts_of_span(
    name: str,
    scope: str,
    attributes: Attributes,
    resource: Attributes,
    trace_id: bytes,
    span_id: bytes,
    start_ns: int,
    end_ns: int,
    events: Events,
) -> Sequence[Fact]:
    """What one span and the events on it tell; most spans tell nothing."""
    named = [event for event in events if event.get("name") in READERS]
    if not named and FACT_KEYS.isdisjoint(attributes):
        return ()
    sender = sender_of(resource)
    span = Event(
        name=name,
        scope=scope,
        body=None,
        attributes=attributes,
        resource=resource,
        sender=sender,
        trace_id=trace_id,
        span_id=span_id,
        at_ns=min(start_ns, LATEST_NS),
        told_by=Teller.SPAN,
    )
    facts: list[Fact] = []
    if not agt.SPAN_MARKERS.isdisjoint(attributes):
        facts += agt.facts_of_span(span)
    # The event on a span tells more than the same attributes on the span itself.
    if not any(event["name"] in guardrails.READERS for event in named):
        facts += guardrails.of_span(span)
    for event in named:
        facts += _told_on(span, event, end_ns)
    return facts


def _told_on(span: Event, event: Mapping[str, Any], end_ns: int) -> Iterable[Fact]:
    """What an event on a span tells."""
    own = event.get("attributes") or {}
    told = replace(
        span,
        name=str(event["name"]),
        attributes=own,
        at_ns=min(int(event.get("time_ns") or end_ns), LATEST_NS),
        told_by=Teller.SPAN_EVENT,
    )
    if told.name not in agt.READERS:
        told = replace(told, attributes={**_identity(span.attributes), **own})
    return READERS[told.name](told)


def facts_of_log(
    scope: str,
    event_name: str,
    body: Any,
    attributes: Attributes,
    resource: Attributes,
    trace_id: bytes | None,
    span_id: bytes | None,
    time_ns: int,
    observed_ns: int,
) -> Sequence[Fact]:
    """What one log record tells; `event_name` is the OTLP field, empty when absent."""
    name = _event_name(event_name, attributes)
    reader = READERS.get(name)
    if reader is None and scope in agt.SCOPES:
        reader = agt.facts_of_line
    elif reader is None and engines.may_tell(body, attributes):
        reader = engines.facts
    if reader is None:
        return ()
    at_ns = logged_ns(body, attributes, time_ns, observed_ns)
    event = Event(
        name=name,
        scope=scope,
        body=body,
        attributes=attributes,
        resource=resource,
        sender=sender_of(resource),
        trace_id=trace_id,
        span_id=span_id,
        at_ns=min(at_ns, LATEST_NS),
        told_by=Teller.LOG,
    )
    return list(reader(event))


def _event_name(field: str, attributes: Attributes) -> str:
    """The name of an event: the field, else the attribute, else that of what is nested."""
    if field:
        return field
    nested = attributes.get(agt.NESTED)
    name = attributes.get("event.name")
    if name is None and isinstance(nested, dict):
        name = nested.get("event.name")
    return name if isinstance(name, str) else ""


def facts_of_metric(
    scope: str,
    name: str,
    attributes: Attributes,
    resource: Attributes,
    value: float | None,
    temporality: str | None,
    start_ns: int,
    time_ns: int,
    most_units: int = agt.MOST_UNITS,
) -> Sequence[Fact]:
    """What one number point of a counter or gauge tells; `temporality` as in metric_point.

    A counter tells a decision for each unit, at most `most_units` of them, the last ones.
    """
    if value is None or not agt.tells(name):
        return ()
    delta = temporality is not None and "delta" in temporality.lower()
    sender = sender_of(resource)
    start_ns, time_ns = min(start_ns, LATEST_NS), min(time_ns, LATEST_NS)
    return list(
        agt.facts_of_metric(
            scope, name, attributes, sender, resource, value, delta, start_ns, time_ns, most_units
        )
    )


def units_each(points: Iterable[tuple[str, int]]) -> int:
    """How many units each point of a request may tell, from its metrics' names and sizes.

    One point of a hundred bytes may claim a billion units, and so may all others beside it.
    """
    telling = sum(count for name, count in points if agt.tells(name))
    return max(1, min(agt.MOST_UNITS, _MOST_UNITS_IN_A_REQUEST // max(1, telling)))


def logged_ns(body: Any, attributes: Attributes, time_ns: int, observed_ns: int) -> int:
    """Time of a log record: its own, else its body's or its CloudEvent's, else when observed."""
    if time_ns:
        return time_ns
    if attributes.get("event.name") != "audit_entry":
        return observed_ns
    return agt.logged_ns(body, attributes) or observed_ns


def _identity(attributes: Attributes) -> dict[str, Any]:
    return {key: attributes[key] for key in _SPAN_IDENTITY if key in attributes}
