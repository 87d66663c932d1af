"""Decisions and trust scores that the toolkit tells on spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.model import DecisionSource, Effect, Verdict
from collector.receive.normalise.agt.state import SPAN_MARKERS as STATE_MARKERS
from collector.receive.normalise.agt.state import of_span
from collector.receive.normalise.agt.trust import SCORES, TIERS, trust, why_scored
from collector.receive.normalise.agt.verdicts import (
    EFFECTS,
    MESH_EFFECTS,
    STAGES,
    approval_outcome,
    verdict_of,
)
from collector.receive.normalise.agt.words import DIALECT, IDENTITY, agent_of
from collector.receive.normalise.events import Event
from collector.receive.normalise.facts import DecisionFact, Fact
from collector.receive.normalise.keys import first, real, text


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
SPAN_MARKERS = frozenset({*(told.verdict for told in _SPANS), _VIOLATION, *SCORES, *STATE_MARKERS})


def facts_of_span(event: Event) -> Iterator[Fact]:
    """At most one decision, one change of state and one trust score."""
    name, attributes = event.name, event.attributes
    agent = agent_of(attributes, event.sender, event.resource)
    told = _decision_of(name, attributes)
    if told is not None:
        identity = first(attributes, IDENTITY) or text(attributes.get("agentmesh.agent.id_hash"))
        yield DecisionFact(
            decision_id=f"{(event.trace_id or b'').hex()}-{(event.span_id or b'').hex()}",
            decided_ns=event.at_ns,
            agent=agent,
            agent_id=identity,
            instance=event.sender.instance,
            environment=event.sender.environment,
            sample=event.sender.sample,
            trace_id=event.trace_id,
            span_id=event.span_id,
            dialect=DIALECT,
            engine=DIALECT,
            told_by=event.told_by.value,
            conversation_id=text(attributes.get("session.id")),
            **told,
        )
    yield from of_span(event, agent)
    yield from _score(event, agent)


def _score(event: Event, agent: str) -> Iterator[Fact]:
    for key in SCORES:
        if key in event.attributes:
            reason = why_scored(event.name, event.attributes)
            tier = first(event.attributes, TIERS)
            raw = event.attributes[key]
            yield from trust(agent, event.sender, event.scope, raw, event.at_ns, reason, tier)
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
        "approver": text(attributes.get("agt.approval.approver")),
        "approval_outcome": approval_outcome(raw) if told is _APPROVAL else None,
        "duration_ms": real(attributes.get("agentmesh.policy.elapsed_ms")),
    }
