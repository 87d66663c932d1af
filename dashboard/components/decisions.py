"""The cards of the decisions page."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, data, words
from dashboard.components import draw, made_of, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address


def over_time(window: Window, agent: str | None) -> None:
    rows = data.decisions_over_time(window, agent)
    if rows.is_empty():
        page.nothing(f"No decision in the last {page.range_words()}.")
        return
    draw.chart(
        charts.verdict_bars(rows, allowed=True),
        Key.DECISIONS_TIME,
        alt="Decisions over time, stacked by verdict",
    )


def by_rule(window: Window, agent: str | None) -> None:
    rows = data.decision_reasons(window, agent).filter(pl.col("verdict") != "allow")
    if rows.is_empty():
        page.nothing("Every decision allowed its action.")
        return
    rule = pl.col("reason").fill_null("no rule told")
    draw.chart(
        charts.spent_bars(rows.group_by(rule).agg(bad=pl.col("decisions").sum())),
        Key.DECISIONS_REASONS,
        alt="Decisions other than allow by rule, the most frequent first",
    )


def listing(rows: pl.DataFrame) -> None:
    """The decisions; the one in the address is shown in full above them."""
    if rows.is_empty():
        page.nothing("No decision matches. Choose a longer range or fewer filters.")
        return
    place = st.container()
    picked = tables.decision_table(rows, Key.DECISIONS_LIST)
    if picked:
        st.query_params[Url.DECISION] = picked
    asked = st.query_params.get(Url.DECISION)
    for row in rows.filter(pl.col("decision_id") == (asked or "")).to_dicts():
        with place:
            detail(row)


def detail(row: Json) -> None:
    """One decision in full, with the way to its trace."""
    with st.container(border=True, key="decisions_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            page.verdict_badge(row["verdict"])
            st.markdown(
                f"**{page.plain(row['agent'])}** · "
                f"{page.plain(row['action'] or 'no action named')} "
                f"· {words.stamp(row['decided_at'])}",
                width="content",
            )
            st.space("stretch")
            if row["trace_id"]:
                st.page_link(
                    "views/trace.py",
                    label="Open trace",
                    icon=":material/account_tree:",
                    query_params=address(
                        {
                            Url.TRACE: row["trace_id"],
                            Url.SPAN: row["span_id"] or "",
                            Url.NEAR: row["decided_at"].isoformat(),
                        }
                    ),
                )
        if row["reason"]:
            st.markdown(page.plain(row["reason"]))
        with st.grid(4, min_column_width=190):
            for label, value in facts(row).items():
                st.markdown(f":gray[{label}]  \n{page.plain(value)}")
        st.markdown("**What was it made of?**")
        made_of.shown(row["decision_id"])


def facts(row: Json) -> dict[str, str]:
    """What the record says, under the words of the page; a dash where it says nothing."""
    told = {
        "What really happened": row["effect"],
        "Rule": row["rule"],
        "Policy": row["policy"],
        "Reason code": row["reason_code"],
        "Stage": row["stage"],
        "Mode": row["mode"],
        "Decided by": row["source"],
        "Instance": row["instance"],
        "Told as": row["raw_verdict"],
        "Dialect": row["dialect"],
        "Hold": row["hold_id"],
        "Decision": row["decision_id"],
    }
    return {label: value or words.UNKNOWN for label, value in told.items()}
