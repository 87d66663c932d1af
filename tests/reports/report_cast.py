"""One period of the cast: gateway healthy, clerk burning, rogue killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mappings import load
from mappings.model import Control, Evidence, find
from reports.facts import ARTICLES, Facts, Period, Row

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def fleet_row(agent: str, state: str, **changes: object) -> Row:
    row: Row = {
        "agent": agent,
        "framework": "langchain",
        "state": state,
        "runs": 1200,
        "run_errors": 4,
        "actions": 5000,
        "decisions": 400,
        "denied": 3,
        "trust": 812.0,
        "last_seen": NOON,
        "sample": False,
    }
    return row | changes


def objective_row(agent: str, state: str, budget_left: float | None) -> Row:
    return {
        "objective": "task-success",
        "display_name": "Task success",
        "agent": agent,
        "target": 0.95,
        "bad": 12,
        "total": 1000,
        "budget_left": budget_left,
        "burn_1h": None if budget_left is None else 2.34,
        "state": state,
    }


def command_row(**changes: object) -> Row:
    row: Row = {
        "kind": "kill",
        "agent": "rogue",
        "actor": "admin",
        "reason": "sends data outside",
        "requested_at": NOON - timedelta(hours=2),
        "delivered_at": NOON - timedelta(hours=2) + timedelta(seconds=0.1),
        "acked_at": NOON - timedelta(hours=2) + timedelta(seconds=0.2),
        "enforced_at": NOON - timedelta(hours=2) + timedelta(seconds=0.5),
        "enforced_decision_id": "019bbf00-0000-7000-8000-000000000001",
        "contradicted_at": None,
        "actions_after_ack": 0,
        "sample": False,
    }
    return row | changes


def sender_row(**changes: object) -> Row:
    row: Row = {
        "service_name": "clerk",
        "instance": None,
        "signal": "traces",
        "presence": "silent",
        "gaps": None,
        "silences": 2,
        "dropped": 0,
        "least_lag_ms": -90_400.0,
        "clock": "ahead",
    }
    return row | changes


def make_facts(**changes: object) -> Facts:
    framework = load.framework("eu-ai-act")
    queries = load.evidence_queries()
    controls: dict[str, list[tuple[Control, Evidence]]] = {}
    for control in load.controls("eu-ai-act"):
        broken = control.evidence == "stops_obeyed"
        examples = ("kill of rogue at 2026-01-15 10:00:00",) if broken else ()
        answer = Evidence(queries[control.evidence], 200, int(broken), examples)
        controls.setdefault(control.requirement, []).append((control, answer))
    known: dict[str, object] = {
        "period": Period(NOON - timedelta(days=30), NOON),
        "made_at": NOON,
        "version": "0.1.0",
        "framework": framework,
        "fleet": (
            fleet_row("gateway", "healthy"),
            fleet_row("clerk", "burning", trust=None),
            fleet_row("rogue", "exhausted"),
        ),
        "objectives": (
            objective_row("gateway", "healthy", 0.9),
            objective_row("clerk", "burning", None),
            objective_row("rogue", "exhausted", -0.08),
        ),
        "verdicts": ({"verdict": "allow", "decisions": 1000}, {"verdict": "deny", "decisions": 10}),
        "reasons": ({"verdict": "deny", "reason": "spend-limit/03", "decisions": 10},),
        "commands": (command_row(),),
        "sources": (
            {
                "source": "otlp-grpc",
                "signal": "traces",
                "received": 10,
                "stored": 9,
                "refused": 1,
                "duplicate": 0,
                "last_seen": NOON,
                "senders": 2,
                "gaps": None,
                "silent": 1,
                "dropped": 0,
                "least_lag_ms": -90_400.0,
                "clock": "ahead",
            },
        ),
        "senders": (sender_row(),),
        "gaps": (
            {
                "service_name": "clerk",
                "instance": "clerk-1",
                "first_missing": 7,
                "last_missing": 8,
                "missing": 2,
                "noticed_at": NOON - timedelta(hours=1),
            },
        ),
        "refused": (
            {
                "reason": "invalid_span_id",
                "source": "otlp-grpc",
                "signal": "traces",
                "records": 1,
                "last_at": NOON - timedelta(hours=3),
            },
        ),
        "findings": tuple(
            find(requirement, tuple(controls.get(requirement.id, ())))
            for requirement in framework.articles(ARTICLES["eu-ai-act"])
        ),
    }
    return Facts(**(known | changes))  # type: ignore[arg-type]  # the test's own keywords
