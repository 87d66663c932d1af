"""Answers about decisions, and what each was made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from fake_answers.common import (
    AGENTS,
    TIME,
    TRACE_ID,
    Fleet,
    Parameters,
    Row,
    ago,
    nanoseconds,
    only,
    page,
)

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


def decision_reasons(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        ("deny", "spend-limit/03", 512),
        ("deny", "pii.egress", 219),
        ("escalate", "refund-over-1000", 97),
        ("modify", "redact-email", 55),
    ]
    return pl.DataFrame(rows, schema=["verdict", "reason", "decisions"], orient="row")


ANSWERS = (
    trace_decisions,
    decisions,
    decision_bom,
    decision_reasons,
)
