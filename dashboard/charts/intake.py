"""The intake: what came in over time, and what became of it."""

from __future__ import annotations

from functools import cache

import polars as pl

from dashboard.charts.common import (
    Spec,
    axis_format_of,
    bucket_width,
    epochs,
    finished,
    stack,
    stacked,
    with_rows,
)
from dashboard.theme import legend_of

ROLES = {"refused": "crit", "duplicate": "muted", "stored": "accent"}
WORDS = {"refused": "refused", "duplicate": "sent twice", "stored": "stored"}


def intake_bars(rows: pl.DataFrame) -> Spec:
    """Records per bucket, stacked by what became of them; the refused ones at the bottom."""
    width = bucket_width(rows)
    bars = (
        rows.group_by("bucket")
        .agg(pl.col(name).sum().cast(pl.Int64) for name in ROLES)
        .unpivot(list(ROLES), index="bucket", variable_name="fate")
        .filter(pl.col("value") > 0)
        .with_columns(
            role=pl.col("fate").replace_strict(ROLES),
            rank=pl.col("fate").replace_strict({fate: rank for rank, fate in enumerate(ROLES)}),
            until=pl.col("bucket") + width,
            tip=pl.format(
                "{} {}, {}",
                pl.col("value"),
                pl.col("fate").replace_strict(WORDS),
                pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
            ),
        )
    )
    spec = _intake_bars(axis_format_of(rows, "bucket"))
    return with_rows(spec, bars=epochs(stacked(bars), "bucket", "until"))


@cache
def _intake_bars(axis_format: str) -> Spec:
    names = {role: WORDS[fate].capitalize() for fate, role in ROLES.items()}
    return finished(stack(axis_format, "Records", height=200), legend_of(names))


def build() -> None:
    for axis_format in ("%H:%M", "%d %b"):
        _intake_bars(axis_format)
