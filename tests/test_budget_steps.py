"""Budgets in money act: the collector decides, control takes it once, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.budget_steps import BudgetSteps
from collector.control.app import app
from collector.control.journal import Journal
from collector.control.process import Parts
from collector.costs.budget import SpendBudget
from collector.costs.budgets_file import read_budgets
from collector.costs.period import Period, period_of
from collector.homefile import HomeFile
from collector.store.reader import Reader
from tests.control.conftest import TestClock, settings_of

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
HEAD = "apiVersion: watchkeeper/v1\nkind: SpendBudget\nmetadata: {name: %s}\nspec: {%s}\n"
DAY = HEAD % (
    "day",
    "agents: [clerk], amount_usd: 10, period: day, time_zone: Asia/Kolkata, steps: ["
    "{at: 0.5, act: warn}, {at: 1, act: push, hold: degrade}, {at: 2, act: propose, hold: kill}]",
)
ROLLING = HEAD % (
    "rolling",
    "agents: [clerk], amount_usd: 10, rolling_days: 1, "
    "steps: [{at: 1, act: push, hold: pause, again_below: 0.6}]",
)


@dataclass
class Ledger:
    """What calls cost, as the store would count it."""

    calls: list[tuple[str, datetime, float | None]] = field(default_factory=list)

    def rows(self, name: str, bound: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        agents = sorted({agent for agent, _, _ in self.calls})
        if name == "costs/agents":
            return [{"agent": agent, "sample": False} for agent in agents]
        assert name == "costs/spent" and bound is not None
        return [self._spent(agent, bound["since"], bound["until"]) for agent in agents]

    def _spent(self, agent: str, since: datetime, until: datetime) -> dict[str, Any]:
        costs = [usd for who, at, usd in self.calls if who == agent and since <= at < until]
        known = [usd for usd in costs if usd is not None]
        return {
            "agent": agent,
            "calls": len(costs),
            "unpriced_calls": len(costs) - len(known),
            "cost_usd": round(sum(known), 6) if known else (None if costs else 0.0),
        }

    def share(self, since: datetime, until: datetime) -> float:
        return float(self._spent("clerk", since, until)["cost_usd"] or 0) / 10


class Line(httpx.AsyncBaseTransport):
    """The way to control: it may be cut, or lose an answer after control has acted."""

    def __init__(self, control: httpx.ASGITransport) -> None:
        self._control = control
        self.mishap: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.mishap == "cut":
            raise httpx.ConnectError("cut", request=request)
        answer = await self._control.handle_async_request(request)
        if self.mishap == "answer lost":
            raise httpx.ReadError("lost", request=request)
        return answer


@dataclass
class Bench:
    """A ledger, a file of budgets and a real control plane, with a clock for all."""

    home: Path
    clock: TestClock
    ledger: Ledger
    journal: Journal
    line: Line
    acting: BudgetSteps = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A collector that remembers nothing."""
        budgets: HomeFile[tuple[SpendBudget, ...]] = HomeFile(
            self.home / "budgets.yaml", read_budgets, ()
        )
        self.acting = BudgetSteps(
            cast("Reader", self.ledger),
            budgets,
            "http://127.0.0.1:4320",
            self.home / "control" / "collector.token",
            self.clock,
        )

    def look(self, mishap: str | None = None) -> int:
        self.line.mishap = mishap

        async def once() -> int:
            async with httpx.AsyncClient(transport=self.line) as client:
                return await self.acting.tell(client)

        return asyncio.run(once())

    def taken(self) -> list[tuple[str, str, float]]:
        rows = self.journal.rows("list_budget_steps", limit=1000)
        return sorted((row["budget"], row["since"], row["at_share"]) for row in rows)

    def commands(self) -> list[str]:
        return [row["kind"] for row in self.journal.rows("list_commands", limit=1000)]

    def spend(self, usd: float | None, ago: timedelta = timedelta(), agent: str = "clerk") -> None:
        self.ledger.calls.append((agent, self.clock() - ago, usd))


@contextmanager
def bench_of(text: str) -> Iterator[Bench]:
    with TemporaryDirectory() as folder:
        home, clock = Path(folder), TestClock(NOW)
        (home / "budgets.yaml").write_text(text)
        journal = Journal.open(home / "control")
        try:
            parts = Parts.of(settings_of(home), journal, clock)
            line = Line(httpx.ASGITransport(app(parts.door)))
            yield Bench(home, clock, Ledger(), journal, line)
        finally:
            journal.close()


def test_a_file_without_steps_does_nothing() -> None:
    with bench_of(HEAD % ("day", "amount_usd: 1, period: day")) as bench:
        bench.spend(100)

        assert (bench.look(), bench.taken()) == (0, [])


def test_each_step_that_is_reached_is_taken_with_what_the_file_says() -> None:
    with bench_of(DAY) as bench:
        bench.spend(4.99)
        assert bench.look() == 0
        bench.spend(0.01)
        assert bench.look() == 1
        bench.spend(15)
        assert bench.look() == 2

        states = {
            row["at_share"]: row["state"]
            for row in bench.journal.rows("list_budget_steps", limit=9)
        }
        assert states == {0.5: "warned", 1.0: "pushed", 2.0: "proposed"}
        assert bench.commands() == ["degrade"]


def test_what_is_not_measured_stops_nobody() -> None:
    with bench_of(DAY) as bench:
        for _ in range(1000):
            bench.spend(None)

        assert (bench.look(), bench.taken()) == (0, [])


def test_what_is_late_for_a_period_that_is_over_does_not_act() -> None:
    with bench_of(DAY) as bench:
        # 12:00 UTC is 17:30 in Kolkata: its day began 17 and a half hours ago.
        bench.spend(100, timedelta(hours=17, minutes=30, microseconds=1))
        assert bench.look() == 0
        bench.spend(100, timedelta(hours=17, minutes=30))

        assert bench.look() == 3


def test_a_hold_of_agents_together_is_put_on_each_of_those_named() -> None:
    together = HEAD % (
        "both",
        "agents: [clerk, rogue], together: true, amount_usd: 10, period: month, "
        "steps: [{at: 0.9, act: warn}, {at: 1, act: push, hold: pause}]",
    )
    with bench_of(together) as bench:
        bench.spend(6)
        bench.spend(6, agent="rogue")
        bench.spend(100, agent="gateway")
        bench.look()

        rows = bench.journal.rows("list_budget_steps", limit=10)
        assert {(row["agent"], row["state"]) for row in rows} == {
            (None, "warned"),
            ("clerk", "pushed"),
            ("rogue", "pushed"),
        }


def test_a_name_that_control_will_not_hold_keeps_no_other_waiting() -> None:
    every = HEAD % (
        "each",
        "amount_usd: 1, period: month, steps: [{at: 1, act: push, hold: pause}]",
    )
    with bench_of(every) as bench:
        bench.spend(5, agent="\x00\x1b[31m")
        bench.spend(5, agent="x" * 10_000)
        bench.spend(5, agent="zebra")

        assert [bench.look(), bench.look()] == [3, 0]
        assert bench.commands() == ["pause"]


def test_a_raised_amount_is_a_budget_of_its_own() -> None:
    with bench_of(DAY) as bench:
        bench.spend(12)
        bench.look()
        held = bench.journal.rows("list_commands", limit=1)[0]["command_id"]
        (bench.home / "budgets.yaml").write_text(DAY.replace("amount_usd: 10", "amount_usd: 11"))
        bench.start()
        bench.look()

        rows = bench.journal.rows("list_budget_steps", limit=10)
        assert [row["command_id"] for row in rows if row["state"] == "pushed"] == [held, held]


mishaps = st.sampled_from([None, None, "cut", "answer lost"])
moves = st.one_of(
    st.tuples(st.just("spend"), st.floats(0, 8), st.integers(0, 30)),
    st.tuples(st.just("unpriced"), st.just(0.0), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.floats(0, 20), st.just(0)),
    st.tuples(st.just("crash"), st.just(0.0), st.just(0)),
    st.tuples(st.just("release"), st.just(0.0), st.just(0)),
)


def moved(bench: Bench, what: str, much: float, hours_ago: int) -> None:
    match what:
        case "spend":
            bench.spend(round(much, 2), timedelta(hours=hours_ago))
        case "unpriced":
            bench.spend(None, timedelta(hours=hours_ago))
        case "wait":
            bench.clock.move(hours=much)
        case "crash":
            bench.start()
        case "release":
            for row in bench.journal.rows("list_commands", limit=1000):
                bench.journal.change(
                    "release_command",
                    command_id=row["command_id"],
                    expected=row["state"],
                    released_by="operator",
                    release_reason="looked",
                    release_key=row["command_id"],
                )


@given(st.lists(st.tuples(moves, mishaps), max_size=25))
@settings(max_examples=60, deadline=None)
def test_a_calendar_step_is_taken_exactly_once_in_each_period_that_reached_it(
    history: list[tuple[tuple[str, float, int], str | None]],
) -> None:
    """Whatever is late, lost, cut off, crashed or released in between."""
    with bench_of(DAY) as bench:
        zone = read_budgets(DAY)[0].time_zone
        expected: set[tuple[str, str, float]] = set()
        for (what, much, ago), mishap in history:
            moved(bench, what, much, ago)
            bench.look(mishap)
            bench.look()
            since, until = period_of(Period.DAY, bench.clock(), ZoneInfo(zone))
            at = f"{since:%Y-%m-%dT%H:%M:%S.%fZ}"
            share = round(bench.ledger.share(since, until), 9)
            expected |= {("day", at, step) for step in (0.5, 1.0, 2.0) if share >= step}

        assert bench.taken() == sorted(expected)


@given(st.lists(st.tuples(moves, mishaps), max_size=25))
@settings(max_examples=60, deadline=None)
def test_a_rolling_step_sways_with_hysteresis(
    history: list[tuple[tuple[str, float, int], str | None]],
) -> None:
    """Against the plainest machine there is: taken when reached, armed again when below."""
    with bench_of(ROLLING) as bench:
        taken, is_armed = 0, True
        for (what, much, ago), mishap in history:
            moved(bench, what, much, ago)
            bench.look(mishap)
            bench.look()
            hour = bench.clock().replace(minute=0, second=0, microsecond=0)
            window = hour - timedelta(days=1), hour + timedelta(hours=1)
            share = round(bench.ledger.share(*window), 9)
            is_measured = any(
                usd is not None for _, at, usd in bench.ledger.calls if window[0] <= at < window[1]
            ) or not any(window[0] <= at < window[1] for _, at, _ in bench.ledger.calls)
            if is_armed and share >= 1:
                taken, is_armed = taken + 1, False
            elif not is_armed and share < 0.6 and is_measured:
                is_armed = True

        assert len(bench.taken()) == taken
