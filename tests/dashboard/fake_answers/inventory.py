"""Answers about what agents are made of."""

from __future__ import annotations

import polars as pl

from fake_answers.common import TIME, Fleet, Parameters, Row, ago, only

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


ANSWERS = (inventory,)
