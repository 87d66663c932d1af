"""The cards of the sequences page."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, words
from dashboard.components import draw, page, tables
from dashboard.doors import Json
from dashboard.state import Key, Url, address

ARROW = " → "


def names(rules: pl.DataFrame) -> dict[str, str]:
    """What the rules in force are called, by name."""
    named = rules.filter(pl.col("rule").is_not_null())
    return dict(zip(named["rule"], named["display_name"], strict=True))


def listing(found: pl.DataFrame, rules: pl.DataFrame) -> None:
    """The matches; the chosen one is shown step by step above them."""
    if found.is_empty():
        page.nothing(
            "No sequence that a rule looks for happened."
            if rules.height
            else "No rule is looked for, so nothing can be found. docs/sequences.md shows how to "
            "write one."
        )
        return
    place = st.container()
    picked = _table(found, names(rules))
    if picked is not None:
        with place:
            detail(found.row(picked, named=True), names(rules))


def _table(found: pl.DataFrame, titles: dict[str, str]) -> int | None:
    rows = tables.marked_sample(found).with_columns(
        tables.worded("severity", words.GRAVITIES),
        title=pl.col("rule").replace_strict(titles, default=pl.col("rule")),
        steps=pl.col("actions")
        .list.eval(pl.element().struct.field("name").fill_null(words.UNKNOWN))
        .list.join(ARROW),
    )
    config = {
        "completed_at": tables.time_column("Completed, UTC"),
        "severity": tables.badge("Severity", words.GRAVITIES, words.GRAVITY_COLOURS, width=84),
        "agent": columns.TextColumn("Agent", width=88),
        "steps": columns.TextColumn("What happened", width=190),
        "title": columns.TextColumn("Rule", width=200),
        **tables.sample_column(found),
    }
    alt = "Sequences of actions that a rule looks for, newest first"
    return tables.chosen(rows, config, Key.SEQUENCES_LIST, alt=alt)


def detail(match: Json, titles: dict[str, str]) -> None:
    """One match, step by step, with the way to its trace."""
    with st.container(border=True, key="sequences_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(
                words.GRAVITIES.get(match["severity"], match["severity"] or words.UNKNOWN),
                color=words.GRAVITY_COLOURS.get(match["severity"], "gray"),
            )
            title = titles.get(match["rule"], str(match["rule"]))
            st.markdown(
                f"**{page.plain(match['agent'] or words.UNKNOWN)}** · {page.plain(title)}",
                width="content",
            )
            st.space("stretch")
            st.page_link(
                "views/trace.py",
                label="Open trace",
                icon=":material/account_tree:",
                query_params=address(
                    {
                        Url.TRACE: match["trace_id"],
                        Url.SPAN: match["span_id"],
                        Url.NEAR: match["completed_at"].isoformat(),
                    }
                ),
            )
        for action in match["actions"]:
            st.markdown(
                f"{action['step']}. {words.stamp(action['started_at'])} · "
                f"**{page.plain(action['name'] or words.UNKNOWN)}** · "
                f"{words.OUTCOMES.get(action['outcome'], words.UNKNOWN)} · "
                f"{page.plain(action['agent'] or words.UNKNOWN)}"
            )
        st.caption(
            f"All of one {words.SCOPES.get(match['scope'], 'key')}: {page.plain(match['key'])}. "
            f"Found {words.stamp(match['found_at'])}."
        )


def by_rule(found: pl.DataFrame, rules: pl.DataFrame) -> None:
    """How often each rule was met in the range."""
    if found.is_empty():
        page.nothing("No match, so no rule stands out.")
        return
    title = pl.col("rule").replace_strict(names(rules), default=pl.col("rule"))
    draw.chart(
        charts.spent_bars(found.group_by(reason=title).agg(bad=pl.len())),
        Key.SEQUENCES_RULES_BARS,
        alt="Matches by rule, the most frequent first",
    )
    if found.height >= data.PAGE_ROWS:
        st.caption(f"Of the newest {data.PAGE_ROWS} matches.")


def rules(rows: pl.DataFrame) -> None:
    """Every rule and every file that was refused, those that need a hand first."""
    if rows.is_empty():
        page.nothing("No rule is looked for. docs/sequences.md shows how to write one.")
        return
    order = {state: place for place, state in enumerate(words.RULE_STATES)}
    told = rows.sort(
        pl.col("state").replace_strict(order, default=9), "rule", nulls_last=True
    ).with_columns(
        tables.worded("state", words.RULE_STATES),
        tables.worded("severity", words.GRAVITIES),
        title=pl.coalesce("display_name", "file"),
        steps=pl.col("steps").list.join(ARROW),
        within=pl.col("within_s").map_elements(words.seconds, return_dtype=pl.String),
    )
    config = {
        "state": tables.badge("State", words.RULE_STATES, words.RULE_STATE_COLOURS, width=92),
        "title": columns.TextColumn("Rule", width=190),
        "severity": tables.badge("Severity", words.GRAVITIES, words.GRAVITY_COLOURS, width=84),
        "steps": columns.TextColumn("Steps", width=250),
        "scope": columns.TextColumn("Within one", width=88),
        "within": columns.TextColumn("At most", width=70),
        "matches": columns.NumberColumn("Matches", format="localized", width=74),
        "last_at": tables.time_column("Last, UTC"),
        "reason": columns.TextColumn("Why not", width=260),
    }
    if rows["reason"].is_null().all():
        config.pop("reason")
    tables.shown(told, config, Key.SEQUENCES_RULES, alt="Sequence rules and what they found")
