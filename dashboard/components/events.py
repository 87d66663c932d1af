"""The cards about governance events: what happened to agents and is no verdict on an action."""

from __future__ import annotations

import json

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, happenings, words
from dashboard.components import draw, page, tables
from dashboard.components.trace import attributes
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.happenings import Gravity
from dashboard.state import Key, Url, address

HOW_TO_SEND = (
    "Governance toolkits tell them: one line bridges a process of the Agent Governance Toolkit "
    "(docs/agt.md), and anything else sends log records with the event name "
    "`watchkeeper.governance` (docs/decision-event.md)."
)


def empty(narrowed: bool) -> None:
    """Why there is nothing, and what to send."""
    if narrowed:
        page.nothing("No governance event matches. Choose a longer range or fewer filters.")
        return
    st.info(
        f"**No governance event in the last {page.range_words()}.** {HOW_TO_SEND}",
        icon=":material/notification_important:",
    )


def tiles(rows: pl.DataFrame) -> None:
    """How often each gravity, and of which kinds."""
    with st.grid(len(Gravity), min_column_width=150):
        for gravity in Gravity:
            kinds = [kind for kind, known in happenings.GRAVITIES.items() if known is gravity]
            counted = (
                rows.filter(pl.col("kind").is_in(kinds))
                .group_by("kind")
                .agg(pl.col("events").sum())
                .sort("events", "kind", descending=[True, False])
            )
            asks = gravity in (Gravity.STOPPED, Gravity.ALARM) and counted.height
            page.number(
                gravity.word,
                words.count(counted["events"].sum()),
                _by_kind(counted),
                colour=gravity.colour if asks else "gray",
                help=", ".join(happenings.WORDS[kind] for kind in kinds),
            )


def _by_kind(counted: pl.DataFrame) -> str:
    """The two most frequent kinds, and how many more there are."""
    told = [
        f"{happenings.WORDS[row['kind']].lower()} {words.count(row['events'])}"
        for row in counted.head(2).to_dicts()
    ]
    more = counted.height - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "") if told else "none in the range"


def over_time(rows: pl.DataFrame, window: Window, *, one_agent: bool) -> None:
    draw.chart(
        charts.event_lanes(rows, window.since, window.until, by_kind=one_agent),
        Key.EVENTS_LANES,
        alt="Governance events over time, a lane for each "
        + ("kind" if one_agent else "agent")
        + ", the gravest first",
    )


def listing(rows: pl.DataFrame) -> None:
    """The events; the one in the address is shown in full above them."""
    place = st.container()
    picked = table(rows, Key.EVENTS_LIST)
    if picked:
        st.query_params[Url.EVENT] = picked
    asked = st.query_params.get(Url.EVENT) or ""
    for row in rows.filter(pl.col("event_id") == asked).to_dicts():
        with place:
            detail(row)


def table(rows: pl.DataFrame, key: str, *, brief: bool = False) -> str | None:
    """Events; the id of the one the reader picked. `brief` is for half a page of one agent."""
    told = tables.marked_sample(rows).with_columns(
        tables.worded("kind", happenings.WORDS),
        change=pl.struct("from_value", "to_value").map_elements(
            lambda row: happenings.change(row["from_value"], row["to_value"]),
            return_dtype=pl.String,
        ),
    )
    more = {
        "reason": columns.TextColumn("Reason", width=230),
        "dialect": columns.TextColumn("Dialect", width=96),
        **tables.sample_column(rows),
    }
    config = {
        "happened_at": tables.time_column("When, UTC"),
        "kind": tables.badge("Kind", happenings.WORDS, happenings.COLOURS, width=96),
        **({} if brief else {"agent": columns.TextColumn("Agent", width=104)}),
        "name": columns.TextColumn("What happened", width=176),
        "change": columns.TextColumn("Change", width=150),
        **({} if brief else more),
    }
    alt = "Governance events, newest first, with kind and change"
    picked = tables.chosen(told, config, key, alt=alt, rows=tables.BRIEF_ROWS if brief else None)
    return None if picked is None else str(rows["event_id"][picked])


def detail(row: Json) -> None:
    """One event in full, with the ways to its trace and its agent."""
    with st.container(border=True, key="events_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            kind = str(happenings.WORDS.get(row["kind"], row["kind"]))
            st.badge(kind, color=happenings.COLOURS.get(row["kind"], "gray"))
            st.markdown(
                f"**{page.plain(row['agent'] or 'no agent told')}** · "
                f"{page.plain(row['name'] or kind)} · {words.stamp(row['happened_at'])}",
                width="content",
            )
            st.space("stretch")
            _links(row)
        if row["reason"]:
            st.markdown(page.plain(row["reason"]))
        with st.grid(4, min_column_width=190):
            for label, value in facts(row).items():
                st.markdown(f":gray[{label}]  \n{page.plain(value)}")
        _record(row)


def _links(row: Json) -> None:
    if row["agent"]:
        st.page_link(
            "views/agent.py",
            label="Open agent",
            icon=":material/smart_toy:",
            query_params=address({Url.AGENT: row["agent"]}),
        )
    if row["trace_id"]:
        st.page_link(
            "views/trace.py",
            label="Open trace",
            icon=":material/account_tree:",
            query_params=address(
                {
                    Url.TRACE: row["trace_id"],
                    Url.SPAN: row["span_id"] or "",
                    Url.NEAR: row["happened_at"].isoformat(),
                }
            ),
        )


def facts(row: Json) -> dict[str, str]:
    """What the record says, under the words of the page; a dash where it says nothing."""
    value = row["value"]
    told = {
        "Change": happenings.change(row["from_value"], row["to_value"]),
        "Value": None if value is None else f"{value:,.4g}",
        "About": row["subject"],
        "Instance": row["instance"],
        "Known as": row["agent_id"],
        "Environment": row["environment"],
        "Told in": happenings.TELLERS.get(row["told_by"], row["told_by"]),
        "Dialect": row["dialect"],
    }
    return {label: word or words.UNKNOWN for label, word in told.items()}


def _record(row: Json) -> None:
    """What the record carries beside; one too large to keep here stands in the view `logs`."""
    if json.loads(row["detail"]):
        st.markdown("**What did the record say?**")
        attributes(row["detail"])
    elif not row["trace_id"]:
        st.caption("It names no trace, and carries nothing beside what stands above.")


def of_agent(agent: str, window: Window) -> None:
    """What happened to one agent; a row opens the event."""
    rows = data.governance_events(window, agent=agent, limit=20)
    if rows.is_empty():
        page.nothing(
            f"No governance event was told of this agent in the last {page.range_words()}. "
            "Toolkits tell kills, rings, breakers, signals and lifecycles: docs/agt.md."
        )
        return
    picked = table(rows, Key.AGENT_EVENTS, brief=True)
    if picked:
        st.switch_page(
            "views/events.py", query_params=address({Url.EVENTS_AGENT: agent, Url.EVENT: picked})
        )
