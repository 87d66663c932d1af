"""The cards of the page of one agent."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, data, people, timeline, words
from dashboard.actions import Act
from dashboard.components import dialogs, draw, page, tables
from dashboard.components import reported as reporting
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address


def heading(row: Json) -> None:
    """Its state, why, and what an operator may do."""
    with st.container(horizontal=True, vertical_alignment="center"):
        page.state_badge(row["state"])
        if row["hold_kind"]:
            page.hold_badge(row["hold_kind"])
        st.markdown(page.plain(row["reason"] or words.CALM.get(row["state"], "")), width="content")
        st.space("stretch")
        dialogs.buttons(
            row["agent"],
            people.current(),
            {Act.DEGRADE: Key.AGENT_DEGRADE, Act.KILL: Key.AGENT_STOP},
        )
    st.caption(page.plain(standing(row)))


def standing(row: Json) -> str:
    """The numbers behind its state: those of its worst objective."""
    told = data.objectives(row["objective"], row["agent"]) if row["objective"] else pl.DataFrame()
    if told.is_empty():
        return "No objective judges it."
    worst = told.row(0, named=True)
    return f"{worst['display_name'] or worst['objective']}: {words.standing(worst)}"


def facts(row: Json) -> None:
    """Five numbers about it."""
    with st.grid(5, min_column_width=200):
        page.number(
            "Last seen",
            words.ago((data.meta().now - row["last_seen"]).total_seconds()),
            words.plural(row["instances"], "instance"),
        )
        page.number(
            "Trust",
            words.count(row["trust"]),
            words.TIERS.get(row["tier"], "not reported"),
            help="0 to 1,000 as last reported",
        )
        page.number(
            "Worst error budget left",
            words.percent(row["budget_left"]),
            row["objective"] or "no objective",
        )
        page.number(
            f"Actions denied, {page.range_words()}",
            words.count(row["denied"]),
            words.of(row["denied"], row["decisions"], "decisions"),
        )
        page.number(
            f"Runs failed, {page.range_words()}",
            words.count(row["run_errors"]),
            words.of(row["run_errors"], row["runs"], "runs"),
        )


def trust(agent: str, window: Window) -> None:
    rows = data.trust_series(window, agent)
    if rows.is_empty():
        page.nothing("No trust score was reported for this agent in this range.")
        return
    draw.chart(
        charts.trust_ribbon(rows, window.until),
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


def reported(agent: str, window: Window) -> None:
    """What its own toolkit reported of it; no card where it reported nothing."""
    with page.surviving():
        rows = data.reported_against_computed(window, agent)
        if rows.is_empty():
            return
        with page.section(
            "What does its toolkit say of it?",
            "Figures of the governance toolkit beside those computed from what arrived.",
        ):
            reporting.table(rows)


def decisions(agent: str, window: Window) -> None:
    rows = data.decisions(window, agent=agent, limit=20)
    if rows.is_empty():
        page.nothing(f"No decision about this agent in the last {page.range_words()}.")
        return
    picked = tables.decision_table(rows, Key.AGENT_DECISIONS, brief=True)
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
    picked = tables.trace_table(rows, Key.AGENT_TRACES, brief=True)
    if picked:
        st.switch_page("views/trace.py", query_params=address(picked))


def holds(agent: str) -> None:
    """What restricts it now, and how far that is proven."""
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
