"""Pictures of evidence: rows in, a Vega-Lite chart out. Nothing here asks or draws.

Each specification is built once against named data, because building one costs
more than all the rest of a page; a call only adds its rows. Colours are the
roles of `theme`, times are UTC, and what the reader points at is spelled out in
a ready-made `tip`, since the browser would print it in local time.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import altair as alt
import polars as pl

from dashboard import words
from dashboard.theme import legend_of, themed

Spec = dict[str, Any]

MOST_MARKS = 2_000
HEAT_AGENTS = 18
LINE_POINTS = 420
ROW_PX = 27
VERDICT_ROLES = {
    "deny": "crit",
    "escalate": "warn",
    "defer": "warn",
    "modify": "violet",
    "warn": "accent2",
    "error": "ink",
    "allow": "muted",
}
FLICKER = timedelta(minutes=30)
TIERS = ((900, "Verified 900"), (700, "Trusted 700"), (500, "Standard 500"), (300, "Probation 300"))


# Fleet


def denied_heat(rows: pl.DataFrame, length: timedelta) -> Spec:
    """Share of decisions that denied, agent by hour (by day when the range is long)."""
    step = "1h" if length <= timedelta(days=2) else "1d"
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
    height = 30 if len(shown) <= 8 else 22
    return _with(_denied_heat(step, height), cells=_epochs(cells, "slot"))


@cache
def _denied_heat(step: str, height: int) -> Spec:
    labels = "utcFormat(datum.value, '%H')" if step == "1h" else "utcFormat(datum.value, '%d %b')"
    chart = (
        alt.Chart(alt.NamedData("cells"))
        .mark_rect(cornerRadius=2)
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
    return _finished(chart)


def verdict_bars(rows: pl.DataFrame, *, allowed: bool = False) -> Spec:
    """Decisions per bucket, stacked by verdict; allowed ones only when asked for."""
    kept = rows if allowed else rows.filter(pl.col("verdict") != "allow")
    kept = kept.filter(pl.col("decisions") > 0).sort("bucket")
    width = _bucket_width(rows)
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
    bars = _stacked(bars.rename({"decisions": "value"}))
    present = kept.get_column("verdict").unique().to_list()
    spec = _verdict_bars(tuple(sorted(present)), _axis_format(rows, "bucket"))
    return _with(spec, bars=_epochs(bars, "bucket", "until"))


def _ranks() -> dict[str, int]:
    return {role: rank for rank, role in enumerate(dict.fromkeys(VERDICT_ROLES.values()))}


@cache
def _verdict_bars(present: tuple[str, ...], axis_format: str) -> Spec:
    names: dict[str, str] = {}
    for verdict, role in VERDICT_ROLES.items():
        if verdict in present:
            names[role] = f"{names[role]}, {verdict}" if role in names else words.VERDICTS[verdict]
    chart = _stack(axis_format, "Decisions")
    return _finished(chart, legend_of(names))


# Agent


def trust_ribbon(rows: pl.DataFrame) -> Spec:
    """One agent's trust on the 0-1000 scale, tier borders drawn in."""
    line = rows.sort("at").with_columns(
        tip=pl.format(
            "{} at {}",
            pl.col("score").round(0).cast(pl.Int64),
            pl.col("at").dt.strftime("%d %b %H:%M UTC"),
        ),
        why=pl.col("reason").fill_null("not told")
        if "reason" in rows.columns
        else pl.lit("not told"),
    )
    spec = _trust_ribbon(_axis_format(rows, "at"))
    jumps = line.filter((pl.col("score") - pl.col("score").shift(1)).abs() >= 50).with_columns(
        step=pl.col("score").round(0).cast(pl.Int64).cast(pl.String)
    )
    tiers = pl.DataFrame(TIERS, schema=["score", "tier"], orient="row")
    return _with(spec, line=_epochs(_thinned(line), "at"), jumps=_epochs(jumps, "at"), tiers=tiers)


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
    x = _time("at", axis_format)
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
    return _finished(alt.layer(borders, names, line, points, jumps).properties(height=190))


def activity_bars(rows: pl.DataFrame) -> Spec:
    """Actions per bucket; failed and denied ones stand out."""
    width = _bucket_width(rows)
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
    spec = _activity_bars(_axis_format(rows, "bucket"))
    return _with(spec, bars=_epochs(_stacked(bars), "bucket", "until"))


@cache
def _activity_bars(axis_format: str) -> Spec:
    chart = _stack(axis_format, "Actions")
    return _finished(chart, legend_of({"crit": "Denied", "warn": "Failed", "accent2": "Done"}))


# Objective


def burn_down(rows: pl.DataFrame, target: float) -> Spec:
    """Budget left since the window began, beside spending it evenly.

    Counts are cumulative. The whole budget is what all events of the window allow, so the
    curve starts at 100 % and never rises.
    """
    allowed = rows.get_column("total").max() * (1 - target)
    line = _thinned(rows.sort("bucket")).with_columns(budget_left=1 - pl.col("bad") / allowed)
    line = line.with_columns(
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
    spec = _burn_down(_axis_format(rows, "bucket"))
    return _with(spec, line=_epochs(line, "bucket"), even=_epochs(even, "bucket"))


@cache
def _burn_down(axis_format: str) -> Spec:
    x = _time("bucket", axis_format)
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
    return _finished(alt.layer(area, dashes, empty, line, points).properties(height=270))


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
                "{}% · {}", (pl.col("share") * 100).round(0).cast(pl.Int64), pl.col("bad")
            )
        )
    )
    return _with(_spent_bars(), bars=bars)


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
    return _finished(alt.layer(bars, texts).properties(height=alt.Step(27)))


def burn_row(rows: pl.DataFrame, long: str, short: str, threshold: float) -> Spec:
    """Both lines of one window pair, its threshold, and when the rule fired."""
    lines = pl.concat(
        [
            _thinned(rows.filter(pl.col("window") == window).sort("bucket")).with_columns(
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
    limit = pl.DataFrame({"threshold": [threshold], "text": [words.burn(threshold)]})
    return _with(
        _burn_row(_axis_format(rows, "bucket")),
        lines=_epochs(lines, "bucket"),
        limit=limit,
        fired=_epochs(fired(rows, long, short, threshold), "since", "until"),
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
        .agg(since=pl.col("bucket").min(), until=pl.col("bucket").max() + _bucket_width(rows))
        .select("since", "until")
    )


@cache
def _burn_row(axis_format: str) -> Spec:
    x = _time("bucket", axis_format)
    y = (
        alt.Y("burn:Q")
        .scale(type="symlog", constant=1)
        .axis(title=None, values=[0, 1, 10, 100, 1000], labelExpr="datum.value + '×'")
    )
    shade = (
        alt.Chart(alt.NamedData("fired"))
        .mark_rect(opacity=0.22)
        .encode(x=_time("since", axis_format), x2="until", color=alt.ColorDatum("crit"))
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
    return _finished(alt.layer(shade, lines, points, rule, name).properties(height=105))


# Trace


KIND_NAMES = {
    "muted": "Agent",
    "accent": "Model",
    "ok": "Tool, retrieval",
    "violet": "Policy check",
    "accent2": "Other",
}


def waterfall(spans: pl.DataFrame, selected: str | None) -> Spec:
    """The spans of one trace as `waterfall.laid_out` ordered them, one row each."""
    marked = spans.with_columns(chosen=pl.col("span_id") == (selected or ""))
    return _with(_waterfall(spans.height), spans=marked)


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
    texts = [
        spans.transform_filter(f"datum.beside == '{side}'")
        .mark_text(align=align, dx=shift, fontSize=12)
        .encode(y=y, x=f"{place}:Q", text="words:N", color="words_role:N")
        for side, align, shift, place in (
            ("right", "left", 6, "end_ms"),
            ("left", "right", -6, "start_ms"),
        )
    ]
    layers = alt.layer(stripes, chosen, bars, outlines, marks, *texts)
    return _finished(layers.properties(height=rows * ROW_PX), legend_of(KIND_NAMES))


def _tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title="Span"),
        alt.Tooltip("words:N", title="Took"),
        alt.Tooltip("starts:N", title="Starts at"),
        alt.Tooltip("agent:N", title="Agent"),
    ]


# Common


def shortened(name: str, most: int = 30) -> str:
    """A long name with its middle left out: both ends tell names apart."""
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"


def _stacked(bars: pl.DataFrame) -> pl.DataFrame:
    """With the lower and upper end of each bar on the pile of its bucket."""
    return bars.sort("bucket", "rank").with_columns(
        top=pl.col("value").cum_sum().over("bucket"),
        low=pl.col("value").cum_sum().over("bucket") - pl.col("value"),
    )


def _stack(axis_format: str, noun: str) -> Any:
    """Piles from `_stacked`; a bar between two times cannot be stacked by Vega-Lite itself."""
    return (
        alt.Chart(alt.NamedData("bars"))
        .mark_rect(stroke=None)
        .encode(
            x=_time("bucket", axis_format),
            x2="until",
            y=alt.Y("low:Q").axis(title=None, tickCount=4, format=",d", domain=False),
            y2="top",
            color="role:N",
            tooltip=alt.Tooltip("tip:N", title=noun),
        )
        .properties(height=170)
    )


def _time(field: str, axis_format: str) -> alt.X:
    return (
        alt.X(f"{field}:T")
        .scale(type="utc")
        .axis(title=None, format=axis_format, grid=False, tickCount=7, labelOverlap=True)
    )


def _axis_format(rows: pl.DataFrame, column: str) -> str:
    if rows.is_empty():
        return "%H:%M"
    spread = rows.get_column(column).max() - rows.get_column(column).min()
    return "%H:%M" if spread <= timedelta(days=2) else "%d %b"


def _bucket_width(rows: pl.DataFrame) -> timedelta:
    """The smallest distance between two buckets; a quarter of an hour for one alone."""
    steps = rows.get_column("bucket").unique().sort().diff().drop_nulls()
    width: timedelta = timedelta(minutes=15) if steps.is_empty() else steps.min()
    return width


def _thinned(rows: pl.DataFrame) -> pl.DataFrame:
    """Every n-th row, and always the last, so that a line stays within its marks."""
    step = -(-rows.height // LINE_POINTS)
    if step <= 1:
        return rows
    return pl.concat([rows.gather_every(step), rows.tail(1)]).unique(maintain_order=True)


def _epochs(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Times as milliseconds since 1970: a number that no library moves to another zone."""
    return rows.with_columns(
        pl.col(column).dt.epoch("us").truediv(1_000).alias(column) for column in columns
    )


def _finished(chart: Any, legend: Spec | None = None) -> Spec:
    spec: Spec = chart.to_dict()
    spec["config"] = {
        "view": {"stroke": None},
        "axis": {"labelFontSize": 12},
        "legend": {"labelFontSize": 12},
    }
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return themed(spec, legend)


def _with(spec: Spec, **datasets: pl.DataFrame) -> Spec:
    return {**spec, "datasets": {name: rows.to_arrow() for name, rows in datasets.items()}}


def build_all() -> None:
    """Build every specification, so that no visitor waits for one."""
    for axis_format in ("%H:%M", "%d %b"):
        for spec in (_trust_ribbon, _activity_bars, _burn_down, _burn_row):
            spec(axis_format)
        _verdict_bars(tuple(sorted(VERDICT_ROLES)), axis_format)
    for step in ("1h", "1d"):
        _denied_heat(step, 22)
    _spent_bars()
    _waterfall(1)
