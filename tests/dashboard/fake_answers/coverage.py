"""Answers about calls and the decisions about them."""

from __future__ import annotations

import polars as pl

from fake_answers.common import TIME, TRACE_ID, Fleet, Parameters, ago, nanoseconds, only


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
            "monitored": 0,
            "ungoverned": measured - governed,
            "coverage": governed / measured if measured else None,
            "by_span": governed,
            "by_tool_call_id": 0,
            "by_name": 0,
            "by_time": 0,
            "sample": False,
        }
        for agent, kind, actions, measured, governed in (*shares, ("clerk", "tool", 30, 0, 0))
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


ANSWERS = (
    coverage,
    ungoverned,
    bypasses,
    outcomes,
)
