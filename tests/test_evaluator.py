"""Judging real rows in a real store: counts, states, history, and the frames made of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.evaluator import Evaluator
from collector.objectives import Objectives
from collector.queries import BadParameter, Queries
from collector.slo_queries import register_slo
from collector.store.connection import Store
from collector.store.reader import Reader
from collector.store.rollup import recount

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "sample_data/objectives"
DAY = timedelta(days=1)


@dataclass
class House:
    """A store, its objectives, and a clock that stands until it is moved."""

    store: Store
    objectives: Objectives
    now: datetime = NOON
    _told: int = field(default=0)

    def recount(self) -> None:
        """Rows put straight into the tables are counted by nobody else."""
        recount(self.store.cursor())

    def evaluator(self, settle: timedelta = timedelta(0)) -> Evaluator:
        return Evaluator(self.store, self.objectives, lambda: self.now, settle=settle)

    def queries(self) -> Queries:
        queries = Queries(Reader(self.store), lambda: self.now)
        register_slo(queries, self.objectives)
        return queries

    def ask(self, name: str, **sent: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.queries().ask(name, sent).to_pylist()
        return rows

    def sql(self, text: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        cursor = self.store.cursor()
        try:
            relation = cursor.sql(text, params=parameters or {})
            rows = [] if relation is None else relation.to_arrow_table().to_pylist()
            return [tuple(row.values()) for row in rows]
        finally:
            cursor.close()

    def runs(
        self,
        agent: str,
        outcome: str,
        count: int,
        ended: timedelta = timedelta(minutes=1),
        every: timedelta = timedelta(0),
        duration_ms: float | None = 1000,
    ) -> None:
        """`count` runs; the last of them ended so long ago."""
        self.sql(
            """
            insert into run by name
            select
                encode('t' || n) as trace_id,
                encode('s' || n) as span_id,
                $agent as agent,
                false as sample,
                $ended - to_microseconds(n * $every_us)
                - to_microseconds(cast(coalesce($duration_ms, 0) * 1000 as bigint)) as started_at,
                0 as start_ns,
                $duration_ms as duration_ms,
                $outcome as outcome,
                case when $outcome = 'error' then 'TimeoutError' end as error_type
            from range($count) as numbers(n)
            """,
            {
                "agent": agent,
                "outcome": outcome,
                "count": count,
                "ended": self.now - ended,
                "every_us": every // timedelta(microseconds=1),
                "duration_ms": duration_ms,
            },
        )
        self.recount()

    def decisions(self, agent: str, verdict: str, count: int, source: str = "policy") -> None:
        self.sql(
            """
            insert into decision by name
            select
                n as sequence, $verdict || $source || n as decision_id, $decided_at as decided_at,
                0 as decided_ns, $agent as agent, true as sample, 'transfer' as action,
                $verdict as verdict, 'unknown' as effect, $source as source,
                'no-transfers' as rule, 'watchkeeper' as dialect
            from range($count) as numbers(n)
            """,
            {
                "agent": agent,
                "verdict": verdict,
                "count": count,
                "source": source,
                "decided_at": self.now - timedelta(minutes=1),
            },
        )
        self.recount()

    def judged(self, objective: str, agent: str) -> dict[str, Any]:
        (row,) = self.ask("objectives", objective=objective, agent=agent)
        return row


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Store(tmp_path / "watchkeeper.duckdb") as store:
        yield House(store, Objectives(SAMPLES, lambda: NOON))


def period(length: timedelta, now: datetime = NOON) -> dict[str, str]:
    return {"since": (now - length).isoformat(), "until": now.isoformat()}


def test_the_cast_is_judged(house: House) -> None:
    house.runs("gateway", "ok", 1000, every=timedelta(minutes=20))
    house.runs("clerk", "ok", 900, ended=4 * DAY)
    house.runs("clerk", "error", 20)
    house.decisions("rogue", "deny", 30)
    house.decisions("rogue", "allow", 10)

    house.evaluator().judge_once()

    assert house.judged("task-success", "gateway")["state"] == "healthy"
    assert house.judged("task-success", "clerk")["state"] == "burning"
    assert house.judged("task-success", "rogue")["state"] == "no_data"
    assert house.judged("policy-compliance", "rogue")["state"] == "exhausted"


def test_a_row_has_the_counts_the_burns_and_the_forecast(house: House) -> None:
    house.runs("clerk", "ok", 900, ended=4 * DAY)
    house.runs("clerk", "error", 20)

    house.evaluator().judge_once()

    row = house.judged("task-success", "clerk")
    assert (row["good"], row["bad"], row["total"]) == (900, 20, 920)
    assert row["budget_left"] == pytest.approx(26 / 46)
    assert (row["burn_1h"], row["burn_3d"]) == (20.0, 20.0)
    assert row["window_days"] == 30.0
    assert row["exhausted_in_s"] == pytest.approx(26 / 46 * 30 * 86400 / 20)
    assert row["judged_at"] == NOON


def test_an_operators_stop_is_not_the_agents_failure(house: House) -> None:
    house.runs("rogue", "ok", 20)
    house.runs("rogue", "denied", 20)
    house.runs("rogue", "unknown", 20)
    house.decisions("rogue", "allow", 20)
    house.decisions("rogue", "deny", 20, source="control_plane")

    house.evaluator().judge_once()

    assert house.judged("task-success", "rogue")["total"] == 20
    assert house.judged("policy-compliance", "rogue")["bad"] == 0


def test_a_run_is_slow_only_beyond_the_limit_and_unmeasured_without_a_duration(
    house: House,
) -> None:
    house.runs("courier", "ok", 10, duration_ms=30_000)
    house.runs("courier", "ok", 3, duration_ms=30_001)
    house.runs("courier", "ok", 5, duration_ms=None)

    house.evaluator().judge_once()

    row = house.judged("latency", "courier")
    assert (row["good"], row["total"]) == (10, 13)
    spent = house.ask("spent_by", objective="latency", agent="courier", **period(DAY))
    assert spent == [{"reason": "slower than 30 s", "bad": 3}]


def test_an_event_leaves_the_window_when_it_is_older_and_is_not_counted_early(
    house: House,
) -> None:
    house.runs("clerk", "ok", 1, ended=30 * DAY)
    house.runs("clerk", "ok", 10, ended=30 * DAY + timedelta(microseconds=1))
    house.runs("clerk", "ok", 100, ended=timedelta(0))
    house.runs("clerk", "ok", 100, ended=-DAY)

    house.evaluator().judge_once()

    assert house.judged("task-success", "clerk")["total"] == 1


def test_nothing_new_is_kept_once_in_five_minutes(house: House) -> None:
    house.runs("gateway", "ok", 20, ended=5 * DAY)
    evaluator = house.evaluator()

    kept = []
    for seconds in (0, 10, 20, 300, 310):
        house.now = NOON + timedelta(seconds=seconds)
        kept.append(evaluator.judge_once())

    live = len(house.objectives.all()) * (1 + 7)
    assert kept[0] > live
    assert kept[1:] == [0, 0, live, 0]


def test_a_failure_is_kept_at_once(house: House) -> None:
    house.runs("gateway", "ok", 20)
    evaluator = house.evaluator()
    evaluator.judge_once()
    house.now = NOON + timedelta(seconds=10)
    house.runs("gateway", "error", 1, ended=timedelta(seconds=5))
    evaluator.judge_once()

    assert house.judged("task-success", "gateway")["bad"] == 1
    assert house.judged("task-success", "gateway")["burn_1h"] is not None


def test_history_is_judged_in_hindsight_once_and_before_the_first_judgement(house: House) -> None:
    house.runs("clerk", "ok", 200, ended=DAY, every=timedelta(hours=1))
    house.runs("clerk", "error", 10, ended=timedelta(hours=2))
    evaluator = house.evaluator(settle=timedelta(seconds=60))
    evaluator.judge_once()
    before = house.sql("select count(*) from budget where agent = 'clerk'")
    house.now = NOON + timedelta(seconds=60)
    evaluator.judge_once()

    history = house.sql(
        """select judged_at, good, bad from budget
        where objective = 'task-success' and judged_at < $noon order by judged_at""",
        {"noon": NOON},
    )
    assert before == [(3,)]
    assert len(history) == len({at for at, _, _ in history}) == 222
    assert history[0][1:] == (1, 0)
    assert history[-1] == (NOON - timedelta(hours=1), 200, 10)
    assert evaluator.backfill(NOON - 30 * DAY) == 0
    assert house.evaluator().judge_once() > 0
    again = house.sql("select count(*) from budget where judged_at < $noon", {"noon": NOON})
    assert again == [(222 * 2,)]


def test_the_burn_down_starts_whole_and_ends_with_all_that_was_spent(house: House) -> None:
    house.runs("clerk", "ok", 700, ended=timedelta(hours=1), every=timedelta(hours=1))
    house.runs("clerk", "error", 7, ended=timedelta(minutes=1))

    rows = house.ask("burn_down", objective="task-success", agent="clerk", **period(30 * DAY))

    assert len(rows) <= 400
    assert rows[0]["budget_left"] in (None, 1.0)
    assert rows[-1]["total"] == 707
    assert rows[-1]["budget_left"] == pytest.approx(1 - 7 / 35.35)
    totals = [row["total"] for row in rows]
    assert totals == sorted(totals)


@pytest.mark.parametrize("length", [timedelta(minutes=7), timedelta(hours=1), 7 * DAY, 90 * DAY])
def test_curves_stay_within_their_number_of_steps(house: House, length: timedelta) -> None:
    house.runs("clerk", "ok", 10)
    chosen = {"objective": "task-success", "agent": "clerk", **period(length)}

    down, history = house.ask("burn_down", **chosen), house.ask("burn_history", **chosen)

    assert 1 <= len(down) <= 400
    assert 7 <= len(history) <= 7 * 200
    assert {row["window"] for row in history} == {"5m", "30m", "1h", "2h", "6h", "1d", "3d"}


def test_the_burn_history_shows_a_failure_come_and_go(house: House) -> None:
    house.runs("clerk", "ok", 600, every=timedelta(minutes=10))
    house.runs("clerk", "error", 6, ended=timedelta(hours=10))

    rows = house.ask("burn_history", objective="task-success", agent="clerk", **period(DAY))

    burns = {row["bucket"]: row["burn"] for row in rows if row["window"] == "1h"}
    assert burns[NOON - timedelta(hours=12)] == 0.0
    assert burns[NOON - timedelta(hours=10)] == pytest.approx(10.0, rel=0.1)
    assert burns[NOON - timedelta(hours=8)] == 0.0


def test_the_window_pairs_say_what_fires_now(house: House) -> None:
    house.runs("clerk", "error", 20)

    rows = house.ask("burn_windows", objective="task-success", agent="clerk")

    assert [(row["severity"], row["firing"]) for row in rows] == [
        ("page", True), ("page", True), ("ticket", True), ("ticket", True)
    ]  # fmt: skip
    assert rows[0]["threshold"] == 14.4
    assert (rows[0]["bad_long"], rows[0]["total_long"]) == (20, 20)
    compliance = house.ask("burn_windows", objective="policy-compliance", agent="clerk")
    assert (compliance[0]["threshold"], compliance[0]["reachable"]) == (8.0, False)


def test_what_was_spent_is_told_event_by_event(house: House) -> None:
    house.runs("clerk", "error", 3, every=timedelta(minutes=1))
    house.decisions("rogue", "deny", 2)

    events = house.ask("bad_events", objective="task-success", agent="clerk", **period(DAY))
    denied = house.ask("bad_events", objective="policy-compliance", agent="rogue", **period(DAY))

    assert [event["reason"] for event in events] == ["TimeoutError"] * 3
    assert events[0]["happened_at"] == NOON - timedelta(minutes=1)
    assert (events[0]["trace_id"], events[0]["run_id"]) == ("7430", "7330")
    assert {(event["reason"], event["what"]) for event in denied} == {("no-transfers", "transfer")}


def test_an_objective_nobody_knows_is_refused_by_name(house: House) -> None:
    with pytest.raises(BadParameter, match="in force are: latency, policy-compliance"):
        house.ask("burn_windows", objective="uptime", agent="clerk")


def test_the_thread_judges_at_once_and_ends_when_told(house: House) -> None:
    house.runs("gateway", "ok", 20)
    evaluator = house.evaluator()
    evaluator.start()
    deadline = time.monotonic() + 20
    while not house.ask("objectives") and time.monotonic() < deadline:
        time.sleep(0.02)
    evaluator.stop()

    assert house.judged("task-success", "gateway")["state"] == "healthy"
    assert "evaluator" not in [thread.name for thread in threading.enumerate()]
