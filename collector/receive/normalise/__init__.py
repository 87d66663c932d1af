"""What received telemetry means: attributes of any dialect in, our words out.

One file or folder holds one dialect. Keys are matched one by one, the first hit wins; a
schema URL is never trusted. Attribute values are plain Python (str, int, float,
bool, bytes, list, dict) and `resource` and `attributes` are plain mappings.

Called once per record by decode:

    meaning_of_span(name, scope, attributes, resource, status_code, status_message, events)
    facts_of_span(name, scope, attributes, resource, trace_id, span_id, start_ns, end_ns, events)
    facts_of_log(scope, event_name, body, attributes, resource,
                 trace_id, span_id, time_ns, observed_ns)
    facts_of_metric(scope, name, attributes, resource, value, temporality, start_ns, time_ns)
    logged_ns(body, attributes, time_ns, observed_ns)   # the time a log record is about

`scope` is the scope's name. `events` is a sequence of mappings with the keys `name`,
`time_ns` and `attributes`; an empty sequence is fine. A fact carries `*_ns` and offers
the matching timestamp (`decided_at`, `scored_at`, …) as a property.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.receive.normalise import agt, spans, watchkeeper
from collector.receive.normalise.facts import (
    LATEST_NS,
    AliasFact,
    CommandFact,
    DecisionFact,
    Fact,
    Meaning,
    Sender,
    TrustFact,
    sender_of,
)

__all__ = [
    "SPAN_KEYS",
    "AliasFact",
    "CommandFact",
    "DecisionFact",
    "Fact",
    "Meaning",
    "Sender",
    "TrustFact",
    "facts_of_log",
    "facts_of_metric",
    "facts_of_span",
    "logged_ns",
    "meaning_of_span",
    "sender_of",
]

# A span with none of these keys and without events tells no fact and means nothing.
SPAN_KEYS = spans.MARKERS | agt.SPAN_MARKERS

Attributes = Mapping[str, Any]
Events = Sequence[Mapping[str, Any]]


_SPAN_IDENTITY = (
    "gen_ai.agent.name",
    "gen_ai.agent.id",
    "gen_ai.tool.name",
    "gen_ai.request.model",
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
    """Decisions, trust scores and names that one span tells; most spans tell none."""
    if not events and agt.SPAN_MARKERS.isdisjoint(attributes):
        return ()
    facts: list[Fact] = []
    if not agt.SPAN_MARKERS.isdisjoint(attributes):
        facts += agt.facts_of_span(
            name,
            scope,
            attributes,
            sender_of(resource),
            resource,
            trace_id,
            span_id,
            min(start_ns, LATEST_NS),
        )
    for event in events:
        if event.get("name") in watchkeeper.EVENTS:
            told = {**_identity(attributes), **(event.get("attributes") or {})}
            at_ns = min(int(event.get("time_ns") or end_ns), LATEST_NS)
            facts += watchkeeper.facts(
                str(event["name"]), told, sender_of(resource), trace_id, span_id, at_ns
            )
    return facts


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
    event = event_name or attributes.get("event.name")
    if not isinstance(event, str):
        return ()
    if event in watchkeeper.EVENTS:
        at_ns = min(time_ns or observed_ns, LATEST_NS)
        return list(
            watchkeeper.facts(event, attributes, sender_of(resource), trace_id, span_id, at_ns)
        )
    if event == "audit_entry":
        at_ns = min(logged_ns(body, attributes, time_ns, observed_ns), LATEST_NS)
        sender = sender_of(resource)
        return list(
            agt.facts_of_audit(scope, body, attributes, sender, resource, trace_id, span_id, at_ns)
        )
    return ()


def facts_of_metric(
    scope: str,
    name: str,
    attributes: Attributes,
    resource: Attributes,
    value: float | None,
    temporality: str | None,
    start_ns: int,
    time_ns: int,
) -> Sequence[Fact]:
    """What one number point of a counter or gauge tells; `temporality` as in metric_point."""
    if value is None or not agt.tells(name):
        return ()
    delta = temporality is not None and "delta" in temporality.lower()
    sender = sender_of(resource)
    start_ns, time_ns = min(start_ns, LATEST_NS), min(time_ns, LATEST_NS)
    return list(
        agt.facts_of_metric(
            scope, name, attributes, sender, resource, value, delta, start_ns, time_ns
        )
    )


def logged_ns(body: Any, attributes: Attributes, time_ns: int, observed_ns: int) -> int:
    """Time of a log record: its own, else its body's or its CloudEvent's, else when observed."""
    if time_ns:
        return time_ns
    if attributes.get("event.name") != "audit_entry":
        return observed_ns
    return agt.logged_ns(body, attributes) or observed_ns


def _identity(attributes: Attributes) -> dict[str, Any]:
    """What an event on a span need not repeat."""
    return {key: attributes[key] for key in _SPAN_IDENTITY if key in attributes}
