"""Single records as a sender exports them, for tests that choose the order in which they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from replaying import RECEIVED_NS, Request, replay, rows

from collector.model import Signal

SECOND = 1_000_000_000
TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(
    number: int,
    parent: int | None,
    at_s: float,
    seconds: float | None = 0.5,
    *,
    trace: str = TRACE,
    scope: str = "test",
    status: dict[str, Any] | None = None,
    **told: Any,
) -> Request:
    """One span that begins so long after noon; without seconds it has no end."""
    start = RECEIVED_NS + int(at_s * SECOND)
    record = {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "parentSpanId": "" if parent is None else f"{parent:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(0 if seconds is None else start + int(seconds * SECOND)),
        "status": status or {},
        "attributes": attributes(told),
    }
    scoped = {"scope": {"name": scope}, "spans": [record]}
    return Signal.TRACES, {"resourceSpans": [{"resource": _resource(), "scopeSpans": [scoped]}]}


def event(
    name: str, at_s: float, *, in_span: int | None = None, scope: str = "test", **told: Any
) -> Request:
    """One log record with an event name, in a span of the trace or in none."""
    record = {
        "timeUnixNano": str(RECEIVED_NS + int(at_s * SECOND)),
        "eventName": name,
        "attributes": attributes(told),
    }
    if in_span is not None:
        record |= {"traceId": TRACE, "spanId": f"{in_span:016x}"}
    scoped = {"scope": {"name": scope}, "logRecords": [record]}
    return Signal.LOGS, {"resourceLogs": [{"resource": _resource(), "scopeLogs": [scoped]}]}


def line(logger: str, at_s: float, text: str) -> Request:
    """One line of a logger, in no trace."""
    record = {
        "timeUnixNano": str(RECEIVED_NS + int(at_s * SECOND)),
        "body": {"stringValue": text},
    }
    scoped = {"scope": {"name": logger}, "logRecords": [record]}
    return Signal.LOGS, {"resourceLogs": [{"resource": _resource(), "scopeLogs": [scoped]}]}


def counted(name: str, count: int, since_s: float, at_s: float, **told: Any) -> Request:
    """One export of a cumulative counter."""
    point = {
        "startTimeUnixNano": str(RECEIVED_NS + int(since_s * SECOND)),
        "timeUnixNano": str(RECEIVED_NS + int(at_s * SECOND)),
        "asInt": str(count),
        "attributes": attributes(told),
    }
    counter = {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}
    scoped = {"scope": {"name": "test"}, "metrics": [{"name": name, "sum": counter}]}
    return Signal.METRICS, {
        "resourceMetrics": [{"resource": _resource(), "scopeMetrics": [scoped]}]
    }


def decision(
    number: int, at_s: float, verdict: str, tool: str, *, in_span: int | None = None, **told: Any
) -> Request:
    """One of our own decision events."""
    words = {
        "watchkeeper__decision__id": f"decision-{number}",
        "watchkeeper__decision__verdict": verdict,
        "watchkeeper__decision__effect": "blocked" if verdict == "deny" else "executed",
        "gen_ai__agent__name": "clerk",
        "gen_ai__tool__name": tool,
    }
    return event("watchkeeper.decision", at_s, in_span=in_span, **{**words, **told})


def command(at_s: float, kind: str, phase: str, **told: Any) -> Request:
    """One phase of a command as control tells it."""
    words = {
        "watchkeeper__command__id": "command-1",
        "watchkeeper__hold_id": "hold-1",
        "watchkeeper__command__kind": kind,
        "watchkeeper__command__phase": phase,
        "gen_ai__agent__name": "clerk",
    }
    return event("watchkeeper.command", at_s, **{**words, **told})


def attributes(told: dict[str, object]) -> list[dict[str, Any]]:
    """Keys are written with two underscores for a dot."""
    return [
        {"key": key.replace("__", "."), "value": _value(value)}
        for key, value in told.items()
        if value is not None
    ]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"intValue": str(value)}
    return {"stringValue": str(value)}


def _resource() -> dict[str, Any]:
    return {
        "attributes": attributes({"service__name": "clerk-service", "service__instance__id": "one"})
    }


def known(told: Sequence[Request], query: str) -> list[tuple[Any, ...]]:
    """What is known in the end, whichever comes last, one by one, backwards, and for all twice."""
    arrivals: list[list[list[Request]]] = [
        [[*told[:n], *told[n + 1 :]], [told[n]]] for n in range(len(told))
    ]
    arrivals += [[[each] for each in told], [[each] for each in reversed(told)]]
    arrivals.append([list(told), list(told)])
    found = [_replayed(batches, query) for batches in arrivals]
    assert all(each == found[0] for each in found)
    return found[0]


def _replayed(batches: list[list[Request]], query: str) -> list[tuple[Any, ...]]:
    with TemporaryDirectory() as folder, replay(Path(folder), batches) as store:
        return rows(store, query)
