"""Events of the toolkit's EventLogger: objectives, costs, incidents, signals, chaos.

Each is told twice, as a log record whose fields lie in the attribute `otel_attributes`, and
on the span that is being recorded, there with every value as a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from collector.model import GovernanceKind
from collector.receive.normalise.agt.words import DIALECT, did_of
from collector.receive.normalise.events import Event, governance_of, same
from collector.receive.normalise.facts import Fact
from collector.receive.normalise.keys import first, real, text

_P = "agent.sre."
NESTED = "otel_attributes"
_AGENT = ("agent.id", "agent.sre.cost.agent_id", "agent.sre.signal.source")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where one kind of event keeps its parts."""

    kind: GovernanceKind
    subject: str
    from_value: str = ""
    to_value: str = ""
    value: str = ""
    reason: str = ""


_SHAPES: Mapping[str, _Shape] = {
    "slo.status_change": _Shape(
        GovernanceKind.OBJECTIVE,
        "slo.name",
        from_value="slo.old_status",
        to_value="slo.status",
        value="error_budget.remaining",
    ),
    "burn_rate.alert": _Shape(
        GovernanceKind.OBJECTIVE,
        "slo.name",
        to_value="alert.severity",
        value="burn_rate",
        reason="alert.name",
    ),
    "cost.alert": _Shape(
        GovernanceKind.COST, "", to_value="cost.alert_severity", value="cost.current_value"
    ),
    "signal.received": _Shape(GovernanceKind.INCIDENT, "signal.type", value="signal.value"),
    "incident.detected": _Shape(
        GovernanceKind.INCIDENT,
        "incident.id",
        to_value="incident.severity",
        value="incident.signal_count",
        reason="incident.title",
    ),
    "incident.resolved": _Shape(
        GovernanceKind.INCIDENT,
        "incident.id",
        to_value="incident.state",
        value="incident.duration_seconds",
    ),
    "chaos.fault_injected": _Shape(
        GovernanceKind.CHAOS,
        "chaos.experiment_name",
        to_value="chaos.fault_applied",
        reason="chaos.fault_type",
    ),
    "chaos.completed": _Shape(
        GovernanceKind.CHAOS, "chaos.experiment_name", value="chaos.resilience_score"
    ),
}


def facts(event: Event) -> Iterator[Fact]:
    """The one governance event; what a cost alert did is only in its text."""
    nested = event.attributes.get(NESTED)
    if isinstance(nested, dict):
        event = replace(event, attributes=nested)
    shape = _SHAPES[event.name.removeprefix(_P)]
    told = event.attributes
    agent = first(told, _AGENT)
    yield governance_of(
        event,
        DIALECT,
        shape.kind,
        agent=agent,
        agent_id=did_of(agent),
        name=event.name,
        subject=text(told.get(_P + shape.subject)),
        from_value=text(told.get(_P + shape.from_value)),
        to_value=text(told.get(_P + shape.to_value)),
        value=real(told.get(_P + shape.value)),
        reason=text(told.get(_P + shape.reason)) or text(event.body),
        copy_key=_key(event, shape),
    )


def _key(event: Event, shape: _Shape) -> str | None:
    """What the bridge tells of an incident or an objective as well has its key."""
    told = event.attributes
    subject = text(told.get(_P + shape.subject))
    if shape.subject == "incident.id":
        return same(event, shape.kind, f"{subject} {told.get(_P + 'incident.state')}", None)
    if shape.to_value == "slo.status":
        return same(event, shape.kind, f"{subject} {told.get(_P + 'slo.status')}", None)
    return None


READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = {_P + name: facts for name in _SHAPES}
