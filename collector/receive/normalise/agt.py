"""Microsoft's Agent Governance Toolkit: its spans, audit logs and counters.

One evaluation may be told as a span, as an audit log, as a CloudEvent inside that log and
as a counter. Spans and logs are the events. Counters are read only where nothing else
tells of the evaluation: `mcp_decisions`, `acs_intervention_*_total` and .NET's
`agent_governance.policy_decisions`.

- A span tells at most one decision, and its id is the span's. `agt.policy.evaluate`
  counts only with `agt.policy.action`: another emitter uses the same name for timing.
- A log's id is that of its event (CloudEvent, audit entry), else a hash of its content.
- Unit i of a counter has the id (series, start, i), so that a cumulative counter sent
  again tells nothing new.
- A mesh audit entry repeats, without a common id, what a `mesh.governance.*` span said.
  Its dialect is `agt_copy`; the store lets it give way to the span.
- `warn` and `log` block in agentmesh's policy engine and do not elsewhere, so verdict and
  effect are set apart. The status of a span never tells of a denial.
- Scores come on 0-1 and on 0-1000. What is above 1 is on 0-1000; what is not is on 0-1,
  unless it is an integer or comes from a scope that only knows 0-1000.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.model import DecisionSource, Effect, Mode, Stage, Tier, Verdict
from collector.receive.normalise.facts import (
    AliasFact,
    DecisionFact,
    Fact,
    Sender,
    TrustFact,
    digest,
    parsed_ns,
)
from collector.receive.normalise.keys import Place, Slot, first, places, real, text

DIALECT = "agt"
# Whether the kernel let the action pass is on none of its spans.
KERNEL = "agt_kernel"
COPY = "agt_copy"

_IDENTITY = (
    "agent.did",
    "agt.agent.id",
    "agt.agent_id",
    "governance.agent_did",
    "agent.id",
    "agent_id",
    "agt.did",
    "agent.delegation.from",
)

KEYS: Mapping[str, Place] = {
    **places(Slot.AGT_KIND, ["agent.span.kind", "agent.sre.span.kind"], 0),
    **places(Slot.AGT_IDENTITY, _IDENTITY, 0),
    **places(Slot.TOOL_NAME, ["agt.tool.name", "agent.tool.name", "mcp.tool"], 20),
    **places(Slot.TOOL_NAME, ["agent.sre.custom.tool", "agent.sre.custom.mcp.tool"], 24),
    **places(Slot.MODEL, ["agent.model.name", "agent.sre.custom.model"], 20),
    **places(Slot.PROVIDER, ["agent.model.provider"], 20),
    **places(
        Slot.COST_USD,
        ["agent.sre.span.cost_usd", "agent.sre.cost.usd", "agent_sre.cost.usd"],
        20,
    ),
    **places(Slot.TASK_SUCCESS, ["agent.task.success"], 0),
    # Markers of decision spans that name no agent.
    **places(Slot.AGT_IDENTITY, ["agentmesh.agent.id_hash"], 30),
}

_KINDS: Mapping[str, str] = {
    "agent_task": "agent",
    "tool_call": "tool",
    "llm_inference": "model",
    "delegation": "delegation",
    "policy_check": "policy",
    "internal": "chain",
}
_NAMES: Mapping[str, tuple[str, str]] = {
    "agt.policy.evaluate": ("policy", DIALECT),
    "agt.approval.request": ("policy", DIALECT),
    "agentmesh.policy.evaluate": ("policy", DIALECT),
    "mesh.governance.policy_decision": ("policy", DIALECT),
    "mesh.governance.policy_check": ("policy", DIALECT),
    "kernel.policy_check": ("policy", DIALECT),
    "kernel.violation": ("policy", DIALECT),
    "kernel.execute": ("tool", KERNEL),
}


def op_of(name: str, scope: str, kind: Any) -> tuple[str | None, str] | None:
    """Op and dialect of an AGT span; None when it is not one."""
    if type(kind) is str:
        return _KINDS.get(kind.lower()), DIALECT
    return _NAMES.get(name)


def tool_of(name: str) -> str:
    """A tool's name out of a span's: `tool_call:search`, `mcp:files/search`, `search`."""
    if name.startswith("tool_call:"):
        return name[len("tool_call:") :]
    if name.startswith("mcp:"):
        return name.rpartition("/")[2]
    return name


# --- verdicts ---------------------------------------------------------------------------

_VERDICTS: Mapping[str, Verdict] = {
    "allow": Verdict.ALLOW,
    "allowed": Verdict.ALLOW,
    "approved": Verdict.ALLOW,
    "deny": Verdict.DENY,
    "denied": Verdict.DENY,
    "block": Verdict.DENY,
    "blocked": Verdict.DENY,
    "rejected": Verdict.DENY,
    "timed_out": Verdict.DENY,
    "rate_limited": Verdict.DENY,
    "warn": Verdict.WARN,
    "log": Verdict.WARN,
    "flag": Verdict.WARN,
    "audit": Verdict.WARN,
    "require_approval": Verdict.ESCALATE,
    "requires_approval": Verdict.ESCALATE,
    "escalate": Verdict.ESCALATE,
    "pending": Verdict.ESCALATE,
    "transform": Verdict.MODIFY,
    "allow_narrowed": Verdict.MODIFY,
    "unknown": Verdict.ERROR,
}
_EFFECTS: Mapping[Verdict, Effect] = {
    Verdict.ALLOW: Effect.EXECUTED,
    Verdict.DENY: Effect.BLOCKED,
    Verdict.MODIFY: Effect.MODIFIED,
    Verdict.ESCALATE: Effect.HELD,
}
# agentmesh's PolicyEngine runs an action only when its word is "allow".
_MESH_EFFECTS: Mapping[Verdict, Effect] = {**_EFFECTS, Verdict.WARN: Effect.BLOCKED}
# The Agent Control Specification lets a warned action pass.
_ACS_EFFECTS: Mapping[Verdict, Effect] = {**_EFFECTS, Verdict.WARN: Effect.EXECUTED}
_STAGES: Mapping[str, Stage] = {
    "agent_startup": Stage.AGENT_START,
    "pre_input": Stage.INPUT,
    "pre_tool": Stage.PRE_TOOL_CALL,
    "post_tool": Stage.POST_TOOL_CALL,
    "pre_output": Stage.OUTPUT,
    "agent_shutdown": Stage.AGENT_END,
    **{stage.value: stage for stage in Stage},
}


def _verdict(raw: str | None) -> Verdict | None:
    return None if raw is None else _VERDICTS.get(raw.lower())


# --- spans ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """Where one kind of span keeps the parts of its decision."""

    verdict: str
    effects: Mapping[Verdict, Effect]
    action: Sequence[str] = ()
    policy: Sequence[str] = ()
    rule: Sequence[str] = ()
    reason: Sequence[str] = ()
    stage: str = ""
    source: DecisionSource = DecisionSource.POLICY


_EVALUATION = _Told(
    "agt.policy.action",
    _MESH_EFFECTS,
    action=("agt.tool.name",),
    policy=("agt.policy.name",),
    rule=("agt.policy.rule",),
    stage="agt.policy.stage",
)
_APPROVAL = _Told(
    "agt.approval.outcome",
    _EFFECTS,
    rule=("agt.policy.rule",),
    reason=("agt.approval.approver",),
    source=DecisionSource.HUMAN,
)
_MESH = _Told(
    "policy.decision",
    _MESH_EFFECTS,
    action=("governance.resource",),
    policy=("governance.namespace",),
    rule=("policy.name",),
    reason=("policy.reason",),
)
_SPANS: Sequence[_Told] = (
    _EVALUATION,
    _APPROVAL,
    _MESH,
    _Told("agent.policy.decision", _MESH_EFFECTS, policy=("agent.policy.name",)),
    _Told("policy.result", _EFFECTS, action=("operation.name",)),
    _Told("agentmesh.policy.decision", _MESH_EFFECTS, action=("agentmesh.policy.action_hash",)),
    _Told(
        "agt.decision",
        _EFFECTS,
        action=("agt.action",),
        policy=("agt.policy_bundle_id",),
        rule=("agt.policy_name",),
    ),
)
_VIOLATION = "violation.reason"
_SCORES = ("agt.new_score", "agt.trust.score", "agent.trust_score", "agt.trust_score")
SPAN_MARKERS = frozenset({*(told.verdict for told in _SPANS), _VIOLATION, *_SCORES})


def facts_of_span(
    name: str,
    scope: str,
    attributes: Mapping[str, Any],
    sender: Sender,
    resource: Mapping[str, Any],
    trace_id: bytes,
    span_id: bytes,
    start_ns: int,
) -> Iterator[Fact]:
    """At most one decision and one trust score."""
    agent = _agent(attributes, sender, resource)
    told = _decision_of(name, attributes)
    if told is not None:
        identity = first(attributes, _IDENTITY) or text(attributes.get("agentmesh.agent.id_hash"))
        yield DecisionFact(
            decision_id=f"{trace_id.hex()}-{span_id.hex()}",
            decided_ns=start_ns,
            agent=agent,
            agent_id=identity,
            instance=sender.instance,
            environment=sender.environment,
            sample=sender.sample,
            trace_id=trace_id,
            span_id=span_id,
            dialect=DIALECT,
            **told,
        )
    for key in _SCORES:
        if key in attributes:
            told_score = _why_scored(name, attributes)
            yield from trust(agent, sender, scope, attributes[key], start_ns, told_score)
            return


def _decision_of(name: str, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    if name == "kernel.violation" and _VIOLATION in attributes:
        return {
            "verdict": Verdict.DENY.value,
            "effect": Effect.UNKNOWN.value,
            "action": text(attributes.get("action")),
            "policy": text(attributes.get("policy")),
            "reason": text(attributes.get(_VIOLATION)),
            "source": DecisionSource.POLICY.value,
            "raw_verdict": "violation",
        }
    for told in _SPANS:
        raw = text(attributes.get(told.verdict))
        verdict = _verdict(raw)
        if verdict is not None:
            return _parts(told, verdict, raw, name, attributes)
    return None


def _parts(
    told: _Told, verdict: Verdict, raw: str | None, name: str, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    rule = first(attributes, told.rule)
    stage = _STAGES.get(text(attributes.get(told.stage)) or "")
    kind, colon, _ = name.partition(":")
    return {
        "verdict": verdict.value,
        "effect": told.effects.get(verdict, Effect.UNKNOWN).value,
        "action": first(attributes, told.action) or (kind if colon else None),
        "policy": first(attributes, told.policy),
        "rule": None if rule == "none" else rule,
        "reason": first(attributes, told.reason),
        "stage": None if stage is None else stage.value,
        "source": told.source.value,
        "raw_verdict": raw,
    }


def _agent(attributes: Mapping[str, Any], sender: Sender, resource: Mapping[str, Any]) -> str:
    return (
        text(attributes.get("gen_ai.agent.name"))
        or first(attributes, _IDENTITY)
        or text(attributes.get("agentmesh.agent.id_hash"))
        or text(resource.get("agent.did"))
        or sender.service_name
        or "unknown"
    )


# --- trust ------------------------------------------------------------------------------

_THOUSAND_SCOPES = ("agentmesh", "agent-governance-toolkit")
# The store reads the first word: a change outranks a check, a check a statement.
CHANGED, VERIFIED, EVALUATED = "changed", "verified", "evaluated"


def _why_scored(name: str, attributes: Mapping[str, Any]) -> str | None:
    if "agt.new_score" in attributes:
        old = real(attributes.get("agt.old_score"))
        return CHANGED if old is None else f"{CHANGED} from {old:g}"
    if name == "agt.trust.verify":
        return VERIFIED
    judged = text(attributes.get("governance.trust.decision"))
    return None if judged is None else f"{EVALUATED} as {judged}"


def trust(
    agent: str, sender: Sender, scope: str, raw: Any, scored_ns: int, reason: str | None
) -> Iterator[TrustFact]:
    """One reported score on our scale, or nothing when it is no score on either scale."""
    score = real(raw)
    if score is None or not 0 <= score <= 1000:
        return
    thousand = score > 1 or type(raw) is int or scope.startswith(_THOUSAND_SCOPES)
    ours = score if thousand else score * 1000
    yield TrustFact(
        agent=agent,
        agent_id=agent if agent.startswith("did:") else None,
        environment=sender.environment,
        sample=sender.sample,
        scored_ns=scored_ns,
        score=ours,
        tier=Tier.of(ours).value,
        raw_score=score,
        raw_scale="0-1000" if thousand else "0-1",
        origin="reported",
        reason=reason,
    )


# --- audit logs -------------------------------------------------------------------------

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
    agent = agent or text(data.get("agent_id")) or _agent(attributes, sender, resource)
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
    verdict = _verdict(raw)
    if verdict is None or raw is None or not _judges(kind, attributes):
        return
    action = text(attributes.get("agt.audit.action")) or text(entry.get("action"))
    reason = text(attributes.get("agt.audit.reason")) or text(entry.get("reason"))
    mesh = text(event.get("type"))
    effects = _MESH_EFFECTS if mesh == _MESH_POLICY else _EFFECTS
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


# --- metrics ----------------------------------------------------------------------------

# A counter that jumps further than this between two exports tells of its last units only.
_MOST_UNITS = 1000
_ACS_PREFIX, _ACS_SUFFIX = "acs_intervention_", "_total"
_COUNTERS = frozenset({"mcp_decisions", "agent_governance.policy_decisions"})
_GAUGES = frozenset({"agent.trust_score", "agent_governance.trust_score"})


def tells(name: str) -> bool:
    """Whether a metric of this name tells anything."""
    return name in _COUNTERS or name in _GAUGES or name.startswith(_ACS_PREFIX)


def facts_of_metric(
    scope: str,
    name: str,
    attributes: Mapping[str, Any],
    sender: Sender,
    resource: Mapping[str, Any],
    value: Any,
    delta: bool,
    start_ns: int,
    time_ns: int,
) -> Iterator[Fact]:
    """The decisions a counter counted, or the score a gauge shows."""
    agent = _agent(attributes, sender, resource)
    if name in _GAUGES:
        yield from trust(agent, sender, scope, value, time_ns, None)
        return
    raw = text(attributes.get("decision"))
    verdict = _verdict(raw)
    units = real(value)
    if verdict is None or units is None or (name.startswith(_ACS_PREFIX) and not _is_acs(name)):
        return
    told = _counted(name, verdict, attributes)
    series = [sender.instance, sender.service_name, scope, name, start_ns, sorted_text(attributes)]
    if delta:
        series.append(time_ns)
    for unit in range(max(1, int(units) - _MOST_UNITS + 1), int(units) + 1):
        yield DecisionFact(
            decision_id=digest("agt", *series, unit),
            # A series starts with its first unit; later ones are as late as the export.
            decided_ns=start_ns if unit == 1 and start_ns else time_ns,
            agent=agent,
            agent_id=agent if agent.startswith("did:") else None,
            instance=sender.instance,
            environment=sender.environment,
            sample=sender.sample,
            dialect=DIALECT,
            raw_verdict=raw,
            source=DecisionSource.POLICY.value,
            **told,
        )


def _is_acs(name: str) -> bool:
    return name.endswith(_ACS_SUFFIX)


def _counted(name: str, verdict: Verdict, attributes: Mapping[str, Any]) -> dict[str, Any]:
    acs = name.startswith(_ACS_PREFIX)
    watched = attributes.get("enforcement_mode") == "evaluate_only"
    effect = (_ACS_EFFECTS if acs else _EFFECTS).get(verdict, Effect.UNKNOWN)
    stage = _STAGES.get(text(attributes.get("intervention_point")) or "")
    mode = (Mode.MONITOR if watched else Mode.ENFORCE).value if acs else None
    return {
        "action": text(attributes.get("tool_name")),
        "verdict": verdict.value,
        "effect": (Effect.SIMULATED if watched else effect).value,
        "stage": None if stage is None else stage.value,
        "mode": mode,
        "policy": text(attributes.get("policy_id")),
        "rule": None if acs else text(attributes.get("stage")),
        "reason_code": text(attributes.get("reason_code")),
    }


def sorted_text(attributes: Mapping[str, Any]) -> str:
    """Attributes as one text that does not depend on their order."""
    return json.dumps(attributes, sort_keys=True, default=str)
