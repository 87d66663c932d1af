"""Counters that nothing else repeats, and gauges of trust."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from collector.model import DecisionSource, Effect, Mode, Stage, Teller, Verdict
from collector.receive.normalise.agt.trust import trust
from collector.receive.normalise.agt.verdicts import ACS_EFFECTS, EFFECTS, STAGES, verdict_of
from collector.receive.normalise.agt.words import DIALECT, agent_of
from collector.receive.normalise.facts import DecisionFact, Fact, Sender, digest
from collector.receive.normalise.keys import real, text

# A counter that jumps further than this between two exports tells of its last units only.
MOST_UNITS = 1000
# The bridge marks what it tells as an event as well.
_TOLD = "watchkeeper.told"
_ACS_PREFIX, _ACS_SUFFIX = "acs_intervention_", "_total"
_GATEWAY = "mcp_decisions"
_COUNTERS = frozenset({_GATEWAY, "agent_governance.policy_decisions"})
_GAUGES = frozenset({"agent.trust_score", "agent_governance.trust_score"})


def tells(name: str) -> bool:
    """Whether a metric of this name tells anything."""
    return name in _COUNTERS or name in _GAUGES or name.startswith(_ACS_PREFIX)


def facts_of_metric(
    scope: str,
    name: str,
    attributes: Mapping[str, Any],
    sender: Sender,
    resource: Mapping[str, Any],
    value: Any,
    delta: bool,
    start_ns: int,
    time_ns: int,
    most_units: int = MOST_UNITS,
) -> Iterator[Fact]:
    """The decisions a counter counted, the last of them at most, or the score a gauge shows."""
    agent = agent_of(attributes, sender, resource)
    if name in _GAUGES:
        yield from trust(agent, sender, scope, value, time_ns, None)
        return
    raw = text(attributes.get("decision"))
    verdict = verdict_of(raw)
    units = real(value)
    if attributes.get(_TOLD) is True:
        return
    if verdict is None or units is None or (name.startswith(_ACS_PREFIX) and not _is_acs(name)):
        return
    told = _counted(name, verdict, attributes)
    series = [sender.instance, sender.service_name, scope, name, start_ns, sorted_text(attributes)]
    if delta:
        series.append(time_ns)
    for unit in range(max(1, int(units) - most_units + 1), int(units) + 1):
        yield DecisionFact(
            decision_id=digest("agt", *series, unit),
            # A series starts with its first unit; later ones are as late as the export.
            decided_ns=start_ns if unit == 1 and start_ns and not delta else time_ns,
            agent=agent,
            agent_id=agent if agent.startswith("did:") else None,
            instance=sender.instance,
            environment=sender.environment,
            sample=sender.sample,
            dialect=DIALECT,
            engine=DIALECT,
            told_by=Teller.METRIC.value,
            raw_verdict=raw,
            source=DecisionSource.POLICY.value,
            **told,
        )


def _is_acs(name: str) -> bool:
    return name.endswith(_ACS_SUFFIX)


def _counted(name: str, verdict: Verdict, attributes: Mapping[str, Any]) -> dict[str, Any]:
    acs = name.startswith(_ACS_PREFIX)
    watched = attributes.get("enforcement_mode") == "evaluate_only"
    effect = (ACS_EFFECTS if acs else EFFECTS).get(verdict, Effect.UNKNOWN)
    stage = STAGES.get(text(attributes.get("intervention_point")) or "")
    if name == _GATEWAY:
        stage = Stage.MCP_REQUEST
    mode = (Mode.MONITOR if watched else Mode.ENFORCE).value if acs else None
    return {
        "action": text(attributes.get("tool_name")),
        "verdict": verdict.value,
        "effect": (Effect.SIMULATED if watched else effect).value,
        "stage": None if stage is None else stage.value,
        "mode": mode,
        "policy": text(attributes.get("policy_id")),
        "rule": None if acs else text(attributes.get("stage")),
        "reason_code": text(attributes.get("reason_code")),
    }


def sorted_text(attributes: Mapping[str, Any]) -> str:
    """Attributes as one text that does not depend on their order."""
    return json.dumps(attributes, sort_keys=True, default=str)
