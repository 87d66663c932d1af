"""Answers about sequences of actions."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from fake_answers.common import TIME, TRACE_ID, Fleet, Parameters, Row, ago, nanoseconds, only


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


ANSWERS = (
    sequences,
    sequence_rules,
)
