"""Answers about traces."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl

from fake_answers.common import (
    AGENTS,
    TIME,
    TRACE_ID,
    Fleet,
    Parameters,
    ago,
    nanoseconds,
    only,
    page,
    wave,
)


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


ANSWERS = (
    traces,
    trace,
)
