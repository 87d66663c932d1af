"""One trace: its spans as a waterfall."""

from __future__ import annotations

from functools import cache

import altair as alt
import polars as pl

from dashboard.charts.common import Spec, finished, with_rows
from dashboard.theme import legend_of

ROW_PX = 27
KIND_NAMES = {
    "muted": "Agent, task",
    "accent": "Model",
    "ok": "Tool, retrieval",
    "violet": "Guardrail",
    "accent2": "Other",
}


def waterfall(spans: pl.DataFrame, selected: str | None) -> Spec:
    """The spans of one trace as `waterfall.laid_out` ordered them, one row each."""
    marked = spans.with_columns(chosen=pl.col("span_id") == (selected or ""))
    return with_rows(_waterfall(spans.height), spans=marked)


@cache
def _waterfall(rows: int) -> Spec:
    spans = alt.Chart(alt.NamedData("spans"))
    y = (
        alt.Y("row:O")
        .axis(
            title=None,
            domain=False,
            ticks=False,
            labelAlign="left",
            labelPadding=300,
            labelLimit=292,
            minExtent=304,
            maxExtent=304,
            labelExpr="data('spans')[datum.value].label",
            labelFlush=False,
            labelOverlap=False,
        )
        .scale(paddingInner=0, paddingOuter=0)
    )
    x = (
        alt.X("start_ms:Q")
        .axis(
            orient="top",
            title=None,
            tickCount=6,
            labelFlush=False,
            domain=False,
            ticks=False,
            labelExpr="datum.value >= 1000 ? format(datum.value / 1000, '.1f') + ' s' "
            ": datum.value + ' ms'",
        )
        .scale(nice=False, zero=True)
    )
    pick = alt.selection_point(name="span", fields=["span_id"], toggle=False, on="click")
    stripes = (
        spans.mark_bar(height=ROW_PX)
        .encode(y=y, x=alt.value(0), x2=alt.value("width"), color="stripe_role:N", tooltip=_tips())
        .add_params(pick)
    )
    chosen = (
        spans.transform_filter("datum.chosen")
        .mark_bar(height=ROW_PX, opacity=0.2)
        .encode(y=y, x=alt.value(0), x2=alt.value("width"), color=alt.ColorDatum("accent"))
    )
    bars = spans.mark_bar(height=15, cornerRadius=2, opacity=0.85).encode(
        y=y, x=x, x2="end_ms:Q", color="kind_role:N", tooltip=_tips()
    )
    outlines = (
        spans.transform_filter("datum.loud")
        .mark_bar(height=16, cornerRadius=2, filled=False, strokeWidth=2)
        .encode(y=y, x=x, x2="end_ms:Q", stroke="loud_role:N", tooltip=_tips())
    )
    marks = (
        spans.transform_filter("isValid(datum.decided_ms)")
        .mark_point(shape="diamond", size=90, filled=True, opacity=1, yOffset=-9)
        .encode(
            y=y,
            x="decided_ms:Q",
            color="decided_role:N",
            tooltip=alt.Tooltip("decided:N", title="Decision"),
        )
    )
    critical = (
        spans.transform_filter("datum.critical")
        .mark_bar(height=2.5, yOffset=11)
        .encode(y=y, x=x, x2="end_ms:Q", color=alt.ColorDatum("ink"), tooltip=_tips())
    )
    texts = spans.mark_text(align="left", dx=6, fontSize=12).encode(
        y=y, x="end_ms:Q", text="words:N", color="words_role:N"
    )
    # Invisible: widens the axis so that the words beside the longest bar have room.
    room = spans.mark_point(opacity=0, aria=False).encode(y=y, x="room_ms:Q")
    layers = alt.layer(stripes, chosen, room, bars, critical, outlines, marks, texts)
    return finished(layers.properties(height=rows * ROW_PX), legend_of(KIND_NAMES))


def _tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title="Span"),
        alt.Tooltip("words:N", title="Took"),
        alt.Tooltip("starts:N", title="Starts at"),
        alt.Tooltip("agent:N", title="Agent"),
    ]


def build() -> None:
    _waterfall(1)
