"""The cards of the page of one objective."""

from __future__ import annotations

import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, people, words
from dashboard.actions import Act
from dashboard.components import dialogs, draw, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address


def heading(row: Json) -> None:
    """Its state in words with the numbers, and what an operator may do."""
    with st.container(horizontal=True, vertical_alignment="center"):
        page.state_badge(row["state"])
        st.markdown(
            f"{page.plain(row['agent'])}: {page.plain(words.CALM[row['state']])}", width="content"
        )
        st.space("stretch")
        st.page_link(
            "views/agent.py",
            label="Open agent",
            icon=":material/smart_toy:",
            query_params=address({Url.AGENT: row["agent"]}),
        )
        dialogs.buttons(row["agent"], people.current(), {Act.DEGRADE: Key.OBJECTIVE_DEGRADE})
    st.caption(page.plain(words.standing(row)))


def tiles(row: Json) -> None:
    """Four numbers: what is left, until when, how fast, and what was kept."""
    kept = row["good"] / row["total"] if row["total"] else None
    ends, why = runs_out(row)
    with st.grid(4, min_column_width=170):
        page.number(
            "Error budget left",
            words.percent(row["budget_left"]),
            words.of(row["bad"], row["total"], "bad"),
            help="Share of the allowed bad events not yet spent; below zero when overspent",
        )
        page.number(
            "Runs out in",
            ends,
            why,
            colour="gray" if ends == words.UNKNOWN else "red",
            help="Ignores budget that returns when old events leave the window",
        )
        page.number(
            "Burn rate, 1 h",
            words.burn(row["burn_1h"]),
            f"{words.burn(row['burn_6h'])} over 6 h",
            help="1.0× spends the budget exactly by the end of its window",
        )
        page.number(
            f"Kept, {words.days(row['window_days'])}",
            words.exact_percent(kept),
            f"target {words.exact_percent(row['target'])}",
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
    if rows["budget_left"].is_null().all():
        page.nothing(f"No event in {words.days(row['window_days'])}, so nothing was spent.")
        return
    draw.chart(
        charts.burn_down(rows),
        Key.OBJECTIVE_BURN_DOWN,
        alt=f"Error budget left over {words.days(row['window_days'])}, "
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
        badge, colour, why = words.firing(pair)
        st.badge(badge, color=colour, help=why)
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
        "what": columns.TextColumn("What", width=150),
        "reason": columns.TextColumn("Why it counts as bad", width=150),
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
        chosen = {
            Url.TRACE: rows["trace_id"][picked],
            Url.NEAR: rows["happened_at"][picked].isoformat(),
        }
        st.switch_page("views/trace.py", query_params=address(chosen))
