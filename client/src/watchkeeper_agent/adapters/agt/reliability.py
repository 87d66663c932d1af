"""What AGT tells of lifecycles, breakers, objectives, incidents, cost and its event bus."""

from __future__ import annotations

import time
import weakref
from typing import Any

from opentelemetry._logs import SeverityNumber

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, number, text, word

_WARN = SeverityNumber.WARN
# An objective is evaluated as often as a host likes; its numbers are told once a second.
_OBJECTIVE_EVERY_S = 1.0
_told_at: weakref.WeakKeyDictionary[Any, tuple[Any, float]] = weakref.WeakKeyDictionary()


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
