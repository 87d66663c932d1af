"""Which methods of AGT change the state of an agent: trust, rings, kills, signals and so on."""

from __future__ import annotations

import time
import weakref
from contextvars import ContextVar
from typing import Any

from opentelemetry._logs import SeverityNumber

from watchkeeper_agent.adapters.agt.hooks import Hook, Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, number, text, word

_WARN, _ERROR = SeverityNumber.WARN, SeverityNumber.ERROR
# An objective is evaluated as often as a host likes; its numbers are told once a second.
_OBJECTIVE_EVERY_S = 1.0
# Why scores change while this call lasts: the trust engine that was asked to.
_scoring: ContextVar[Any] = ContextVar("watchkeeper_agt_scoring", default=None)
_told_at: weakref.WeakKeyDictionary[Any, tuple[Any, float]] = weakref.WeakKeyDictionary()


# Trust


def reward_before(engine: Any, agent_did: Any, *_: Any, **__: Any) -> Any:
    state = engine._agents.get(agent_did)
    return None if state is None or not state.score_history else state.trust_score.total_score


def reward_scored(
    teller: Teller, outcome: Outcome, engine: Any, agent_did: Any, *_: Any, **__: Any
) -> None:
    """`RewardEngine._recalculate_score`; a score that stayed is no news."""
    score = getattr(outcome.result, "total_score", None)
    if score is not None and score != outcome.before:
        teller.trust(agent_did, score, _changed(outcome.before, "reward"))


def revoked(
    teller: Teller, outcome: Outcome, engine: Any, agent_did: Any, reason: Any, *_: Any
) -> None:
    """`RewardEngine._trigger_revocation`."""
    teller.happening(
        "trust", "trust.revoked", agent_did, after="revoked", reason=reason, severity=_ERROR
    )


def network_before(engine: Any, agent_did: Any, *_: Any, **__: Any) -> Any:
    return engine._scores.get(agent_did)


def network_scored(
    teller: Teller, outcome: Outcome, engine: Any, agent_did: Any, *_: Any, **__: Any
) -> None:
    """`NetworkTrustEngine.set_score`, which every change of a score goes through."""
    score = engine._scores.get(agent_did)
    if score is not None and score != outcome.before:
        teller.trust(agent_did, score, _changed(outcome.before, "network"))


def _changed(before: Any, by: str) -> str:
    return f"changed by {by}" if before is None else f"changed from {before:g} by {by}"


def regime_looked_for(
    teller: Teller, outcome: Outcome, engine: Any, agent_did: Any, *_: Any, **__: Any
) -> None:
    """`NetworkTrustEngine.detect_regime_change`: a raised alert."""
    alert = outcome.result
    if alert is not None:
        teller.happening(
            "anomaly", "trust.regime_change", agent_did, value=alert.kl_divergence, severity=_WARN
        )


def peer_revoked(
    teller: Teller, outcome: Outcome, trust: Any, peer_did: Any, reason: Any = None
) -> None:
    """`TrustBridge.revoke_peer_trust`."""
    if outcome.result:
        teller.happening(
            "trust", "trust.revoked", peer_did, after="revoked", reason=reason, severity=_ERROR
        )


# Rings


def elevation_asked(
    teller: Teller,
    outcome: Outcome,
    manager: Any,
    agent_did: Any,
    session_id: Any,
    current_ring: Any,
    target_ring: Any,
    *_: Any,
    **more: Any,
) -> None:
    """`RingElevationManager.request_elevation`: granted, or refused by raising."""
    granted = outcome.error is None
    denial = text(getattr(outcome.error, "denial_reason", None) or outcome.error)
    teller.happening(
        "ring",
        "ring.elevated" if granted else "ring.elevation_denied",
        agent_did,
        before=ring(current_ring),
        after=ring(target_ring if granted else current_ring),
        value=more.get("trust_score"),
        reason=outcome.result.reason if granted else denial,
        severity=SeverityNumber.INFO if granted else _WARN,
        also={"gen_ai.conversation.id": text(session_id)},
    )


def elevation_before(manager: Any, elevation_id: Any) -> Any:
    return manager._elevations.get(elevation_id)


def elevation_revoked(teller: Teller, outcome: Outcome, manager: Any, elevation_id: Any) -> None:
    """`RingElevationManager.revoke_elevation`."""
    if outcome.error is None and outcome.before is not None:
        _elevation_over(teller, "ring.elevation_revoked", outcome.before)


def elevations_expired(teller: Teller, outcome: Outcome, manager: Any) -> None:
    """`RingElevationManager.tick`."""
    for elevation in outcome.result or ():
        _elevation_over(teller, "ring.elevation_expired", elevation)


def _elevation_over(teller: Teller, name: str, elevation: Any) -> None:
    teller.happening(
        "ring",
        name,
        elevation.agent_did,
        before=ring(elevation.elevated_ring),
        after=ring(elevation.original_ring),
        also={"gen_ai.conversation.id": text(elevation.session_id)},
    )


def session_ring_before(session: Any, agent_did: Any, new_ring: Any) -> Any:
    return session.get_participant(agent_did).ring


def session_ring_set(
    teller: Teller, outcome: Outcome, session: Any, agent_did: Any, new_ring: Any
) -> None:
    """`SharedSessionObject.update_ring`; a higher number is less privilege."""
    if outcome.error is None and outcome.before != new_ring:
        demoted = outcome.before is not None and int(new_ring) > int(outcome.before)
        teller.happening(
            "ring",
            "ring.demoted" if demoted else "ring.assigned",
            agent_did,
            before=ring(outcome.before),
            after=ring(new_ring),
        )


def ring_called(
    teller: Teller, outcome: Outcome, detector: Any, agent_did: Any, *_: Any, **__: Any
) -> None:
    """`RingBreachDetector.record_call`: a breach, when it is one."""
    breach = outcome.result
    if breach is not None:
        teller.happening(
            "ring",
            "ring.breach_detected",
            agent_did,
            after=word(breach.severity),
            value=breach.anomaly_score,
            reason=breach.details,
            severity=_ERROR,
            also={"gen_ai.conversation.id": text(breach.session_id)},
        )


def ring(value: Any) -> str | None:
    """`2` for ExecutionRing.RING_2_STANDARD."""
    plain = getattr(value, "value", value)
    return None if plain is None else str(plain)


# Kills, signals, quarantine


def killed(
    teller: Teller, outcome: Outcome, switch: Any, agent_did: Any, *_: Any, **__: Any
) -> None:
    """`KillSwitch.kill`: whether it ended the agent is on its result, not on its return."""
    result = outcome.result
    if result is None:
        return
    teller.happening(
        "kill",
        "security.agent_killed",
        agent_did,
        after="terminated" if result.terminated else "not_terminated",
        reason=result.reason,
        severity=_ERROR,
        also={
            "watchkeeper.governance.id": text(result.kill_id),
            "watchkeeper.governance.terminated": bool(result.terminated),
            "watchkeeper.governance.handoffs": len(result.handoffs or ()),
            "gen_ai.conversation.id": text(result.session_id),
        },
    )


def condition(dispatcher: Any, *_: Any, **__: Any) -> str:
    if dispatcher.is_terminated:
        return "terminated"
    return "stopped" if dispatcher.is_stopped else "running"


def signalled(
    teller: Teller,
    outcome: Outcome,
    dispatcher: Any,
    sig: Any,
    source: Any = "kernel",
    reason: Any = None,
    *_: Any,
    **__: Any,
) -> None:
    """`SignalDispatcher.signal`: its answer says nothing, the agent's state after it does."""
    teller.happening(
        "signal",
        text(getattr(sig, "name", sig)) or "signal",
        dispatcher.agent_id,
        before=outcome.before,
        after=condition(dispatcher),
        reason=reason,
        severity=_WARN,
        also={"watchkeeper.governance.source": text(source)},
    )


def quarantine_before(monitor: Any, agent_did: Any, *_: Any) -> bool:
    metrics = monitor._agents.get(agent_did)
    return bool(metrics and metrics.quarantined)


def quarantined(
    teller: Teller, outcome: Outcome, monitor: Any, agent_did: Any, reason: Any
) -> None:
    """`AgentBehaviorMonitor._quarantine`."""
    if not outcome.before:
        teller.happening(
            "quarantine",
            "quarantine_entered",
            agent_did,
            before="free",
            after="quarantined",
            reason=reason,
            severity=_ERROR,
        )


def quarantine_left(teller: Teller, outcome: Outcome, monitor: Any, agent_did: Any) -> None:
    """`AgentBehaviorMonitor.release_quarantine`."""
    if outcome.before:
        teller.happening(
            "quarantine", "quarantine_released", agent_did, before="quarantined", after="free"
        )


def rogue_assessed(
    teller: Teller, outcome: Outcome, detector: Any, agent_id: Any, *_: Any, **__: Any
) -> None:
    """`RogueAgentDetector.assess`, unless all is well."""
    assessed = outcome.result
    if assessed is not None and word(assessed.risk_level) != "low":
        teller.happening(
            "anomaly",
            "rogue_assessment",
            agent_id,
            after=assessed.risk_level,
            value=assessed.composite_score,
            severity=_WARN,
        )


# Lifecycle, breakers


def state_before(owner: Any, *_: Any, **__: Any) -> Any:
    return getattr(owner, "_state", None) or getattr(owner, "state", None)


def lifecycle_recorded(teller: Teller, outcome: Outcome, agent: Any, event: Any) -> None:
    """`ManagedAgent.record_event`, which every step of a lifecycle goes through."""
    kind = word(event.event_type)
    if outcome.error is None and kind != "heartbeat":
        teller.happening(
            "lifecycle",
            f"lifecycle.{kind}",
            agent.name or agent.agent_id,
            before=event.previous_state,
            after=event.new_state,
            reason=(event.details or {}).get("reason"),
            also={
                "watchkeeper.governance.actor": text(event.actor),
                "gen_ai.agent.id": agent.agent_id,
            },
        )


def breaker_moved(
    teller: Teller, outcome: Outcome, breaker: Any, new_state: Any, reason: Any = None
) -> None:
    """`CircuitBreaker._transition`, whichever of AGT's breakers it is."""
    if outcome.error is None and outcome.before is not new_state:
        agent = getattr(breaker, "agent_id", None) or getattr(breaker, "name", None)
        opened = word(new_state) == "open"
        teller.happening(
            "breaker",
            "circuit_breaker",
            agent,
            before=outcome.before,
            after=new_state,
            reason=reason,
            severity=_WARN if opened else SeverityNumber.INFO,
        )


# Objectives, incidents, cost


def objective_evaluated(teller: Teller, outcome: Outcome, slo: Any) -> None:
    """`SLO.evaluate`: AGT's own numbers as they are, its burn rate on its own scale."""
    status, now = outcome.result, time.monotonic()
    last, told_at = _told_at.get(slo, (None, -_OBJECTIVE_EVERY_S))
    if status is None or (status is last and now - told_at < _OBJECTIVE_EVERY_S):
        return
    _told_at[slo] = status, now
    budget = slo.error_budget
    teller.happening(
        "objective",
        slo.name,
        slo._agent_id or (slo.labels or {}).get("agent_id"),
        before=last,
        after=status,
        value=budget.remaining,
        severity=SeverityNumber.INFO if word(status) in ("healthy", "unknown") else _WARN,
        also={
            "agent.sre.slo.name": text(slo.name),
            "agent.sre.slo.status": word(status),
            "agent.sre.error_budget.remaining": number(budget.remaining),
            "agent.sre.error_budget.total": number(budget.total),
            "agent.sre.error_budget.window_seconds": budget.window_seconds,
            "agent.sre.burn_rate": number(budget.burn_rate()),
        },
    )


def signal_ingested(teller: Teller, outcome: Outcome, detector: Any, signal: Any) -> None:
    """`IncidentDetector.ingest_signal`: the incident that it opened, if it did."""
    incident = outcome.result
    if incident is not None:
        _incident(teller, incident, None)


def incident_moved(teller: Teller, outcome: Outcome, incident: Any, *_: Any, **__: Any) -> None:
    """`Incident.acknowledge`, `investigate`, `mitigate` and `resolve`."""
    if outcome.before is not incident.state:
        _incident(teller, incident, outcome.before)


def _incident(teller: Teller, incident: Any, before: Any) -> None:
    teller.happening(
        "incident",
        incident.title,
        incident.agent_id,
        before=before,
        after=incident.state,
        severity=_WARN,
        also={
            "watchkeeper.governance.id": text(incident.incident_id),
            "watchkeeper.governance.severity": word(incident.severity),
        },
    )


def cost_recorded(
    teller: Teller, outcome: Outcome, guard: Any, agent_id: Any, *_: Any, **__: Any
) -> None:
    """`CostGuard._record_cost_locked`: the alerts it raised."""
    for alert in outcome.result or ():
        teller.happening(
            "cost",
            f"cost.{word(alert.action) or 'alert'}",
            agent_id,
            after=alert.severity,
            value=alert.current_value,
            reason=alert.message,
            severity=_WARN,
        )


# What a host publishes itself

_FAMILIES = {
    "session": "session",
    "ring": "ring",
    "saga": "saga",
    "liability": "quarantine",
    "verification": "anomaly",
}


def published(teller: Teller, outcome: Outcome, bus: Any, event: Any) -> None:
    """`HypervisorEventBus.emit`: AGT publishes nothing on it, but a host may."""
    name = word(event.event_type) or "event"
    family = _FAMILIES.get(name.partition(".")[0], "other")
    teller.happening(
        "kill" if name == "security.agent_killed" else family,
        name,
        event.agent_did,
        also={
            "watchkeeper.governance.id": text(event.event_id),
            "gen_ai.conversation.id": text(event.session_id),
        },
    )


_NETWORK = ("trust", "agentmesh.reward.trust_decay", "NetworkTrustEngine")
_REWARD = ("trust", "agentmesh.reward.engine", "RewardEngine")
_ELEVATION = ("rings", "hypervisor.rings.elevation", "RingElevationManager")
_QUARANTINE = ("quarantine", "agentmesh.services.behavior_monitor", "AgentBehaviorMonitor")
_INCIDENT = ("incidents", "agent_sre.incidents.detector", "Incident")

HOOKS = (
    Hook(*_REWARD, "_recalculate_score", reward_scored, reward_before),
    Hook(*_REWARD, "_trigger_revocation", revoked),
    Hook(*_NETWORK, "set_score", network_scored, network_before),
    Hook(*_NETWORK, "detect_regime_change", regime_looked_for),
    Hook("trust", "agentmesh.trust.bridge", "TrustBridge", "revoke_peer_trust", peer_revoked),
    Hook(*_ELEVATION, "request_elevation", elevation_asked),
    Hook(*_ELEVATION, "revoke_elevation", elevation_revoked, elevation_before),
    Hook(*_ELEVATION, "tick", elevations_expired),
    Hook(
        "rings",
        "hypervisor.session",
        "SharedSessionObject",
        "update_ring",
        session_ring_set,
        session_ring_before,
    ),
    Hook(
        "rings",
        "hypervisor.rings.breach_detector",
        "RingBreachDetector",
        "record_call",
        ring_called,
    ),
    Hook("kill switch", "hypervisor.security.kill_switch", "KillSwitch", "kill", killed),
    Hook(
        "signals", "agent_control_plane.signals", "SignalDispatcher", "signal", signalled, condition
    ),
    Hook(*_QUARANTINE, "_quarantine", quarantined, quarantine_before),
    Hook(*_QUARANTINE, "release_quarantine", quarantine_left, quarantine_before),
    Hook(
        "rogues", "agent_sre.anomaly.rogue_detector", "RogueAgentDetector", "assess", rogue_assessed
    ),
    Hook(
        "lifecycle",
        "agentmesh.lifecycle.models",
        "ManagedAgent",
        "record_event",
        lifecycle_recorded,
    ),
    Hook(
        "breakers",
        "agent_sre.incidents.circuit_breaker",
        "CircuitBreaker",
        "_transition",
        breaker_moved,
        state_before,
    ),
    Hook(
        "breakers",
        "agent_sre.cascade.circuit_breaker",
        "CircuitBreaker",
        "_transition",
        breaker_moved,
        state_before,
    ),
    Hook(
        "breakers",
        "agent_os._circuit_breaker_impl",
        "CircuitBreaker",
        "_transition",
        breaker_moved,
        state_before,
    ),
    Hook(
        "breakers",
        "agent_control_plane.lifecycle",
        "CircuitBreaker",
        "_transition_to",
        breaker_moved,
        state_before,
    ),
    Hook("objectives", "agent_sre.slo.objectives", "SLO", "evaluate", objective_evaluated),
    Hook(
        "incidents",
        "agent_sre.incidents.detector",
        "IncidentDetector",
        "ingest_signal",
        signal_ingested,
    ),
    Hook(*_INCIDENT, "acknowledge", incident_moved, state_before),
    Hook(*_INCIDENT, "investigate", incident_moved, state_before),
    Hook(*_INCIDENT, "mitigate", incident_moved, state_before),
    Hook(*_INCIDENT, "resolve", incident_moved, state_before),
    Hook("cost", "agent_sre.cost.guard", "CostGuard", "_record_cost_locked", cost_recorded),
    Hook(
        "event bus", "hypervisor.observability.event_bus", "HypervisorEventBus", "emit", published
    ),
)
