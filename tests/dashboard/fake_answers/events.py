"""Answers about governance events."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl

from fake_answers.common import (
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


def event(at: datetime, kind: str, name: str, agent: str | None, **told: Any) -> Row:
    row: Row = {
        "event_id": f"ev-{nanoseconds(at)}",
        "happened_at": at,
        "happened_ns": nanoseconds(at),
        "kind": kind,
        "name": name,
        "subject": None,
        "agent": agent,
        "agent_id": agent and f"did:mesh:{agent[:10]}",
        "instance": agent and f"{agent[:10]}-1",
        "environment": "production",
        "from_value": None,
        "to_value": None,
        "value": None,
        "reason": None,
        "dialect": "watchkeeper",
        "told_by": "canonical",
        "trace_id": None,
        "span_id": None,
        "sample": False,
        "detail": json.dumps({"watchkeeper.governance.kind": kind, "event.name": name}),
    }
    return {**row, **told}


EVENTS: tuple[Row, ...] = (
    event(
        ago(minutes=31),
        "kill",
        "security.agent_killed",
        "rogue",
        subject="kill:7f3a",
        from_value="active",
        to_value="terminated",
        reason="Ring 2 breach: writes outside its sandbox",
        trace_id=TRACE_ID,
        span_id="0000000000000009",
    ),
    event(ago(minutes=33), "signal", "SIGSTOP", "rogue", dialect="agt", told_by="log_line"),
    event(
        ago(minutes=40),
        "ring",
        "ring.breach_detected",
        "rogue",
        from_value="3",
        to_value="2",
        value=0.91,
    ),
    event(
        ago(hours=1, minutes=2),
        "trust",
        "trust_drift",
        "courier",
        from_value="trusted",
        to_value="standard",
        value=538.0,
        reason="Three complaints of the depot",
    ),
    event(
        ago(hours=3),
        "quarantine",
        "liability.quarantine_entered",
        "courier",
        reason="Liability above its bond",
    ),
    *(
        event(
            ago(hours=4 + step, minutes=11 * step),
            "breaker",
            "circuit_breaker.state_changed",
            ("clerk", "courier")[step % 2],
            from_value=("closed", "open")[step % 2],
            to_value=("open", "half_open")[step % 2],
        )
        for step in range(7)
    ),
    *(
        event(
            ago(hours=2 * step, minutes=7),
            "lifecycle",
            "lifecycle.state_changed",
            "gateway",
            from_value="active",
            to_value="suspended",
        )
        for step in range(1, 12)
    ),
    event(ago(hours=9), "threat", "prompt_injection", None, to_value="high", dialect="agt"),
    event(
        ago(hours=10),
        "cost",
        "budget.pushed",
        "courier",
        subject="courier-day",
        to_value="degrade at 100 %",
        value=20.4,
        reason="budget courier-day: 20.40 of 20.00 USD spent",
    ),
    event(
        ago(hours=16), "cost", "cost.alert", "sample-triage", value=0.82, sample=True, detail="{}"
    ),
)
_TYPES = {
    "happened_at": TIME,
    "subject": pl.String,
    "value": pl.Float64,
    "trace_id": pl.String,
    "span_id": pl.String,
}


def governance_events(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = sorted(EVENTS, key=lambda row: row["happened_at"], reverse=True)
    frame = pl.DataFrame(rows, schema_overrides=_TYPES, infer_schema_length=None)
    return page(
        only(only(frame, "agent", parameters), "kind", parameters), "happened_ns", parameters
    )


def governance_over_time(fleet_: Fleet, parameters: Parameters) -> pl.DataFrame:
    asked = {name: value for name, value in parameters.items() if name in ("agent", "kind")}
    return (
        governance_events(fleet_, {**asked, "limit": "1000"})
        .group_by(pl.col("happened_at").dt.truncate("15m").alias("bucket"), "agent", "kind")
        .agg(events=pl.len().cast(pl.Int64))
        .with_columns(is_other=pl.lit(False))
        .sort("bucket", "agent", "kind")
    )


ANSWERS = (governance_events, governance_over_time)
