"""Governance events over time: a lane for each agent, or for each kind of one agent."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import altair as alt
import polars as pl

from dashboard import happenings
from dashboard.charts.common import (
    Spec,
    axis_format_of,
    epochs,
    finished,
    shortened,
    time_axis,
    with_rows,
)
from dashboard.happenings import Gravity
from dashboard.theme import legend_of

# So many lanes of 121 steps stay within the marks of a chart.
MOST_LANES = 16
OTHERS = "other agents"


def event_lanes(rows: pl.DataFrame, since: datetime, until: datetime, *, by_kind: bool) -> Spec:
    """One mark a lane and step, as grave as the gravest event in it; the tooltip names them all."""
    told = rows.with_columns(
        lane=_kind() if by_kind else _agent(),
        rank=pl.col("kind").replace_strict(_ranks(), default=9, return_dtype=pl.Int64),
        part=pl.format("{} {}", pl.col("events"), _kind().str.to_lowercase()),
    )
    ends = pl.DataFrame({"bucket": [since, until]})
    spec = _event_lanes(axis_format_of(ends, "bucket"))
    return with_rows(spec, marks=epochs(_marks(told), "bucket"), ends=epochs(ends, "bucket"))


def _marks(told: pl.DataFrame) -> pl.DataFrame:
    marks = (
        told.sort("rank", "kind")
        .group_by("lane", "bucket", maintain_order=True)
        .agg(pl.col("events").sum(), pl.col("rank").min(), pl.col("part"))
        .with_columns(
            role=pl.col("rank").replace_strict(_roles(), return_dtype=pl.String),
            tip=pl.format(
                "{}, from {}",
                pl.col("part").list.join(", "),
                pl.col("bucket").dt.strftime("%d %b %H:%M:%S UTC"),
            ),
        )
    )
    return marks.join(_lanes(marks), on="lane").drop("part", "rank")


def _lanes(marks: pl.DataFrame) -> pl.DataFrame:
    """The place of each lane: what is gravest stands first, then what happens most often."""
    return (
        marks.group_by("lane")
        .agg(pl.col("rank").min(), pl.col("events").sum())
        .sort("rank", "events", "lane", descending=[False, True, False])
        .head(MOST_LANES)
        .with_row_index("place")
        .select("lane", "place")
    )


def _ranks() -> dict[str, int]:
    return {kind: gravity.rank for kind, gravity in happenings.GRAVITIES.items()}


def _kind() -> pl.Expr:
    return pl.col("kind").replace_strict(happenings.WORDS, default=pl.col("kind"))


def _agent() -> pl.Expr:
    name = pl.col("agent").map_elements(shortened, return_dtype=pl.String)
    return (
        pl.when(pl.col("is_other")).then(pl.lit(OTHERS)).otherwise(name.fill_null("no agent told"))
    )


def _roles() -> dict[int, str]:
    return {gravity.rank: gravity.role for gravity in Gravity} | {9: Gravity.COURSE.role}


@cache
def _event_lanes(axis_format: str) -> Spec:
    x = time_axis("bucket", axis_format)
    y = (
        alt.Y("lane:N")
        .sort(field="place", op="min")
        .axis(title=None, domain=False, ticks=False, labelLimit=190, grid=True)
    )
    shapes = {gravity.role: gravity.shape for gravity in Gravity}
    marks = (
        alt.Chart(alt.NamedData("marks"))
        .mark_point(filled=True, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color="role:N",
            shape=alt.Shape("role:N")
            .scale(domain=list(shapes), range=list(shapes.values()))
            .legend(None),
            size=alt.Size("events:Q").scale(type="sqrt", rangeMin=70, rangeMax=320).legend(None),
            tooltip=[alt.Tooltip("lane:N", title="Lane"), alt.Tooltip("tip:N", title="Events")],
        )
    )
    ends = alt.Chart(alt.NamedData("ends")).mark_point(opacity=0).encode(x=x)
    chart = alt.layer(marks, ends).properties(height=alt.Step(30))
    return finished(chart, legend_of({gravity.role: gravity.word for gravity in Gravity}))


def build() -> None:
    for axis_format in ("%H:%M", "%d %b"):
        _event_lanes(axis_format)
