"""What every chart shares: a time axis in UTC, piles of bars, and rows joined to a specification.

Each specification is built once against named data, because building one costs more than
all the rest of a page; a call only adds its rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import altair as alt
import polars as pl

from dashboard.theme import themed

Spec = dict[str, Any]

MOST_MARKS = 2_000
LINE_POINTS = 420


def shortened(name: str, most: int = 30) -> str:
    """A long name with its middle left out: both ends tell names apart."""
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"


def stacked(bars: pl.DataFrame) -> pl.DataFrame:
    """With the lower and upper end of each bar on the pile of its bucket."""
    return bars.sort("bucket", "rank").with_columns(
        top=pl.col("value").cum_sum().over("bucket"),
        low=pl.col("value").cum_sum().over("bucket") - pl.col("value"),
    )


def stack(axis_format: str, noun: str, height: int = 170) -> Any:
    """Piles from `_stacked`; a bar between two times cannot be stacked by Vega-Lite itself."""
    return (
        alt.Chart(alt.NamedData("bars"))
        .mark_rect(stroke=None)
        .encode(
            x=time_axis("bucket", axis_format),
            x2="until",
            y=alt.Y("low:Q").axis(
                title=None, tickCount=4, format=",d", domain=False, tickMinStep=1
            ),
            y2="top",
            color="role:N",
            tooltip=alt.Tooltip("tip:N", title=noun),
        )
        .properties(height=height)
    )


def time_axis(field: str, axis_format: str) -> alt.X:
    return (
        alt.X(f"{field}:T")
        .scale(type="utc")
        .axis(title=None, format=axis_format, grid=False, tickCount=7, labelOverlap=True)
    )


def axis_format_of(rows: pl.DataFrame, column: str) -> str:
    if rows.is_empty():
        return "%H:%M"
    spread = rows.get_column(column).max() - rows.get_column(column).min()
    return "%H:%M" if spread <= timedelta(days=2) else "%d %b"


def bucket_width(rows: pl.DataFrame) -> timedelta:
    """The smallest distance between two buckets; a quarter of an hour for one alone."""
    steps = rows.get_column("bucket").unique().sort().diff().drop_nulls()
    width: timedelta = timedelta(minutes=15) if steps.is_empty() else steps.min()
    return width


def thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """Every n-th row, and always the last, so that a line stays within its marks."""
    step = -(-rows.height // LINE_POINTS)
    if step <= 1:
        return rows
    return pl.concat([rows.gather_every(step), rows.tail(1)]).unique(maintain_order=True)


def epochs(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Times as milliseconds since 1970: a number that no library moves to another zone."""
    return rows.with_columns(
        pl.col(column).dt.epoch("us").truediv(1_000).alias(column) for column in columns
    )


def finished(chart: Any, legend: Spec | None = None) -> Spec:
    spec: Spec = chart.to_dict()
    spec["config"] = {
        "view": {"stroke": None},
        "axis": {"labelFontSize": 12},
        "legend": {"labelFontSize": 12},
    }
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return themed(spec, legend)


def with_rows(spec: Spec, **datasets: pl.DataFrame) -> Spec:
    return {**spec, "datasets": {name: rows.to_arrow() for name, rows in datasets.items()}}
