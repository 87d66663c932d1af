"""Money: what agents cost over time, and how much of each budget is spent."""

from __future__ import annotations

import math
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
    stacked,
    time_axis,
    with_rows,
)
from dashboard.theme import legend_of

AGENT_ROLES = ("accent", "violet", "accent2", "warn")
OTHERS = "others"
STATE_ROLES = {"exceeded": "crit", "at_risk": "warn", "within": "accent", "not_measured": "muted"}
# Twice the budget is the end of the scale: further is only further.
MOST_SHARE = 2.0
MOST_BUDGETS = 20


def cost_bars(rows: pl.DataFrame) -> Spec:
    """USD per bucket, stacked by agent: the four dearest, and the others together."""
    known = rows.filter(pl.col("cost_usd") > 0)
    dearest = (
        known.group_by("agent")
        .agg(pl.col("cost_usd").sum())
        .sort("cost_usd", "agent", descending=[True, False])["agent"]
        .head(len(AGENT_ROLES))
        .to_list()
    )
    names = [*dearest, *([OTHERS] if known["agent"].n_unique() > len(dearest) else [])]
    roles = dict(zip(names, [*AGENT_ROLES[: len(dearest)], "muted"], strict=False))
    who = pl.when(pl.col("agent").is_in(dearest)).then(pl.col("agent")).otherwise(pl.lit(OTHERS))
    bars = (
        known.group_by("bucket", who.alias("who"))
        .agg(value=pl.col("cost_usd").sum())
        .with_columns(
            role=pl.col("who").replace_strict(roles, return_dtype=pl.String),
            rank=pl.col("who").replace_strict(
                {name: rank for rank, name in enumerate(names)}, return_dtype=pl.Int64
            ),
            until=pl.col("bucket") + bucket_width(rows),
            tip=pl.format(
                "{} for {}, {}",
                pl.col("value").map_elements(words.usd, return_dtype=pl.String),
                pl.col("who"),
                pl.col("bucket").dt.strftime("%d %b %H:%M UTC"),
            ),
        )
    )
    piles = stacked(bars)
    spec = _cost_bars(
        axis_format_of(rows, "bucket"),
        _dollars(float(piles.select(pl.col("top").max()).item() or 0)),
        tuple((roles[name], name) for name in names),
    )
    return with_rows(spec, bars=epochs(piles, "bucket", "until"))


def _dollars(highest: float) -> str:
    """So many decimals that no two ticks of an axis up to here read the same."""
    decimals = 2 if highest <= 0 else max(2, 2 - math.floor(math.log10(highest)))
    return f"$,.{min(decimals, 9)}~f"


# The names of agents are in it, so it is not kept.
def _cost_bars(axis_format: str, dollars: str, names: tuple[tuple[str, str], ...]) -> Spec:
    chart = (
        alt.Chart(alt.NamedData("bars"))
        .mark_rect(stroke=None)
        .encode(
            x=time_axis("bucket", axis_format),
            x2="until",
            y=alt.Y("low:Q").axis(title=None, tickCount=4, format=dollars, domain=False),
            y2="top",
            color="role:N",
            tooltip=alt.Tooltip("tip:N", title="Cost"),
        )
        .properties(height=200)
    )
    return finished(chart, legend_of({role: _quotable(name) for role, name in names}))


def _quotable(name: str) -> str:
    """A name inside a Vega expression: a hostile one must not end its quotes."""
    return shortened(name).replace("\\", "").replace("'", "’").replace("\n", " ")


def budget_bullets(rows: pl.DataFrame) -> Spec:
    """Each budget as a bar: what is spent of it, and a tick where the period will end."""
    bars = rows.head(MOST_BUDGETS).with_columns(
        label=_label(rows.head(MOST_BUDGETS)),
        share=(pl.col("cost_usd") / pl.col("amount_usd")).clip(0, MOST_SHARE),
        projected=(pl.col("projected_usd") / pl.col("amount_usd")).clip(0, MOST_SHARE),
        role=pl.col("state").replace_strict(STATE_ROLES, default="muted"),
        place=pl.int_range(pl.len()),
        tip=pl.struct(pl.all()).map_elements(words.budget_told, return_dtype=pl.String),
    )
    ends = max(1.15, float(pl.Series([*bars["share"], *bars["projected"]]).max() or 0) * 1.05)
    kept = bars.select("label", "share", "projected", "role", "place", "tip")
    return with_rows(_budget_bullets(), bars=kept.with_columns(ends=pl.lit(ends)))


def _label(rows: pl.DataFrame) -> pl.Series:
    names = [
        f"{shortened(row['budget'], 20)} · {shortened(row['agent'] or 'together', 18)}"
        for row in rows.to_dicts()
    ]
    return pl.Series("label", names, dtype=pl.String)


@cache
def _budget_bullets() -> Spec:
    y = (
        alt.Y("label:N")
        .sort(field="place", op="min")
        .axis(title=None, domain=False, ticks=False, labelLimit=260)
    )
    x = alt.X("share:Q").axis(
        title=None, format=".0%", domain=False, values=[0, 0.5, 1, 1.5, 2], grid=False
    )
    chart = alt.Chart(alt.NamedData("bars"))
    tip = alt.Tooltip("tip:N", title="Budget")
    whole = chart.mark_bar(size=22, opacity=0.25).encode(
        y=y, x=alt.X("zero:Q"), x2="one", color=alt.ColorDatum("muted"), tooltip=tip
    )
    scale = chart.mark_point(opacity=0).encode(y=y, x=alt.X("ends:Q"))
    spent = chart.mark_bar(size=10).encode(y=y, x=x, color="role:N", tooltip=tip)
    projected = chart.mark_tick(thickness=2, size=18).encode(
        y=y, x="projected:Q", color=alt.ColorDatum("ink"), tooltip=tip
    )
    layered = (
        alt.layer(whole, scale, spent, projected)
        .transform_calculate(zero="0", one="1")
        .properties(height=alt.Step(34))
    )
    return finished(
        layered,
        legend_of(
            {
                "accent": "Within",
                "muted": "Not measured",
                "warn": "At risk",
                "crit": "Exceeded",
                "ink": "End",
            }
        ),
    )


def build() -> None:
    _budget_bullets()
