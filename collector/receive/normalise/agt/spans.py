"""Decisions and trust scores that the toolkit tells on spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.model import DecisionSource, Effect, Verdict
from collector.receive.normalise.agt.trust import SCORES, trust, why_scored
from collector.receive.normalise.agt.verdicts import EFFECTS, MESH_EFFECTS, STAGES, verdict_of
from collector.receive.normalise.agt.words import DIALECT, IDENTITY, agent_of
from collector.receive.normalise.facts import DecisionFact, Fact, Sender
from collector.receive.normalise.keys import first, text


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
    MESH_EFFECTS,
    action=("agt.tool.name",),
    policy=("agt.policy.name",),
    rule=("agt.policy.rule",),
    stage="agt.policy.stage",
)
_APPROVAL = _Told(
    "agt.approval.outcome",
    EFFECTS,
    rule=("agt.policy.rule",),
    reason=("agt.approval.approver",),
    source=DecisionSource.HUMAN,
)
_MESH = _Told(
    "policy.decision",
    MESH_EFFECTS,
    action=("governance.resource",),
    policy=("governance.namespace",),
    rule=("policy.name",),
    reason=("policy.reason",),
)
_SPANS: Sequence[_Told] = (
    _EVALUATION,
    _APPROVAL,
    _MESH,
    _Told("agent.policy.decision", MESH_EFFECTS, policy=("agent.policy.name",)),
    _Told("policy.result", EFFECTS, action=("operation.name",)),
    _Told("agentmesh.policy.decision", MESH_EFFECTS, action=("agentmesh.policy.action_hash",)),
    _Told(
        "agt.decision",
        EFFECTS,
        action=("agt.action",),
        policy=("agt.policy_bundle_id",),
        rule=("agt.policy_name",),
    ),
)
_VIOLATION = "violation.reason"
SPAN_MARKERS = frozenset({*(told.verdict for told in _SPANS), _VIOLATION, *SCORES})


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
    agent = agent_of(attributes, sender, resource)
    told = _decision_of(name, attributes)
    if told is not None:
        identity = first(attributes, IDENTITY) or text(attributes.get("agentmesh.agent.id_hash"))
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
    for key in SCORES:
        if key in attributes:
            told_score = why_scored(name, attributes)
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
        verdict = verdict_of(raw)
        if verdict is not None:
            return _parts(told, verdict, raw, name, attributes)
    return None


def _parts(
    told: _Told, verdict: Verdict, raw: str | None, name: str, attributes: Mapping[str, Any]
) -> dict[str, Any]:
    rule = first(attributes, told.rule)
    stage = STAGES.get(text(attributes.get(told.stage)) or "")
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
