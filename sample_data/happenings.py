"""What happened to the agents of the story and is no verdict, as a governance toolkit tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sample_data.otlp import Value, event
from sample_data.story import CAST, DAY, Character, Period, Run, Story

_INFO, _WARN, _ERROR = 9, 13, 17


@dataclass(frozen=True)
class Happening:
    """One event of the story itself; `age` is in days before its end."""

    age: float
    agent: str
    kind: str
    name: str
    before: str | None = None
    after: str | None = None
    value: float | None = None
    reason: str | None = None
    severity: int = _INFO


HAPPENINGS = (
    Happening(11, "courier", "anomaly", "trust.regime_change", value=0.42, severity=_WARN),
    Happening(9, "courier", "ring", "ring.demoted", "1", "2", reason="trust below 700"),
    Happening(2, "courier", "ring", "ring.demoted", "2", "3", reason="trust below 500"),
    Happening(
        0.95, "clerk", "incident", "incident.opened", after="open",
        reason="half of its runs fail", severity=_ERROR,
    ),
    Happening(
        0.45, "courier", "quarantine", "liability.quarantine_entered", "active", "quarantined",
        reason="parcels rerouted against the rule", severity=_ERROR,
    ),
    Happening(
        0.4, "courier", "quarantine", "liability.quarantine_released", "quarantined", "active",
        reason="looked at by the depot",
    ),
)  # fmt: skip


def of_story(told: Story, period: Period) -> Iterator[tuple[Character, LogRecord]]:
    """What of the story's own events lies in the period, each with whom it happened to."""
    cast = {character.name: character for character in CAST}
    for happening in HAPPENINGS:
        at = told.end - happening.age * DAY
        if at in period:
            yield cast[happening.agent], _record(at, happening)


def of_run(run: Run) -> Iterator[LogRecord]:
    """What a run brings about: courier's breaker opens at a denial, rogue is talked into things."""
    if not run.is_denied or run.is_held:
        return
    denied_at, ended_at = (run.started_at + timedelta(seconds=s) for s in (0.4, run.seconds))
    name = run.character.name
    if name == "courier":
        yield _in(run, denied_at, "breaker", "circuit_breaker", "closed", "open", severity=_WARN)
        yield _in(run, ended_at, "breaker", "circuit_breaker", "half_open", "closed")
    elif name == "rogue" and run.trace_id[4] % 4 == 0:
        reason = "a mail asks to send data outside"
        yield _in(
            run, denied_at, "threat", "prompt_injection", None, "high", reason, severity=_ERROR
        )


def _in(
    run: Run,
    at: datetime,
    kind: str,
    name: str,
    before: str | None,
    after: str,
    reason: str | None = None,
    *,
    severity: int = _INFO,
) -> LogRecord:
    told = Happening(0, run.character.name, kind, name, before, after, None, reason, severity)
    record = _record(at, told)
    record.trace_id, record.span_id = run.trace_id, run.span_id("root")
    return record


def _record(at: datetime, told: Happening) -> LogRecord:
    named: dict[str, Value | None] = {
        "gen_ai.agent.name": told.agent,
        "watchkeeper.governance.kind": told.kind,
        "watchkeeper.governance.name": told.name,
        "watchkeeper.governance.from": told.before,
        "watchkeeper.governance.to": told.after,
        "watchkeeper.governance.value": told.value,
        "watchkeeper.governance.reason": told.reason,
    }
    known = {name: value for name, value in named.items() if value is not None}
    return event("watchkeeper.governance", at, told.severity, known)
