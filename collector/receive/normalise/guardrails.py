"""Guardrails and threat detection: drafts of the OpenTelemetry GenAI conventions, and OWASP ACS.

A guardrail's verdict is what it thinks; only `action.type` says what was done about it. So a
result without an action is kept in the guardrail's own words, as a governance event, and no
verdict is inferred from it. The keys of each revision of the draft are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from collector.model import DecisionSource, Effect, GovernanceKind, Stage, Verdict
from collector.receive.normalise.events import Event, decision_of, governance_of
from collector.receive.normalise.facts import Fact
from collector.receive.normalise.keys import first, real, text

GUARDRAIL, THREAT, ACS = "otel_guardrail", "otel_threat", "owasp_acs"

_ACTIONS = ("gen_ai.guardrail.action.type", "gen_ai.security.action.type")
_JUDGEMENTS = (
    "gen_ai.guardrail.verdict.type",
    "gen_ai.security.verdict.type",
    "gen_ai.security.decision.type",
)
_THREAT = "agent.threat.detection."
_THREAT_ACTION = _THREAT + "action"
# A span with one of these keys tells something beside its meaning.
MARKERS = frozenset({*_ACTIONS, *_JUDGEMENTS, _THREAT_ACTION})

_VERDICTS: Mapping[str, Verdict] = {
    "allow": Verdict.ALLOW,
    "deny": Verdict.DENY,
    "block": Verdict.DENY,
    "modify": Verdict.MODIFY,
    "warn": Verdict.WARN,
    "escalate": Verdict.ESCALATE,
    "ask": Verdict.ESCALATE,
    "defer": Verdict.DEFER,
}
_DONE: Mapping[str, Effect] = {
    "allow": Effect.EXECUTED,
    "block": Effect.BLOCKED,
    "deny": Effect.BLOCKED,
    "modify": Effect.MODIFIED,
    "escalate": Effect.HELD,
}
_TARGETS: Mapping[str, tuple[Stage, str]] = {
    "llm_input": (Stage.PRE_MODEL_CALL, "model"),
    "llm_output": (Stage.POST_MODEL_CALL, "model"),
    "input": (Stage.INPUT, "agent"),
    "output": (Stage.OUTPUT, "agent"),
    "tool_call": (Stage.PRE_TOOL_CALL, "tool"),
    "tool_input": (Stage.PRE_TOOL_CALL, "tool"),
    "tool_output": (Stage.POST_TOOL_CALL, "tool"),
    "memory": (Stage.PRE_TOOL_CALL, "memory"),
}
_STAGES: Mapping[str, Stage] = {
    "agent_startup": Stage.AGENT_START,
    "agent_shutdown": Stage.AGENT_END,
    **{stage.value: stage for stage in Stage},
}


def of_guardrail(event: Event) -> Iterator[Fact]:
    """A result: a decision when something was done about it, else what the guardrail said."""
    attributes = event.attributes
    done = first(attributes, _ACTIONS)
    judged = first(attributes, _JUDGEMENTS)
    effect = _DONE.get((done or "").lower())
    verdict = _VERDICTS.get((judged or done or "").lower())
    if effect is not None and verdict is not None:
        yield decision_of(
            event,
            GUARDRAIL,
            verdict,
            effect,
            judged or done,
            source=DecisionSource.GUARDRAIL.value,
            **_about(attributes),
        )
    elif judged is not None or done is not None:
        yield governance_of(
            event,
            GUARDRAIL,
            GovernanceKind.GUARDRAIL,
            name="gen_ai.guardrail.result",
            subject=_named(attributes, "name"),
            agent=event.agent,
            to_value=judged or done,
            value=real(_named(attributes, "risk.score")),
            reason=_named(attributes, "verdict.reason"),
        )


def _about(attributes: Mapping[str, Any]) -> dict[str, Any]:
    target = (_named(attributes, "target.type") or "").lower()
    stage, kind = _TARGETS.get(target, (None, None))
    return {
        "action": first(attributes, ("gen_ai.tool.name", "gen_ai.request.model")),
        "stage": None if stage is None else stage.value,
        "policy": _named(attributes, "policy.id"),
        "policy_version": _named(attributes, "policy.version"),
        "rule": _named(attributes, "policy.rule.id"),
        "engine": first(attributes, ("gen_ai.guardrail.name", "gen_ai.provider.name")),
        "reason": _named(attributes, "verdict.reason"),
        "reason_code": _named(attributes, "verdict.code"),
        "target_type": kind,
        "risk_category": _named(attributes, "risk.category"),
        "risk_score": real(_named(attributes, "risk.score")),
    }


_SPELLINGS = ("gen_ai.guardrail.", "gen_ai.guardrail.security.", "gen_ai.security.")


def _named(attributes: Mapping[str, Any], key: str) -> str | None:
    return first(attributes, [spelling + key for spelling in _SPELLINGS])


def of_threat(event: Event) -> Iterator[Fact]:
    """A detection. Its action is that of the moment, "not necessarily the final outcome"."""
    attributes = event.attributes
    raw = text(attributes.get(_THREAT_ACTION))
    verdict = _VERDICTS.get((raw or "").lower())
    rule = text(attributes.get(_THREAT + "rule_id"))
    if verdict is not None:
        yield decision_of(
            event,
            THREAT,
            verdict,
            Effect.UNKNOWN,
            raw,
            source=DecisionSource.GUARDRAIL.value,
            action=first(attributes, ("gen_ai.tool.name", "gen_ai.request.model")),
            policy=text(attributes.get(_THREAT + "ruleset")),
            rule=rule,
            risk_category=text(attributes.get(_THREAT + "severity")),
        )
    elif rule is not None:
        yield governance_of(
            event,
            THREAT,
            GovernanceKind.THREAT,
            name="agent.threat.detection",
            subject=rule,
            agent=event.agent,
            to_value=raw or text(attributes.get(_THREAT + "severity")),
        )


def of_acs(event: Event) -> Iterator[Fact]:
    """A decision of the Agent Control Standard; the tool it is about stands on the span."""
    attributes = event.attributes
    raw = first(attributes, ("acs.decision", "acs.disposition", "acs.verdict"))
    verdict = _VERDICTS.get((raw or "").lower())
    if verdict is None:
        return
    stage = _STAGES.get((text(attributes.get("acs.intervention_point")) or "").lower())
    yield decision_of(
        event,
        ACS,
        verdict,
        _DONE.get(verdict.value, Effect.HELD if verdict is Verdict.DEFER else Effect.UNKNOWN),
        raw,
        source=DecisionSource.POLICY.value,
        action=first(attributes, ("gen_ai.tool.name", "gen_ai.request.model")),
        stage=None if stage is None else stage.value,
        policy=text(attributes.get("acs.policy_id")),
        policy_version=text(attributes.get("acs.evaluator_version")),
        engine=text(attributes.get("acs.evaluator")),
        reason=first(attributes, ("acs.reasoning", "acs.reason")),
        reason_code=text(attributes.get("acs.reason_code")),
        conversation_id=text(attributes.get("acs.session.id")),
        input_hash=text(attributes.get("acs.input_identity")),
    )


READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = {
    "gen_ai.guardrail.result": of_guardrail,
    "gen_ai.guardrail.security.finding": of_guardrail,
    "gen_ai.security.finding": of_guardrail,
    "agent.threat.detection": of_threat,
    "acs.decision": of_acs,
}


def of_span(event: Event) -> Iterator[Fact]:
    """What the attributes of a span tell, in the words an event of it would use."""
    if any(key in event.attributes for key in (*_ACTIONS, *_JUDGEMENTS)):
        yield from of_guardrail(event)
    if _THREAT_ACTION in event.attributes:
        yield from of_threat(event)
