"""The cards of the page of one trace."""

from __future__ import annotations

import json

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, waterfall, words
from dashboard.components import draw, page, tables
from dashboard.doors import Json, Refused
from dashboard.state import Key, Url, address
from dashboard.waterfall import Waterfall

SHAPES = ("Waterfall", "Table")


def spans_of(trace_id: str, near: str) -> pl.DataFrame:
    """Its spans, earliest first; none when there is no such trace."""
    try:
        spans = data.trace(trace_id, near) if trace_id else pl.DataFrame()
    except Refused:
        return pl.DataFrame()
    if spans.is_empty():
        return spans
    return spans.sort("start_ns", pl.col("parent_span_id").is_not_null())


def summary(spans: pl.DataFrame, decisions: pl.DataFrame) -> None:
    """The trace in one line."""
    first = spans.row(0, named=True)
    end = (spans["start_ns"] + (spans["duration_ms"].fill_null(0) * 1e6).cast(pl.Int64)).max()
    took = words.milliseconds((end - first["start_ns"]) / 1e6)
    failed = (spans["outcome"] == "error").sum()
    denied = (decisions["verdict"] == "deny").sum() if decisions.height else 0
    st.markdown(
        f"`{st.query_params[Url.TRACE]}` · {words.stamp(first['started_at'])} · **{took}** · "
        f"**{words.plural(spans.height, 'span')}**, **{failed}** failed · "
        f"**{words.plural(decisions.height, 'decision')}**, **{denied}** denied",
        width="content",
    )


def shape() -> str:
    """Waterfall, or the same as a table."""
    chosen: str = st.segmented_control(
        "Show as",
        SHAPES,
        default=SHAPES[0],
        required=True,
        key=Url.TRACE_AS,
        label_visibility="collapsed",
        bind="query-params",
    )
    return chosen


def incomplete(laid: Waterfall) -> None:
    """What is missing from the picture is said above it."""
    if laid.orphans:
        st.warning(
            f"Trace incomplete: {words.plural(laid.orphans, 'span')} "
            "without the parent they name. They are drawn at the left edge.",
            icon=":material/link_off:",
        )
    if laid.hidden:
        st.caption(
            f"{words.plural(laid.hidden, 'span')} more are not drawn; "
            "denied and failed ones always are."
        )


def picture(laid: Waterfall, selected: str | None) -> None:
    """The waterfall; a click opens the span's panel and changes the address."""
    span = draw.picked(
        charts.waterfall(laid.rows, selected),
        Key.TRACE_WATERFALL,
        "span",
        alt=f"Waterfall of {laid.total} spans; denied and failed ones outlined, "
        "the critical path underlined. Show as table for the same in words",
    )
    if span and span["span_id"] != selected:
        st.query_params[Url.SPAN] = str(span["span_id"])
        st.rerun()


def table(spans: pl.DataFrame, laid: Waterfall) -> None:
    rows = (
        laid.rows.select("span_id", "label", "starts")
        .join(spans.drop("name"), on="span_id", how="left", maintain_order="left")
        .with_columns(
            tables.worded("outcome", words.OUTCOMES),
            took=pl.col("duration_ms").map_elements(words.milliseconds, return_dtype=pl.String),
        )
    )
    config = {
        "label": columns.TextColumn("Span", width=310),
        "starts": columns.TextColumn("Starts at", width=90, alignment="right"),
        "took": columns.TextColumn("Took", width=76, alignment="right"),
        "outcome": tables.badge("Outcome", words.OUTCOMES, words.OUTCOME_COLOURS, width=88),
        "agent": columns.TextColumn("Agent", width=120),
        "model": columns.TextColumn("Model", width=90),
        "tool_name": columns.TextColumn("Tool", width=120),
        "input_tokens": columns.NumberColumn("Tokens in", format="localized", width=84),
        "output_tokens": columns.NumberColumn("Tokens out", format="localized", width=88),
    }
    picked = tables.chosen(rows, config, Key.TRACE_TABLE, rows=20, alt="Spans in tree order")
    if picked is not None:
        st.query_params[Url.SPAN] = rows["span_id"][picked]


def panel(span: Json, decisions: list[Json]) -> None:
    """Everything one span says about itself."""
    with st.container(border=True, key="trace_span"):
        st.markdown(f"**{page.plain(span['name'])}**")
        st.markdown(
            f"{words.milliseconds(span['duration_ms'])} · "
            f"{words.OUTCOMES.get(span['outcome'], span['outcome'])} · "
            f"{page.plain(span['agent'] or 'no agent told')}"
        )
        if span["status_message"]:
            st.caption(page.plain(span["status_message"]))
        for decision in decisions:
            st.badge(
                waterfall.told_decision(decision),
                icon=":material/gavel:",
                color=words.VERDICT_COLOURS.get(decision["verdict"], "gray"),
            )
            st.page_link(
                "views/decisions.py",
                label="Open this decision",
                query_params=address(
                    {
                        Url.DECISION: decision["decision_id"],
                        Url.DECISIONS_AGENT: decision["agent"],
                    }
                ),
            )
        attributes(span["attributes"])


def attributes(told: str) -> None:
    known = {name: value for name, value in json.loads(told or "{}").items() if value is not None}
    if not known:
        st.caption("It carries no attributes.")
        return
    rows = pl.DataFrame({"name": list(known), "value": [shown_value(v) for v in known.values()]})
    config = {"name": columns.TextColumn("Attribute"), "value": columns.TextColumn("Value")}
    tables.shown(rows, config, "trace_attributes", alt="Attributes of the span")


def shown_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
