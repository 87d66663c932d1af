"""One agent: how far it is trusted, and what it does."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import altair as alt
import polars as pl

from dashboard.charts.common import (
    Spec,
    axis_format_of,
    bucket_width,
    epochs,
    finished,
    stack,
    stacked,
    thinned,
    time_axis,
    with_rows,
)
from dashboard.theme import legend_of

JUMP = 50
TIERS = ((900, "Verified 900"), (700, "Trusted 700"), (500, "Standard 500"), (300, "Probation 300"))


def trust_ribbon(rows: pl.DataFrame, until: datetime) -> Spec:
    """One agent's trust on the 0-1000 scale, tier borders drawn in; a score holds till the next."""
    line = rows.sort("at").with_columns(
        tip=pl.format(
            "{} at {}",
            pl.col("score").round(0).cast(pl.Int64),
            pl.col("at").dt.strftime("%d %b %H:%M UTC"),
        ),
        why=pl.col("reason").fill_null("not told"),
    )
    spec = _trust_ribbon(axis_format_of(rows, "at"))
    jumps = line.filter((pl.col("score") - pl.col("score").shift(1)).abs() >= JUMP)
    tiers = pl.DataFrame(TIERS, schema=["score", "tier"], orient="row")
    now = line.tail(1).with_columns(at=pl.lit(until).cast(line.schema["at"]))
    drawn = pl.concat([thinned(line), now])
    return with_rows(spec, line=epochs(drawn, "at"), jumps=epochs(jumps, "at"), tiers=tiers)


@cache
def _trust_ribbon(axis_format: str) -> Spec:
    y = alt.Y("score:Q").scale(domain=[0, 1000]).axis(title=None, values=[0, 1000], grid=False)
    tiers = alt.Chart(alt.NamedData("tiers"))
    borders = tiers.mark_rule(strokeDash=[2, 4], strokeWidth=1).encode(
        y=y, color=alt.ColorDatum("muted")
    )
    names = tiers.mark_text(align="left", dx=4, dy=-6, fontSize=11, opacity=0.8).encode(
        y=y, x=alt.value(0), text="tier:N", color=alt.ColorDatum("ink")
    )
    x = time_axis("at", axis_format)
    trust = alt.Chart(alt.NamedData("line"))
    line = trust.mark_line(strokeWidth=2, interpolate="step-after").encode(
        x=x, y=y, color=alt.ColorDatum("accent")
    )
    points = trust.mark_circle(size=60, opacity=0).encode(
        x=x,
        y=y,
        tooltip=[alt.Tooltip("tip:N", title="Trust"), alt.Tooltip("why:N", title="Reason")],
    )
    jumps = (
        alt.Chart(alt.NamedData("jumps"))
        .mark_point(filled=True, size=70)
        .encode(
            x=x,
            y=y,
            color=alt.ColorDatum("crit"),
            tooltip=[alt.Tooltip("tip:N", title="Change"), alt.Tooltip("why:N", title="Reason")],
        )
    )
    return finished(alt.layer(borders, names, line, points, jumps).properties(height=190))


def activity_bars(rows: pl.DataFrame) -> Spec:
    """Actions per bucket; failed and denied ones stand out."""
    width = bucket_width(rows)
    quiet = pl.col("actions") - pl.col("errors") - pl.col("denied")
    bars = (
        rows.with_columns(done=pl.when(quiet > 0).then(quiet).otherwise(0))
        .unpivot(["done", "errors", "denied"], index="bucket", variable_name="what")
        .filter(pl.col("value") > 0)
        .with_columns(
            role=pl.col("what").replace_strict(
                {"done": "accent2", "errors": "warn", "denied": "crit"}
            ),
            rank=pl.col("what").replace_strict({"denied": 0, "errors": 1, "done": 2}),
            until=pl.col("bucket") + width,
            tip=pl.format(
                "{} {}, {}",
                pl.col("value"),
                pl.col("what").replace({"errors": "failed"}),
                pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
            ),
        )
    )
    spec = _activity_bars(axis_format_of(rows, "bucket"))
    return with_rows(spec, bars=epochs(stacked(bars), "bucket", "until"))


@cache
def _activity_bars(axis_format: str) -> Spec:
    chart = stack(axis_format, "Actions")
    return finished(chart, legend_of({"crit": "Denied", "warn": "Failed", "accent2": "Done"}))


def build() -> None:
    for axis_format in ("%H:%M", "%d %b"):
        _trust_ribbon(axis_format)
        _activity_bars(axis_format)
