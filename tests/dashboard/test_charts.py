"""Charts carry their rows, speak UTC, and take their colours from the theme."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from fake_answers import QUERIES
from fake_answers.common import Fleet
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts, theme, waterfall

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
FLEET = Fleet()


def answer(question: str, **parameters: str) -> pl.DataFrame:
    return QUERIES[question](FLEET, parameters)


def every_chart() -> dict[str, dict[str, Any]]:
    spans = waterfall.laid_out(answer("trace"), answer("trace_decisions"))
    history = answer("burn_history")
    return {
        "heat": charts.denied_heat(answer("denied_by_agent_hour"), timedelta(days=1)),
        "verdicts": charts.verdict_bars(answer("decisions_over_time")),
        "trust": charts.trust_ribbon(answer("trust_series", agent="clerk"), NOW),
        "activity": charts.activity_bars(answer("activity")),
        "events": charts.event_lanes(
            answer("governance_over_time"), NOW - timedelta(days=1), NOW, by_kind=False
        ),
        "intake": charts.intake_bars(answer("intake")),
        "burn_down": charts.burn_down(answer("burn_down", agent="clerk")),
        "spent": charts.spent_bars(answer("spent_by")),
        "burn_row": charts.burn_row(history, "1h", "5m", 14.4),
        "costs": charts.cost_bars(answer("costs")),
        "bullets": charts.budget_bullets(answer("spend").filter(pl.col("budget").is_not_null())),
        "waterfall": charts.waterfall(spans.rows, None),
    }


def without_data(spec: dict[str, Any]) -> str:
    return json.dumps({name: part for name, part in spec.items() if name != "datasets"})


@pytest.mark.parametrize("name", list(every_chart()))
def test_no_chart_names_a_colour_of_its_own(name: str) -> None:
    assert "#" not in without_data(every_chart()[name])


@pytest.mark.parametrize("name", list(every_chart()))
def test_a_chart_stays_within_its_marks(name: str) -> None:
    datasets = every_chart()[name]["datasets"]

    assert sum(rows.num_rows for rows in datasets.values()) <= charts.MOST_MARKS


@pytest.mark.parametrize("name", list(every_chart()))
def test_every_time_axis_is_utc(name: str) -> None:
    def time_axes(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [axis for child in node for axis in time_axes(child)]
        if not isinstance(node, dict):
            return []
        own = [node] if node.get("type") == "temporal" else []
        return own + [axis for child in node.values() for axis in time_axes(child)]

    spec = json.loads(without_data(every_chart()[name]))
    assert all(axis["scale"]["type"] == "utc" for axis in time_axes(spec))


def test_a_specification_is_built_once() -> None:
    rows = answer("burn_down", agent="clerk")

    first, second = charts.burn_down(rows), charts.burn_down(rows)

    assert first["layer"] is second["layer"]


def test_the_burn_down_is_drawn_as_the_collector_tells_it() -> None:
    rows = answer("burn_down", agent="clerk")

    drawn = charts.burn_down(rows)["datasets"]["line"]["budget_left"].to_pylist()

    assert drawn == rows["budget_left"].to_list()


def test_the_last_score_is_drawn_until_the_end_of_the_range() -> None:
    rows = answer("trust_series", agent="clerk")

    line = charts.trust_ribbon(rows, NOW + timedelta(hours=1))["datasets"]["line"]

    assert line["at"].to_pylist()[-1] == (NOW + timedelta(hours=1)).timestamp() * 1000
    assert line["score"].to_pylist()[-1] == rows.sort("at")["score"][-1]


def history(*over: tuple[float, float]) -> pl.DataFrame:
    rows = [
        (NOW + timedelta(minutes=15 * step), window, burn)
        for step, pair in enumerate(over)
        for window, burn in zip(("1h", "5m"), pair, strict=True)
    ]
    return pl.DataFrame(rows, schema=["bucket", "window", "burn"], orient="row")


def test_a_rule_fires_only_while_both_windows_are_over() -> None:
    rows = history((20, 1), (20, 20), (20, 20), (1, 20), (1, 1))

    spells = charts.fired(rows, "1h", "5m", 14.4)

    assert spells.rows() == [(NOW + timedelta(minutes=15), NOW + timedelta(minutes=45))]


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=2, max_size=30))
def test_spells_are_in_order_and_do_not_overlap(over: list[tuple[float, float]]) -> None:
    spells = charts.fired(history(*over), "1h", "5m", 14.4).rows()

    ends = [moment for spell in spells for moment in spell]
    assert ends == sorted(ends)


@given(st.text(min_size=1, max_size=200))
def test_a_shortened_name_is_short_and_keeps_its_beginning(name: str) -> None:
    short = charts.shortened(name)

    assert len(short) <= 30
    assert short[:10] == name[:10]


def test_light_and_dark_name_every_role() -> None:
    import tomllib
    from pathlib import Path

    path = Path(theme.__file__).with_name(".streamlit") / "config.toml"
    config = tomllib.loads(path.read_text("utf-8"))

    for mode in ("light", "dark"):
        assert len(config["theme"][mode]["chartCategoricalColors"]) == len(theme.ROLES)
    assert config["runner"]["postScriptGC"] is False


def happened(*events: tuple[str | None, str, int]) -> pl.DataFrame:
    rows = [(NOW - timedelta(hours=2), *told, False) for told in events]
    return pl.DataFrame(
        rows,
        schema={
            "bucket": pl.Datetime("us", "UTC"),
            "agent": pl.String,
            "kind": pl.String,
            "events": pl.Int64,
            "is_other": pl.Boolean,
        },
        orient="row",
    )


def test_events_of_one_step_are_one_mark_as_grave_as_the_gravest() -> None:
    rows = happened(("rogue", "lifecycle", 40), ("rogue", "kill", 1), ("clerk", "ring", 2))

    spec = charts.event_lanes(rows, NOW - timedelta(days=1), NOW, by_kind=False)

    marks = pl.from_arrow(spec["datasets"]["marks"]).sort("place")
    assert marks["lane"].to_list() == ["rogue", "clerk"]
    assert marks["role"].to_list() == ["crit", "violet"]
    assert marks["tip"][0] == "1 kill, 40 lifecycle, from 15 Jan 10:00:00 UTC"


def test_agents_that_share_a_lane_and_agents_that_were_not_told_are_two_lanes() -> None:
    rows = pl.concat(
        [happened((None, "threat", 1)), happened((None, "ring", 9)).with_columns(is_other=True)]
    )

    spec = charts.event_lanes(rows, NOW - timedelta(days=1), NOW, by_kind=False)

    assert set(spec["datasets"]["marks"]["lane"].to_pylist()) == {"no agent told", "other agents"}


def test_the_axis_of_events_is_the_whole_range_however_few_there_are() -> None:
    since = NOW - timedelta(days=28)

    spec = charts.event_lanes(happened(("rogue", "kill", 1)), since, NOW, by_kind=True)

    ends = [moment / 1000 for moment in spec["datasets"]["ends"]["bucket"].to_pylist()]
    assert ends == [since.timestamp(), NOW.timestamp()]


@pytest.mark.parametrize(
    ("highest", "told"),
    [(0.0, "$,.2~f"), (0.0121, "$,.4~f"), (0.09, "$,.4~f"), (3.5, "$,.2~f"), (1200.0, "$,.2~f")],
)
def test_an_axis_of_money_has_the_decimals_its_ticks_need(highest: float, told: str) -> None:
    rows = pl.DataFrame(
        {"bucket": [NOW], "agent": ["clerk"], "cost_usd": [highest]},
        schema_overrides={"bucket": pl.Datetime("us", "UTC")},
    )

    spec = charts.cost_bars(rows)

    assert spec["encoding"]["y"]["axis"]["format"] == told
