"""Agent: what is this agent doing, and may it?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, data, people, timeline, words
from dashboard.components import dialogs, draw, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address


def heading(row: Json) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        page.state_badge(row["state"])
        if row["hold_kind"]:
            st.badge(
                words.HOLDS[row["hold_kind"]],
                icon=":material/front_hand:",
                color=words.HOLD_COLOURS[row["hold_kind"]],
            )
        st.markdown(
            page.plain(row["reason"] or "Every objective is within its budget."), width="content"
        )
        st.space("stretch")
        dialogs.buttons(row["agent"], people.current(), Key.AGENT_DEGRADE, Key.AGENT_STOP)


def facts(row: Json) -> None:
    seen = words.ago((data.meta().now - row["last_seen"]).total_seconds())
    with st.grid(5, min_column_width=180):
        st.metric(
            "Last seen",
            seen,
            words.plural(row["instances"], "instance"),
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric(
            "Trust",
            words.count(row["trust"]),
            words.TIERS.get(row["tier"], "not reported"),
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="0 to 1,000 as last reported",
        )
        st.metric(
            "Worst error budget left",
            words.percent(row["budget_left"]),
            row["objective"] or "no objective",
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric(
            f"Actions denied, {page.range_words()}",
            words.count(row["denied"]),
            words.of(row["denied"], row["decisions"], "decisions"),
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        st.metric(
            f"Runs failed, {page.range_words()}",
            words.count(row["run_errors"]),
            words.of(row["run_errors"], row["runs"], "runs"),
            delta_color="gray",
            delta_arrow="off",
            border=True,
            height="stretch",
        )


def trust(agent: str, window: Window) -> None:
    rows = data.trust_series(window, agent)
    if rows.is_empty():
        page.nothing("No trust score was reported for this agent in this range.")
        return
    draw.chart(
        charts.trust_ribbon(rows),
        Key.AGENT_TRUST,
        alt=f"Trust of {agent} over time on a scale from 0 to 1,000",
    )


def doing(agent: str, window: Window) -> None:
    rows = data.activity(agent, window)
    if rows.is_empty():
        page.nothing(f"No action in the last {page.range_words()}.")
        return
    draw.chart(
        charts.activity_bars(rows),
        Key.AGENT_ACTIVITY,
        alt=f"Actions of {agent} over time, failed and denied ones apart",
    )


def objectives(agent: str) -> None:
    rows = tables.urgent_first(data.objectives(agent=agent))
    if rows.is_empty():
        page.nothing("No objective covers this agent. Add one in an OpenSLO file.")
        return
    picked = tables.objective_table(rows, Key.AGENT_OBJECTIVES, with_agent=False)
    if picked:
        st.switch_page("views/objective.py", query_params=picked)


def decisions(agent: str, window: Window) -> None:
    rows = data.decisions(window, agent=agent, limit=20)
    if rows.is_empty():
        page.nothing(f"No decision about this agent in the last {page.range_words()}.")
        return
    picked = tables.decision_table(rows, Key.AGENT_DECISIONS, rows_shown=8, with_agent=False)
    if picked:
        st.switch_page(
            "views/decisions.py",
            query_params=address({Url.DECISIONS_AGENT: agent, Url.DECISION: picked}),
        )


def runs(agent: str, window: Window) -> None:
    rows = data.traces(window, agent=agent, limit=20)
    if rows.is_empty():
        page.nothing(f"No trace of this agent in the last {page.range_words()}.")
        return
    picked = tables.trace_table(rows, Key.AGENT_TRACES, rows_shown=8, with_agent=False)
    if picked:
        st.switch_page("views/trace.py", query_params=address({Url.TRACE: picked}))


def holds(agent: str) -> None:
    now = data.meta().now
    known = timeline.merged([], data.command_proof().filter(pl.col("agent") == agent).to_dicts())
    for command in [each for each in known if each.in_force(now)]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            page.phase_badge(command.phase)
            st.markdown(
                f"**{words.KINDS[command.kind]}**, asked by {page.plain(command.actor)}: "
                f"“{page.plain(command.reason)}”. Ends {words.stamp(command.expires_at)}.",
                width="content",
            )
            st.space("stretch")
            st.page_link(
                "views/commands.py",
                label="See its proof",
                query_params=address({Url.HOLD: command.hold_id}),
            )


name = st.query_params.get(Url.AGENT, "")
window = page.window()
found = data.fleet(window).filter(pl.col("agent") == name).to_dicts()
page.opened(
    name or "Agent",
    ranges=True,
    up=("views/fleet.py", "Fleet"),
    sample=bool(found and found[0]["sample"]),
)
if not found:
    page.unknown("agent", name, "views/fleet.py", "Fleet")
    st.stop()
heading(found[0])
holds(name)
facts(found[0])
left, right = st.columns(2, gap="large")
with (
    left,
    page.section("How far is it trusted?", "Score as reported, UTC. Dots: jumps of 50 or more."),
):
    trust(name, window)
with right, page.section("What is it doing?", f"Actions, last {page.range_words()}, UTC."):
    doing(name, window)
with page.section("Which promises does it keep?", "Choose a row to see what spent the budget."):
    objectives(name)
left, right = st.columns(2, gap="large")
with left, page.section("What was decided about it?", "Newest first, UTC."):
    decisions(name, window)
with right, page.section("What did it run?", "Newest first, UTC."):
    runs(name, window)
page.footer(1)
