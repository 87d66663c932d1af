"""State that changed: rings, breakers, kills, quarantines, lifecycles, signals, sagas.

The toolkit tells them as audit entries, which carry what its own records hold, and some as
spans beside. Each becomes one governance event; its copies have one key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.model import GovernanceKind
from collector.receive.normalise.agt.words import DIALECT, META, did_of
from collector.receive.normalise.events import Event, governance_of, same
from collector.receive.normalise.facts import Fact
from collector.receive.normalise.keys import first, real, text

# By the first word of the kind of entry, or by all of it.
_KINDS: Mapping[str, GovernanceKind] = {
    "ring": GovernanceKind.RING,
    "circuit_breaker": GovernanceKind.BREAKER,
    "quarantine": GovernanceKind.QUARANTINE,
    "lifecycle": GovernanceKind.LIFECYCLE,
    "session": GovernanceKind.SESSION,
    "saga": GovernanceKind.SAGA,
    "trust_drift": GovernanceKind.TRUST,
    "trust_revocation": GovernanceKind.TRUST,
    "liability": GovernanceKind.TRUST,
    "rogue_assessment": GovernanceKind.ANOMALY,
    "anomaly_detected": GovernanceKind.ANOMALY,
    "verification": GovernanceKind.ANOMALY,
    "prompt_injection_detected": GovernanceKind.THREAT,
    "mcp_tool_poisoning": GovernanceKind.THREAT,
    "security.agent_killed": GovernanceKind.KILL,
    "liability.quarantine_entered": GovernanceKind.QUARANTINE,
    "liability.quarantine_released": GovernanceKind.QUARANTINE,
}
_FROM = ("from_state", "old_state", "ring.from", "from", "expected")
_TO = ("to_state", "new_state", "ring.to", "ring.ring", "to", "actual", "ring.severity")
_VALUE = (
    "ring.anomaly_score",
    "ring.eff_score",
    "composite_score",
    "kl_divergence",
    "consecutive_failures",
    "trust_score",
    "handoffs",
)
# What is kept as it is elsewhere, and would only be repeated.
_BULKY = frozenset({"cloudevent", "hypervisor.event"})


def of_audit(event: Event, kind: str, agent: str, did: str | None) -> Iterator[Fact]:
    """The governance event of an audit entry that is no decision."""
    told = _meta(event.attributes)
    found = _KINDS.get(kind) or _KINDS.get(kind.partition(".")[0]) or GovernanceKind.OTHER
    yield governance_of(
        event,
        DIALECT,
        found,
        name=kind or event.name,
        agent=agent,
        subject=first(told, ("kill_id", "ring.elevation_id", "checkpoint_id")),
        agent_id=did or did_of(agent),
        from_value=first(told, _FROM),
        to_value=_killed(told) if found is GovernanceKind.KILL else first(told, _TO),
        value=real(first(told, _VALUE)),
        reason=text(event.attributes.get("agt.audit.reason")),
        copy_key=_key(event, found, kind, told, did or agent),
        detail=told,
    )


# Told by others as well, of whom each knows the agent and little else.
_ELSEWHERE = frozenset({GovernanceKind.KILL, GovernanceKind.QUARANTINE, GovernanceKind.ANOMALY})


def _key(event: Event, kind: GovernanceKind, name: str, told: Mapping[str, Any], agent: str) -> str:
    """A change of a ring, a breaker or a lifecycle is known by where it led."""
    if kind in _ELSEWHERE:
        return same(event, kind, None, agent)
    return same(event, kind, f"{name} {first(told, _TO)}", agent)


def _killed(told: Mapping[str, Any]) -> str | None:
    """Whether the kill had its effect; a callback that is missing or fails leaves it without."""
    words = {"true": "terminated", "false": "not_terminated"}
    return words.get(str(told.get("terminated")).lower())


def _meta(attributes: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        key.removeprefix(META): value for key, value in attributes.items() if key.startswith(META)
    }
    return {key: value for key, value in told.items() if key not in _BULKY}


SPAN_MARKERS = frozenset({"governance.signal.name", "kernel.component", "agent.saga.id"})
_SAGAS = ("saga.completed.", "saga.escalated.")


def of_span(event: Event, agent: str) -> Iterator[Fact]:
    """Signals that were delivered, and how sagas ended."""
    told = event.attributes
    signal = text(told.get("governance.signal.name"))
    if signal is None and event.name == "kernel.signal":
        signal = text(told.get("signal"))
    if signal is not None:
        yield governance_of(
            event,
            DIALECT,
            GovernanceKind.SIGNAL,
            name="signal",
            agent=agent,
            agent_id=did_of(agent),
            to_value=signal,
            reason=first(told, ("governance.signal.reason", "reason")),
            copy_key=same(event, GovernanceKind.SIGNAL, signal, agent),
        )
    elif "agent.saga.id" in told and event.name.startswith(_SAGAS):
        yield governance_of(
            event,
            DIALECT,
            GovernanceKind.SAGA,
            name=".".join(event.name.split(".")[:2]),
            subject=text(told.get("agent.saga.id")),
            agent=agent,
            agent_id=did_of(agent),
            to_value=text(told.get("agent.saga.state")),
            reason=first(told, ("agent.saga.reason", "agent.saga.error")),
        )
