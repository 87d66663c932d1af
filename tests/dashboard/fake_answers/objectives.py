"""Answers about objectives and what spent their budgets."""

from __future__ import annotations

import polars as pl

from fake_answers.common import (
    AGENTS,
    TIME,
    TRACE_ID,
    Fleet,
    Parameters,
    agent_named,
    ago,
    only,
    wave,
)


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


ANSWERS = (
    objectives,
    burn_down,
    burn_history,
    burn_windows,
    spent_by,
    bad_events,
)
