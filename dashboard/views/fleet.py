"""Fleet: which agents need attention now?"""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, timeline, words
from dashboard.components import draw, page, tables
from dashboard.data import Window
from dashboard.state import Key, Url, address


def tiles(agents: pl.DataFrame, window: Window) -> None:
    """Five numbers, each with the one that puts it in proportion."""
    facts = data.meta()
    reporting = agents.filter(pl.col("last_seen") >= facts.now - data.REPORTING).height
    states = data.objectives().get_column("state").to_list()
    at_risk = sum(states.count(state) for state in ("burning", "at_risk"))
    denied, before = agents["denied"].sum(), agents["denied_before"].sum()
    asked = data.decisions_over_time(window).filter(pl.col("verdict").is_in(["escalate", "defer"]))
    waiting = [c for c in commands() if c.waits(facts.now)]
    silent = agents.height - reporting
    with st.grid(5, min_column_width=180):
        tile(
            "Agents reporting",
            f"{reporting} of {agents.height}",
            f"{silent} silent over 5 min" if silent else "all within 5 min",
            "orange" if silent else "gray",
            "An agent reports when any of its records arrived in the last five minutes",
        )
        tile(
            "Objectives out of budget",
            f"{states.count('exhausted')} of {len(states)}",
            f"{at_risk} more burning or at risk",
            "red" if at_risk else "gray",
            "An objective is out of budget when its error budget is spent",
        )
        tile(
            f"Actions denied, {page.range_words()}",
            words.count(denied),
            words.change(denied, before),
            "red" if denied > before else "gray",
            "Decisions with the verdict deny, against the same length of time before",
        )
        tile(
            f"Sent to a human, {page.range_words()}",
            words.count(asked["decisions"].sum()),
            "escalated or deferred",
            "gray",
            "Decisions that handed the action to a person",
        )
        tile(
            "Unanswered commands",
            words.count(len(waiting)),
            waiting[0].headline() if waiting else "every agent has answered",
            "red" if waiting else "gray",
            "Commands in force that no instance has acknowledged",
        )


def tile(label: str, value: str, beside: str, colour: words.Colour, help: str) -> None:
    st.metric(
        label,
        value,
        beside,
        delta_color=colour,
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help,
    )


def commands() -> list[timeline.Command]:
    return timeline.merged([], data.command_proof().to_dicts())


def attention(agents: pl.DataFrame) -> None:
    rows = tables.urgent_first(tables.marked_sample(agents)).with_columns(
        pl.col("budget_left").round(2),
        tables.worded("state", words.STATES),
        tables.worded("hold_kind", words.HOLDS),
    )
    config = {
        "state": tables.state_column(),
        "agent": columns.TextColumn("Agent", width=136),
        "reason": columns.TextColumn("Why it is here", width=232),
        "hold_kind": tables.badge("Hold", words.HOLDS, words.HOLD_COLOURS, width=82),
        "budget_left": tables.budget_column(),
        "burn_1h": tables.burn_column("Burn, 1 h"),
        "trust": columns.NumberColumn(
            "Trust", format="%.0f", width=54, help="0 to 1,000 as last reported"
        ),
        "trust_trend": columns.LineChartColumn("Trust trend", y_min=0, y_max=1000, width=76),
        "denied": columns.NumberColumn("Denied", format="localized", width=62),
        "denied_by_hour": columns.BarChartColumn("By hour", y_min=0, width=84),
        **tables.sample_column(rows),
    }
    picked = tables.chosen(
        rows,
        config,
        Key.FLEET_ATTENTION,
        rows=12,
        alt="Agents, the most urgent first, with state, reason and budget left",
    )
    if picked is not None:
        st.switch_page("views/agent.py", query_params=address({Url.AGENT: rows["agent"][picked]}))


def blocked(window: Window) -> None:
    rows = data.denied_by_agent_hour(window)
    if not rows["denied"].sum():
        page.nothing(f"Nothing was denied in the last {page.range_words()}.")
        return
    draw.chart(
        charts.denied_heat(rows, window.until - window.since),
        Key.FLEET_HEAT,
        alt="Share of decisions denied for each agent and hour",
    )


def rising(window: Window) -> None:
    rows = data.decisions_over_time(window)
    if rows.filter(pl.col("verdict") != "allow").is_empty():
        page.nothing(f"Every decision of the last {page.range_words()} allowed its action.")
        return
    draw.chart(
        charts.verdict_bars(rows),
        Key.FLEET_DECISIONS,
        alt="Decisions other than allow over time, stacked by verdict",
    )


def changed(window: Window) -> None:
    page.change_list(data.changes(window))


def body() -> None:
    window = page.window()
    agents = data.fleet(window)
    if agents.is_empty():
        page.welcome()
        return
    tiles(agents, window)
    with page.section(
        "Which agents need attention now?", "Most urgent first. Choose a row to open the agent."
    ):
        attention(agents)
    left, right = st.columns([5, 3], gap="large")
    with (
        left,
        page.section(
            "Where are actions being blocked?",
            f"Share of decisions denied, last {page.range_words()}, UTC.",
        ),
    ):
        blocked(window)
    with right:
        with page.section(
            "Is blocking going up?", f"Decisions other than allow, last {page.range_words()}, UTC."
        ):
            rising(window)
        with page.section("What changed?"):
            changed(window)
    page.footer(agents.height)


page.opened("Fleet", ranges=True, live=True)
page.live(body)
