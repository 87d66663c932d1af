"""Our own events, which anyone may emit: decisions, command phases and trust scores.

`watchkeeper.decision` and `watchkeeper.command` carry the attributes of
docs/control-api.md. `watchkeeper.trust` carries `gen_ai.agent.name`,
`watchkeeper.trust.score` (0 to 1000) and `watchkeeper.trust.reason`; on a decision the
same key is a share between 0 and 1. An event without its required words tells nothing:
the log record stays, no fact is made of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from collector.model import (
    CommandPhase,
    DecisionSource,
    Effect,
    HoldKind,
    Mode,
    Stage,
    Tier,
    Verdict,
)
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
from collector.receive.normalise.keys import first, real, text

DIALECT = "watchkeeper"
# Told by the bridge in a process of the governance toolkit; the toolkit may tell it too.
BRIDGE = "agt_bridge"
DECISION = "watchkeeper.decision"
COMMAND = "watchkeeper.command"
TRUST = "watchkeeper.trust"
EVENTS = frozenset({DECISION, COMMAND, TRUST})

_VERDICTS = frozenset(Verdict)
_EFFECTS = frozenset(Effect)
_STAGES = frozenset(Stage)
_MODES = frozenset(Mode)
_SOURCES = frozenset(DecisionSource)
_PHASES = frozenset(CommandPhase)
_KINDS = frozenset(HoldKind)

_D = "watchkeeper.decision."
_C = "watchkeeper.command."
_ACTION = ("gen_ai.tool.name", "gen_ai.request.model", "watchkeeper.target.name")
_SCORE = "watchkeeper.trust.score"
_DETAIL: Mapping[str, str] = {
    "status": _C + "status",
    "effective_mode": _C + "effective_mode",
    "approvers": _C + "approvers",
    "decision_id": _D + "id",
    "epoch": "watchkeeper.state_epoch",
    "gen": "watchkeeper.state_gen",
    "jti": "watchkeeper.jti",
}


def facts(
    event: str,
    attributes: Mapping[str, Any],
    sender: Sender,
    trace_id: bytes | None,
    span_id: bytes | None,
    at_ns: int,
) -> Iterator[Fact]:
    """What one of our events tells."""
    if event == DECISION:
        yield from _decision(attributes, sender, trace_id, span_id, at_ns)
    elif event == COMMAND:
        yield from _command(attributes, sender, at_ns)
    elif event == TRUST:
        yield from _trust(attributes, sender, at_ns, share=False)


def _decision(
    attributes: Mapping[str, Any],
    sender: Sender,
    trace_id: bytes | None,
    span_id: bytes | None,
    at_ns: int,
) -> Iterator[Fact]:
    verdict = _word(attributes.get(_D + "verdict"), _VERDICTS)
    if verdict is None:
        return
    told = text(attributes.get(_D + "id"))
    yield DecisionFact(
        decision_id=told or _content_id(attributes, sender, trace_id, span_id, at_ns),
        decided_ns=at_ns,
        agent=_agent(attributes, sender),
        agent_id=text(attributes.get("gen_ai.agent.id")),
        instance=text(attributes.get("watchkeeper.instance_uid")) or sender.instance,
        environment=sender.environment,
        sample=_sample(attributes, sender),
        action=first(attributes, _ACTION),
        verdict=verdict,
        effect=_word(attributes.get(_D + "effect"), _EFFECTS) or Effect.UNKNOWN.value,
        stage=_word(attributes.get(_D + "stage"), _STAGES),
        mode=_word(attributes.get(_D + "mode"), _MODES),
        source=_word(attributes.get(_D + "source"), _SOURCES),
        policy=text(attributes.get("watchkeeper.policy.id")),
        rule=text(attributes.get("watchkeeper.policy.rule_id")),
        reason_code=text(attributes.get(_D + "reason_code")),
        reason=text(attributes.get(_D + "reason_text")),
        hold_id=text(attributes.get("watchkeeper.hold_id")),
        command_id=text(attributes.get("watchkeeper.command_id")),
        trace_id=trace_id,
        span_id=span_id,
        dialect=BRIDGE if attributes.get("watchkeeper.policy.engine") == "agt" else DIALECT,
        raw_verdict=text(attributes.get(_D + "verdict")),
    )
    if _SCORE in attributes:
        yield from _trust(attributes, sender, at_ns, share=True)


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
