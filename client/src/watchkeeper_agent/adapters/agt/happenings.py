"""Which methods of AGT change what an agent may: trust, rings, kills, signals and quarantine."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import SeverityNumber

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, text, word

_WARN, _ERROR = SeverityNumber.WARN, SeverityNumber.ERROR


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
