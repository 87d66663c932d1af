"""Our own events, which anyone may emit: decisions, commands, scores and what happened.

docs/decision-event.md tells their attributes. The score of `watchkeeper.trust` lies between
0 and 1000; on a decision the same key is a share between 0 and 1. An event without its
required words tells nothing: the log record stays, no fact is made of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from collector.model import (
    ApprovalOutcome,
    CommandPhase,
    DecisionSource,
    Effect,
    GovernanceKind,
    HoldKind,
    LinkPhase,
    Mode,
    Stage,
    TargetTier,
    TargetType,
    Teller,
    Tier,
    Verdict,
)
from collector.receive.normalise.events import Event, governance_of, same
from collector.receive.normalise.facts import (
    CommandFact,
    DecisionFact,
    Fact,
    Sender,
    TrustFact,
    digest,
    parsed_ns,
    timestamp,
)
from collector.receive.normalise.keys import first, real, text, whole

DIALECT = "watchkeeper"
# Told by the bridge in a process of the governance toolkit; the toolkit may tell it too.
BRIDGE = "agt_bridge"
DECISION = "watchkeeper.decision"
COMMAND = "watchkeeper.command"
TRUST = "watchkeeper.trust"
GOVERNANCE = "watchkeeper.governance"
LINK = "watchkeeper.link"
EVENTS = frozenset({DECISION, COMMAND, TRUST, GOVERNANCE, LINK})

_VERDICTS = frozenset(Verdict)
_EFFECTS = frozenset(Effect)
_PHASES = frozenset(CommandPhase)
_KINDS = frozenset(HoldKind)
_LINK_PHASES = frozenset(LinkPhase)
_GOVERNANCE_KINDS = frozenset(GovernanceKind)

_D = "watchkeeper.decision."
_C = "watchkeeper.command."
_G = "watchkeeper.governance."
_ACTION = ("gen_ai.tool.name", "gen_ai.request.model", "watchkeeper.target.name")
_SCORE = "watchkeeper.trust.score"
# Columns of a decision by the attribute that fills them.
_WORDS: Mapping[str, tuple[str, frozenset[Any]]] = {
    "stage": (_D + "stage", frozenset(Stage)),
    "mode": (_D + "mode", frozenset(Mode)),
    "source": (_D + "source", frozenset(DecisionSource)),
    "target_type": ("watchkeeper.target.type", frozenset(TargetType)),
    "target_tier": ("watchkeeper.target.tier", frozenset(TargetTier)),
    "approval_outcome": ("watchkeeper.approval.outcome", frozenset(ApprovalOutcome)),
}
_TEXTS: Mapping[str, str] = {
    "agent_id": "gen_ai.agent.id",
    "agent_version": "gen_ai.agent.version",
    "conversation_id": "gen_ai.conversation.id",
    "tool_call_id": "gen_ai.tool.call.id",
    "user_id": "user.id",
    "policy": "watchkeeper.policy.id",
    "policy_version": "watchkeeper.policy.version",
    "rule": "watchkeeper.policy.rule_id",
    "engine": "watchkeeper.policy.engine",
    "reason_code": _D + "reason_code",
    "reason": _D + "reason_text",
    "hold_id": "watchkeeper.hold_id",
    "command_id": "watchkeeper.command_id",
    "target_name": "watchkeeper.target.name",
    "risk_category": "watchkeeper.risk.category",
    "approval_id": "watchkeeper.approval.id",
    "approver": "watchkeeper.approval.approver",
    "input_hash": "watchkeeper.input.hash",
    "error_type": "error.type",
}
_REALS: Mapping[str, str] = {
    "risk_score": "watchkeeper.risk.score",
    "duration_ms": _D + "duration_ms",
}
_WHOLES: Mapping[str, str] = {
    "state_gen": "watchkeeper.state_gen",
    "state_epoch": "watchkeeper.state_epoch",
}
# Every attribute that a decision is read from.
DECISION_KEYS = frozenset(
    {
        *(_D + name for name in ("id", "verdict", "effect")),
        *(key for key, _ in _WORDS.values()),
        *_TEXTS.values(),
        *_REALS.values(),
        *_WHOLES.values(),
        *_ACTION,
        _SCORE,
        "gen_ai.agent.name",
        "watchkeeper.instance_uid",
        "watchkeeper.sample",
    }
)
_DETAIL: Mapping[str, str] = {
    "status": _C + "status",
    "effective_mode": _C + "effective_mode",
    "approvers": _C + "approvers",
    "profile": _C + "profile",
    "decision_id": _D + "id",
    "epoch": "watchkeeper.state_epoch",
    "gen": "watchkeeper.state_gen",
    "jti": "watchkeeper.jti",
}


def facts(event: Event) -> Iterator[Fact]:
    """What one of our events tells."""
    attributes, sender, at_ns = event.attributes, event.sender, event.at_ns
    if event.name == DECISION:
        yield from _decision(event)
    elif event.name == COMMAND:
        yield from _command(attributes, sender, at_ns)
    elif event.name == TRUST:
        yield from _trust(attributes, sender, at_ns, share=False)
    elif event.name == GOVERNANCE:
        yield from _governance(event)
    elif event.name == LINK:
        yield from _link(event)


READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = dict.fromkeys(EVENTS, facts)


def _decision(event: Event) -> Iterator[Fact]:
    attributes, sender, at_ns = event.attributes, event.sender, event.at_ns
    verdict = _word(attributes.get(_D + "verdict"), _VERDICTS)
    if verdict is None:
        return
    told = text(attributes.get(_D + "id"))
    trace_id, span_id = event.trace_id, event.span_id
    yield DecisionFact(
        decision_id=told or _content_id(attributes, sender, trace_id, span_id, at_ns),
        decided_ns=at_ns,
        agent=_agent(attributes, sender),
        instance=text(attributes.get("watchkeeper.instance_uid")) or sender.instance,
        environment=sender.environment,
        sample=_sample(attributes, sender),
        action=first(attributes, _ACTION),
        verdict=verdict,
        effect=_word(attributes.get(_D + "effect"), _EFFECTS) or Effect.UNKNOWN.value,
        trace_id=trace_id,
        span_id=span_id,
        dialect=BRIDGE if attributes.get("watchkeeper.policy.engine") == "agt" else DIALECT,
        raw_verdict=text(attributes.get(_D + "verdict")),
        told_by=event.told_by.value,
        **_columns(attributes),
    )
    if _SCORE in attributes:
        yield from _trust(attributes, sender, at_ns, share=True)


def _columns(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{column: _word(attributes.get(key), words) for column, (key, words) in _WORDS.items()},
        **{column: text(attributes.get(key)) for column, key in _TEXTS.items()},
        **{column: real(attributes.get(key)) for column, key in _REALS.items()},
        **{column: whole(attributes.get(key)) for column, key in _WHOLES.items()},
    }


def _command(attributes: Mapping[str, Any], sender: Sender, at_ns: int) -> Iterator[Fact]:
    command = text(attributes.get(_C + "id"))
    kind = _word(attributes.get(_C + "kind"), _KINDS)
    phase = _word(attributes.get(_C + "phase"), _PHASES)
    if command is None or kind is None or phase is None:
        return
    expires_ns = parsed_ns(attributes.get(_C + "expires_at"))
    yield CommandFact(
        told_ns=at_ns,
        command_id=command,
        hold_id=text(attributes.get("watchkeeper.hold_id")) or command,
        kind=kind,
        phase=phase,
        agent=text(attributes.get("gen_ai.agent.name")),
        instance=text(attributes.get("watchkeeper.instance_uid")),
        actor=text(attributes.get(_C + "actor")),
        origin=text(attributes.get(_C + "origin")),
        reason=text(attributes.get(_C + "reason")),
        expires_at=None if expires_ns is None else timestamp(expires_ns),
        sample=_sample(attributes, sender),
        detail=json.dumps(
            {word: attributes[key] for word, key in _DETAIL.items() if key in attributes},
            default=str,
        ),
    )


def _governance(event: Event) -> Iterator[Fact]:
    """What happened to an agent; without one of the known kinds it is nothing."""
    told = event.attributes
    kind = _word(told.get(_G + "kind"), _GOVERNANCE_KINDS)
    if kind is None:
        return
    event = replace(event, told_by=Teller.CANONICAL)
    agent = first(told, ("gen_ai.agent.name", "gen_ai.agent.id"))
    identity = text(told.get("gen_ai.agent.id"))
    name, to = text(told.get(_G + "name")), text(told.get(_G + "to"))
    subject = first(told, (_G + "id", "agent.sre.slo.name"))
    happened = governance_of(
        event,
        DIALECT,
        GovernanceKind(kind),
        name=name,
        subject=subject,
        agent=agent,
        agent_id=identity,
        from_value=text(told.get(_G + "from")),
        to_value=to,
        value=real(told.get(_G + "value")),
        reason=text(told.get(_G + "reason")),
        copy_key=_copy_key(event, GovernanceKind(kind), name, subject, to, identity or agent),
    )
    yield replace(happened, sample=_sample(told, event.sender))


def _link(event: Event) -> Iterator[Fact]:
    """What became of an agent's line to control; without one of the phases it is nothing."""
    told = event.attributes
    phase = _word(told.get("watchkeeper.link.phase"), _LINK_PHASES)
    if phase is None:
        return
    yield governance_of(
        replace(event, told_by=Teller.CANONICAL),
        DIALECT,
        GovernanceKind.LINK,
        name=f"link.{phase}",
        subject=text(told.get("watchkeeper.instance_uid")),
        agent=first(told, ("gen_ai.agent.name", "gen_ai.agent.id")),
        agent_id=text(told.get("gen_ai.agent.id")),
        to_value=text(told.get("watchkeeper.link.fallback")) or phase,
    )


def _copy_key(
    event: Event,
    kind: GovernanceKind,
    name: str | None,
    subject: str | None,
    to: str | None,
    agent: str | None,
) -> str:
    """The key under which somebody else may tell the same."""
    match kind:
        case GovernanceKind.SIGNAL:
            return same(event, kind, name, agent)
        case GovernanceKind.KILL | GovernanceKind.QUARANTINE | GovernanceKind.ANOMALY:
            return same(event, kind, None, agent)
        case GovernanceKind.THREAT:
            # A line about a threat names no agent.
            return same(event, kind, None, None)
        case GovernanceKind.INCIDENT | GovernanceKind.OBJECTIVE:
            return same(event, kind, f"{subject} {to}", None)
    return same(event, kind, f"{name} {to}", agent)


def _trust(
    attributes: Mapping[str, Any], sender: Sender, at_ns: int, share: bool
) -> Iterator[TrustFact]:
    raw = real(attributes.get(_SCORE))
    highest = 1 if share else 1000
    if raw is None or not 0 <= raw <= highest:
        return
    score = raw * 1000 if share else raw
    yield TrustFact(
        agent=_agent(attributes, sender),
        agent_id=text(attributes.get("gen_ai.agent.id")),
        environment=sender.environment,
        sample=_sample(attributes, sender),
        scored_ns=at_ns,
        score=score,
        tier=Tier.of(score).value,
        raw_score=raw,
        raw_scale="0-1" if share else "0-1000",
        origin="reported",
        reason=text(attributes.get("watchkeeper.trust.reason")),
    )


def _word(value: Any, words: frozenset[Any]) -> str | None:
    """The value in lower case when it is one of these words."""
    if not isinstance(value, str):
        return None
    lowered = value.lower()
    return lowered if lowered in words else None


def _agent(attributes: Mapping[str, Any], sender: Sender) -> str:
    named = first(attributes, ("gen_ai.agent.name", "gen_ai.agent.id"))
    return named or sender.service_name or "unknown"


def _sample(attributes: Mapping[str, Any], sender: Sender) -> bool:
    return sender.sample or attributes.get("watchkeeper.sample") is True


def _content_id(
    attributes: Mapping[str, Any],
    sender: Sender,
    trace_id: bytes | None,
    span_id: bytes | None,
    at_ns: int,
) -> str:
    content = json.dumps(attributes, sort_keys=True, default=str)
    return digest(DIALECT, sender.instance, trace_id, span_id, at_ns, content)
