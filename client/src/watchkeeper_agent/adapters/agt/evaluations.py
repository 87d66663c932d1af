"""Which methods of AGT judge an action, and what each verdict means.

Each evaluation is told once, by the outermost method that made it. The effect is told only
where AGT itself lets the action pass or stops it (`govern()`, the kernel, the gateway, an
integration's checks); an engine that is asked on its own only answers, so there it is
`unknown`. An approval is a further decision, by whom it was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from watchkeeper_agent.adapters.agt.hooks import Hook, Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, text, word

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
    "require_approval": "escalate",
    "escalate": "escalate",
    "pending": "escalate",
    "transform": "modify",
}
_STAGES = {
    "pre_input": "input",
    "pre_tool": "pre_tool_call",
    "post_tool": "post_tool_call",
    "pre_output": "output",
}
_ANSWERED_BY = re.compile(r"(?:Approved|Approval rejected) by (.*?)(?:: | \(request )")
_NOTHING: dict[str, Any] = {}

# The GovernedCallable whose call this is.
governing: ContextVar[Any] = ContextVar("watchkeeper_agt_governing", default=None)
# The MCPGateway that is deciding; its counter counts the same decision.
asking: ContextVar[Any] = ContextVar("watchkeeper_agt_asking", default=None)
# The id of the decision told last in this context: an audit record may be about it.
decided: ContextVar[str | None] = ContextVar("watchkeeper_agt_decided", default=None)
# An allowed action whose advisory check is still to come.
_held: ContextVar[dict[str, Any] | None] = ContextVar("watchkeeper_agt_held", default=None)


def _verdict(action: Any, allowed: Any) -> str:
    told = _VERDICTS.get(str(getattr(action, "value", action)).lower())
    return told or ("allow" if allowed else "deny")


def _enforced(verdict: str, allowed: Any) -> str:
    if verdict == "escalate" and not allowed:
        return "held"
    return ("modified" if verdict == "modify" else "executed") if allowed else "blocked"


def _failed(teller: Teller, outcome: Outcome, agent: Any, action: Any, **more: Any) -> bool:
    """An evaluation that raised reached no verdict."""
    if outcome.error is None:
        return False
    name = type(outcome.error).__name__
    more = {"error.type": name, **more}
    teller.decision(agent, action, "error", "unknown", reason_code=name, **more)
    return True


def _action_of(context: Any) -> Any:
    if not isinstance(context, Mapping):
        return None
    action = context.get("action")
    if isinstance(action, Mapping):
        action = action.get("type")
    return action or context.get("tool_name") or context.get("tool")


def _agent_of(context: Any) -> Any:
    if isinstance(context, Mapping):
        return context.get("agent_id") or context.get("agent_did") or context.get("agent")
    return getattr(context, "agent_id", None)


# agentmesh: govern() and its engine


def engine_evaluated(
    teller: Teller,
    outcome: Outcome,
    engine: Any,
    agent_did: Any,
    context: Any,
    stage: str = "pre_tool",
) -> None:
    """`PolicyEngine.evaluate`, by itself or in `govern()`."""
    action = _action_of(context)
    if _failed(teller, outcome, agent_did, action):
        return
    decision = outcome.result
    owner = governing.get()
    is_governed = owner is not None and getattr(owner, "_engine", None) is engine
    narrowed = bool((decision.metadata or _NOTHING).get("effective_scope"))
    verdict = "modify" if narrowed else _verdict(decision.action, decision.allowed)
    told = {
        **_parts(decision),
        "agent": agent_did,
        "action": action,
        "verdict": verdict,
        "effect": _enforced(verdict, decision.allowed) if is_governed else "unknown",
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
    agent, action = owner._config.agent_id, _action_of(context)
    if _failed(teller, outcome, agent, action):
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
            _action_of(context),
            _verdict(advice.action, not blocked),
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
    agent, action = owner._config.agent_id, _action_of(context)
    if _failed(teller, outcome, agent, action) or outcome.result is None:
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
    if _failed(teller, outcome, None, action):
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


def policies_evaluated(
    teller: Teller, outcome: Outcome, evaluator: Any, context: Any, *_: Any, **__: Any
) -> None:
    """`PolicyEvaluator.evaluate` of agent_os and of agentmesh's trust policies."""
    agent, action = _agent_of(context), _action_of(context)
    if _failed(teller, outcome, agent, action):
        return
    decision = outcome.result
    rule = getattr(decision, "matched_rule", None) or getattr(decision, "rule_name", None)
    teller.decision(
        agent,
        action,
        _verdict(decision.action, decision.allowed),
        "unknown",
        rule=rule,
        reason_code=rule or "no_matching_rule",
        reason=decision.reason,
    )


# agent_os: integrations, gateway, kernel, escalation


def integration_checked(
    teller: Teller, outcome: Outcome, integration: Any, context: Any, data: Any
) -> None:
    """`BaseIntegration.pre_execute_check`."""
    _integration_answer(teller, outcome, context, data, "pre_tool_call")


def integration_checked_output(
    teller: Teller, outcome: Outcome, integration: Any, context: Any, data: Any
) -> None:
    """`BaseIntegration.post_execute_check`."""
    _integration_answer(teller, outcome, context, data, "post_tool_call")


def _integration_answer(
    teller: Teller, outcome: Outcome, context: Any, data: Any, stage: str
) -> None:
    tool = data.get("tool_name") if isinstance(data, Mapping) else getattr(data, "tool_name", None)
    agent = _agent_of(context)
    if _failed(teller, outcome, agent, tool, stage=stage):
        return
    check = outcome.result
    verdict = _verdict(check.action, check.allowed)
    category = word(check.category)
    teller.decision(
        agent,
        check.tool_name or tool,
        verdict,
        _enforced(verdict, check.allowed),
        stage=stage,
        rule=check.matched_rule,
        reason_code=check.matched_rule or category,
        reason=check.reason or check.detail,
        also={
            "watchkeeper.risk.category": category,
            "gen_ai.conversation.id": text(getattr(context, "session_id", None)),
        },
    )


def gateway_asked(
    teller: Teller,
    outcome: Outcome,
    gateway: Any,
    agent_id: Any,
    tool_name: Any,
    *_: Any,
    **__: Any,
) -> None:
    """`MCPGateway.intercept_tool_call`."""
    if _failed(teller, outcome, agent_id, tool_name, stage="mcp_request"):
        return
    allowed, reason = outcome.result
    teller.decision(
        agent_id,
        tool_name,
        "allow" if allowed else "deny",
        "executed" if allowed else "blocked",
        stage="mcp_request",
        reason_code="mcp_gateway",
        reason=reason,
        also={"watchkeeper.policy.id": "mcp_gateway"},
    )


def kernel_executed(
    teller: Teller, outcome: Outcome, kernel: Any, request: Any, *_: Any, **__: Any
) -> None:
    """`StatelessKernel._execute_inner`: SIGKILL is its word for a refusal."""
    agent, action = request.context.agent_id, request.action
    if _failed(teller, outcome, agent, action):
        return
    answer = outcome.result
    refused = answer.signal == "SIGKILL"
    teller.decision(
        agent,
        action,
        "deny" if refused else "allow",
        "blocked" if refused else "executed",
        reason_code="kernel_policy",
        reason=answer.error,
        also={"watchkeeper.policy.id": ",".join(request.context.policies or ()) or None},
    )


def kernel_intercepted(
    teller: Teller, outcome: Outcome, kernel: Any, agent_id: Any, tool: Any, *_: Any, **__: Any
) -> None:
    """`AgentKernel.intercept_tool_execution`: nothing answered means go on."""
    if _failed(teller, outcome, agent_id, tool):
        return
    answer = outcome.result or _NOTHING
    simulated = answer.get("status") == "simulated"
    refused = bool(answer) and not simulated
    teller.decision(
        agent_id,
        tool,
        "deny" if refused else "allow",
        "blocked" if refused else "simulated" if simulated else "executed",
        mode="dry_run" if simulated else "enforce",
        reason_code="kernel_policy",
        reason=answer.get("error"),
    )


def request_submitted(
    teller: Teller, outcome: Outcome, kernel: Any, agent_context: Any, action: Any, *_: Any
) -> None:
    """`AgentKernel.submit_request`."""
    agent = _agent_of(agent_context)
    if _failed(teller, outcome, agent, word(action)):
        return
    request = outcome.result
    refused = word(request.status) == "denied"
    teller.decision(
        agent,
        word(action),
        "deny" if refused else "allow",
        "blocked" if refused else "unknown",
        reason_code="kernel_policy",
        also={"watchkeeper.risk.score": request.risk_score},
    )


def violation_looked_for(
    teller: Teller, outcome: Outcome, engine: Any, agent: Any, tool: Any, *_: Any, **__: Any
) -> None:
    """`agent_control_plane.PolicyEngine.check_violation`: nothing answered means none."""
    if _failed(teller, outcome, agent, tool):
        return
    refused = bool(outcome.result)
    teller.decision(
        agent,
        tool,
        "deny" if refused else "allow",
        "unknown",
        reason_code="violation",
        reason=outcome.result,
    )


def escalation_considered(
    teller: Teller, outcome: Outcome, policy: Any, action: Any, context: Any, *_: Any, **__: Any
) -> None:
    """`EscalationPolicy.evaluate`: the integration's check, with a person instead of a no."""
    agent = _agent_of(context)
    if _failed(teller, outcome, agent, action):
        return
    answer = outcome.result
    verdict = _verdict(answer.decision, False)
    teller.decision(
        agent,
        action,
        verdict,
        _enforced(verdict, verdict == "allow"),
        reason_code="escalation_policy",
        reason=answer.reason,
        also={
            "watchkeeper.policy.id": text(answer.policy_name),
            "watchkeeper.approval.id": text(getattr(answer.request, "request_id", None)),
        },
    )


def escalated(
    teller: Teller, outcome: Outcome, handler: Any, agent_id: Any, action: Any, *_: Any, **__: Any
) -> None:
    """`EscalationHandler.escalate`; too many in a minute are denied at once."""
    if _failed(teller, outcome, agent_id, action):
        return
    request = outcome.result
    denied = _verdict(request.decision, False) == "deny"
    teller.decision(
        agent_id,
        action,
        "deny" if denied else "escalate",
        "blocked" if denied else "held",
        source="fail_closed" if denied else "policy",
        reason_code="escalation_fatigue" if denied else "escalated",
        reason=request.reason,
        also={"watchkeeper.approval.id": text(request.request_id)},
    )


def escalation_resolved(teller: Teller, outcome: Outcome, handler: Any, request_id: Any) -> None:
    """`EscalationHandler.resolve`; it may be asked again and then tells the same decision."""
    if outcome.error is not None:
        return
    request = handler.backend.get_decision(request_id)
    answered = request is not None and word(request.decision) not in ("pending", None)
    allowed = _verdict(outcome.result, False) == "allow"
    fallback = "fail_open" if allowed else "fail_closed"
    outcomes = "approved" if allowed else "rejected"
    teller.decision(
        getattr(request, "agent_id", None),
        getattr(request, "action", None),
        "allow" if allowed else "deny",
        "unknown",
        source="human" if answered else fallback,
        reason_code="approval_rejected" if answered else "approval_timeout",
        decision_id=f"agt-{request_id}-{outcomes}",
        also={
            "watchkeeper.approval.id": text(request_id),
            "watchkeeper.approval.outcome": outcomes if answered else "timeout",
            "watchkeeper.approval.approver": text(getattr(request, "resolved_by", None)),
        },
    )


def manager_recorded(
    teller: Teller,
    outcome: Outcome,
    manager: Any,
    event_type: Any,
    agent_id: Any,
    action: Any,
    data: Any,
) -> None:
    """`EscalationManager._record_event`: escalated, decided or approved without asking."""
    if event_type == "escalated":
        verdict, effect, source = "escalate", "held", "policy"
    else:
        allowed = bool(data.approved)
        verdict, effect = ("allow", "unknown") if allowed else ("deny", "blocked")
        timed_out = word(data.outcome) == "timed_out"
        fallback = "fail_open" if allowed else "fail_closed"
        asked = "policy" if event_type == "auto_approved" else "human"
        source = fallback if timed_out else asked
    decision = event_type == "decided"
    teller.decision(
        agent_id,
        action,
        verdict,
        effect,
        source=source,
        reason_code=str(event_type),
        reason=data.reason,
        also={
            "watchkeeper.approval.id": text(data.request_id),
            "watchkeeper.approval.outcome": _approval_word(data) if decision else None,
            "watchkeeper.approval.approver": text(data.decided_by) if decision else None,
        },
    )


def _approval_word(data: Any) -> str:
    if word(data.outcome) == "timed_out":
        return "timeout"
    return "approved" if data.approved else "rejected"


# agent_sre: money


def budget_asked(
    teller: Teller, outcome: Outcome, guard: Any, agent_id: Any, *_: Any, **__: Any
) -> None:
    """`CostGuard.check_task` and `check_and_charge`."""
    if outcome.error is not None:
        return
    allowed, reason = outcome.result[0], outcome.result[1]
    teller.decision(
        agent_id,
        None,
        "allow" if allowed else "deny",
        "unknown",
        source="budget",
        stage="agent_start",
        reason_code="budget_exhausted",
        reason=reason,
        also={"watchkeeper.policy.id": "cost_guard"},
    )


_GOVERN = ("govern", "agentmesh.governance.govern", "GovernedCallable")
_RINGS = ("rings", "hypervisor.rings.enforcer", "RingEnforcer")
_KERNEL = ("kernel", "agent_control_plane.agent_kernel", "AgentKernel")
_OS_ESCALATION = ("escalation", "agent_os.integrations.escalation", "EscalationHandler")
_INTEGRATION = ("integrations", "agent_os.integrations.base", "BaseIntegration")
_COST = ("cost", "agent_sre.cost.guard", "CostGuard")

HOOKS = (
    Hook(*_GOVERN, "__call__", governed, during=governing),
    Hook(*_GOVERN, "_check_ring", ring_asked, evaluates=True),
    Hook(*_GOVERN, "_handle_approval", approval_given, evaluates=True),
    Hook(*_GOVERN, "_run_advisory", advised, evaluates=True),
    Hook(
        "policy engine",
        "agentmesh.governance.policy",
        "PolicyEngine",
        "evaluate",
        engine_evaluated,
        evaluates=True,
    ),
    Hook(
        "policy engine",
        "agentmesh.governance.policy_evaluator",
        "PolicyEvaluator",
        "evaluate",
        policies_evaluated,
        evaluates=True,
    ),
    Hook(
        "policy engine",
        "agent_os.policies.evaluator",
        "PolicyEvaluator",
        "evaluate",
        policies_evaluated,
        evaluates=True,
    ),
    Hook(
        "policy engine",
        "agent_control_plane.policy_engine",
        "PolicyEngine",
        "check_violation",
        violation_looked_for,
        evaluates=True,
    ),
    Hook(*_RINGS, "check", ring_checked, evaluates=True),
    Hook(*_RINGS, "check_resource", ring_checked, evaluates=True),
    Hook(*_RINGS, "check_command", command_checked, evaluates=True),
    Hook(*_INTEGRATION, "pre_execute_check", integration_checked, evaluates=True),
    Hook(*_INTEGRATION, "post_execute_check", integration_checked_output, evaluates=True),
    Hook(
        "gateway",
        "agent_os.mcp_gateway",
        "MCPGateway",
        "intercept_tool_call",
        gateway_asked,
        evaluates=True,
        during=asking,
    ),
    Hook("kernel", "agent_os.stateless", "StatelessKernel", "_execute_inner", kernel_executed),
    Hook(*_KERNEL, "intercept_tool_execution", kernel_intercepted, evaluates=True),
    Hook(*_KERNEL, "intercept_tool_execution_async", kernel_intercepted, evaluates=True),
    Hook(*_KERNEL, "submit_request", request_submitted, evaluates=True),
    Hook(
        "escalation",
        "agent_os.integrations.escalation",
        "EscalationPolicy",
        "evaluate",
        escalation_considered,
        evaluates=True,
    ),
    Hook(*_OS_ESCALATION, "escalate", escalated, evaluates=True),
    Hook(*_OS_ESCALATION, "resolve", escalation_resolved, evaluates=True),
    Hook(
        "escalation",
        "agent_os.escalation",
        "EscalationManager",
        "_record_event",
        manager_recorded,
    ),
    Hook(*_COST, "check_task", budget_asked, evaluates=True),
    Hook(*_COST, "check_and_charge", budget_asked, evaluates=True),
)
