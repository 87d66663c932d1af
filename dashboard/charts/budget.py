"""One objective: its budget, what spent it, and how fast it burns."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import altair as alt
import polars as pl

from dashboard import words
from dashboard.charts.common import (
    Spec,
    axis_format_of,
    bucket_width,
    epochs,
    finished,
    shortened,
    thinned,
    time_axis,
    with_rows,
)

FLICKER = timedelta(minutes=30)


def burn_down(rows: pl.DataFrame) -> Spec:
    """Budget left since the window began, beside spending it evenly."""
    line = thinned(rows.sort("bucket")).with_columns(
        tip=pl.format(
            "{}% at {}",
            (pl.col("budget_left") * 100).round(0).cast(pl.Int64),
            pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
        )
    )
    ends = line.select(pl.col("bucket").min().alias("first"), pl.col("bucket").max().alias("last"))
    even = pl.DataFrame(
        {"bucket": [ends["first"][0], ends["last"][0]], "budget_left": [1.0, 0.0]},
        schema_overrides={"bucket": rows.schema["bucket"]},
    )
    spec = _burn_down(axis_format_of(rows, "bucket"))
    return with_rows(spec, line=epochs(line, "bucket"), even=epochs(even, "bucket"))


@cache
def _burn_down(axis_format: str) -> Spec:
    x = time_axis("bucket", axis_format)
    y = alt.Y("budget_left:Q").axis(title=None, format=".0%", tickCount=5)
    base = alt.Chart(alt.NamedData("line"))
    area = base.mark_area(opacity=0.14).encode(x=x, y=y, color=alt.ColorDatum("accent"))
    line = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=alt.ColorDatum("accent"))
    points = base.mark_circle(size=90, opacity=0).encode(
        x=x, y=y, tooltip=alt.Tooltip("tip:N", title="Budget left")
    )
    even = alt.Chart(alt.NamedData("even"))
    dashes = even.mark_line(strokeDash=[4, 4], strokeWidth=1.2).encode(
        x=x, y=y, color=alt.ColorDatum("muted")
    )
    empty = (
        alt.Chart(alt.NamedData("even"))
        .mark_rule(strokeWidth=1.2)
        .encode(y=alt.YDatum(0), color=alt.ColorDatum("crit"))
    )
    return finished(alt.layer(area, dashes, empty, line, points).properties(height=270))


def spent_bars(rows: pl.DataFrame) -> Spec:
    """Which reasons spent the budget, as shares of all bad events."""
    total = rows.get_column("bad").sum() or 1
    bars = (
        rows.sort("bad", descending=True)
        .head(8)
        .with_columns(
            share=pl.col("bad") / total,
            label=pl.col("reason").map_elements(shortened, return_dtype=pl.String),
        )
        .with_columns(
            text=pl.format(
                "{} · {}",
                pl.col("share").map_elements(words.percent, return_dtype=pl.String),
                pl.col("bad"),
            )
        )
    )
    return with_rows(_spent_bars(), bars=bars)


@cache
def _spent_bars() -> Spec:
    base = alt.Chart(alt.NamedData("bars")).encode(
        y=alt.Y("label:N")
        .sort(field="bad", op="max", order="descending")
        .axis(title=None, ticks=False, domain=False, labelLimit=170, labelFlush=False),
        x=alt.X("bad:Q").axis(None).scale(nice=False, range=[0, {"expr": "width * 0.72"}]),
        tooltip=[
            alt.Tooltip("reason:N", title="Reason"),
            alt.Tooltip("text:N", title="Bad events"),
        ],
    )
    bars = base.mark_bar(height=13, cornerRadiusEnd=2).encode(color=alt.ColorDatum("accent"))
    texts = base.mark_text(align="left", dx=6).encode(text="text:N", color=alt.ColorDatum("ink"))
    return finished(alt.layer(bars, texts).properties(height=alt.Step(27)))


def burn_row(rows: pl.DataFrame, long: str, short: str, threshold: float) -> Spec:
    """Both lines of one window pair, its threshold, and when the rule fired."""
    lines = pl.concat(
        [
            thinned(rows.filter(pl.col("window") == window).sort("bucket")).with_columns(
                role=pl.lit(role)
            )
            for window, role in ((short, "muted"), (long, "accent"))
        ]
    )
    lines = lines.with_columns(
        tip=pl.format(
            "{}× over {} at {}",
            pl.col("burn").round(1),
            pl.col("window"),
            pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
        )
    )
    highest = max(lines.get_column("burn").max() or 0, threshold)
    limit = pl.DataFrame(
        {"threshold": [threshold], "text": [words.burn(threshold)], "room": [highest * 1.4]}
    )
    return with_rows(
        _burn_row(axis_format_of(rows, "bucket")),
        lines=epochs(lines, "bucket"),
        limit=limit,
        fired=epochs(fired(rows, long, short, threshold), "since", "until"),
    )


def fired(rows: pl.DataFrame, long: str, short: str, threshold: float) -> pl.DataFrame:
    """When both windows were over the threshold; gaps up to half an hour are closed."""
    both = (
        rows.filter(pl.col("window").is_in([long, short]))
        .group_by("bucket")
        .agg(over=(pl.col("burn") >= threshold).all() & (pl.len() == len({long, short})))
        .filter("over")
        .sort("bucket")
        .with_columns(spell=(pl.col("bucket").diff() > FLICKER).fill_null(False).cum_sum())
    )
    return (
        both.group_by("spell", maintain_order=True)
        .agg(since=pl.col("bucket").min(), until=pl.col("bucket").max() + bucket_width(rows))
        .select("since", "until")
    )


@cache
def _burn_row(axis_format: str) -> Spec:
    x = time_axis("bucket", axis_format)
    y = (
        alt.Y("burn:Q")
        .scale(type="symlog", constant=1)
        .axis(title=None, values=[0, 1, 10, 100, 1000], labelExpr="datum.value + '×'")
    )
    shade = (
        alt.Chart(alt.NamedData("fired"))
        .mark_rect(opacity=0.22)
        .encode(x=time_axis("since", axis_format), x2="until", color=alt.ColorDatum("crit"))
    )
    base = alt.Chart(alt.NamedData("lines"))
    lines = base.mark_line(strokeWidth=1.5).encode(
        x=x,
        y=y,
        color="role:N",
        strokeWidth=alt.condition("datum.role=='accent'", alt.value(2), alt.value(1)),
        detail="window:N",
    )
    points = base.mark_circle(size=60, opacity=0).encode(
        x=x, y=y, tooltip=alt.Tooltip("tip:N", title="Burn rate")
    )
    limit = alt.Chart(alt.NamedData("limit"))
    rule = limit.mark_rule(strokeDash=[4, 3]).encode(y="threshold:Q", color=alt.ColorDatum("crit"))
    name = limit.mark_text(align="left", dx=4, dy=-7, fontWeight=600).encode(
        y="threshold:Q", x=alt.value(0), text="text:N", color=alt.ColorDatum("crit")
    )
    # Invisible: keeps the highest point of a line below the upper edge.
    room = limit.mark_point(opacity=0, aria=False).encode(y="room:Q")
    return finished(alt.layer(shade, lines, points, rule, name, room).properties(height=105))


def build() -> None:
    for axis_format in ("%H:%M", "%d %b"):
        _burn_down(axis_format)
        _burn_row(axis_format)
    _spent_bars()
