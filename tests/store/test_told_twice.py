"""One fact that several records tell is counted once, in whatever order they arrive."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.receive.parse import parse
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from tests.store.test_applier import MemoryLog

NOON_NS = 1_768_478_400_000_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BLOCKED = {"gen_ai.guardrail.action.type": "block", "gen_ai.guardrail.policy.id": "pii"}
STATUS = {
    "event.name": "agent.sre.slo.status_change",
    "agent.sre.slo.name": "answers",
    "agent.sre.slo.status": "exhausted",
}
INCIDENT = {
    "event.name": "agent.sre.incident.detected",
    "agent.sre.incident.id": "i-1",
    "agent.sre.incident.severity": "p1",
    "agent.sre.incident.state": "detected",
}
Request = tuple[Signal, dict[str, Any]]


def attributes(told: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]


def log(name: str, told: dict[str, str], after_ns: int = 0, scope: str = "host") -> Request:
    record = {
        "timeUnixNano": str(NOON_NS + after_ns),
        "eventName": name,
        "traceId": TRACE,
        "spanId": SPAN,
        "attributes": attributes(told),
    }
    return Signal.LOGS, {
        "resourceLogs": [{"scopeLogs": [{"scope": {"name": scope}, "logRecords": [record]}]}]
    }


def line(scope: str, text: str) -> Request:
    record = {"timeUnixNano": str(NOON_NS), "body": {"stringValue": text}}
    return Signal.LOGS, {
        "resourceLogs": [{"scopeLogs": [{"scope": {"name": scope}, "logRecords": [record]}]}]
    }


def span(told: dict[str, str], event: str = "", on_event: dict[str, str] | None = None) -> Request:
    events = [
        {"name": event, "timeUnixNano": str(NOON_NS + 5), "attributes": attributes(on_event or {})}
    ]
    each = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "guarded",
        "startTimeUnixNano": str(NOON_NS),
        "endTimeUnixNano": str(NOON_NS + 10),
        "attributes": attributes(told),
        "events": events if event else [],
    }
    return Signal.TRACES, {"resourceSpans": [{"scopeSpans": [{"spans": [each]}]}]}


def found(batches: list[list[Request]], query: str) -> list[tuple[Any, ...]]:
    with TemporaryDirectory() as folder, Store(Path(folder) / "evidence.duckdb") as store:
        for batch in batches:
            records = MemoryLog()
            records.records = [None] * store.position()  # type: ignore[list-item]
            for signal, request in batch:
                message = parse(signal, "json", json.dumps(request).encode())
                records.append(signal, message.SerializeToString())
            Applier(store, records, Decoder(), derive=derive).step()
        cursor = store.cursor()
        cursor.execute("create temp table nothing (trace_id blob)").fetchall()
        derive(cursor, "nothing")
        return list(cursor.execute(query).fetchall())


DECISIONS = "select verdict, effect, agent, told_by from decisions"
CASES = {
    "a guardrail's event on a span and as a log": (
        [
            span({"gen_ai.agent.name": "clerk"}, "gen_ai.guardrail.result", BLOCKED),
            log("gen_ai.guardrail.result", BLOCKED),
        ],
        DECISIONS,
        [("deny", "blocked", "clerk", "span_event")],
    ),
    "two logs of one event, and the event twice": (
        [
            span({}, "gen_ai.guardrail.result", BLOCKED),
            log("gen_ai.guardrail.result", BLOCKED, 5_000_000_000),
        ],
        "select count(*) from decisions",
        [(2,)],
    ),
    "an objective's change on a span and as a log": (
        [
            span({}, "agent.sre.slo.status_change", STATUS),
            log("agent.sre.slo.status_change", STATUS),
        ],
        "select kind, subject, to_value, told_by from governance_events",
        [("objective", "answers", "exhausted", "log")],
    ),
    "a kill as a line and as the span of its signal": (
        [
            span({"agent.id": "clerk", "governance.signal.name": "SIGKILL"}),
            line(
                "agent_control_plane.signals",
                "[Signal] clerk received SIGKILL from operator: drill",
            ),
        ],
        "select kind, agent, to_value, reason, told_by from governance_events",
        [("signal", "clerk", "SIGKILL", "drill", "log_line")],
    ),
    "a signal as our own event and as a line": (
        [
            log(
                "watchkeeper.governance",
                {
                    "watchkeeper.governance.kind": "signal",
                    "watchkeeper.governance.name": "SIGSTOP",
                    "watchkeeper.governance.to": "stopped",
                    "gen_ai.agent.name": "clerk",
                },
            ),
            line(
                "agent_control_plane.signals",
                "[Signal] clerk received SIGSTOP from operator: drill",
            ),
        ],
        "select kind, name, agent, to_value, told_by from governance_events",
        [("signal", "SIGSTOP", "clerk", "stopped", "canonical")],
    ),
    "an incident as our own event, as a log and on a span": (
        [
            log(
                "watchkeeper.governance",
                {
                    "watchkeeper.governance.kind": "incident",
                    "watchkeeper.governance.name": "slo_breach",
                    "watchkeeper.governance.id": "i-1",
                    "watchkeeper.governance.to": "detected",
                },
            ),
            log("agent.sre.incident.detected", INCIDENT),
            span({}, "agent.sre.incident.detected", INCIDENT),
        ],
        "select kind, subject, to_value, told_by from governance_events",
        [("incident", "i-1", "detected", "canonical")],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fact_is_counted_once_in_any_order_and_batching(
    case: tuple[list[Request], str, list[tuple[Any, ...]]],
) -> None:
    requests, query, expected = case

    for order in permutations(requests):
        together = found([list(order)], query)
        one_by_one = found([[request] for request in order], query)
        again = found([list(order), list(order)], query)

        assert together == one_by_one == again == expected


@settings(max_examples=30, deadline=None)
@given(
    told=st.lists(
        st.tuples(
            st.sampled_from(["audit_entry", "log", "log_line", "span", "span_event"]),
            st.integers(0, 3_000_000_000),
            st.sampled_from(["a", "b"]),
        ),
        max_size=12,
    )
)
def test_of_tellings_within_a_second_only_those_of_the_best_teller_are_shown(
    told: list[tuple[str, int, str]],
) -> None:
    """Against the rule written out, pair by pair."""
    rank = {"audit_entry": 2, "log": 3, "log_line": 4, "span": 5, "span_event": 6}
    kept = [
        at
        for at, (teller, ns, key) in enumerate(told)
        if not any(
            key == other_key and rank[other] < rank[teller] and abs(other_ns - ns) < 1_000_000_000
            for other, other_ns, other_key in told
        )
    ]

    with TemporaryDirectory() as folder, Store(Path(folder) / "evidence.duckdb") as store:
        cursor = store.cursor()
        for at, (teller, ns, key) in enumerate(told):
            cursor.execute(
                """
                insert into governance_event by name
                select ? as event_id, ? as told_by, ? as told_ns, ? as copy_key,
                    1 as sequence, now() as received_at, now() as told_at, 'kill' as kind,
                    false as sample, 'agt' as dialect, '{}' as detail
                """,
                [str(at), teller, NOON_NS + ns, key],
            ).fetchall()
        shown = cursor.execute("select event_id::integer from governance_events").fetchall()

    assert sorted(at for (at,) in shown) == kept
