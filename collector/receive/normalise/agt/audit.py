"""Audit entries: log records named `audit_entry`, some with a CloudEvent inside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from collector.model import DecisionSource, Effect
from collector.receive.normalise.agt.trust import trust
from collector.receive.normalise.agt.verdicts import EFFECTS, MESH_EFFECTS, verdict_of
from collector.receive.normalise.agt.words import COPY, DIALECT, agent_of
from collector.receive.normalise.facts import (
    AliasFact,
    DecisionFact,
    Fact,
    Sender,
    digest,
    parsed_ns,
)
from collector.receive.normalise.keys import first, text

_META = "agt.audit.meta."
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


def facts_of_audit(
    scope: str,
    body: Any,
    attributes: Mapping[str, Any],
    sender: Sender,
    resource: Mapping[str, Any],
    trace_id: bytes | None,
    span_id: bytes | None,
    at_ns: int,
) -> Iterator[Fact]:
    """What one `audit_entry` tells: a decision, a score, two names of one agent."""
    entry = parsed(body)
    event = parsed(attributes.get(_META + "cloudevent"))
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    agent = text(attributes.get("agt.agent.id")) or text(entry.get("agent_id"))
    agent = agent or text(data.get("agent_id")) or agent_of(attributes, sender, resource)
    did = text(attributes.get(_META + "agent_did")) or text(data.get("agent_did"))
    if did is not None and did != agent:
        yield AliasFact(alias=did, agent=agent, learnt_from="audit_entry", learnt_ns=at_ns)
    kind = text(attributes.get("agt.audit.event_type")) or text(entry.get("event_type")) or ""
    yield from _audited(
        kind, agent, did, entry, event, data, attributes, sender, trace_id, span_id, at_ns
    )
    score = attributes.get(_META + "trust_score")
    if score is not None:
        yield from trust(agent, sender, scope, score, at_ns, kind or None)


def _audited(
    kind: str,
    agent: str,
    did: str | None,
    entry: Mapping[str, Any],
    event: Mapping[str, Any],
    data: Mapping[str, Any],
    attributes: Mapping[str, Any],
    sender: Sender,
    trace_id: bytes | None,
    span_id: bytes | None,
    at_ns: int,
) -> Iterator[DecisionFact]:
    raw = text(attributes.get("agt.audit.decision")) or text(entry.get("decision"))
    verdict = verdict_of(raw)
    if verdict is None or raw is None or not _judges(kind, attributes):
        return
    action = text(attributes.get("agt.audit.action")) or text(entry.get("action"))
    reason = text(attributes.get("agt.audit.reason")) or text(entry.get("reason"))
    mesh = text(event.get("type"))
    effects = MESH_EFFECTS if mesh == _MESH_POLICY else EFFECTS
    yield DecisionFact(
        decision_id=_audit_id(event, entry, attributes, sender, agent, action, raw, reason, at_ns),
        decided_ns=at_ns,
        agent=agent,
        agent_id=did or (agent if agent.startswith("did:") else None),
        instance=sender.instance,
        environment=sender.environment,
        sample=sender.sample,
        action=action,
        verdict=verdict.value,
        effect=effects.get(verdict, Effect.UNKNOWN).value,
        source=_audit_source(kind, mesh, data).value,
        policy=text(attributes.get(_META + "policy_name")),
        rule=text(attributes.get(_META + "matched_rule")) or text(data.get("rule")),
        reason=reason,
        trace_id=_bytes(event.get("traceid"), 16) or trace_id,
        span_id=_bytes(event.get("spanid"), 8) or span_id,
        dialect=COPY if mesh == _MESH_POLICY else DIALECT,
        raw_verdict=raw,
    )


def _judges(kind: str, attributes: Mapping[str, Any]) -> bool:
    """Whether an audit entry of this kind judges an action."""
    if kind in _GOVERNANCE_KINDS:
        return _META + "event_id" in attributes
    if kind == _RING_CHECK:
        return True
    return kind not in _STATE and kind.partition(".")[0] not in _STATE_FAMILIES


def _audit_source(kind: str, mesh: str | None, data: Mapping[str, Any]) -> DecisionSource:
    if kind == _ESCALATION_DECIDED:
        return DecisionSource.HUMAN
    if mesh == _MESH_APPROVAL:
        approver = text(data.get("approver")) or ""
        # "system:auto-reject": nobody was there to ask.
        return (
            DecisionSource.FAIL_CLOSED if approver.startswith("system:") else DecisionSource.HUMAN
        )
    return DecisionSource.POLICY


def _audit_id(
    event: Mapping[str, Any],
    entry: Mapping[str, Any],
    attributes: Mapping[str, Any],
    sender: Sender,
    *content: Any,
) -> str:
    told = text(event.get("id")) or first(attributes, (_META + "event_id", _META + "entry_id"))
    if told is not None:
        return f"agt-{told}"
    return digest("agt", sender.instance, text(entry.get("timestamp")), *content)


def logged_ns(body: Any, attributes: Mapping[str, Any]) -> int | None:
    """When an audit entry was written, as its body or its CloudEvent says."""
    told = parsed_ns(parsed(body).get("timestamp"))
    if told is not None:
        return told
    return parsed_ns(parsed(attributes.get(_META + "cloudevent")).get("time"))


def parsed(value: Any) -> Mapping[str, Any]:
    """A JSON object from text or as it is; an empty one when it is neither."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.startswith("{"):
        return {}
    try:
        decoded = json.loads(value)
        # Half a surrogate pair is fine in JSON and nowhere else.
        if "\\ud" in value.lower():
            json.dumps(decoded, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _bytes(value: Any, length: int) -> bytes | None:
    if not isinstance(value, str) or len(value) != 2 * length:
        return None
    try:
        return bytes.fromhex(value)
    except ValueError:
        return None
