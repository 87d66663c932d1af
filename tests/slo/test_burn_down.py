"""The burn-down frame: what each step leaves of the budget of the whole period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slo.objective import (
    EventSignal,
    Indicator,
    Objective,
    Ratio,
    RollingWindow,
    Selection,
)
from collector.slo.windows import standard
from collector.slo_queries import Frames
from collector.store.counting import Ask
from collector.store.reader import Reader

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
SINCE = NOON - timedelta(hours=12)
PROMISE = Objective(
    name="task-success",
    display_name="Tasks succeed",
    service="agents",
    indicator=Indicator(
        EventSignal.RUNS, Selection(), Ratio(Selection(outcome=("ok",)), marks_bad=False)
    ),
    target=0.9,
    window=RollingWindow(timedelta(hours=12)),
    agents=("*",),
    pairs=standard().pairs,
    guard=standard().guard,
)
hours = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=12)


class Promises:
    """One objective in force."""

    def all(self) -> tuple[Objective, ...]:
        return (PROMISE,)

    def get(self, name: str) -> Objective | None:
        return PROMISE if name == PROMISE.name else None


class Hourly:
    """A store that knows good and bad events of each hour."""

    def __init__(self, told: list[tuple[int, int]]) -> None:
        self._told = told

    @contextmanager
    def snapshot(self) -> Iterator[Ask]:
        yield self._ask

    def _ask(self, name: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
        if name == "slo/longest":
            return [{"longest_us": 0}]
        hours = ((SINCE + timedelta(hours=at), *told) for at, told in enumerate(self._told))
        return [
            {"agent": bound["agent"], "bucket": begins, "good": good, "total": good + bad}
            for begins, good, bad in hours
            if bound["since"] <= begins < bound["until"]
        ]


def burn_down(*told: tuple[int, int]) -> list[dict[str, Any]]:
    values = {"objective": "task-success", "agent": "clerk", "since": SINCE, "until": NOON}
    reader = cast(Reader, Hourly(list(told)))
    return Frames(Promises()).burn_down(reader, {**values, "now": NOON}).to_pylist()


def test_an_early_failure_costs_its_share_of_the_whole_period() -> None:
    rows = burn_down((0, 1), *[(9, 0)] * 11)

    assert rows[0]["total"] == 1
    assert rows[0]["budget_left"] == pytest.approx(1 - 1 / 10)


def test_a_period_without_events_leaves_nothing_known() -> None:
    assert {row["budget_left"] for row in burn_down()} == {None}


@given(hours)
def test_the_curve_never_rises_and_ends_at_the_budget_of_the_period(
    told: list[tuple[int, int]],
) -> None:
    rows = burn_down(*told)

    total, bad = sum(map(sum, told)), sum(bad for _, bad in told)
    left = [row["budget_left"] for row in rows]
    if total:
        assert left[-1] == pytest.approx(1 - bad / (total * 0.1))
        assert all(later <= earlier <= 1 for earlier, later in pairwise(left))
