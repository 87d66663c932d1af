"""The cards of the coverage page."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import data, words
from dashboard.components import filters, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Url, address

NOT_MEASURED = "not measured"
BY = {"agent": "Agent", "framework": "Framework", "tool": "Tool or model"}


def chosen_by() -> str:
    """Whether the shares are told by agent, framework or tool."""
    filters.spelled_out(Url.COVERAGE_BY, BY)
    chosen: str = st.segmented_control(
        "By",
        list(BY),
        default="agent",
        required=True,
        format_func=BY.__getitem__,
        key=Url.COVERAGE_BY,
        bind="query-params",
    )
    return chosen


def tiles(rows: pl.DataFrame, bypasses: pl.DataFrame) -> None:
    """How much was decided about, how much was not, and what went through all the same."""
    with st.grid(4, min_column_width=150):
        _share("Tool calls decided", rows.filter(pl.col("kind") == "tool"))
        _share("Model calls decided", rows.filter(pl.col("kind") == "model"))
        unmeasured = int((rows["actions"] - rows["measured"]).sum())
        page.number(
            "Not measured",
            words.count(unmeasured),
            words.of(unmeasured, int(rows["actions"].sum()), "calls"),
        )
        _bypassed(bypasses)


def _bypassed(bypasses: pl.DataFrame) -> None:
    """How many, and how sure: as red as the surest."""
    found = {
        certainty: bypasses.filter(pl.col("certainty") == certainty).height
        for certainty in words.CERTAINTIES
    }
    told = [f"{count} {words.CERTAINTIES[name].lower()}" for name, count in found.items() if count]
    worst = next((name for name, count in found.items() if count), None)
    many = bypasses.height >= data.PAGE_ROWS
    page.number(
        "Bypasses",
        f"{words.count(bypasses.height)} or more" if many else words.count(bypasses.height),
        ", ".join(told) or "none in the range",
        colour=words.CERTAINTY_COLOURS[worst] if worst else "gray",
        help="Went through although denied, not approved or under a hold",
    )


def _share(label: str, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        page.number(label, words.UNKNOWN, "no call in the range")
        return
    measured, governed = int(rows["measured"].sum()), int(rows["governed"].sum())
    if not measured:
        page.number(label, words.UNKNOWN, "not measured: no decision told")
        return
    page.number(
        label,
        decided(governed, measured),
        words.of(governed, measured, "calls"),
        colour="gray" if governed == measured else "orange",
    )


def decided(governed: int, measured: int) -> str:
    """A share that reads 100% only when nothing is missing."""
    if not measured:
        return NOT_MEASURED
    whole = governed * 100 // measured
    return f"{whole}%" if whole or not governed else "under 1%"


def by_agent(rows: pl.DataFrame) -> pl.DataFrame:
    """For each agent the share of its tool calls that somebody decided about, in words."""
    shares = (
        rows.filter(pl.col("kind") == "tool")
        .group_by("agent")
        .agg(pl.col("measured").sum(), pl.col("governed").sum())
    )
    told = [decided(row["governed"], row["measured"]) for row in shares.to_dicts()]
    return shares.select("agent").with_columns(decided=pl.Series(told, dtype=pl.String))


def of_agent(agent: str, window: Window) -> None:
    """How much of what one agent did was decided about, with the way to what was not."""
    rows = data.coverage(window, agent=agent)
    if rows.is_empty():
        page.nothing(f"No call of a tool or a model in the last {page.range_words()}.")
        return
    tiles(rows, data.bypasses(window, agent=agent))
    st.page_link(
        "views/coverage.py",
        label="Open its coverage",
        icon=":material/shield:",
        query_params=address({Url.COVERAGE_AGENT: agent}),
    )


def listing(rows: pl.DataFrame, by: str) -> None:
    """Coverage as bars, each with its count."""
    if rows.is_empty():
        page.nothing("No agent called a tool or a model in this range.")
        return
    told = tables.marked_sample(rows).with_columns(
        tables.worded("kind", words.CALLS),
        measured_as=pl.when(pl.col("measured") == 0)
        .then(pl.lit(NOT_MEASURED))
        .otherwise(pl.format("{} of {}", "governed", "measured")),
    )
    named = {
        "agent": columns.TextColumn("Agent", width=110),
        "framework": columns.TextColumn("Framework", width=130),
        "name": columns.TextColumn("Tool or model", width=160),
    }
    shown = {"agent": ["agent"], "framework": ["framework"], "tool": ["agent", "name"]}[by]
    config = {
        **{name: named[name] for name in shown},
        "kind": tables.badge("Calls", words.CALLS, {}, width=76),
        "coverage": columns.ProgressColumn(
            "Decided", min_value=0, max_value=1, format="percent", width=150
        ),
        "measured_as": columns.TextColumn("How many", width=110),
        "monitored": _count(
            "Watched", "A decision that was only watched: its verdict did not bind"
        ),
        "by_span": _count("By span", "The decision names the span of the call, or one within it"),
        "by_tool_call_id": _count("By call id", "The decision names the id of the tool call"),
        "by_name": _count("By name", "A decision about that name in the same trace"),
        "by_time": _count(
            "By time", "A decision without a trace, at most a minute before the call"
        ),
        **tables.sample_column(rows),
    }
    alt = "Share of tool and model calls that somebody decided about, the least covered first"
    tables.shown(told, config, Key.COVERAGE_LIST, alt=alt)


def _count(label: str, help: str) -> object:
    return columns.NumberColumn(label, format="localized", width=76, help=help)


def bypassed(rows: pl.DataFrame) -> None:
    """Each bypass with how sure it is; the chosen one is shown with both sides' evidence."""
    if rows.is_empty():
        page.nothing("Nothing went through that was denied, not approved or under a hold.")
        return
    place = st.container()
    told = tables.marked_sample(rows).with_columns(
        tables.worded("certainty", words.CERTAINTIES), tables.worded("bypass", words.BYPASSES)
    )
    config = {
        "started_at": tables.time_column("Executed, UTC"),
        "certainty": tables.badge(
            "Certainty", words.CERTAINTIES, words.CERTAINTY_COLOURS, width=96
        ),
        "bypass": tables.badge("Although", words.BYPASSES, {}, width=110),
        "agent": columns.TextColumn("Agent", width=96),
        "name": columns.TextColumn("Call", width=130),
        "reason": columns.TextColumn("Why it is here", width=360),
        **tables.sample_column(rows),
    }
    alt = "Calls that went through although denied, not approved or under a hold"
    picked = tables.chosen(told, config, Key.COVERAGE_BYPASSES, alt=alt)
    if picked is not None:
        with place:
            _evidence(rows.row(picked, named=True))


def _evidence(row: Json) -> None:
    with st.container(border=True, key="coverage_evidence"):
        with st.container(horizontal=True, vertical_alignment="center"):
            certainty = row["certainty"]
            st.badge(words.CERTAINTIES[certainty], color=words.CERTAINTY_COLOURS[certainty])
            st.markdown(
                f"**{page.plain(row['agent'])}** · {page.plain(row['name'])}", width="content"
            )
            st.space("stretch")
            _to_trace(row)
        st.markdown(page.plain(row["reason"]))
        sides = [f"Executed {words.stamp(row['started_at'])}, span `{row['span_id']}`"]
        if row["decision_id"] is not None and row["decided_at"] is not None:
            sides.append(
                f"decided {words.stamp(row['decided_at'])}: "
                f"{words.VERDICTS.get(row['verdict'], words.UNKNOWN)}, "
                f"decision {page.plain(row['decision_id'])}"
            )
        if row["acked_at"] is not None:
            sides.append(
                f"hold {page.plain(row['hold_id'])} acknowledged {words.stamp(row['acked_at'])}"
            )
        st.caption(" · ".join(sides))


def _to_trace(row: Json) -> None:
    st.page_link(
        "views/trace.py",
        label="Open trace",
        icon=":material/account_tree:",
        query_params=_address(row),
    )


def _address(row: Json) -> dict[str, str]:
    near = row["started_at"].isoformat()
    return address({Url.TRACE: row["trace_id"], Url.SPAN: row["span_id"], Url.NEAR: near})


def ungoverned(rows: pl.DataFrame) -> None:
    """The calls nobody decided about; the chosen one opens its trace."""
    if rows.is_empty():
        page.nothing("Every call of the agents that tell decisions had one.")
        return
    told = tables.marked_sample(rows).with_columns(
        tables.worded("kind", words.CALLS),
        tables.worded("outcome", words.OUTCOMES),
        took=pl.col("duration_ms").map_elements(words.milliseconds, return_dtype=pl.String),
    )
    config = {
        "started_at": tables.time_column("Started, UTC"),
        "agent": columns.TextColumn("Agent", width=110),
        "kind": tables.badge("Calls", words.CALLS, {}, width=76),
        "name": columns.TextColumn("Tool or model", width=180),
        "outcome": tables.badge("Outcome", words.OUTCOMES, words.OUTCOME_COLOURS, width=84),
        "took": columns.TextColumn("Took", width=80, alignment="right"),
        "framework": columns.TextColumn("Framework", width=120),
        **tables.sample_column(rows),
    }
    alt = "Tool and model calls nobody decided about, newest first"
    picked = tables.chosen(told, config, Key.COVERAGE_UNGOVERNED, alt=alt)
    if picked is not None:
        st.switch_page("views/trace.py", query_params=_address(rows.row(picked, named=True)))


def outcomes(rows: pl.DataFrame) -> None:
    """Allowed actions by what became of them."""
    if rows.is_empty():
        page.nothing("Nothing was allowed in this range.")
        return
    told = tables.marked_sample(rows).with_columns(
        rule=pl.coalesce("rule", "policy"),
        p50=pl.col("p50_ms").map_elements(words.milliseconds, return_dtype=pl.String),
    )
    config = {
        "agent": columns.TextColumn("Agent", width=110),
        "rule": columns.TextColumn("Rule or policy", width=170),
        "allowed": _count("Allowed", "Allowed, warned or modified"),
        "ok": _count("Went well", "The call ended without an error"),
        "error": _count("Failed", "The call ended with an error"),
        "later_denied": _count("Stopped", "Another decision stopped it"),
        "never_executed": _count("Never came", "Its run ended, or six hours went by, without it"),
        "open": _count("Open", "It may still come"),
        "not_traced": _count("Not traced", "The decision names no trace and fits no call by time"),
        "p50": columns.TextColumn("Median time", width=96, alignment="right"),
        **tables.sample_column(rows),
    }
    alt = "What became of allowed actions, by agent and rule"
    tables.shown(told, config, Key.COVERAGE_OUTCOMES, alt=alt)
