"""Answers about agents: the fleet, what changed, trust, what an agent did and reported."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from fake_answers.common import AGENTS, NOW, TIME, Fleet, Parameters, Row, ago, only, wave


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


ANSWERS = (
    fleet,
    denied_by_agent_hour,
    decisions_over_time,
    changes,
    trust_series,
    reported_against_computed,
    activity,
)
