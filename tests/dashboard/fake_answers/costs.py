"""Answers about money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from fake_answers.common import NOW, TIME, Fleet, Parameters, Row, only, wave

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
            state="not_measured",
        ),
        spend_row("sample-triage", cost_usd=1.2),
    ]
    frame = pl.DataFrame(
        rows, schema_overrides={"since": TIME, "until": TIME}, infer_schema_length=None
    )
    asked = parameters.get("agent")
    return frame.filter((pl.col("agent") == asked) | pl.col("agent").is_null()) if asked else frame


def prices(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [
        {"origin": "built-in", "checked": "2026-01-04", "valid_from": NOW - timedelta(days=91)},
        {"origin": "prices.yaml", "checked": "2026-01-14", "valid_from": None},
    ]
    return pl.DataFrame(rows, schema_overrides={"valid_from": TIME})


def budget_step(number: int, **told: Any) -> Row:
    """A step of a budget as control answers it."""
    return {
        "step_id": f"step-{number}",
        "budget": "courier-day",
        "agent": "courier",
        "act": "warn",
        "hold": None,
        "at": 0.8,
        "amount_usd": 20.0,
        "usd": 16.1,
        "unpriced_calls": 0,
        "since": NOW.replace(hour=0, minute=0).isoformat(),
        "lasts_s": 86_400,
        "models": {},
        "taken_at": (NOW - timedelta(minutes=9 * number)).isoformat(),
        "state": "warned",
        "note": None,
        "reason": "budget courier-day: 16.10 of 20.00 USD spent since 2026-01-15T00:00Z; "
        "its step at 80 %",
        "command_id": None,
        "hold_id": None,
        "hold_state": None,
        "hold_expires_at": None,
        "decided_by": None,
        "decided_at": None,
        "decision_reason": None,
        "rearmed_at": None,
        "sample": False,
        **told,
    }


def budget_steps() -> list[Row]:
    decided = {"decided_by": "ada", "decided_at": NOW.isoformat(), "decision_reason": "a test run"}
    return [
        budget_step(
            1,
            act="propose",
            hold="kill",
            state="proposed",
            at=1.2,
            usd=24.4,
            reason="budget courier-day: 24.40 of 20.00 USD spent since 2026-01-15T00:00Z; "
            "its step at 120 %",
        ),
        budget_step(
            2,
            act="push",
            hold="degrade",
            state="pushed",
            at=1,
            usd=20.4,
            hold_id="hold-courier",
            hold_state="acked",
        ),
        budget_step(3),
        budget_step(
            4,
            budget="fleet",
            agent="clerk",
            act="propose",
            hold="pause",
            state="declined",
            unpriced_calls=812,
            usd=912.0,
            amount_usd=1000.0,
            at=0.9,
            **decided,
        ),
    ]


HOME_FILES = {"file": pl.String, "state": pl.String, "line": pl.Int64, "reason": pl.String}


def home_files(fleet: Fleet, _: Parameters) -> pl.DataFrame:
    names = ("prices.yaml", "budgets.yaml", "inventory.yaml", "identities.jsonl")
    wrong = {"state": "refused", "line": 4, "reason": "amount_usd: expected a number, got '**'"}
    right = {"state": "in_force", "line": None, "reason": None}
    rows = [{"file": name, **(wrong if name in fleet.wrong_files else right)} for name in names]
    return pl.DataFrame(rows, schema=HOME_FILES)


ANSWERS = (
    costs,
    prices,
    home_files,
    spend,
)
