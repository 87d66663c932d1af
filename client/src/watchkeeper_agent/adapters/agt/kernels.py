"""How AGT's kernels, gateway, integrations, escalations and budgets judge an action.

Each evaluation is told once, by the outermost method that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, text, word
from watchkeeper_agent.adapters.agt.verdicts import (
    NOTHING,
    agent_of,
    effect_of,
    failed,
    verdict_of,
)

# The MCPGateway that is deciding; its counter counts the same decision.
asking: ContextVar[Any] = ContextVar("watchkeeper_agt_asking", default=None)


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
    agent = agent_of(context)
    if failed(teller, outcome, agent, tool, stage=stage):
        return
    check = outcome.result
    verdict = verdict_of(check.action, check.allowed)
    category = word(check.category)
    teller.decision(
        agent,
        check.tool_name or tool,
        verdict,
        effect_of(verdict, check.allowed),
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
    if failed(teller, outcome, agent_id, tool_name, stage="mcp_request"):
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
    if failed(teller, outcome, agent, action):
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
    if failed(teller, outcome, agent_id, tool):
        return
    answer = outcome.result or NOTHING
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
    agent = agent_of(agent_context)
    if failed(teller, outcome, agent, word(action)):
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
    if failed(teller, outcome, agent, tool):
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
    agent = agent_of(context)
    if failed(teller, outcome, agent, action):
        return
    answer = outcome.result
    verdict = verdict_of(answer.decision, False)
    teller.decision(
        agent,
        action,
        verdict,
        effect_of(verdict, verdict == "allow"),
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
    if failed(teller, outcome, agent_id, action):
        return
    request = outcome.result
    denied = verdict_of(request.decision, False) == "deny"
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
    allowed = verdict_of(outcome.result, False) == "allow"
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
