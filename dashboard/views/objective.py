"""One objective: how much budget is left, and is it burning fast enough to act?"""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, people, words
from dashboard.components import dialogs, draw, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address

HISTORY = timedelta(hours=48)


def tiles(row: Json) -> None:
    kept = row["good"] / row["total"] if row["total"] else None
    with st.grid(4, min_column_width=200):
        st.metric(
            "Error budget left",
            words.percent(row["budget_left"]),
            words.of(row["bad"], row["total"], "events bad"),
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Share of the allowed bad events not yet spent; below zero when overspent",
        )
        ends, why = runs_out(row)
        st.metric(
            "Runs out in",
            ends,
            why,
            delta_color="gray" if ends == words.UNKNOWN else "red",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Ignores budget that returns when old events leave the window",
        )
        st.metric(
            "Burn rate, 1 h",
            words.burn(row["burn_1h"]),
            f"{words.burn(row['burn_6h'])} over 6 h",
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="1.0× spends the budget exactly by the end of its window",
        )
        st.metric(
            f"Kept, {row['window_days']:.0f} d",
            words.exact_percent(kept),
            f"target {words.exact_percent(row['target'])}",
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
        )


def runs_out(row: Json) -> tuple[str, str]:
    """When the budget ends, and by what reckoning."""
    if row["budget_left"] is not None and row["budget_left"] <= 0:
        return "gone", "more was spent than allowed"
    if row["exhausted_in_s"]:
        return words.seconds(row["exhausted_in_s"]), "at the present pace"
    return words.UNKNOWN, "not at the present pace"


def budget(row: Json, window: Window) -> None:
    rows = data.burn_down(row["objective"], row["agent"], window)
    rows = rows.filter(pl.col("total") > 0)
    if rows.height < 2:
        page.nothing("Too few events to draw: at least two steps of time must hold some.")
        return
    draw.chart(
        charts.burn_down(rows, row["target"]),
        Key.OBJECTIVE_BURN_DOWN,
        alt=f"Error budget left over {row['window_days']:.0f} days, "
        f"now {words.percent(row['budget_left'])}",
    )


def spent(row: Json, window: Window) -> None:
    rows = data.spent_by(row["objective"], row["agent"], window)
    if rows.is_empty():
        page.nothing("No bad event in this window.")
        return
    draw.chart(
        charts.spent_bars(rows),
        Key.OBJECTIVE_SPENT,
        alt="Bad events by reason, the most frequent first",
    )
    st.page_link(
        "views/decisions.py",
        label="Open its decisions",
        icon=":material/gavel:",
        query_params=address({Url.DECISIONS_AGENT: row["agent"]}),
    )


def burning(row: Json, now: Window) -> None:
    history = data.burn_history(row["objective"], row["agent"], now)
    for pair in data.burn_windows(row["objective"], row["agent"]).to_dicts():
        left, right = st.columns([1, 4], vertical_alignment="center")
        with left:
            rule(pair)
        with right:
            draw.chart(
                charts.burn_row(
                    history, pair["long_window"], pair["short_window"], pair["threshold"]
                ),
                f"{Key.OBJECTIVE_WINDOW}_{pair['long_window']}",
                alt=f"Burn rate over {pair['long_window']} and {pair['short_window']} against "
                f"{words.burn(pair['threshold'])}",
            )


def rule(pair: Json) -> None:
    """One alert rule in words: its windows, its threshold, what it says now."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{words.SEVERITIES.get(pair['severity'], pair['severity'])}**", width="content"
        )
        if pair["firing"]:
            st.badge("Firing", icon=":material/notifications_active:", color="red")
        elif not pair["reachable"]:
            st.badge(
                "Cannot fire",
                color="gray",
                help="With this target no burn rate can reach the threshold",
            )
        else:
            st.badge("Quiet", color="gray")
    st.markdown(
        f"{words.span(pair['long_window'])} and {words.span(pair['short_window'])} "
        f"over {words.burn(pair['threshold'])}  \n"
        f"now **{words.burn(pair['burn_long'])}** and **{words.burn(pair['burn_short'])}**"
    )
    st.caption(
        words.of(pair["bad_long"], pair["total_long"], f"bad in {words.span(pair['long_window'])}")
    )


def events(row: Json, window: Window) -> None:
    rows = data.bad_events(row["objective"], row["agent"], window)
    if rows.is_empty():
        page.nothing("No bad event in this window.")
        return
    config = {
        "happened_at": tables.time_column("When, UTC"),
        "what": columns.TextColumn("What", width=280),
        "reason": columns.TextColumn("Why it counts as bad", width=300),
        "trace_id": columns.TextColumn("Trace", width=290),
    }
    picked = tables.chosen(
        rows,
        config,
        Key.OBJECTIVE_EVENTS,
        rows=10,
        alt="Bad events, newest first; each opens its trace",
    )
    if picked is not None and rows["trace_id"][picked]:
        st.switch_page(
            "views/trace.py", query_params=address({Url.TRACE: rows["trace_id"][picked]})
        )


name, agent = st.query_params.get(Url.OBJECTIVE, ""), st.query_params.get(Url.AGENT, "")
found = data.objectives(name, agent).to_dicts() if name and agent else []
if not found:
    page.opened("Objective", up=("views/objectives.py", "Objectives"))
    page.unknown(
        "objective", f"{name} for {agent}" if name else "", "views/objectives.py", "Objectives"
    )
    st.stop()
row = found[0]
window = data.window(timedelta(days=row["window_days"]))
page.opened(
    row["display_name"] or name,
    up=("views/objectives.py", f"Objectives / {agent}"),
    sample=row["sample"],
)
with st.container(horizontal=True, vertical_alignment="center"):
    page.state_badge(row["state"])
    st.markdown(page.plain(row["reason"] or "Within its budget."), width="content")
    st.space("stretch")
    st.page_link(
        "views/agent.py",
        label="Open agent",
        icon=":material/smart_toy:",
        query_params=address({Url.AGENT: agent}),
    )
    dialogs.buttons(agent, people.current(), Key.OBJECTIVE_DEGRADE, None)
tiles(row)
left, right = st.columns([5, 3], gap="large")
with (
    left,
    page.section(
        "How much error budget is left?",
        f"Spent since {words.minute(window.since)} UTC. Dashed: even spend.",
    ),
):
    budget(row, window)
with right, page.section("What spent it?", f"Bad events by reason, {row['window_days']:.0f} d."):
    spent(row, window)
with page.section(
    "Is it burning fast enough to act?",
    "Last 48 h, UTC, logarithmic. Blue: long window. Grey: short window. "
    "Shaded: both are over the threshold, so the rule fires.",
):
    burning(row, data.window(HISTORY))
with page.section("Which events were bad?", "Newest first, UTC. Choose a row to open its trace."):
    events(row, window)
page.footer(1)
