"""Where and when actions are blocked, over the whole fleet."""

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
    stack,
    stacked,
    with_rows,
)
from dashboard.theme import legend_of

HEAT_AGENTS = 18
VERDICT_ROLES = {
    "deny": "crit",
    "escalate": "warn",
    "defer": "warn",
    "modify": "violet",
    "warn": "accent2",
    "error": "ink",
    "allow": "muted",
}


def denied_heat(rows: pl.DataFrame, length: timedelta) -> Spec:
    """Share of decisions that denied, agent by hour (by day when the range is long)."""
    step = "1h" if heat_step(length) < timedelta(days=1) else "1d"
    cells = (
        rows.sort("hour")
        .group_by("agent", pl.col("hour").dt.truncate(step).alias("slot"), maintain_order=True)
        .agg(pl.col("decisions").sum(), pl.col("denied").sum())
        .filter(pl.col("decisions") > 0)
    )
    worst = cells.group_by("agent").agg(pl.col("denied").sum()).sort("denied", "agent")
    shown = worst.tail(HEAT_AGENTS).get_column("agent")
    cells = cells.filter(pl.col("agent").is_in(shown.implode())).with_columns(
        share=pl.col("denied") / pl.col("decisions"),
        label=pl.col("agent").map_elements(shortened, return_dtype=pl.String),
        tip=pl.format(
            "{} of {} denied, {}",
            pl.col("denied"),
            pl.col("decisions"),
            pl.col("slot").dt.strftime("%d %b %H:%M UTC" if step == "1h" else "%d %b"),
        ),
        rank=pl.col("denied").sum().over("agent"),
    )
    height = 40 if len(shown) <= 6 else 30 if len(shown) <= 10 else 22
    return with_rows(_denied_heat(step, height), cells=epochs(cells, "slot"))


def heat_step(length: timedelta) -> timedelta:
    """How much time one cell of the heat map holds."""
    return timedelta(hours=1) if length <= timedelta(days=2) else timedelta(days=1)


@cache
def _denied_heat(step: str, height: int) -> Spec:
    labels = "utcFormat(datum.value, '%H')" if step == "1h" else "utcFormat(datum.value, '%d %b')"
    pick = alt.selection_point(name="cell", fields=["agent", "slot"], toggle=False, on="click")
    chart = (
        alt.Chart(alt.NamedData("cells"))
        .mark_rect(cornerRadius=2, cursor="pointer")
        .add_params(pick)
        .encode(
            x=alt.X("slot:O")
            .axis(
                labelExpr=labels,
                labelAngle=0,
                labelFlush=False,
                labelOverlap=True,
                title=None,
                domain=False,
                ticks=False,
            )
            .scale(paddingInner=0.08),
            y=alt.Y("label:N")
            .sort(field="rank", op="max", order="descending")
            .axis(title=None, domain=False, ticks=False, labelLimit=190, labelFlush=False)
            .scale(paddingInner=0.1),
            color=alt.Color("share:Q")
            .scale(type="sqrt", domain=[0, 0.35], clamp=True, range="heatmap")
            .legend(
                orient="top",
                direction="horizontal",
                title=None,
                format=".0%",
                values=[0, 0.05, 0.15, 0.35],
                gradientLength=130,
                gradientThickness=8,
                offset=6,
            ),
            tooltip=[alt.Tooltip("agent:N", title="Agent"), alt.Tooltip("tip:N", title="Denied")],
        )
        .properties(height=alt.Step(height))
    )
    return finished(chart)


def verdict_bars(rows: pl.DataFrame, *, allowed: bool = False) -> Spec:
    """Decisions per bucket, stacked by verdict; allowed ones only when asked for."""
    kept = rows if allowed else rows.filter(pl.col("verdict") != "allow")
    kept = kept.filter(pl.col("decisions") > 0).sort("bucket")
    width = bucket_width(rows)
    bars = kept.with_columns(
        role=pl.col("verdict").replace_strict(VERDICT_ROLES, default="muted"),
        until=pl.col("bucket") + width,
        tip=pl.format(
            "{} {}, {}",
            pl.col("decisions"),
            pl.col("verdict").replace_strict(words.VERDICTS, default="other").str.to_lowercase(),
            pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
        ),
    ).with_columns(rank=pl.col("role").replace_strict(_ranks(), default=9))
    bars = stacked(bars.rename({"decisions": "value"}))
    present = kept.get_column("verdict").unique().to_list()
    spec = _verdict_bars(tuple(sorted(present)), axis_format_of(rows, "bucket"))
    return with_rows(spec, bars=epochs(bars, "bucket", "until"))


def _ranks() -> dict[str, int]:
    return {role: rank for rank, role in enumerate(dict.fromkeys(VERDICT_ROLES.values()))}


@cache
def _verdict_bars(present: tuple[str, ...], axis_format: str) -> Spec:
    names: dict[str, str] = {}
    for verdict, role in VERDICT_ROLES.items():
        if verdict in present:
            names[role] = f"{names[role]}, {verdict}" if role in names else words.VERDICTS[verdict]
    chart = stack(axis_format, "Decisions", height=200)
    return finished(chart, legend_of(names))


def build() -> None:
    for axis_format in ("%H:%M", "%d %b"):
        _verdict_bars(tuple(sorted(VERDICT_ROLES)), axis_format)
    for step in ("1h", "1d"):
        _denied_heat(step, 22)
