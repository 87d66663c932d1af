"""Audit entries: log records named `audit_entry`, some with a CloudEvent inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from collector.model import DecisionSource, Effect, Teller
from collector.receive.normalise.agt.state import of_audit
from collector.receive.normalise.agt.trust import trust
from collector.receive.normalise.agt.verdicts import (
    EFFECTS,
    MESH_EFFECTS,
    approval_outcome,
    verdict_of,
)
from collector.receive.normalise.agt.words import COPY, DIALECT, IDENTITY, META, agent_of, did_of
from collector.receive.normalise.events import Event, decision_of, id_of, parsed
from collector.receive.normalise.facts import AliasFact, Fact, digest, parsed_ns
from collector.receive.normalise.keys import first, real, text

# Kinds of AGT's GovernanceEvent. The real ones carry an event id; hosts borrow the words.
_GOVERNANCE_KINDS = frozenset(
    {
        "policy_check",
        "policy_violation",
        "tool_call_blocked",
        "prompt_injection_detected",
        "identity_verified",
        "identity_rejected",
        "resource_access",
        "escalation_requested",
        "checkpoint_created",
        "anomaly_detected",
        "mcp_tool_poisoning",
        "content_violation",
    }
)
# Records of state that changed, not of an action that was judged.
_STATE = frozenset(
    {"circuit_breaker", "quarantine", "rogue_assessment", "trust_drift", "trust_revocation"}
)
_STATE_FAMILIES = frozenset(
    {"audit", "lifecycle", "liability", "ring", "saga", "security", "session", "vfs"}
)
_RING_CHECK = "ring.check"
_ESCALATED, _ESCALATION_DECIDED = "escalation.escalated", "escalation.decided"
_MESH_POLICY, _MESH_APPROVAL = "ai.agentmesh.policy.evaluation", "ai.agentmesh.approval_decision"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An audit entry with everything inside it opened."""

    event: Event
    entry: Mapping[str, Any]
    cloud: Mapping[str, Any]
    data: Mapping[str, Any]
    kind: str
    agent: str
    did: str | None

    def told(self, key: str) -> str | None:
        """A field as the attributes tell it, else as the body does."""
        return text(self.event.attributes.get(f"agt.audit.{key}")) or text(self.entry.get(key))

    def meta(self, key: str) -> Any:
        return self.event.attributes.get(META + key)


def facts_of_audit(event: Event) -> Iterator[Fact]:
    """What one `audit_entry` tells: a decision or a change of state, a score, two names."""
    entry = _opened(event)
    if entry.did is not None and entry.did != entry.agent:
        yield AliasFact(
            alias=entry.did, agent=entry.agent, learnt_from="audit_entry", learnt_ns=event.at_ns
        )
    decisions = list(_decision(entry))
    yield from decisions
    if not decisions:
        yield from of_audit(entry.event, entry.kind, entry.agent, entry.did)
    score = entry.meta("trust_score")
    if score is not None:
        yield from trust(
            entry.agent, event.sender, event.scope, score, event.at_ns, entry.kind or None
        )


def _opened(event: Event) -> _Entry:
    attributes = event.attributes
    entry = parsed(event.body)
    cloud = parsed(attributes.get(META + "cloudevent"))
    data = cloud.get("data")
    data = data if isinstance(data, dict) else {}
    did = text(attributes.get(META + "agent_did")) or text(data.get("agent_did"))
    agent = (
        text(attributes.get("agt.agent.id"))
        or text(entry.get("agent_id"))
        or text(data.get("agent_id"))
        or first(attributes, IDENTITY)
        or did
        or did_of(text(cloud.get("source")))
        or agent_of(attributes, event.sender, event.resource)
    )
    return _Entry(
        event=replace(
            event,
            trace_id=id_of(cloud.get("traceid"), 16) or event.trace_id,
            span_id=id_of(cloud.get("spanid"), 8) or event.span_id,
            told_by=Teller.AUDIT,
        ),
        entry=entry,
        cloud=cloud,
        data=data,
        kind=text(attributes.get("agt.audit.event_type")) or text(entry.get("event_type")) or "",
        agent=agent,
        did=did,
    )


def _decision(entry: _Entry) -> Iterator[Fact]:
    raw = entry.told("decision")
    verdict = verdict_of(raw)
    if verdict is None or raw is None or not _judges(entry.kind, entry.event.attributes):
        return
    action, reason = entry.told("action"), entry.told("reason")
    mesh = text(entry.cloud.get("type"))
    effects = MESH_EFFECTS if mesh == _MESH_POLICY else EFFECTS
    source = _source(entry.kind, mesh, entry.data)
    yield decision_of(
        entry.event,
        COPY if mesh == _MESH_POLICY else DIALECT,
        verdict,
        effects.get(verdict, Effect.UNKNOWN),
        raw,
        decision_id=_id(entry, action, raw, reason),
        agent=entry.agent,
        agent_id=entry.did or did_of(entry.agent),
        action=action,
        source=source.value,
        policy=text(entry.meta("policy_name")),
        policy_version=text(entry.meta("policy_version")),
        rule=text(entry.meta("matched_rule")) or text(entry.data.get("rule")),
        reason=reason,
        conversation_id=text(entry.meta("session_id")) or text(entry.cloud.get("sessionid")),
        target_name=text(entry.meta("resource")) or text(entry.data.get("resource")),
        duration_ms=real(entry.told("latency_ms")) or None,
        engine=DIALECT,
        **_approval(entry, source, raw),
    )


def _approval(entry: _Entry, source: DecisionSource, raw: str) -> dict[str, str | None]:
    """Which request this decision asks for or answers, and who answered."""
    asked = parsed(entry.meta("data"))
    request = text(asked.get("request_id"))
    if source not in (DecisionSource.HUMAN, DecisionSource.FAIL_CLOSED):
        return {"approval_id": request}
    return {
        "approval_id": request,
        "approval_outcome": approval_outcome(raw),
        "approver": text(asked.get("decided_by")) or text(entry.data.get("approver")),
    }


def _judges(kind: str, attributes: Mapping[str, Any]) -> bool:
    """Whether an audit entry of this kind judges an action."""
    if kind in _GOVERNANCE_KINDS:
        return META + "event_id" in attributes
    if kind == _RING_CHECK:
        return True
    return kind not in _STATE and kind.partition(".")[0] not in _STATE_FAMILIES


def _source(kind: str, mesh: str | None, data: Mapping[str, Any]) -> DecisionSource:
    if kind == _ESCALATION_DECIDED:
        return DecisionSource.HUMAN
    if mesh == _MESH_APPROVAL:
        approver = text(data.get("approver")) or ""
        # "system:auto-reject": nobody was there to ask.
        return (
            DecisionSource.FAIL_CLOSED if approver.startswith("system:") else DecisionSource.HUMAN
        )
    return DecisionSource.POLICY


def _id(entry: _Entry, action: str | None, raw: str, reason: str | None) -> str:
    told = text(entry.cloud.get("id")) or text(entry.meta("event_id"))
    told = told or text(entry.meta("entry_id"))
    if told is not None:
        return f"agt-{told}"
    event, written = entry.event, text(entry.entry.get("timestamp"))
    content = (entry.agent, action, raw, reason, event.at_ns)
    return digest(DIALECT, event.sender.instance, written, *content)


def logged_ns(body: Any, attributes: Mapping[str, Any]) -> int | None:
    """When an audit entry was written, as its body or its CloudEvent says."""
    told = parsed_ns(parsed(body).get("timestamp"))
    if told is not None:
        return told
    return parsed_ns(parsed(attributes.get(META + "cloudevent")).get("time"))
