"""An event as somebody told it, in a log record or on a span, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.model import Effect, GovernanceKind, Teller, Verdict
from collector.receive.normalise.facts import DecisionFact, GovernanceFact, Sender, digest
from collector.receive.normalise.keys import first, text

_MOST_DETAIL = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Its attributes are those of the record that tells it."""

    name: str
    scope: str
    body: Any
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    sender: Sender
    trace_id: bytes | None
    span_id: bytes | None
    at_ns: int
    told_by: Teller

    @property
    def agent(self) -> str:
        """Whom the event is about: the agent it names, else the service that sent it."""
        named = first(self.attributes, ("gen_ai.agent.name", "gen_ai.agent.id"))
        return named or self.sender.service_name or "unknown"


def decision_of(
    event: Event,
    dialect: str,
    verdict: Verdict,
    effect: Effect,
    raw: str | None,
    *,
    decision_id: str | None = None,
    agent: str | None = None,
    **parts: Any,
) -> DecisionFact:
    """A decision with what every event tells; `parts` are further columns."""
    attributes = event.attributes
    told = {
        "agent_id": text(attributes.get("gen_ai.agent.id")),
        "agent_version": text(attributes.get("gen_ai.agent.version")),
        "conversation_id": first(attributes, ("gen_ai.conversation.id", "session.id")),
        "tool_call_id": text(attributes.get("gen_ai.tool.call.id")),
        "user_id": first(attributes, ("user.id", "enduser.id")),
        **{name: value for name, value in parts.items() if value is not None},
    }
    return DecisionFact(
        decision_id=decision_id or _content_id(event, dialect),
        decided_ns=event.at_ns,
        agent=agent or event.agent,
        instance=event.sender.instance,
        environment=event.sender.environment,
        sample=event.sender.sample,
        verdict=verdict.value,
        effect=effect.value,
        trace_id=event.trace_id,
        span_id=event.span_id,
        dialect=dialect,
        raw_verdict=raw,
        told_by=event.told_by.value,
        **told,
    )


def governance_of(
    event: Event,
    dialect: str,
    kind: GovernanceKind,
    *,
    name: str | None = None,
    agent: str | None = None,
    copy_key: str | None = None,
    detail: Mapping[str, Any] | None = None,
    **parts: Any,
) -> GovernanceFact:
    """A governance event; copies of it are told by its content and its span, if nothing else."""
    told = event.attributes if detail is None else detail
    name = name or event.name or None
    return GovernanceFact(
        event_id=digest(dialect, kind.value, name, agent, _content_id(event, dialect)),
        told_ns=event.at_ns,
        kind=kind.value,
        name=name,
        agent=agent,
        instance=event.sender.instance,
        environment=event.sender.environment,
        sample=event.sender.sample,
        trace_id=event.trace_id,
        span_id=event.span_id,
        dialect=dialect,
        told_by=event.told_by.value,
        copy_key=copy_key
        or digest(dialect, event.sender.instance, event.trace_id, event.span_id, spelt(told)),
        detail=_detail(told),
        **parts,
    )


def same(event: Event, kind: GovernanceKind, what: str | None, agent: str | None) -> str:
    """The key by which records that tell one fact in other words know each other.

    A kill is the signal SIGKILL; an incident and an objective are told by their own name.
    """
    word = "SIGKILL" if kind is GovernanceKind.KILL else what or kind.value
    return digest(event.sender.instance, word, agent)


def spelt(attributes: Mapping[str, Any]) -> str:
    """Attributes as one text that depends neither on their order nor on their types: on a
    span some emitters write every value as a text. The event's name is no content."""
    told = {str(key): _plain(value) for key, value in attributes.items() if key != "event.name"}
    return json.dumps(told, sort_keys=True)


def _plain(value: Any) -> str:
    if type(value) is str:
        return value
    deep = isinstance(value, dict | list)
    return json.dumps(value, sort_keys=True, default=repr) if deep else repr(value)


def _content_id(event: Event, dialect: str) -> str:
    told = (event.told_by.value, event.sender.instance, event.trace_id, event.span_id, event.at_ns)
    return digest(dialect, *told, event.name, _plain(event.body), spelt(event.attributes))


def _detail(told: Mapping[str, Any]) -> str:
    """As much as fits; what is larger, or no JSON, stands in the record itself."""
    try:
        written = json.dumps(dict(told), sort_keys=True, default=str, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return "{}"
    return written if len(written) <= _MOST_DETAIL else "{}"


def parsed(value: Any) -> Mapping[str, Any]:
    """A JSON object from text or as it is; an empty one when it is neither."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.startswith("{"):
        return {}
    try:
        decoded = json.loads(value, parse_constant=str)
        # Half a surrogate pair is fine in JSON and nowhere else.
        if "\\ud" in value.lower():
            json.dumps(decoded, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def inner(value: Any, *path: str) -> Any:
    """What stands at a path of nested mappings; None where there is no such place."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def id_of(value: Any, length: int) -> bytes | None:
    """The bytes of an id in hex; None when it is none of this length."""
    if not isinstance(value, str) or len(value) != 2 * length:
        return None
    try:
        return bytes.fromhex(value) if value.isalnum() else None
    except ValueError:
        return None
