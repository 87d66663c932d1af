"""The cards of the fleet page."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboard import charts, data, timeline, words
from dashboard.components import coverage, draw, page, tables
from dashboard.data import Window
from dashboard.state import Key, Url, address


def tiles(agents: pl.DataFrame, window: Window) -> None:
    """Five numbers, each with the one that puts it in proportion."""
    now, states = data.meta().now, data.objectives().get_column("state").to_list()
    with st.grid(5, min_column_width=200):
        reporting(agents, now)
        out_of_budget(states)
        denied(agents)
        sent_to_a_human(window)
        unanswered(now)


def reporting(agents: pl.DataFrame, now: datetime) -> None:
    heard = agents.filter(pl.col("last_seen") >= now - data.REPORTING).height
    silent = agents.height - heard
    page.number(
        "Agents reporting",
        f"{heard} of {agents.height}",
        f"{silent} silent over 5 min" if silent else "all within 5 min",
        colour="orange" if silent else "gray",
        help="An agent reports when any of its records arrived in the last five minutes",
    )


def out_of_budget(states: list[str]) -> None:
    at_risk = sum(states.count(state) for state in ("burning", "at_risk"))
    page.number(
        "Objectives out of budget",
        f"{states.count('exhausted')} of {len(states)}",
        f"{at_risk} more burning or at risk",
        colour="red" if at_risk else "gray",
        help="An objective is out of budget when its error budget is spent",
    )


def denied(agents: pl.DataFrame) -> None:
    now, before = agents["denied"].sum(), agents["denied_before"].sum()
    page.number(
        f"Actions denied, {page.range_words()}",
        words.count(now),
        words.change(now, before),
        colour="red" if now > before else "gray",
        help="Decisions with the verdict deny, against the same length of time before",
    )


def sent_to_a_human(window: Window) -> None:
    asked = data.decisions_over_time(window).filter(pl.col("verdict").is_in(["escalate", "defer"]))
    page.number(
        f"Sent to a human, {page.range_words()}",
        words.count(asked["decisions"].sum()),
        "escalated or deferred",
        help="Decisions that handed the action to a person",
    )


def unanswered(now: datetime) -> None:
    known = timeline.merged([], data.command_proof().to_dicts())
    waiting = [command for command in known if command.waits(now)]
    page.number(
        "Unanswered commands",
        words.count(len(waiting)),
        waiting[0].headline() if waiting else "every agent has answered",
        colour="red" if waiting else "gray",
        help="Commands in force that no instance has acknowledged",
    )


def attention(agents: pl.DataFrame, window: Window) -> None:
    """Every agent, worst first; a row opens it."""
    told = agents.with_columns(decided=pl.lit(None, pl.String))
    with page.surviving():
        shares = coverage.by_agent(data.coverage(window))
        told = agents.join(shares, on="agent", how="left", maintain_order="left")
    picked = tables.agent_table(told, Key.FLEET_ATTENTION)
    if picked:
        st.switch_page("views/agent.py", query_params=address({Url.AGENT: picked}))
    st.page_link("views/coverage.py", label="What was not decided?", icon=":material/shield:")


def blocked(window: Window) -> None:
    """Where actions are denied; a cell opens its decisions."""
    rows = data.denied_by_agent_hour(window)
    if not rows["denied"].sum():
        page.nothing(f"Nothing was denied in the last {page.range_words()}.")
        return
    length = window.until - window.since
    cell = draw.picked(
        charts.denied_heat(rows, length),
        Key.FLEET_HEAT,
        "cell",
        alt="Share of decisions denied for each agent and hour",
    )
    if cell:
        since = datetime.fromtimestamp(cell["slot"] / 1000, UTC)
        part = Window(since, since + charts.heat_step(length))
        st.switch_page("views/decisions.py", query_params=decisions_of(str(cell["agent"]), part))


def decisions_of(agent: str, part: Window) -> dict[str, str]:
    """The address of one agent's decisions in a part of the range."""
    return address(
        {
            Url.DECISIONS_AGENT: agent,
            Url.DECISIONS_SINCE: part.since.isoformat(),
            Url.DECISIONS_UNTIL: part.until.isoformat(),
        }
    )


def rising(window: Window) -> None:
    """Whether denials and other refusals grow."""
    rows = data.decisions_over_time(window)
    if rows.filter(pl.col("verdict") != "allow").is_empty():
        page.nothing(f"Every decision of the last {page.range_words()} allowed its action.")
        return
    draw.chart(
        charts.verdict_bars(rows),
        Key.FLEET_DECISIONS,
        alt="Decisions other than allow over time, stacked by verdict",
    )
