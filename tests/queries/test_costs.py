"""What agents cost, asked by name: over time, by model, and against budgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any
from hypothesis import strategies as st

from collector.cost_queries import register_costs
from collector.costs.budget import SpendBudget
from collector.costs.budgets_file import read_budgets
from collector.costs.period import Period
from collector.costs.prices_file import built_in
from collector.homefile import HomeFile
from collector.queries import Queries
from collector.spending import Spending
from collector.store.connection import Store
from collector.store.reader import Reader
from tests.queries.conftest import NOW, Given, filled

MICROSECOND = timedelta(microseconds=1)
EARLY = datetime(2026, 1, 2, 9, tzinfo=UTC)


def call(agent: str, at: datetime, cost: float | None, model: str = "large") -> dict[str, Any]:
    return {
        "trace_id": "01" * 16,
        "span_id": "02" * 8,
        "agent": agent,
        "kind": "model",
        "name": model,
        "model": model,
        "outcome": "ok",
        "started_at": at,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": cost,
        "cost_origin": None if cost is None else "computed",
    }


@pytest.fixture
def asked(reader: Reader, tmp_path: Path) -> Queries:
    path = tmp_path / "budgets.yaml"
    path.write_text(
        "apiVersion: watchkeeper/v1\nkind: SpendBudget\nmetadata: {name: month}\n"
        "spec: {agents: clerk, amount_usd: 10, period: month}\n---\n"
        "apiVersion: watchkeeper/v1\nkind: SpendBudget\nmetadata: {name: all}\n"
        "spec: {together: true, amount_usd: 100, rolling_days: 30}\n"
    )
    queries = Queries(reader, now=lambda: NOW)
    register_costs(
        queries,
        HomeFile(tmp_path / "prices.yaml", lambda text: built_in(), built_in()),
        HomeFile(path, read_budgets, ()),
    )
    return queries


@pytest.fixture
def spent(given: Given) -> None:
    given(
        {
            "action": [
                call("clerk", EARLY, 4.0),
                call("clerk", EARLY + timedelta(days=1), 3.0),
                call("clerk", EARLY + timedelta(days=1), None, "unheard-of"),
                call("clerk", datetime(2025, 12, 31, 23, tzinfo=UTC), 50.0),
                {**call("rogue", EARLY, None, "unheard-of"), "sample": True},
            ]
        }
    )


@pytest.mark.usefixtures("spent")
def test_a_budget_says_what_is_left_and_where_the_month_will_end(asked: Queries) -> None:
    rows = {(row["budget"], row["agent"]): row for row in asked.ask("spend", {}).to_pylist()}

    clerk = rows["month", "clerk"]
    assert (clerk["cost_usd"], clerk["left_usd"], clerk["calls"]) == (7.0, 3.0, 3)
    assert (clerk["unpriced_calls"], clerk["at_least"]) == (1, True)
    # Noon of the 15th: 14.5 of 31 days are over.
    assert clerk["projected_usd"] == pytest.approx(7 * 31 / 14.5)
    assert clerk["state"] == "at_risk"


@pytest.mark.usefixtures("spent")
def test_agents_without_a_budget_show_their_month_and_no_price_is_no_zero(asked: Queries) -> None:
    rows = {(row["budget"], row["agent"]): row for row in asked.ask("spend", {}).to_pylist()}

    rogue = rows[None, "rogue"]
    assert (rogue["cost_usd"], rogue["unpriced_calls"], rogue["state"]) == (None, 1, None)
    together = rows["all", None]
    assert together["sample"] is True
    assert (together["cost_usd"], together["unpriced_calls"]) == (57.0, 2)
    assert together["projected_usd"] is None


@given_any(st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_call_counts_in_the_period_in_which_it_began_however_late_it_comes(
    store: Store, reader: Reader, data: st.DataObject
) -> None:
    """Against a slow reference that compares every call with the bounds of its period."""
    zone = data.draw(st.sampled_from(["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin"]))
    period = data.draw(st.sampled_from([Period.DAY, Period.MONTH]))
    budget = SpendBudget("all", 10.0, period, together=True, time_zone=zone)
    since, until = budget.bounds(NOW)
    near = st.sampled_from([since, until, NOW]).flatmap(
        lambda at: st.integers(-7_200_000_000, 7_200_000_000).map(
            lambda us: at + timedelta(microseconds=us)
        )
    )
    at_bounds = st.sampled_from([since, until, since - MICROSECOND, until - MICROSECOND])
    times = data.draw(st.lists(at_bounds | near, max_size=12))
    costs = data.draw(
        st.lists(st.none() | st.integers(0, 900), min_size=len(times), max_size=len(times))
    )

    filled(
        store,
        "action",
        [
            call("clerk", at, None if cost is None else cost / 100)
            for at, cost in zip(times, costs, strict=True)
        ],
    )
    standing = next(Spending(reader, NOW).of((budget,)))
    filled(store, "action", [])

    inside = [cost for at, cost in zip(times, costs, strict=True) if since <= at < until]
    known = [cost for cost in inside if cost is not None]
    assert standing.spent.calls == len(inside)
    assert standing.spent.unpriced_calls == len(inside) - len(known)
    if known:
        assert standing.spent.usd == pytest.approx(sum(known) / 100, abs=1e-9)
    else:
        assert standing.spent.usd == (None if inside else 0)


@pytest.mark.usefixtures("spent")
def test_one_agent_is_asked_for_with_the_budgets_it_shares(asked: Queries) -> None:
    rows = asked.ask("spend", {"agent": "rogue"}).to_pylist()

    assert [(row["budget"], row["agent"]) for row in rows] == [("all", None), (None, "rogue")]


@pytest.mark.usefixtures("spent")
def test_costs_over_time_are_of_their_own_step(asked: Queries) -> None:
    period = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-04T00:00:00Z", "agent": "clerk"}

    rows = asked.ask("costs", period).to_pylist()

    assert [
        (row["bucket"], row["model"], row["cost_usd"], row["unpriced_calls"]) for row in rows
    ] == [
        (EARLY, "large", 4.0, 0),
        (EARLY + timedelta(days=1), "large", 3.0, 0),
        (EARLY + timedelta(days=1), "unheard-of", None, 1),
    ]


@pytest.mark.usefixtures("spent")
def test_models_without_a_price_come_first(asked: Queries) -> None:
    rows = asked.ask("models", {}).to_pylist()

    assert [(row["model"], row["calls"], row["unpriced_calls"]) for row in rows] == [
        ("unheard-of", 2, 2),
        ("large", 3, 0),
    ]
    assert rows[0]["cost_usd"] is None


def test_prices_in_force_name_their_source(asked: Queries) -> None:
    rows = asked.ask("prices", {}).to_pylist()

    assert all(row["source"] and row["origin"] == "built-in" for row in rows)
    assert {row["model"] for row in rows} >= {"gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro"}


def test_files_of_the_home_tell_whether_they_are_in_force(asked: Queries) -> None:
    rows = asked.ask("home_files", {}).to_pylist()

    assert [(row["file"], row["state"]) for row in rows] == [
        ("prices.yaml", "absent"),
        ("budgets.yaml", "in_force"),
    ]
