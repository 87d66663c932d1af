"""What AGT's words for a verdict mean, and what every evaluation tells."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller

_VERDICTS = {
    "allow": "allow",
    "allowed": "allow",
    "approved": "allow",
    "auto_approved": "allow",
    "deny": "deny",
    "denied": "deny",
    "block": "deny",
    "blocked": "deny",
    "warn": "warn",
    "log": "warn",
    "audit": "warn",
    "flag": "warn",
    "logged": "warn",
    "require_approval": "escalate",
    "escalate": "escalate",
    "pending": "escalate",
    "transform": "modify",
    "sanitized": "modify",
}
NOTHING: Mapping[str, Any] = {}
# The id of the decision told last in this context: an audit record may be about it.
decided: ContextVar[str | None] = ContextVar("watchkeeper_agt_decided", default=None)


def verdict_of(action: Any, allowed: Any) -> str:
    told = _VERDICTS.get(str(getattr(action, "value", action)).lower())
    return told or ("allow" if allowed else "deny")


def effect_of(verdict: str, allowed: Any) -> str:
    if verdict == "escalate" and not allowed:
        return "held"
    return ("modified" if verdict == "modify" else "executed") if allowed else "blocked"


def failed(teller: Teller, outcome: Outcome, agent: Any, action: Any, **more: Any) -> bool:
    """An evaluation that raised reached no verdict."""
    if outcome.error is None:
        return False
    name = type(outcome.error).__name__
    more = {"error.type": name, **more}
    teller.decision(agent, action, "error", "unknown", reason_code=name, **more)
    return True


def action_of(context: Any) -> Any:
    if not isinstance(context, Mapping):
        return None
    action = context.get("action")
    if isinstance(action, Mapping):
        action = action.get("type")
    return action or context.get("tool_name") or context.get("tool")


def agent_of(context: Any) -> Any:
    if isinstance(context, Mapping):
        return context.get("agent_id") or context.get("agent_did") or context.get("agent")
    return getattr(context, "agent_id", None)


def policies_evaluated(
    teller: Teller, outcome: Outcome, evaluator: Any, context: Any, *_: Any, **__: Any
) -> None:
    """`PolicyEvaluator.evaluate` of agent_os and of agentmesh's trust policies."""
    agent, action = agent_of(context), action_of(context)
    if failed(teller, outcome, agent, action):
        return
    decision = outcome.result
    rule = getattr(decision, "matched_rule", None) or getattr(decision, "rule_name", None)
    teller.decision(
        agent,
        action,
        verdict_of(decision.action, decision.allowed),
        "unknown",
        rule=rule,
        reason_code=rule or "no_matching_rule",
        reason=decision.reason,
    )
