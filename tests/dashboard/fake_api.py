"""A small real HTTP server that answers both APIs about a seeded fleet.

It speaks the documented paths and columns, so the dashboard under test talks
HTTP and Arrow as it does to the real processes. Run it alone to look around:
``python tests/dashboard/fake_api.py``; it prints both addresses.
"""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl
from polars import selectors

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
Row = dict[str, Any]
Parameters = dict[str, str]


@dataclass
class Fleet:
    """What the fake knows and what a test may change."""

    role: str = "operator"
    empty: bool = False
    behind_s: float = 2.4
    sample: bool = True
    commands: list[Row] = field(default_factory=list)
    reports: list[Row] = field(default_factory=list)
    sent: list[Row] = field(default_factory=list)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


AGENTS: tuple[Row, ...] = (
    {
        "agent": "clerk",
        "framework": "langchain",
        "state": "burning",
        "objective": "answers-without-error",
        "reason": "Budget gone in 3 h 44 min at the pace of the last hour",
        "budget_left": 0.18,
        "burn_1h": 20.5,
        "burn_6h": 12.1,
        "trust": 742.0,
        "tier": "trusted",
        "trust_change": -4.0,
        "rate": 41,
        "denied": 38,
        "before": 27,
        "hold": None,
        "sample": False,
        "seen": 4,
    },
    {
        "agent": "courier",
        "framework": "openai-agents",
        "state": "at_risk",
        "objective": "complies-with-policy",
        "reason": "Trust fell 142 points in 9 h",
        "budget_left": 0.44,
        "burn_1h": 2.4,
        "burn_6h": 3.1,
        "trust": 538.0,
        "tier": "standard",
        "trust_change": -142.0,
        "rate": 23,
        "denied": 61,
        "before": 22,
        "hold": "degrade",
        "sample": False,
        "seen": 2,
    },
    {
        "agent": "rogue",
        "framework": "agt",
        "state": "exhausted",
        "objective": "complies-with-policy",
        "reason": "Budget overspent by 8 %; 214 bad of 1,980",
        "budget_left": -0.08,
        "burn_1h": 31.2,
        "burn_6h": 18.4,
        "trust": 212.0,
        "tier": "untrusted",
        "trust_change": -388.0,
        "rate": 9,
        "denied": 214,
        "before": 155,
        "hold": "kill",
        "sample": False,
        "seen": 1,
    },
    {
        "agent": "gateway",
        "framework": "langchain",
        "state": "healthy",
        "objective": "answers-without-error",
        "reason": "",
        "budget_left": 0.93,
        "burn_1h": 0.6,
        "burn_6h": 0.5,
        "trust": 911.0,
        "tier": "verified_partner",
        "trust_change": 3.0,
        "rate": 88,
        "denied": 6,
        "before": 9,
        "hold": None,
        "sample": False,
        "seen": 1,
    },
    {
        "agent": "sample-contract-drafter-for-cross-border-procurement",
        "framework": "langgraph",
        "state": "low_traffic",
        "objective": "answers-without-error",
        "reason": "12 events in 28 d; too few to judge",
        "budget_left": 0.5,
        "burn_1h": None,
        "burn_6h": 0.0,
        "trust": None,
        "tier": None,
        "trust_change": None,
        "rate": 1,
        "denied": 0,
        "before": 0,
        "hold": None,
        "sample": True,
        "seen": 44,
    },
    {
        "agent": "sample-archivist",
        "framework": "openai-agents",
        "state": "no_data",
        "objective": "answers-without-error",
        "reason": "Nothing received for 26 min",
        "budget_left": None,
        "burn_1h": None,
        "burn_6h": None,
        "trust": 655.0,
        "tier": "standard",
        "trust_change": 0.0,
        "rate": 0,
        "denied": 0,
        "before": 2,
        "hold": None,
        "sample": True,
        "seen": 1560,
    },
    {
        "agent": "sample-triage",
        "framework": "langchain",
        "state": "healthy",
        "objective": "answers-without-error",
        "reason": "",
        "budget_left": 0.71,
        "burn_1h": 0.9,
        "burn_6h": 1.1,
        "trust": 774.0,
        "tier": "trusted",
        "trust_change": 8.0,
        "rate": 34,
        "denied": 11,
        "before": 12,
        "hold": None,
        "sample": True,
        "seen": 9,
    },
)


def wave(seed: int, step: int) -> float:
    """A repeatable number in [0, 1); neighbours look unrelated."""
    return ((seed * 7919 + step * 104729 + (seed * step) % 131 * 31337) % 9973) / 9973


def denied_by_hour(agent: Row, seed: int) -> list[int]:
    base = agent["denied"] / 24
    late = [1.0] * 18 + [1.6, 2.2, 2.8, 3.0, 2.6, 2.2]
    calm = agent["state"] in ("healthy", "low_traffic", "no_data")
    return [
        round(base * (1.0 if calm else 0.55 * late[hour]) * 2 * wave(seed, hour))
        for hour in range(24)
    ]


def fleet_row(seed: int, agent: Row) -> Row:
    trend = [
        (agent["trust"] or 0) - (agent["trust_change"] or 0) * max(0, 14 - step) / -14 * -1
        for step in range(28)
    ]
    return {
        "agent": agent["agent"],
        "agent_id": f"did:mesh:{agent['agent'][:10]}",
        "framework": agent["framework"],
        "environment": "production",
        "sample": agent["sample"],
        "first_seen": ago(days=12),
        "last_seen": ago(seconds=agent["seen"]),
        "instances": 2 if agent["rate"] > 20 else 1,
        "state": agent["state"],
        "objective": agent["objective"],
        "reason": agent["reason"],
        "budget_left": agent["budget_left"],
        "burn_1h": agent["burn_1h"],
        "burn_6h": agent["burn_6h"],
        "trust": agent["trust"],
        "tier": agent["tier"],
        "trust_change": agent["trust_change"],
        "trust_trend": trend if agent["trust"] is not None else None,
        "runs": agent["rate"] * 24,
        "run_errors": agent["rate"],
        "actions": agent["rate"] * 110,
        "decisions": agent["rate"] * 108,
        "denied": agent["denied"],
        "denied_before": agent["before"],
        "denied_by_hour": denied_by_hour(agent, seed),
        "hold_kind": agent["hold"],
        "hold_id": f"hold-{agent['agent']}" if agent["hold"] else None,
    }


def fleet(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [fleet_row(seed, agent) for seed, agent in enumerate(AGENTS, 3)]
    return pl.DataFrame(
        rows,
        schema_overrides={
            "first_seen": TIME,
            "last_seen": TIME,
            "budget_left": pl.Float64,
            "burn_1h": pl.Float64,
            "burn_6h": pl.Float64,
        },
    )


def denied_by_agent_hour(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        {
            "agent": agent["agent"],
            "hour": NOW.replace(minute=0) - timedelta(hours=23 - hour),
            "decisions": max(agent["rate"] * 4, 1) if agent["rate"] else 0,
            "denied": denied,
        }
        for seed, agent in enumerate(AGENTS, 3)
        for hour, denied in enumerate(denied_by_hour(agent, seed))
        if agent["rate"] or hour < 18
    ]
    return pl.DataFrame(rows, schema_overrides={"hour": TIME})


def decisions_over_time(_: Fleet, __: Parameters) -> pl.DataFrame:
    shares = {"allow": 60, "deny": 9, "escalate": 3, "modify": 4, "warn": 2}
    rows = [
        {
            "bucket": ago(minutes=15 * step),
            "verdict": verdict,
            "decisions": round(
                size * (0.4 + wave(size, step)) * (2.6 if step < 16 and verdict == "deny" else 1)
            ),
        }
        for step in range(96)
        for verdict, size in shares.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME})


def changes(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [
        (ago(minutes=6), "objective", "clerk", "answers-without-error burns at 20.5×"),
        (ago(minutes=31), "command", "rogue", "kill enforced, asked by admin"),
        (ago(hours=1, minutes=2), "trust", "courier", "trust 680 → 538"),
        (ago(hours=1, minutes=40), "command", "courier", "degrade acknowledged, asked by admin"),
        (ago(hours=5), "agent", "sample-triage", "first seen, langchain"),
        (ago(hours=9, minutes=12), "trust", "rogue", "trust 600 → 212"),
    ]
    frame = pl.DataFrame(
        rows,
        schema={"changed_at": TIME, "kind": pl.String, "agent": pl.String, "summary": pl.String},
        orient="row",
    )
    return only(frame, "agent", parameters)


def only(frame: pl.DataFrame, column: str, parameters: Parameters) -> pl.DataFrame:
    wanted = parameters.get(column)
    return frame.filter(pl.col(column) == wanted) if wanted else frame


def objectives(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    titles = {
        "answers-without-error": ("99.5 % of runs end without error", "errors", 0.995),
        "complies-with-policy": ("99 % of actions comply with policy", "policy", 0.99),
    }
    rows = []
    for agent in AGENTS:
        title, indicator, target = titles[agent["objective"]]
        total = agent["rate"] * 220
        left = agent["budget_left"]
        bad = round(total * (1 - target) * (1 - left)) if left is not None else 0
        rows.append(
            {
                "objective": agent["objective"],
                "display_name": title,
                "agent": agent["agent"],
                "sample": agent["sample"],
                "indicator": indicator,
                "target": target,
                "window_days": 28,
                "good": total - bad,
                "bad": bad,
                "total": total,
                "budget_left": left,
                "state": agent["state"],
                "reason": agent["reason"],
                "burn_1h": agent["burn_1h"],
                "burn_6h": agent["burn_6h"],
                "burn_1d": agent["burn_6h"] and agent["burn_6h"] / 2,
                "burn_3d": agent["burn_6h"] and agent["burn_6h"] / 4,
                "judged_at": ago(seconds=8),
                "exhausted_in_s": 13440.0 if agent["state"] == "burning" else None,
            }
        )
    frame = pl.DataFrame(rows, schema_overrides={"judged_at": TIME, "exhausted_in_s": pl.Float64})
    return only(only(frame, "objective", parameters), "agent", parameters)


def burn_down(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    """Cumulative counts, and the budget of the whole period that they leave."""
    end = agent_named(parameters["agent"])["budget_left"] or 0.0
    steps, per_step = 28 * 8, 40
    allowed, bad, rows = steps * per_step * 0.005, 0.0, []
    for step in range(steps):
        share = (1 - end) * (0.55 / 224 if step < 216 else 0.45 / 8)
        bad += allowed * share * (0.5 + wave(5, step))
        total = per_step * (step + 1)
        rows.append(
            {
                "bucket": ago(hours=3 * (224 - step)),
                "good": total - round(bad),
                "bad": round(bad),
                "total": total,
                "budget_left": 1 - round(bad) / allowed,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME})


def agent_named(name: str) -> Row:
    return next((agent for agent in AGENTS if agent["agent"] == name), AGENTS[0])


def burn_history(_: Fleet, __: Parameters) -> pl.DataFrame:
    noise = {"5m": 6.0, "30m": 3.0, "1h": 1.5, "2h": 1.2, "6h": 0.8, "1d": 0.5, "3d": 0.3}
    peak = {"5m": 17, "30m": 18, "1h": 20, "2h": 14, "6h": 12, "1d": 4, "3d": 1.2}
    rows = [
        {
            "bucket": ago(minutes=15 * step),
            "window": window,
            "burn": 0.5 + wave(len(window), step) * size + (peak[window] if step < 10 else 0),
        }
        for window, size in noise.items()
        for step in range(192)
    ]
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME}).sort("bucket")


def burn_windows(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        ("page", "1h", "5m", 14.4, 20.5, 16.8, 61, 940, True, True),
        ("page", "6h", "30m", 6.0, 12.1, 21.5, 190, 5_100, True, True),
        ("ticket", "1d", "2h", 3.0, 2.4, 12.0, 240, 20_400, False, True),
        ("ticket", "3d", "6h", 1.0, 1.2, 12.1, 260, 61_000, True, True),
    ]
    names = (
        "severity long_window short_window threshold burn_long burn_short bad_long total_long "
        "firing reachable"
    )
    return pl.DataFrame(rows, schema=names.split(), orient="row")


def spent_by(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        ("tool_timeout", 41),
        ("RateLimitError", 22),
        ("spend-limit/03", 14),
        ("pii.egress", 11),
        ("ContextWindowExceededError from the long-context model", 4),
    ]
    return pl.DataFrame(rows, schema=["reason", "bad"], orient="row")


TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def bad_events(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        {
            "happened_at": ago(minutes=3 + 7 * step),
            "reason": ("tool_timeout", "spend-limit/03", "RateLimitError")[step % 3],
            "trace_id": f"{step:08x}{TRACE_ID[8:]}" if step else TRACE_ID,
            "run_id": f"{step:016x}",
            "what": ("tool crm.lookup", "tool payments.refund", "chat large-2")[step % 3],
        }
        for step in range(12)
    ]
    return pl.DataFrame(rows, schema_overrides={"happened_at": TIME})


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000


def traces(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = []
    for step in range(140):
        agent = AGENTS[step % len(AGENTS)]
        started = ago(minutes=2 + 9 * step)
        denied = 1 if step % 5 == 0 else 0
        errors = 1 if step % 7 == 3 else 0
        rows.append(
            {
                "trace_id": TRACE_ID if step == 0 else f"{step:08x}{TRACE_ID[8:]}",
                "started_at": started,
                "start_ns": nanoseconds(started),
                "name": f"invoke_agent {agent['agent']}",
                "agent": agent["agent"],
                "sample": agent["sample"],
                "duration_ms": 180.0 + 6000 * wave(2, step),
                "spans": 4 + step % 13,
                "actions": 3 + step % 9,
                "errors": errors,
                "denied": denied,
                "input_tokens": None if step % 11 == 0 else 900 + step * 13,
                "output_tokens": None if step % 11 == 0 else 120 + step,
                "outcome": "denied" if denied else "error" if errors else "ok",
            }
        )
    frame = pl.DataFrame(rows, schema_overrides={"started_at": TIME})
    frame = only(only(frame, "agent", parameters), "outcome", parameters)
    return page(frame, "start_ns", parameters)


def page(frame: pl.DataFrame, column: str, parameters: Parameters) -> pl.DataFrame:
    if before := parameters.get("before_ns"):
        frame = frame.filter(pl.col(column) < int(before))
    return frame.head(int(parameters.get("limit", "100")))


SPANS = (
    # parent, name, op, agent, start, duration, outcome, tool, model
    (None, "invoke_agent clerk", "agent", "clerk", 0, 4820, "error", None, None),
    (0, "chat large-2", "model", "clerk", 60, 1350, "ok", None, "large-2"),
    (0, "execute_tool crm.lookup", "tool", "clerk", 1430, 918, "ok", "crm.lookup", None),
    (2, "GET /customers/8841", None, None, 1450, 871, "ok", None, None),
    (
        0,
        "invoke_agent refund-helper",
        "agent",
        "refund-helper",
        2370,
        2020,
        "error",
        *[None] * 2,
    ),
    (4, "embeddings policies", "embedding", "refund-helper", 2380, 190, "ok", None, "embed-1"),
    (4, "retrieval refund-rules", "retrieval", "refund-helper", 2575, 230, "ok", None, None),
    (4, "chat small-1", "model", "refund-helper", 2810, 490, "ok", None, "small-1"),
    (
        4,
        "execute_tool payments.refund",
        "tool",
        "refund-helper",
        3305,
        42,
        "denied",
        "payments.refund",
        None,
    ),
    (
        4,
        "execute_tool notify.customer_about_a_refund_that_was_held",
        "tool",
        "refund-helper",
        3360,
        1000,
        "error",
        "notify",
        None,
    ),
    (0, "chat large-2", "model", "clerk", 4400, 368, "ok", None, "large-2"),
)


def trace(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    started = ago(minutes=2)
    rows = []
    for number, (parent, name, op, agent, start, duration, outcome, tool, model) in enumerate(
        SPANS
    ):
        at = started + timedelta(milliseconds=start)
        rows.append(
            {
                "span_id": f"{number + 1:016x}",
                "parent_span_id": f"{parent + 1:016x}" if parent is not None else None,
                "name": name,
                "kind": 1,
                "op": op,
                "agent": agent,
                "service_name": "clerk",
                "scope_name": "opentelemetry.instrumentation.langchain",
                "started_at": at,
                "start_ns": nanoseconds(at),
                "duration_ms": float(duration),
                "outcome": outcome,
                "status_message": "refused by spend-limit/03" if outcome == "denied" else "",
                "tool_name": tool,
                "model": model,
                "input_tokens": 1200 if op == "model" else None,
                "output_tokens": 180 if op == "model" else None,
                "attributes": json.dumps(
                    {"gen_ai.operation.name": op, "gen_ai.tool.name": tool, "amount.eur": 2400}
                ),
                "events": "[]",
                "sample": False,
            }
        )
    if parameters.get("trace_id", "").startswith("dead"):
        rows = []
    return pl.DataFrame(rows, schema_overrides={"started_at": TIME}) if rows else pl.DataFrame()


VERDICTS = ("deny", "allow", "escalate", "modify", "deny", "allow", "warn")


def decision(step: int, **changed: Any) -> Row:
    agent = AGENTS[step % len(AGENTS)]
    at = ago(minutes=1 + 4 * step)
    verdict = VERDICTS[step % len(VERDICTS)]
    effect = {"deny": "blocked", "escalate": "held", "modify": "modified"}.get(verdict, "executed")
    return {
        "decision_id": f"dec-{step:05d}",
        "decided_at": at,
        "decided_ns": nanoseconds(at),
        "agent": agent["agent"],
        "agent_id": None,
        "instance": f"{agent['agent'][:8]}-1",
        "environment": "production",
        "sample": agent["sample"],
        "action": ("payments.refund", "crm.lookup", "mail.send")[step % 3],
        "verdict": verdict,
        "effect": effect,
        "stage": "pre_tool_call",
        "mode": "enforce",
        "source": "policy",
        "policy": "spend",
        "rule": ("spend-limit/03", None, "pii.egress")[step % 3],
        "reason_code": "limit_exceeded" if verdict == "deny" else None,
        "reason": "2,400 EUR is above 250" if verdict == "deny" else None,
        "hold_id": None,
        "command_id": None,
        "trace_id": TRACE_ID if step % 2 == 0 else None,
        "span_id": "0000000000000009",
        "dialect": "agt",
        "raw_verdict": verdict.upper(),
        **changed,
    }


DECISION_TYPES = {
    "decided_at": TIME,
    "agent_id": pl.String,
    "hold_id": pl.String,
    "command_id": pl.String,
}


def decisions(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    frame = pl.DataFrame(
        [decision(step) for step in range(260)],
        schema_overrides=DECISION_TYPES,
        infer_schema_length=None,
    )
    frame = only(only(frame, "agent", parameters), "verdict", parameters)
    return page(frame, "decided_ns", parameters)


def trace_decisions(_: Fleet, __: Parameters) -> pl.DataFrame:
    row = decision(0, agent="refund-helper", span_id="0000000000000009")
    return pl.DataFrame([row], schema_overrides=DECISION_TYPES)


def decision_bom(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    step = int(parameters["decision_id"].removeprefix("dec-"))
    told = decision(step)
    then = "known_at" in parameters
    hold = {"hold_id": "h1", "kind": "degrade", "since": ago(hours=3), "reason": "burning"}
    row = {
        **told,
        "received_at": told["decided_at"] + timedelta(seconds=1),
        "sequence": 48_151 + step,
        "aliases": ["did:mesh:0c1e"],
        "trust": 742.0 if then else 715.0,
        "tier": "trusted",
        "trust_origin": "reported",
        "scored_at": ago(hours=2),
        "holds": [] if then else [hold],
        "objectives": [
            {
                "objective": "answers-without-error",
                "state": "burning",
                "budget_left": 0.18,
                "judged_at": ago(hours=1),
            }
        ],
        "action_kind": "tool",
        "action_outcome": "denied" if told["verdict"] == "deny" else "ok",
        "action_duration_ms": 12.5,
        "action_error": None,
    }
    types = {**DECISION_TYPES, "received_at": TIME, "scored_at": TIME}
    return pl.DataFrame([row], schema_overrides=types)


def coverage(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    shares = [("rogue", "model", 40, 40, 0), ("rogue", "tool", 80, 80, 66)]
    rows = [
        {
            "agent": agent,
            "framework": None,
            "kind": kind,
            "name": None,
            "actions": actions,
            "measured": measured,
            "governed": governed,
            "ungoverned": measured - governed,
            "coverage": governed / measured if measured else None,
            "by_span": governed,
            "by_tool_call_id": 0,
            "by_name": 0,
            "by_time": 0,
            "sample": False,
        }
        for agent, kind, actions, measured, governed in (*shares, ("planner", "tool", 30, 0, 0))
    ]
    types = {"framework": pl.String, "name": pl.String}
    return only(pl.DataFrame(rows, schema_overrides=types), "agent", parameters)


def ungoverned(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [
        {
            "action_id": f"{TRACE_ID}{step:016x}",
            "trace_id": TRACE_ID,
            "span_id": "0000000000000009",
            "agent": "rogue",
            "framework": "langchain",
            "environment": "production",
            "sample": False,
            "kind": "tool",
            "name": "send_outside",
            "started_at": ago(minutes=5 + step),
            "start_ns": nanoseconds(ago(minutes=5 + step)),
            "duration_ms": 120.0,
            "outcome": "ok",
        }
        for step in range(3)
    ]
    return only(pl.DataFrame(rows, schema_overrides={"started_at": TIME}), "agent", parameters)


def bypasses(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    doubt = ": openai-agents leaves a span that looks fine for a refused call"
    rows = [
        {
            "bypass": "denied",
            "certainty": certainty,
            "reason": f"denied, and yet executed{why}",
            "agent": "rogue",
            "name": "send_outside",
            "sample": False,
            "started_at": ago(minutes=9),
            "start_ns": nanoseconds(ago(minutes=9)),
            "trace_id": TRACE_ID,
            "span_id": "0000000000000009",
            "decision_id": "dec-00000",
            "verdict": "deny",
            "decided_at": ago(minutes=9, seconds=1),
            "hold_id": None,
            "acked_at": None,
        }
        for certainty, why in (("suspected", doubt), ("proven", ""))
    ]
    types = {"started_at": TIME, "decided_at": TIME, "acked_at": TIME, "hold_id": pl.String}
    return only(pl.DataFrame(rows, schema_overrides=types), "agent", parameters)


def outcomes(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    row = {
        "agent": "rogue",
        "policy": "house",
        "rule": "may-read",
        "allowed": 66,
        "ok": 60,
        "error": 3,
        "later_denied": 1,
        "never_executed": 2,
        "open": 0,
        "unknown": 0,
        "not_traced": 0,
        "p50_ms": 110.0,
        "sample": False,
    }
    return only(pl.DataFrame([row]), "agent", parameters)


def sequence_rules(_: Fleet, __: Parameters) -> pl.DataFrame:
    shared = {"display_name": None, "description": None, "within_s": None, "steps": None}
    rows = [
        {
            "rule": "mail-then-outside",
            "display_name": "Mail is read, then data leaves",
            "description": "Mail is written by strangers.",
            "severity": "high",
            "scope": "trace",
            "within_s": 600.0,
            "steps": ["reads mail", "sends money or data outside"],
            "file": "mail.yaml",
            "state": "in_force",
            "reason": None,
            "matches": 3,
            "last_at": ago(minutes=7),
        },
        {
            **shared,
            "rule": None,
            "severity": None,
            "scope": None,
            "file": "broken.yaml",
            "state": "refused",
            "reason": "line 3: spec: the field steps is missing",
            "matches": None,
            "last_at": None,
        },
    ]
    return pl.DataFrame(rows, schema_overrides={"last_at": TIME, "steps": pl.List(pl.String)})


def sequences(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    frame = pl.DataFrame(
        [match(step) for step in range(3)],
        schema_overrides={"first_at": TIME, "completed_at": TIME, "found_at": TIME},
    )
    return only(only(frame, "agent", parameters), "rule", parameters)


def match(step: int) -> Row:
    done = ago(minutes=7 + 30 * step)
    actions = [
        {
            "step": place + 1,
            "agent": "rogue",
            "kind": "tool",
            "name": name,
            "outcome": "ok",
            "started_at": done - timedelta(seconds=20 - 20 * place),
            "trace_id": TRACE_ID,
            "span_id": "0000000000000009",
        }
        for place, name in enumerate(("read_mail", "send_outside"))
    ]
    return {
        "rule": "mail-then-outside",
        "severity": "high",
        "scope": "trace",
        "key": TRACE_ID,
        "agent": "rogue",
        "sample": False,
        "first_at": done - timedelta(seconds=20),
        "completed_at": done,
        "completed_ns": nanoseconds(done),
        "trace_id": TRACE_ID,
        "span_id": "0000000000000009",
        "actions": actions,
        "found_at": done + timedelta(seconds=1),
    }


def decision_reasons(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        ("deny", "spend-limit/03", 512),
        ("deny", "pii.egress", 219),
        ("escalate", "refund-over-1000", 97),
        ("modify", "redact-email", 55),
    ]
    return pl.DataFrame(rows, schema=["verdict", "reason", "decisions"], orient="row")


def reported_against_computed(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    """Of the courier only: the worked case of the toolkit's specification."""
    burn = (
        "the toolkit divides by the budget per second, so its figure is 2,592,000 times too large"
    )
    rows = [
        (
            "deliveries",
            "budget_left",
            0.0,
            None,
            0.0,
            0.12,
            None,
            False,
            "the toolkit takes 1 from a budget of 0.005 for every bad event",
        ),
        ("deliveries", "burn_rate", 25_920_000.0, None, 10.0, 10.0, None, True, burn),
        (
            "deliveries",
            "state",
            None,
            "exhausted",
            None,
            None,
            "at_risk",
            False,
            "its state follows its budget",
        ),
        (
            "task_success_rate",
            "indicator",
            0.4792,
            None,
            0.4792,
            None,
            None,
            None,
            "not measured here",
        ),
        (None, "trust", 625.0, None, 625.0, 625.0, None, True, "both agree"),
    ]
    names = "objective measure reported reported_word conventional computed computed_word"
    frame = pl.DataFrame(
        [
            {
                "agent": "courier",
                "sample": True,
                "reported_at": ago(minutes=3),
                "told_by": "event",
                "computed_at": ago(minutes=3),
                **dict(zip([*names.split(), "agrees", "why"], row, strict=True)),
            }
            for row in rows
        ],
        schema_overrides={"agrees": pl.Boolean, "reported_at": TIME, "computed_at": TIME},
        infer_schema_length=None,
    )
    return only(frame, "agent", parameters)


def trust_series(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = []
    for agent in AGENTS:
        if agent["trust"] is None:
            continue
        for step in range(96):
            late = step >= 58
            score = agent["trust"] - (0 if late else agent["trust_change"]) + 14 * wave(3, step)
            rows.append(
                {
                    "agent": agent["agent"],
                    "at": ago(minutes=15 * (96 - step)),
                    "score": min(max(score, 0), 1000),
                    "tier": agent["tier"],
                    "origin": "reported",
                    "reason": "policy violation" if step == 58 else None,
                    "sample": agent["sample"],
                }
            )
    frame = pl.DataFrame(
        rows, schema_overrides={"at": TIME, "reason": pl.String}, infer_schema_length=None
    )
    return only(frame, "agent", parameters)


def proof(name: str, kind: str, asked: float, **phases: Any) -> Row:
    empty = dict.fromkeys(
        [
            "signed_at",
            "delivered_at",
            "acked_at",
            "enforced_at",
            "enforced_decision_id",
            "contradicted_at",
            "released_at",
            "expired_at",
        ]
    )
    return {
        "command_id": f"cmd-{name}",
        "hold_id": f"hold-{name}",
        "kind": kind,
        "agent": name.split(":")[0],
        "actor": "admin",
        "origin": "human",
        "reason": "sends customer data outside",
        "requested_at": ago(minutes=asked),
        **empty,
        "actions_after_ack": 0,
        "expires_at": ago(minutes=asked) + timedelta(hours=1),
        "phase": "acked",
        "sample": False,
        **phases,
    }


def command_proof(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    def after(minutes: float, seconds: float) -> datetime:
        return ago(minutes=minutes) + timedelta(seconds=seconds)

    rows = [
        proof(
            "rogue",
            "kill",
            31,
            signed_at=after(31, 0.02),
            delivered_at=after(31, 0.11),
            acked_at=after(31, 0.34),
            enforced_at=after(31, 1.9),
            enforced_decision_id="dec-00000",
            phase="enforced",
        ),
        proof(
            "courier",
            "degrade",
            22,
            signed_at=after(22, 0.02),
            delivered_at=after(22, 0.2),
            acked_at=after(22, 0.9),
            contradicted_at=after(20, 12),
            actions_after_ack=3,
            phase="contradicted",
        ),
        proof(
            "clerk",
            "pause",
            400,
            signed_at=after(400, 0.02),
            delivered_at=after(400, 0.2),
            acked_at=after(400, 0.5),
            enforced_at=after(399, 3),
            released_at=after(360, 0),
            phase="released",
        ),
        proof(
            "sample-archivist",
            "kill",
            14,
            signed_at=after(14, 0.02),
            phase="signed",
            sample=True,
        ),
    ]
    times = [name for name in rows[0] if name.endswith("_at")]
    frame = pl.DataFrame(
        rows,
        schema_overrides={**dict.fromkeys(times, TIME), "enforced_decision_id": pl.String},
        infer_schema_length=None,
    )
    return only(frame, "hold_id", parameters).head(int(parameters.get("limit", "100")))


def activity(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        {
            "bucket": ago(minutes=15 * step),
            "actions": round(40 + 30 * wave(4, step)),
            "errors": round(3 * wave(6, step)),
            "denied": round((9 if step < 12 else 2) * wave(8, step)),
        }
        for step in range(96)
    ]
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME})


SENDERS: tuple[Row, ...] = (
    {
        "signal": "logs",
        "service_name": "clerk",
        "instance": "clerk-7f9c",
        "stored": 9_106,
        "gaps": 2,
        "presence": "not_measured",
        "clock": "agrees",
        "least_lag_ms": 38.0,
        "quiet_s": 4.0,
    },
    {
        "signal": "metrics",
        "service_name": "courier",
        "instance": "courier-1",
        "stored": 2_880,
        "presence": "silent",
        "interval_s": 60.0,
        "quiet_s": 840.0,
        "clock": "agrees",
        "least_lag_ms": 12.0,
        "dropped": 0,
    },
    {
        "signal": "traces",
        "service_name": "rogue",
        "instance": "rogue-1",
        "stored": 497,
        "presence": "not_measured",
        "clock": "ahead",
        "future": 31,
        "least_lag_ms": -90_400.0,
        "dropped": 112,
        "cut_off": 8,
        "sample": True,
        "quiet_s": 21.0,
    },
)
_SENDER: Row = {
    "source": "otlp-grpc",
    "signal": "",
    "service_name": None,
    "instance": None,
    "sample": False,
    "requests": 400,
    "stored": 0,
    "gaps": None,
    "future": 0,
    "least_lag_ms": None,
    "median_lag_ms": 900.0,
    "p95_lag_ms": 5_200.0,
    "cut_off": 0,
    "dropped": None,
    "first_seen": ago(days=2),
    "last_seen": ago(seconds=4),
    "presence": "not_measured",
    "interval_s": None,
    "quiet_s": None,
    "longest_s": None,
    "silences": None,
    "clock": "not_measured",
}


def senders(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [_SENDER | sender for sender in SENDERS]
    return pl.DataFrame(rows, schema_overrides={"first_seen": TIME, "last_seen": TIME})


def sources(fleet_: Fleet, __: Parameters) -> pl.DataFrame:
    counted = {"logs": (9_120, 0, 14), "traces": (500, 3, 0), "metrics": (2_880, 0, 0)}
    rows = [
        {
            "source": "otlp-grpc",
            "signal": sender["signal"],
            "received": received,
            "stored": received - refused - duplicate,
            "refused": refused,
            "duplicate": duplicate,
            "gaps": sender.get("gaps"),
            "last_seen": ago(seconds=4),
            "sample": sender.get("sample", False),
            "senders": 1,
            "rhythmic": int("interval_s" in sender),
            "silent": int(sender["presence"] == "silent") if "interval_s" in sender else None,
            "silences": None,
            "least_lag_ms": sender["least_lag_ms"],
            "median_lag_ms": 900.0,
            "p95_lag_ms": 5_200.0,
            "clock": sender["clock"],
            "future": sender.get("future", 0),
            "cut_off": sender.get("cut_off", 0),
            "dropped": sender.get("dropped"),
        }
        for sender in SENDERS
        for received, refused, duplicate in (counted[sender["signal"]],)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"last_seen": TIME})
    return frame.clear() if fleet_.empty else frame


def sequence_gaps(_: Fleet, __: Parameters) -> pl.DataFrame:
    row = {
        "source": "otlp-grpc",
        "signal": "logs",
        "service_name": "clerk",
        "instance": "clerk-7f9c",
        "sample": False,
        "stream": "019bbf00-0000-7000-8000-000000000001",
        "first_missing": 412,
        "last_missing": 413,
        "missing": 2,
        "noticed_at": ago(minutes=31),
    }
    return pl.DataFrame([row], schema_overrides={"noticed_at": TIME})


def intake(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [
        {
            "bucket": ago(minutes=15 * (96 - step)),
            "source": "otlp-grpc",
            "signal": signal,
            "received": 40 + (step * 7) % 31 + refused,
            "stored": 40 + (step * 7) % 31 - (step % 3 == 0),
            "refused": refused,
            "duplicate": int(step % 3 == 0),
        }
        for step in range(96)
        for signal, refused in (("logs", 0), ("traces", 3 * (step == 90)))
        if signal in parameters.get("signal", signal)
    ]
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME})


def refused_reasons(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    row = {
        "reason": "invalid_span_id",
        "source": "otlp-grpc",
        "signal": "traces",
        "records": 3,
        "set_aside": None,
        "last_at": ago(minutes=7),
        "example": "expected 8 bytes, got 4",
        "remedy": "Send the span id as 8 bytes that are not all zero (16 hexadecimal digits).",
    }
    frame = pl.DataFrame([row], schema_overrides={"last_at": TIME})
    return frame if parameters.get("signal", "traces") == "traces" else frame.clear()


def refused(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    row = {
        "received_at": ago(minutes=7),
        "received_ns": int(ago(minutes=7).timestamp()) * 10**9,
        "source": "otlp-grpc",
        "signal": "traces",
        "reason": "invalid_span_id",
        "records": 3,
        "detail": "expected 8 bytes, got 4",
        "set_aside": None,
    }
    frame = pl.DataFrame([row], schema_overrides={"received_at": TIME, "set_aside": pl.String})
    return frame if parameters.get("signal", "traces") == "traces" else frame.clear()


MODELS: tuple[Row, ...] = (
    {"agent": "clerk", "model": "gpt-4o", "provider": "openai", "usd": 0.9},
    {"agent": "courier", "model": "claude-sonnet-4-5", "provider": "anthropic", "usd": 1.6},
    {"agent": "rogue", "model": "llama-on-prem", "provider": None, "usd": None},
    {"agent": "sample-triage", "model": "gpt-4o-mini", "provider": "openai", "usd": 0.05},
)


def costs(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [
        {
            "bucket": NOW.replace(minute=0) - timedelta(hours=23 - step),
            "agent": each["agent"],
            "model": each["model"],
            "provider": each["provider"],
            "sample": each["agent"].startswith("sample"),
            "calls": (calls := 4 + round(9 * wave(seed, step))),
            "unpriced_calls": calls if each["usd"] is None else 0,
            "told_calls": 0,
            "cost_usd": None if each["usd"] is None else each["usd"] * wave(seed, step),
            "input_tokens": calls * 2_400,
            "output_tokens": calls * 180,
            "cache_read_tokens": calls * 900,
            "cache_write_tokens": 0,
        }
        for seed, each in enumerate(MODELS, 2)
        for step in range(24)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"bucket": TIME}, infer_schema_length=None)
    return only(frame, "agent", parameters)


def spend_row(agent: str | None, **told: Any) -> Row:
    row = {
        "budget": None,
        "agent": agent,
        "sample": bool(agent and agent.startswith("sample")),
        "period": "month",
        "since": NOW.replace(day=1, hour=0, minute=0),
        "until": NOW.replace(month=NOW.month % 12 + 1, day=1, hour=0, minute=0),
        "calls": 812,
        "unpriced_calls": 0,
        "cost_usd": 41.5,
        "amount_usd": None,
        "projected_usd": None,
        "state": None,
        **told,
    }
    left = None
    if row["amount_usd"] is not None and row["cost_usd"] is not None:
        left = row["amount_usd"] - row["cost_usd"]
    return {**row, "left_usd": left, "at_least": row["unpriced_calls"] > 0}


def spend(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    month = {"budget": "clerk-month", "amount_usd": 80.0, "projected_usd": 89.0}
    rows = [
        spend_row("clerk", **month, state="at_risk"),
        spend_row(
            "courier",
            budget="courier-day",
            period="day",
            amount_usd=20.0,
            cost_usd=23.1,
            projected_usd=46.2,
            state="exceeded",
        ),
        spend_row(
            "rogue",
            budget="rogue-month",
            amount_usd=10.0,
            cost_usd=None,
            unpriced_calls=812,
            state="not_measured",
        ),
        spend_row(
            None,
            budget="fleet",
            period="30 days",
            amount_usd=1000.0,
            cost_usd=412.0,
            unpriced_calls=812,
            state="within",
        ),
        spend_row("sample-triage", cost_usd=1.2),
    ]
    frame = pl.DataFrame(
        rows, schema_overrides={"since": TIME, "until": TIME}, infer_schema_length=None
    )
    asked = parameters.get("agent")
    return frame.filter((pl.col("agent") == asked) | pl.col("agent").is_null()) if asked else frame


COMPONENTS: tuple[Row, ...] = (
    {"kind": "mcp_server", "name": "files.example:8080", "standing": "unregistered"},
    {"kind": "tool", "name": "shell.run", "standing": "unregistered"},
    {"kind": "model", "name": "claude-haiku-4-5", "standing": "missing", "agents": None},
    {"kind": "agent", "name": "clerk", "origin": "langchain", "agents": ["clerk"]},
    {
        "kind": "model",
        "name": "gpt-4o",
        "origin": "openai",
        "standing": "registered",
        "owner": "platform team",
        "agents": ["clerk", "courier", "gateway", "planner", "rogue"],
    },
    {"kind": "tool", "name": "crm.lookup", "standing": "registered", "agents": ["clerk"]},
    {"kind": "provider", "name": "openai"},
    {"kind": "framework", "name": "langchain"},
    {
        "kind": "instrumentation",
        "name": "opentelemetry.instrumentation.langchain",
        "version": "0.47.3",
        "sample": True,
    },
)


def component(given: Row) -> Row:
    row = {
        "version": None,
        "origin": None,
        "standing": None,
        "agents": ["rogue"],
        "sample": False,
        "signed": None,
        "signer": None,
        "sha256": None,
        "owner": None,
        **given,
    }
    never = row["agents"] is None
    return {
        **row,
        "agent_count": None if never else len(row["agents"]),
        "events": None if never or row["kind"] == "agent" else 1_204,
        "first_seen": None if never else ago(days=21),
        "last_seen": None if never else ago(minutes=4),
    }


def inventory(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    frame = pl.DataFrame(
        [component(each) for each in COMPONENTS],
        schema_overrides={
            "first_seen": TIME,
            "last_seen": TIME,
            "agents": pl.List(pl.String),
            "version": pl.String,
            "signer": pl.String,
        },
        infer_schema_length=None,
    )
    for name in ("kind", "standing"):
        frame = only(frame, name, parameters)
    return frame


QUERIES: dict[str, Callable[[Fleet, Parameters], pl.DataFrame]] = {
    function.__name__: function
    for function in (
        fleet,
        denied_by_agent_hour,
        decisions_over_time,
        changes,
        objectives,
        burn_down,
        burn_history,
        burn_windows,
        spent_by,
        bad_events,
        traces,
        trace,
        trace_decisions,
        decisions,
        decision_bom,
        coverage,
        ungoverned,
        bypasses,
        outcomes,
        sequences,
        sequence_rules,
        decision_reasons,
        trust_series,
        reported_against_computed,
        command_proof,
        activity,
        sources,
        senders,
        sequence_gaps,
        intake,
        refused_reasons,
        refused,
        costs,
        spend,
        inventory,
    )
}


def frame_bytes(frame: pl.DataFrame) -> bytes:
    """The stream as the collector sends it: DuckDB names its zone Etc/UTC."""
    buffer = io.BytesIO()
    zoned = frame.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone("Etc/UTC"))
    zoned.write_ipc_stream(buffer)
    return buffer.getvalue()


class Refusal(Exception):
    """An answer other than yes, as the APIs word it."""

    def __init__(self, status: int, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, "field": field_name}}


class Handler(BaseHTTPRequestHandler):
    """Routes by method and path; one subclass for each process."""

    fleet: Fleet

    def do_GET(self) -> None:
        self._answer("get")

    def do_POST(self) -> None:
        self._answer("post")

    def do_DELETE(self) -> None:
        self._answer("delete")

    def log_message(self, *_: Any) -> None:
        return

    def body(self) -> Row:
        length = int(self.headers.get("content-length") or 0)
        parsed: Row = json.loads(self.rfile.read(length) or b"{}")
        return parsed

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        try:
            self.route(method, url.path, dict(parse_qsl(url.query)))
        except Refusal as refusal:
            self.say(refusal.status, refusal.body)

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        raise NotImplementedError

    def say(self, status: int, body: Any, kind: str = "application/json") -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


ARROW = "application/vnd.apache.arrow.stream"


STORE: Row = {
    "wal_lag_records": 3,
    "wal_lag_bytes": 81_920,
    "disk_free_bytes": 118_000_000_000,
    "disk_floor_bytes": 536_870_912,
    "traces_not_derived": 0,
    "shortage": None,
}


class Collector(Handler):
    """The query API."""

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        if path.startswith("/v1/query/"):
            return self.query(path.removeprefix("/v1/query/"), parameters)
        if path == "/v1/meta":
            return self.say(200, self.meta())
        if path == "/v1/intake":
            return self.say(200, STORE)
        if path.startswith("/v1/reports"):
            return self.reports(method, path)
        raise Refusal(404, "unknown_path", f"no such path {path}")

    def query(self, name: str, parameters: Parameters) -> None:
        if name not in QUERIES:
            raise Refusal(404, "unknown_query", f"expected one of the listed queries, got {name}")
        frame = QUERIES[name](self.fleet, parameters)
        if not self.fleet.sample and "sample" in frame.columns:
            frame = frame.filter(~pl.col("sample"))
        self.say(200, frame_bytes(frame.clear() if self.fleet.empty else frame), ARROW)

    def meta(self) -> Row:
        return {
            "version": "0.1.0",
            "now": NOW.isoformat(),
            "data_to": None
            if self.fleet.empty
            else (NOW - timedelta(seconds=self.fleet.behind_s)).isoformat(),
            "behind_s": None if self.fleet.empty else self.fleet.behind_s,
            "agents": 0 if self.fleet.empty else len(AGENTS),
            "sample_agents": 3 if self.fleet.sample and not self.fleet.empty else 0,
            "wal_lag_records": 0,
            "spans": 0 if self.fleet.empty else 183_220,
        }

    def reports(self, method: str, path: str) -> None:
        if path.endswith("/pdf"):
            return self.say(200, b"%PDF-1.7 a fake report", "application/pdf")
        if method == "post":
            asked = self.body()
            report = new_report(asked, len(self.fleet.reports))
            self.fleet.reports.insert(0, report)
            return self.say(202, {"report_id": report["report_id"], "state": "running"})
        if path == "/v1/reports":
            return self.say(200, {"reports": self.fleet.reports})
        for report in self.fleet.reports:
            if path.endswith(report["report_id"]):
                return self.say(200, report)
        raise Refusal(404, "unknown_report", f"no such report {path}")


def new_report(asked: Row, number: int) -> Row:
    return {
        "report_id": f"rep-{number + 1}",
        "state": "running",
        "progress": 0.4,
        "step": "drawing charts",
        "since": asked["since"],
        "until": asked["until"],
        "framework": asked["framework"],
        "made_at": None,
        "sha256": None,
        "pages": None,
        "error": None,
    }


def done_report() -> Row:
    return {
        "report_id": "rep-0",
        "state": "done",
        "progress": 1.0,
        "step": "signed",
        "since": ago(days=28).isoformat(),
        "until": NOW.isoformat(),
        "framework": "eu-ai-act",
        "made_at": ago(hours=2).isoformat(),
        "sha256": "9f2c4e1b7a" * 6 + "9f2c",
        "pages": 42,
        "error": None,
    }


PEOPLE = {"code-admin": "admin", "code-viewer": "viewer"}


class Control(Handler):
    """The control API."""

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        if (method, path) == ("post", "/v1/sessions"):
            return self.sign_in()
        if self.headers.get("authorization") != "Bearer good-token":
            raise Refusal(401, "no_session", "expected the token of a session: sign in again")
        if (method, path) == ("get", "/v1/me"):
            return self.say(200, self.me())
        if path == "/v1/session":
            return self.say(204, b"")
        if path == "/v1/preview":
            agent = self.body()["scope"]["agent_name"]
            return self.say(200, preview(agent))
        if path == "/v1/commands" and method == "post":
            return self.new_command()
        if path == "/v1/commands":
            return self.say(200, {"commands": self.fleet.commands})
        if path.endswith("/release"):
            return self.release(path.split("/")[3])
        if path == "/v1/instances":
            return self.say(200, {"instances": []})
        if path == "/v1/holds":
            return self.say(200, {"holds": []})
        raise Refusal(404, "unknown_path", f"no such path {path}")

    def me(self) -> Row:
        return {
            "user": "admin",
            "role": self.fleet.role,
            "expires_at": (NOW + timedelta(hours=8)).isoformat(),
        }

    def sign_in(self) -> None:
        body = self.body()
        known = body.get("code") in PEOPLE or body.get("password") == "correct"
        if not known:
            raise Refusal(401, "unknown_code", "this link was used or is older than an hour")
        self.say(201, {"token": "good-token", **self.me()})

    def new_command(self) -> None:
        body = self.body()
        self.fleet.sent.append(body)
        if self.fleet.role in ("viewer", "auditor"):
            raise Refusal(403, "role", f"{self.fleet.role} may not command")
        self.fleet.commands.insert(0, command_row(body))
        self.say(201, self.fleet.commands[0])

    def release(self, hold_id: str) -> None:
        body = self.body()
        self.fleet.sent.append({"release": hold_id, **body})
        for command in self.fleet.commands:
            if command["hold_id"] == hold_id:
                command["state"] = "released"
                command["phases"].append({"phase": "released", "at": NOW, "actor": "admin"})
                return self.say(200, command)
        raise Refusal(404, "unknown_hold", f"no hold {hold_id}")


def preview(agent: str) -> Row:
    return {
        "agents": [agent],
        "instances": 2,
        "connected": 2,
        "effective_after": "kill",
    }


def command_row(body: Row) -> Row:
    number = uuid.uuid4().hex[:6]
    return {
        "command_id": f"cmd-{number}",
        "hold_id": f"hold-{number}",
        "kind": body["kind"],
        "scope": body["scope"],
        "reason": body["reason"],
        "profile": body.get("profile"),
        "actor": "admin",
        "origin": "human",
        "issued_at": NOW,
        "expires_at": NOW + timedelta(seconds=body["expires_in_s"]),
        "state": "requested",
        "phases": [{"phase": "requested", "at": NOW, "actor": "admin"}],
        "released_by": None,
        "release_reason": None,
        "instances": [],
    }


def journal() -> list[Row]:
    """The commands of `command_proof` as control tells them."""
    rows = command_proof(Fleet(), {}).to_dicts()
    return [journal_row(row) for row in rows]


def journal_row(row: Row) -> Row:
    phases = [
        {"phase": phase, "at": row[f"{phase}_at"], "actor": "admin"}
        for phase in ("requested", "signed", "delivered", "acked", "released")
        if row[f"{phase}_at"]
    ]
    answered = row["acked_at"] is not None
    instance = {
        "instance_uid": f"{row['agent'][:12]}-1",
        "agent": row["agent"],
        "delivered_at": row["delivered_at"],
        "acked_at": row["acked_at"],
        "ack_status": "applied" if answered else None,
        "effective_mode": row["kind"] if answered else None,
        "hooks": ["pre_model_call", "pre_tool_call"],
        "enforced_at": row["enforced_at"],
        "decision_id": row["enforced_decision_id"],
    }
    return {
        "command_id": row["command_id"],
        "hold_id": row["hold_id"],
        "kind": row["kind"],
        "scope": {"agent_name": row["agent"], "instance": None},
        "reason": row["reason"],
        "profile": None,
        "actor": "admin",
        "origin": "human",
        "issued_at": row["requested_at"],
        "expires_at": row["expires_at"],
        "state": phases[-1]["phase"],
        "phases": phases,
        "released_by": "admin" if row["released_at"] else None,
        "release_reason": "fixed" if row["released_at"] else None,
        "instances": [instance],
    }


@dataclass
class FakeApis:
    """Both servers and what they know."""

    fleet: Fleet
    api: str
    control: str


@contextmanager
def serving(fleet_: Fleet) -> Iterator[FakeApis]:
    """Both APIs on free ports until the block ends."""
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (kind,), {"fleet": fleet_}))
        for kind in (Collector, Control)
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = [f"127.0.0.1:{server.server_address[1]}" for server in servers]
    try:
        yield FakeApis(fleet_, *addresses)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def lively_fleet() -> Fleet:
    """The fleet with commands in every stage and one finished report."""
    return Fleet(commands=journal(), reports=[done_report()])


def main() -> None:
    with serving(lively_fleet()) as apis:
        print(f"--api {apis.api} --control {apis.control}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
