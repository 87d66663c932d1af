"""The evaluator: judges every objective for every agent, again and again, and keeps the result.

It runs in its own thread beside the applier. Counting is SQL, judging is pure arithmetic.
A judgement is kept when something in it changed, and every five minutes anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import structlog

from collector.objectives import utc_now
from collector.slo.budget import Counts
from collector.slo.burn import NOTHING, burn_rate
from collector.slo.objective import Objective
from collector.slo.series import Series
from collector.slo.state import Judgement, burn_windows, judge
from collector.slo.windows import standard
from collector.store.counting import bucket_counts, window_counts
from collector.store.judgements import (
    BudgetRow,
    BurnRow,
    earliest_judgements,
    keep,
    known_agents,
)
from collector.store.reader import rows_of
from collector.store.transaction import transaction

_log = structlog.get_logger("collector.evaluator")

HISTORY_STEP = timedelta(hours=1)
BUCKET_S = 300
_KEEP_ANYWAY = timedelta(minutes=5)
# Good counts move with every event; without this a busy fleet would keep a burn row
# per window every ten seconds.
_KEEP_BURNS = timedelta(minutes=1)
# A judgement that got slow may take at most this share of the time.
_BUSY_SHARE = 0.1


class CursorSource(Protocol):
    """Whatever hands out DuckDB cursors in the right catalog."""

    def cursor(self) -> Any: ...


class ObjectiveSource(Protocol):
    """Whatever knows the objectives in force."""

    def all(self) -> tuple[Objective, ...]: ...


@dataclass(frozen=True)
class Judged:
    """One judgement with everything it was made from."""

    objective: Objective
    agent: str
    at: datetime
    judgement: Judgement
    burns: Mapping[str, Counts]

    @property
    def budget_row(self) -> BudgetRow:
        counts = self.judgement.counts
        return BudgetRow(
            objective=self.objective.name,
            agent=self.agent,
            judged_at=self.at,
            good=counts.good,
            bad=counts.bad,
            total=counts.total,
            target=self.objective.target,
            budget_left=self.judgement.budget_left,
            state=self.judgement.state.value,
            reason=self.judgement.reason,
        )

    def burn_rows(self) -> Iterator[BurnRow]:
        for window in burn_windows(self.objective):
            counts = self.burns.get(window.label, NOTHING)
            yield BurnRow(
                objective=self.objective.name,
                agent=self.agent,
                judged_at=self.at,
                window_label=window.label,
                window_s=int(window.length.total_seconds()),
                good=counts.good,
                bad=counts.bad,
                burn=burn_rate(counts.bad, counts.total, self.objective.target),
            )


@dataclass(frozen=True)
class Kept:
    """What was last kept of one objective for one agent."""

    budget: Judged
    burns: Judged


class Evaluator:
    """Judges all objectives every `every_s` seconds; one thread, one cursor per round."""

    def __init__(
        self,
        store: CursorSource,
        objectives: ObjectiveSource,
        now: Callable[[], datetime] = utc_now,
        *,
        every_s: float = 10.0,
        settle: timedelta = timedelta(seconds=60),
    ) -> None:
        """`settle`: how long a history may go on arriving before it is judged in hindsight."""
        self._store = store
        self._objectives = objectives
        self._now = now
        self._every_s = every_s
        self._settle = settle
        self._kept: dict[tuple[str, str], Kept] = {}
        self._first_judged: dict[tuple[str, str], datetime] = {}
        self._history_written: set[tuple[str, str]] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="evaluator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the round under way and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def judge_once(self) -> int:
        """Judge everything now; answers how many rows were kept."""
        cursor = self._store.cursor()
        try:
            now = self._now()
            agents = known_agents(cursor)
            judged = [
                each
                for objective in self._objectives.all()
                for each in _judged(cursor, objective, agents, now)
            ]
            rows = self._keep(cursor, judged)
            return rows + self._write_due_history(cursor, judged, now)
        finally:
            cursor.close()

    def backfill(self, since: datetime) -> int:
        """Write the hourly history from `since` up to where judgements begin; answers rows kept."""
        cursor = self._store.cursor()
        try:
            now = self._now()
            pairs = {
                (objective.name, agent)
                for objective in self._objectives.all()
                for agent in _agents(objective, known_agents(cursor))
            }
            return self._write_history(cursor, pairs, since, now)
        finally:
            cursor.close()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            began = time.monotonic()
            try:
                rows = self.judge_once()
                _log.debug("judged", rows=rows, seconds=round(time.monotonic() - began, 3))
            except Exception:
                # The outermost loop: one failed round must not end all judging.
                _log.exception("judging_failed")
            wait_s = max(self._every_s, (time.monotonic() - began) / _BUSY_SHARE)

    def _keep(self, cursor: Any, judged: list[Judged]) -> int:
        budgets = [each for each in judged if self._budget_is_news(each)]
        burns = [each for each in judged if self._burn_is_news(each)]
        rows = keep(
            cursor,
            (each.budget_row for each in budgets),
            (row for each in burns for row in each.burn_rows()),
        )
        self._remember(budgets, burns)
        return rows

    def _budget_is_news(self, judged: Judged) -> bool:
        kept = self._kept.get(_key(judged))
        if kept is None or judged.at - kept.budget.at >= _KEEP_ANYWAY:
            return True
        old, new = kept.budget, judged
        if old.objective != new.objective or old.judgement.state != new.judgement.state:
            return True
        return old.judgement.counts != new.judgement.counts

    def _burn_is_news(self, judged: Judged) -> bool:
        kept = self._kept.get(_key(judged))
        if kept is None or judged.at - kept.burns.at >= _KEEP_ANYWAY:
            return True
        old, new = kept.burns, judged
        if old.objective != new.objective or old.judgement.state != new.judgement.state:
            return True
        if _bad(old.burns) != _bad(new.burns):
            return True
        return old.burns != new.burns and new.at - old.at >= _KEEP_BURNS

    def _remember(self, budgets: list[Judged], burns: list[Judged]) -> None:
        for each in budgets:
            old = self._kept.get(_key(each))
            self._kept[_key(each)] = Kept(each, each if old is None else old.burns)
        for each in burns:
            old = self._kept.get(_key(each))
            self._kept[_key(each)] = Kept(each if old is None else old.budget, each)

    def _write_due_history(self, cursor: Any, judged: list[Judged], now: datetime) -> int:
        """Write the history of each objective and agent once, when it has settled."""
        for each in judged:
            self._first_judged.setdefault(_key(each), now)
        due = {
            _key(each): each.objective.window.bounds(now)[0]
            for each in judged
            if _key(each) not in self._history_written
            and now - self._first_judged[_key(each)] >= self._settle
        }
        if not due:
            return 0
        rows = self._write_history(cursor, set(due), min(due.values()), now)
        self._history_written |= due.keys()
        return rows

    def _write_history(
        self, cursor: Any, keys: set[tuple[str, str]], since: datetime, now: datetime
    ) -> int:
        begun = earliest_judgements(cursor)
        rows = 0
        for objective in self._objectives.all():
            agents = {agent for name, agent in keys if name == objective.name}
            if not agents:
                continue
            series = _series(cursor, objective, since, now)
            for agent in sorted(agents & series.keys()):
                if self._stopping.is_set():
                    return rows
                until = begun.get((objective.name, agent), now)
                history = list(_history(objective, agent, series[agent], since, until))
                rows += keep(
                    cursor,
                    (each.budget_row for each in history),
                    (row for each in history for row in each.burn_rows()),
                )
        if rows:
            _log.info("history_judged", rows=rows, since=since.isoformat())
        return rows


def judge_series(objective: Objective, agent: str, series: Series, at: datetime) -> Judged:
    """The judgement that would have been made at one moment."""
    since, _ = objective.window.bounds(at)
    burns = {
        window.label: series.between(at - window.length, at) for window in burn_windows(objective)
    }
    judgement = judge(objective, series.between(since, at), burns, standard())
    return Judged(objective, agent, at, judgement, burns)


def _judged(
    cursor: Any, objective: Objective, known: tuple[str, ...], now: datetime
) -> Iterator[Judged]:
    windows = burn_windows(objective)
    starts = [objective.window.bounds(now)[0], *(now - window.length for window in windows)]
    with transaction(cursor):
        counted = window_counts(partial(rows_of, cursor), objective.indicator, starts, now)
    for agent in _agents(objective, known):
        places = counted.get(agent, {})
        burns = {
            window.label: places.get(place, NOTHING) for place, window in enumerate(windows, 1)
        }
        judgement = judge(objective, places.get(0, NOTHING), burns, standard())
        yield Judged(objective, agent, now, judgement, burns)


def _history(
    objective: Objective, agent: str, series: Series, since: datetime, until: datetime
) -> Iterator[Judged]:
    """Hourly judgements from the first event on, strictly before `until`."""
    first = series.first
    if first is None:
        return
    at = max(since, first).replace(minute=0, second=0, microsecond=0) + HISTORY_STEP
    while at < until:
        yield judge_series(objective, agent, series, at)
        at += HISTORY_STEP


def _series(
    cursor: Any, objective: Objective, since: datetime, until: datetime
) -> dict[str, Series]:
    from_start = objective.window.bounds(since)[0]
    with transaction(cursor):
        ask = partial(rows_of, cursor)
        begin = min(from_start, since)
        buckets = bucket_counts(ask, objective.indicator, begin, until, BUCKET_S)
    by_agent: dict[str, list[tuple[datetime, int, int]]] = {}
    for agent, starts_at, good, total in buckets:
        by_agent.setdefault(agent, []).append((starts_at, good, total))
    return {agent: Series(each) for agent, each in by_agent.items()}


def _agents(objective: Objective, known: tuple[str, ...]) -> list[str]:
    """The agents judged: those known, and those named even if never heard of."""
    named = [agent for agent in objective.agents if not objective.covers_every_agent]
    return sorted(agent for agent in {*known, *named} if objective.covers(agent))


def _key(judged: Judged) -> tuple[str, str]:
    return judged.objective.name, judged.agent


def _bad(burns: Mapping[str, Counts]) -> dict[str, int]:
    return {label: counts.bad for label, counts in burns.items()}
