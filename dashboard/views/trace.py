"""One trace: what did this run do, and where was it stopped?"""

from __future__ import annotations

import json

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, waterfall, words
from dashboard.components import draw, page, tables
from dashboard.doors import Json, Refused
from dashboard.state import Key, Url, address


def summary(spans: pl.DataFrame, decisions: pl.DataFrame, laid: waterfall.Waterfall) -> None:
    first = spans.sort("start_ns").row(0, named=True)
    end = (spans["start_ns"] + (spans["duration_ms"].fill_null(0) * 1e6).cast(pl.Int64)).max()
    took = words.milliseconds((end - first["start_ns"]) / 1e6)
    outcomes = spans["outcome"].to_list()
    st.markdown(
        f"`{trace_id}` · {words.stamp(first['started_at'])} · **{took}** · "
        f"**{words.plural(spans.height, 'span')}** · **{outcomes.count('denied')}** denied · "
        f"**{outcomes.count('error')}** failed · "
        f"**{words.plural(decisions.height, 'decision')}**"
    )
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


def picture(laid: waterfall.Waterfall, selected: str | None) -> None:
    picked = draw.chosen_span(
        charts.waterfall(laid.rows, selected),
        alt=f"Waterfall of {laid.total} spans; denied and failed outlined",
    )
    if picked and picked != selected:
        st.query_params[Url.SPAN] = picked
        st.rerun()


def table(spans: pl.DataFrame, laid: waterfall.Waterfall) -> None:
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


trace_id = st.query_params.get(Url.TRACE, "")
try:
    spans = data.trace(trace_id) if trace_id else pl.DataFrame()
except Refused:
    spans = pl.DataFrame()
if spans.is_empty():
    page.opened("Trace", up=("views/traces.py", "Traces"))
    page.unknown("trace", trace_id, "views/traces.py", "Traces")
    st.stop()
root = spans.sort("start_ns").row(0, named=True)
selected = st.query_params.get(Url.SPAN)
page.opened(
    root["name"],
    up=("views/traces.py", f"Traces / {root['agent'] or root['service_name']}"),
    sample=root["sample"],
)
decisions = data.trace_decisions(trace_id)
laid = waterfall.laid_out(spans, decisions)
with st.container(horizontal=True, vertical_alignment="center"):
    summary(spans, decisions, laid)
    st.space("stretch")
    shape = st.segmented_control(
        "Show as",
        ["Waterfall", "Table"],
        default="Waterfall",
        required=True,
        key=Url.TRACE_AS,
        label_visibility="collapsed",
        bind="query-params",
    )
left, right = st.columns([3, 1] if selected else [1, 0.001], gap="medium")
with (
    left,
    page.section(
        "What happened, step by step?",
        "Outlined: denied (red) or failed (amber). Diamond: a decision. "
        "Choose a span for its details.",
    ),
):
    if shape == "Table":
        table(spans, laid)
    else:
        picture(laid, selected)
chosen = spans.filter(pl.col("span_id") == (selected or "")).to_dicts()
if chosen:
    about = [d for d in decisions.to_dicts() if d["span_id"] == selected]
    with right:
        panel(chosen[0], about)
page.footer(spans["agent"].drop_nulls().n_unique())
