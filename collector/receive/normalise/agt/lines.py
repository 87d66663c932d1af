"""Lines of the toolkit's loggers: the only trace of its signals, kills and quarantines.

They carry no attributes, so they are read as text, each logger's by its own pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from collector.model import GovernanceKind, Teller
from collector.receive.normalise.agt import gateway
from collector.receive.normalise.agt.words import DIALECT, did_of
from collector.receive.normalise.events import Event, governance_of, same
from collector.receive.normalise.facts import Fact
from collector.receive.normalise.keys import real

_LONGEST = 4096
_SIGNAL, _KILL = GovernanceKind.SIGNAL, GovernanceKind.KILL
_Pattern = tuple[GovernanceKind, str, "re.Pattern[str]"]


def _line(kind: GovernanceKind, name: str, pattern: str) -> _Pattern:
    return kind, name, re.compile(pattern, re.DOTALL)


_LINES: Mapping[str, Sequence[_Pattern]] = {
    "agent_control_plane.signals": [
        _line(
            _SIGNAL,
            "signal",
            r"\[Signal\] (?P<agent>.+?) received (?P<to>SIG[A-Z]+) from (?P<by>.+?): "
            r"(?P<reason>.*)",
        )
    ],
    "hypervisor.security.kill_switch": [
        _line(_KILL, "kill.failed", r"(?P<reason>Termination callback for (?P<agent>\S+) .*)"),
        _line(
            _KILL,
            "kill.failed",
            r"(?P<reason>No termination callback registered for agent (?P<agent>.+))",
        ),
    ],
    "agentmesh.services.behavior_monitor": [
        _line(
            GovernanceKind.QUARANTINE,
            "quarantine",
            r"QUARANTINE agent (?P<agent>.+?): (?P<reason>.*)",
        )
    ],
    "agent_sre.anomaly.rogue_detector": [
        _line(
            GovernanceKind.ANOMALY,
            "rogue_assessment",
            r"Quarantine recommended for agent (?P<agent>.+?) "
            r"\(risk=(?P<to>\w+), score=(?P<value>[\d.]+)\)",
        )
    ],
    "agent_os.prompt_injection": [
        _line(
            GovernanceKind.THREAT,
            "prompt_injection",
            r"Prompt injection DETECTED source=(?P<by>\S+) threat=(?P<to>\S+) type=(?P<reason>.*)",
        )
    ],
    "agent_os.mcp_security": [
        _line(
            GovernanceKind.THREAT,
            "mcp_scan",
            r"MCP scan found (?P<value>\d+) threat\(s\) \| (?P<reason>.*)",
        )
    ],
}
SCOPES = frozenset({*_LINES, gateway.SCOPE})


def facts(event: Event) -> Iterator[Fact]:
    """What one line tells, if its logger is known to tell something in these words."""
    if event.scope == gateway.SCOPE:
        yield from gateway.facts(event)
        return
    line = event.body
    if type(line) is not str or len(line) > _LONGEST:
        return
    for kind, name, pattern in _LINES[event.scope]:
        found = pattern.fullmatch(line)
        if found is not None:
            yield _told(event, kind, name, found.groupdict())
            return


def _told(event: Event, kind: GovernanceKind, name: str, parts: Mapping[str, str]) -> Fact:
    agent = parts.get("agent")
    to = parts.get("to")
    return governance_of(
        replace(event, told_by=Teller.LINE),
        DIALECT,
        kind,
        name=name,
        agent=agent,
        agent_id=did_of(agent),
        to_value=to,
        value=real(parts.get("value")),
        reason=parts.get("reason"),
        copy_key=same(event, kind, to if kind is _SIGNAL else None, agent),
        detail=dict(parts),
    )
