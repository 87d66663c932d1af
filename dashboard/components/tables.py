"""Tables: frames made ready to read, with the same columns looking the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import words
from dashboard.state import Url, address
from dashboard.words import Colour

ROW_PX = 32
MOST_HEIGHT_ROWS = 14
BRIEF_ROWS = 8
OBJECTIVE_ROWS = 24
STATE_ORDER = {state: rank for rank, state in enumerate(words.STATES)}


def chosen(
    frame: pl.DataFrame, config: dict[str, Any], key: str, *, alt: str, rows: int | None = None
) -> int | None:
    """Show a table; the number of the row the reader picked in this run."""
    event = st.dataframe(
        frame,
        column_config=config,
        column_order=list(config),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        row_height=ROW_PX,
        height=height(frame.height, rows),
        placeholder=words.UNKNOWN,
        alt=alt,
    )
    picked = event["selection"]["rows"]
    return int(picked[0]) if picked and picked[0] < frame.height else None


def shown(frame: pl.DataFrame, config: dict[str, Any], key: str, *, alt: str) -> None:
    """Show a table that leads nowhere further."""
    st.dataframe(
        frame,
        column_config=config,
        column_order=list(config),
        hide_index=True,
        key=key,
        row_height=ROW_PX,
        height=height(frame.height),
        placeholder=words.UNKNOWN,
        alt=alt,
    )


def height(rows: int, most: int | None = None) -> int:
    """Just high enough: the header, the rows, the border."""
    return (min(rows, most or MOST_HEIGHT_ROWS) + 1) * ROW_PX + 2


def badge(label: str, options: dict[str, str], colours: Mapping[str, Colour], **more: Any) -> Any:
    """A column of coloured words; its values come from `worded`."""
    shades = [colours.get(value, "gray") for value in options]
    return columns.MultiselectColumn(
        label, options=list(options.values()), color=shades, disabled=True, **more
    )


def worded(column: str, options: dict[str, str]) -> pl.Expr:
    """A model word as a list of the reader's word, empty when unknown."""
    word = pl.col(column).replace_strict(options, default=pl.col(column))
    return pl.when(word.is_null()).then(None).otherwise(pl.concat_list(word)).alias(column)


def marked_sample(frame: pl.DataFrame) -> pl.DataFrame:
    """With a column that marks rows of the sample fleet."""
    return frame.with_columns(
        data=pl.when(pl.col("sample").fill_null(False))
        .then(pl.concat_list(pl.lit("Sample")))
        .otherwise(None)
    )


def state_column() -> Any:
    return badge(
        "State",
        words.STATES,
        words.STATE_COLOURS,
        width=88,
        help="The worst objective of the agent: exhausted, burning, at risk, few events, "
        "no data, healthy",
    )


def sample_column(frame: pl.DataFrame) -> dict[str, Any]:
    """The column that marks sample rows, when there are any."""
    if "sample" not in frame.columns or not frame.get_column("sample").any():
        return {}
    return {
        "data": columns.MultiselectColumn(
            "Data", options=["Sample"], color=["violet"], disabled=True, width=68
        )
    }


def budget_column() -> Any:
    return columns.ProgressColumn(
        "Budget left",
        min_value=0,
        max_value=1,
        format="percent",
        color="auto",
        width=92,
        help="Share of the error budget not yet spent; below zero when overspent",
    )


def burn_column(label: str) -> Any:
    return columns.NumberColumn(
        label,
        format="%.1f×",
        width=68,
        help="1.0× spends the budget exactly by the end of its window",
    )


def time_column(label: str, pattern: str = "DD MMM HH:mm:ss") -> Any:
    return columns.DatetimeColumn(label, format=pattern, timezone="UTC", width=122)


def urgent_first(frame: pl.DataFrame) -> pl.DataFrame:
    """Worst state first, then the fastest burn, then the name."""
    rank = pl.col("state").replace_strict(STATE_ORDER, default=9, return_dtype=pl.Int64)
    return frame.sort(
        rank, pl.col("burn_1h"), pl.col("agent"), descending=[False, True, False], nulls_last=True
    )


def agent_table(agents: pl.DataFrame, key: str) -> str | None:
    """Agents, the most urgent first; the name of the one the reader picked."""
    rows = urgent_first(marked_sample(agents)).with_columns(
        pl.col("budget_left").round(2),
        worded("state", words.STATES),
        worded("hold_kind", words.HOLDS),
    )
    held = {"hold_kind": badge("Hold", words.HOLDS, words.HOLD_COLOURS, width=80)}
    config = {
        "state": state_column(),
        "agent": columns.TextColumn("Agent", width=96),
        "reason": columns.TextColumn("Why it is here", width=270),
        **(held if agents["hold_kind"].is_not_null().any() else {}),
        "budget_left": budget_column(),
        "burn_1h": burn_column("Burn, 1 h"),
        "denied": columns.NumberColumn("Denied", format="localized", width=64),
        "decided": columns.TextColumn(
            "Decided",
            width=96,
            alignment="right",
            help="Share of its tool calls that somebody decided about; not measured: it never "
            "told a decision; a dash: it called no tool",
        ),
        "trust": columns.NumberColumn(
            "Trust", format="%.0f", width=54, help="0 to 1,000 as last reported"
        ),
        "trust_trend": columns.LineChartColumn("Trust trend", y_min=0, y_max=1000, width=70),
        "denied_by_hour": columns.BarChartColumn("Denied by hour", y_min=0, width=100),
        **sample_column(rows),
    }
    alt = "Agents, the most urgent first, with state, reason and budget left"
    picked = chosen(rows, config, key, rows=12, alt=alt)
    return None if picked is None else str(rows["agent"][picked])


def bad_of_total(row: dict[str, int]) -> str:
    return f"{words.count(row['bad'])} of {words.count(row['total'])}"


def objective_table(
    rows: pl.DataFrame, key: str, *, with_agent: bool = True
) -> dict[str, str] | None:
    """Objectives; the address of the one the reader picked."""
    shown_rows = marked_sample(rows).with_columns(
        worded("state", words.STATES),
        pl.col("budget_left").round(2),
        spent=pl.struct("bad", "total").map_elements(bad_of_total, return_dtype=pl.String),
    )
    agent = {"agent": columns.TextColumn("Agent", width=100)} if with_agent else {}
    config = {
        "state": state_column(),
        "display_name": columns.TextColumn("Objective", width=172),
        **agent,
        "budget_left": budget_column(),
        "burn_1h": burn_column("Burn, 1 h"),
        "spent": columns.TextColumn("Bad events", width=92, alignment="right"),
        "reason": columns.TextColumn("Why", width=336),
        "target": columns.NumberColumn("Target", format="percent", width=60),
        **sample_column(rows),
    }
    alt = "Objectives, worst first, with budget and burn"
    picked = chosen(shown_rows, config, key, rows=OBJECTIVE_ROWS, alt=alt)
    if picked is None:
        return None
    row = rows.row(picked, named=True)
    return address({Url.OBJECTIVE: row["objective"], Url.AGENT: row["agent"]})


def decision_table(rows: pl.DataFrame, key: str, *, brief: bool = False) -> str | None:
    """Decisions; the id of the one the reader picked. `brief` is for half a page of one agent."""
    told = marked_sample(rows).with_columns(
        worded("verdict", words.VERDICTS),
        by=pl.coalesce("rule", "reason_code", "policy", "source"),
    )
    reason = {"reason": columns.TextColumn("Reason", width=236)}
    happened = {
        "effect": columns.TextColumn("What happened", width=112),
        **({} if rows["reason"].is_null().all() else reason),
        **sample_column(rows),
    }
    config = {
        "decided_at": time_column("When, UTC"),
        "verdict": badge("Verdict", words.VERDICTS, words.VERDICT_COLOURS, width=90),
        **({} if brief else {"agent": columns.TextColumn("Agent", width=104)}),
        "action": columns.TextColumn("Action", width=134),
        "by": columns.TextColumn("By", width=160),
        **({} if brief else happened),
    }
    alt = "Decisions, newest first, with verdict and rule"
    picked = chosen(told, config, key, alt=alt, rows=BRIEF_ROWS if brief else None)
    return None if picked is None else str(rows["decision_id"][picked])


def trace_table(rows: pl.DataFrame, key: str, *, brief: bool = False) -> dict[Url, str] | None:
    """Traces; the address of the one the reader picked. `brief` is for half a page of one agent."""
    told = marked_sample(rows).with_columns(
        worded("outcome", words.OUTCOMES),
        took=pl.col("duration_ms").map_elements(words.milliseconds, return_dtype=pl.String),
    )
    counts = {
        "errors": columns.NumberColumn("Failed", format="localized", width=62),
        "actions": columns.NumberColumn("Actions", format="localized", width=70),
        "spans": columns.NumberColumn("Spans", format="localized", width=62),
        "input_tokens": columns.NumberColumn("Tokens in", format="localized", width=80),
        "output_tokens": columns.NumberColumn("Tokens out", format="localized", width=86),
        **sample_column(rows),
    }
    config = {
        "started_at": time_column("Started, UTC"),
        "outcome": badge("Outcome", words.OUTCOMES, words.OUTCOME_COLOURS, width=84),
        "name": columns.TextColumn("Name", width=164 if brief else 190),
        **({} if brief else {"agent": columns.TextColumn("Agent", width=104)}),
        "took": columns.TextColumn("Took", width=72, alignment="right"),
        "denied": columns.NumberColumn("Denied", format="localized", width=64),
        **({} if brief else counts),
    }
    alt = "Traces, newest first, with outcome and duration"
    picked = chosen(told, config, key, alt=alt, rows=BRIEF_ROWS if brief else None)
    if picked is None:
        return None
    near = rows["started_at"][picked].isoformat()
    return {Url.TRACE: str(rows["trace_id"][picked]), Url.NEAR: near}
