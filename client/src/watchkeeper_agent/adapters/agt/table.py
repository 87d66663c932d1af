"""Which methods of AGT are listened to: the part, the class, its method, and what hears it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from watchkeeper_agent.adapters.agt import (
    govern,
    happenings,
    incoming,
    kernels,
    records,
    reliability,
    verdicts,
)
from watchkeeper_agent.adapters.agt.hooks import Hook


class _Ear(NamedTuple):
    """What hears of a call; its fields are those of `Hook`."""

    after: Callable[..., None]
    before: Callable[..., Any] | None = None
    evaluates: bool = False
    during: ContextVar[Any] | None = None


# A verdict is reached in the method.
_judges = functools.partial(_Ear, evaluates=True)

_TABLE: dict[str, dict[str, dict[str, _Ear]]] = {
    "govern": {
        "agentmesh.governance.govern.GovernedCallable": {
            "__call__": _Ear(govern.governed, during=govern.governing),
            "_check_ring": _judges(govern.ring_asked),
            "_handle_approval": _judges(govern.approval_given),
            "_run_advisory": _judges(govern.advised),
        },
    },
    "policy engine": {
        "agentmesh.governance.policy.PolicyEngine": {"evaluate": _judges(govern.engine_evaluated)},
        "agentmesh.governance.policy_evaluator.PolicyEvaluator": {
            "evaluate": _judges(verdicts.policies_evaluated)
        },
        "agent_os.policies.evaluator.PolicyEvaluator": {
            "evaluate": _judges(verdicts.policies_evaluated)
        },
        "agent_control_plane.policy_engine.PolicyEngine": {
            "check_violation": _judges(kernels.violation_looked_for)
        },
    },
    "rings": {
        "hypervisor.rings.enforcer.RingEnforcer": {
            "check": _judges(govern.ring_checked),
            "check_resource": _judges(govern.ring_checked),
            "check_command": _judges(govern.command_checked),
        },
        "hypervisor.rings.elevation.RingElevationManager": {
            "request_elevation": _Ear(happenings.elevation_asked),
            "revoke_elevation": _Ear(happenings.elevation_revoked, happenings.elevation_before),
            "tick": _Ear(happenings.elevations_expired),
        },
        "hypervisor.session.SharedSessionObject": {
            "update_ring": _Ear(happenings.session_ring_set, happenings.session_ring_before)
        },
        "hypervisor.rings.breach_detector.RingBreachDetector": {
            "record_call": _Ear(happenings.ring_called)
        },
    },
    "integrations": {
        "agent_os.integrations.base.BaseIntegration": {
            "pre_execute_check": _judges(kernels.integration_checked),
            "post_execute_check": _judges(kernels.integration_checked_output),
        },
    },
    "gateway": {
        "agent_os.mcp_gateway.MCPGateway": {
            "intercept_tool_call": _judges(kernels.gateway_asked, during=kernels.asking),
            "intercept_tool_response": _judges(incoming.answer_intercepted),
        },
        "agent_os._mcp_metrics.MCPMetrics": {
            "record_decision": _Ear(records.counted, records.mark_counter)
        },
    },
    "kernel": {
        "agent_os.stateless.StatelessKernel": {"_execute_inner": _Ear(kernels.kernel_executed)},
        "agent_control_plane.agent_kernel.AgentKernel": {
            "intercept_tool_execution": _judges(kernels.kernel_intercepted),
            "intercept_tool_execution_async": _judges(kernels.kernel_intercepted),
            "submit_request": _judges(kernels.request_submitted),
        },
    },
    "escalation": {
        "agent_os.integrations.escalation.EscalationPolicy": {
            "evaluate": _judges(kernels.escalation_considered)
        },
        "agent_os.integrations.escalation.EscalationHandler": {
            "escalate": _judges(kernels.escalated),
            "resolve": _judges(kernels.escalation_resolved),
        },
        "agent_os.escalation.EscalationManager": {"_record_event": _Ear(kernels.manager_recorded)},
    },
    "cost": {
        "agent_sre.cost.guard.CostGuard": {
            "check_task": _judges(kernels.budget_asked),
            "check_and_charge": _judges(kernels.budget_asked),
            "_record_cost_locked": _Ear(reliability.cost_recorded),
        },
    },
    "trust": {
        "agentmesh.trust.bridge.TrustBridge": {
            "verify_peer": _Ear(incoming.peer_verified),
            "revoke_peer_trust": _Ear(happenings.peer_revoked),
        },
        "agentmesh.reward.engine.RewardEngine": {
            "_recalculate_score": _Ear(happenings.reward_scored, happenings.reward_before),
            "_trigger_revocation": _Ear(happenings.revoked),
        },
        "agentmesh.reward.trust_decay.NetworkTrustEngine": {
            "set_score": _Ear(happenings.network_scored, happenings.network_before),
            "detect_regime_change": _Ear(happenings.regime_looked_for),
        },
    },
    "scanners": {
        "agent_os.mcp_security.MCPSecurityScanner": {
            "scan_tool": _Ear(incoming.tool_scanned, during=incoming.scanning),
            "check_rug_pull": _Ear(incoming.rug_pull_looked_for, during=incoming.scanning),
        },
        "agent_os.mcp_response_scanner.MCPResponseScanner": {
            "scan_response": _Ear(incoming.answer_scanned, during=incoming.scanning)
        },
        "agent_os.prompt_injection.PromptInjectionDetector": {
            "detect": _Ear(incoming.injection_looked_for, during=incoming.scanning)
        },
    },
    "kill switch": {
        "hypervisor.security.kill_switch.KillSwitch": {"kill": _Ear(happenings.killed)},
    },
    "signals": {
        "agent_control_plane.signals.SignalDispatcher": {
            "signal": _Ear(happenings.signalled, happenings.condition)
        },
    },
    "quarantine": {
        "agentmesh.services.behavior_monitor.AgentBehaviorMonitor": {
            "_quarantine": _Ear(happenings.quarantined, happenings.quarantine_before),
            "release_quarantine": _Ear(happenings.quarantine_left, happenings.quarantine_before),
        },
    },
    "rogues": {
        "agent_sre.anomaly.rogue_detector.RogueAgentDetector": {
            "assess": _Ear(happenings.rogue_assessed)
        },
    },
    "lifecycle": {
        "agentmesh.lifecycle.models.ManagedAgent": {
            "record_event": _Ear(reliability.lifecycle_recorded)
        },
    },
    "breakers": {
        "agent_sre.incidents.circuit_breaker.CircuitBreaker": {
            "_transition": _Ear(reliability.breaker_moved, reliability.state_before)
        },
        "agent_sre.cascade.circuit_breaker.CircuitBreaker": {
            "_transition": _Ear(reliability.breaker_moved, reliability.state_before)
        },
        "agent_os._circuit_breaker_impl.CircuitBreaker": {
            "_transition": _Ear(reliability.breaker_moved, reliability.state_before)
        },
        "agent_control_plane.lifecycle.CircuitBreaker": {
            "_transition_to": _Ear(reliability.breaker_moved, reliability.state_before)
        },
    },
    "objectives": {
        "agent_sre.slo.objectives.SLO": {"evaluate": _Ear(reliability.objective_evaluated)},
    },
    "incidents": {
        "agent_sre.incidents.detector.IncidentDetector": {
            "ingest_signal": _Ear(reliability.signal_ingested)
        },
        "agent_sre.incidents.detector.Incident": {
            "acknowledge": _Ear(reliability.incident_moved, reliability.state_before),
            "investigate": _Ear(reliability.incident_moved, reliability.state_before),
            "mitigate": _Ear(reliability.incident_moved, reliability.state_before),
            "resolve": _Ear(reliability.incident_moved, reliability.state_before),
        },
    },
    "event bus": {
        "hypervisor.observability.event_bus.HypervisorEventBus": {
            "emit": _Ear(reliability.published)
        },
    },
    "audit log": {
        "agentmesh.governance.audit.MerkleAuditChain": {"add_entry": _Ear(records.audited)},
    },
}


def _hooks() -> Iterator[Hook]:
    for part, owners in _TABLE.items():
        for owner, methods in owners.items():
            module, _, name = owner.rpartition(".")
            for method, ear in methods.items():
                yield Hook(part, module, name, method, *ear)


HOOKS = tuple(_hooks())
