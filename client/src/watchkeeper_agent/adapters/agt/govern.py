"""How `govern()`, its engine and rings judge an action.

The effect is told only where AGT itself lets the action pass or stops it; an engine that is
asked on its own only answers, so there it is `unknown`. An approval is a further decision, by
whom it was given.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, text
from watchkeeper_agent.adapters.agt.verdicts import (
    NOTHING,
    action_of,
    decided,
    effect_of,
    failed,
    verdict_of,
)

_STAGES = {
    "pre_input": "input",
    "pre_tool": "pre_tool_call",
    "post_tool": "post_tool_call",
    "pre_output": "output",
}
_ANSWERED_BY = re.compile(r"(?:Approved|Approval rejected) by (.*?)(?:: | \(request )")

# The GovernedCallable whose call this is.
governing: ContextVar[Any] = ContextVar("watchkeeper_agt_governing", default=None)
# An allowed action whose advisory check is still to come.
_held: ContextVar[dict[str, Any] | None] = ContextVar("watchkeeper_agt_held", default=None)


def engine_evaluated(
    teller: Teller,
    outcome: Outcome,
    engine: Any,
    agent_did: Any,
    context: Any,
    stage: str = "pre_tool",
) -> None:
    """`PolicyEngine.evaluate`, by itself or in `govern()`."""
    action = action_of(context)
    if failed(teller, outcome, agent_did, action):
        return
    decision = outcome.result
    owner = governing.get()
    is_governed = owner is not None and getattr(owner, "_engine", None) is engine
    narrowed = bool((decision.metadata or NOTHING).get("effective_scope"))
    verdict = "modify" if narrowed else verdict_of(decision.action, decision.allowed)
    told = {
        **_parts(decision),
        "agent": agent_did,
        "action": action,
        "verdict": verdict,
        "effect": effect_of(verdict, decision.allowed) if is_governed else "unknown",
        "stage": _STAGES.get(stage, "pre_tool_call"),
        **_session(owner if is_governed else None),
    }
    _tell_or_hold(teller, told, owner if is_governed else None, decision.allowed)


def _parts(decision: Any) -> dict[str, Any]:
    code = "rate_limited" if decision.rate_limited else decision.matched_rule
    return {
        "rule": decision.matched_rule,
        "reason_code": code or "no_matching_rule",
        "reason": decision.reason,
        "watchkeeper.policy.id": decision.policy_name,
        "watchkeeper.decision.duration_ms": decision.evaluation_ms,
    }


def _session(owner: Any) -> dict[str, Any]:
    session = getattr(getattr(owner, "_config", None), "session_id", None)
    version = getattr(owner, "_policy_version", None)
    return {"gen_ai.conversation.id": session or None, "watchkeeper.policy.version": text(version)}


def _tell_or_hold(teller: Teller, told: dict[str, Any], owner: Any, allowed: Any) -> None:
    advisory = getattr(getattr(owner, "_config", None), "advisory", None)
    if allowed and advisory is not None:
        _held.set(told)
        return
    decided.set(teller.decision(**told))


def approval_given(
    teller: Teller, outcome: Outcome, owner: Any, decision: Any, context: Any
) -> None:
    """`GovernedCallable._handle_approval`: the answer to an escalated action."""
    agent, action = owner._config.agent_id, action_of(context)
    if failed(teller, outcome, agent, action):
        return
    answer = outcome.result
    allowed, approver = bool(answer.allowed), _approver(answer.reason)
    told = {
        "agent": agent,
        "action": action,
        "verdict": "allow" if allowed else "deny",
        "effect": "executed" if allowed else "blocked",
        "source": _by_whom(approver, allowed, answer.reason),
        "rule": answer.matched_rule,
        "reason_code": "approval_rejected",
        "reason": answer.reason,
        "watchkeeper.policy.id": answer.policy_name,
        "watchkeeper.approval.id": decided.get(),
        "watchkeeper.approval.outcome": "approved" if allowed else "rejected",
        "watchkeeper.approval.approver": text(approver),
        **_session(owner),
    }
    _tell_or_hold(teller, told, owner, allowed)


def _approver(reason: Any) -> str | None:
    """Who answered stands in AGT's text only."""
    found = _ANSWERED_BY.match(reason or "")
    return found[1] if found else None


def _by_whom(approver: str | None, allowed: bool, reason: Any) -> str:
    """AGT answers for itself as `system:…` when nobody does; its coordinator names nobody,
    and says `not_terminal_allow` when the one who was asked said no."""
    named = approver is not None and not approver.startswith("system:")
    if named or "(not_terminal_allow)" in (reason or ""):
        return "human"
    return "fail_open" if allowed else "fail_closed"


def advised(teller: Teller, outcome: Outcome, owner: Any, context: Any) -> None:
    """`GovernedCallable._run_advisory`: the last word on an allowed action."""
    advice = outcome.result
    blocked = advice is not None and advice.action == "block"
    _release(teller, "blocked" if blocked else None)
    if advice is None:
        return
    decided.set(
        teller.decision(
            owner._config.agent_id,
            action_of(context),
            verdict_of(advice.action, not blocked),
            "blocked" if blocked else "executed",
            source="guardrail",
            rule=getattr(advice, "classifier", None),
            reason=getattr(advice, "reason", None),
            **_session(owner),
        )
    )


def governed(teller: Teller, outcome: Outcome, owner: Any, *_: Any, **__: Any) -> None:
    """`GovernedCallable.__call__` is over: nothing may be left untold."""
    _release(teller, "unknown")


def _release(teller: Teller, effect: str | None) -> None:
    told = _held.get()
    if told is None:
        return
    _held.set(None)
    decided.set(teller.decision(**{**told, **({"effect": effect} if effect else {})}))


def ring_asked(teller: Teller, outcome: Outcome, owner: Any, context: Any) -> None:
    """`GovernedCallable._check_ring`: only a denial ends the call; else the policy decides."""
    agent, action = owner._config.agent_id, action_of(context)
    if failed(teller, outcome, agent, action) or outcome.result is None:
        return
    denial = outcome.result
    teller.decision(
        agent,
        action,
        "deny",
        "blocked",
        rule=denial.matched_rule,
        reason=denial.reason,
        also={"watchkeeper.policy.id": "rings", **_session(owner)},
    )


def ring_checked(
    teller: Teller, outcome: Outcome, enforcer: Any, ring: Any, action: Any, *_: Any, **__: Any
) -> None:
    """`RingEnforcer.check` and its kin, asked by a host; they name no agent."""
    name = getattr(action, "action_id", None) or getattr(action, "value", action)
    _ring_answer(teller, outcome, name)


def command_checked(
    teller: Teller, outcome: Outcome, enforcer: Any, command: Any, *_: Any, **__: Any
) -> None:
    """`RingEnforcer.check_command`: the command's arguments stay here."""
    _ring_answer(teller, outcome, getattr(outcome.result, "command", None))


def _ring_answer(teller: Teller, outcome: Outcome, action: Any) -> None:
    if failed(teller, outcome, None, action):
        return
    allowed = bool(outcome.result.allowed)
    teller.decision(
        None,
        action,
        "allow" if allowed else "deny",
        "unknown",
        rule=None if allowed else "ring_enforcement",
        reason=outcome.result.reason,
        also={"watchkeeper.policy.id": "rings"},
    )
