"""The questions about objectives: budgets, burn rates, and the events that spent them.

Curves are computed from the events themselves, so a late event is in them; the list of
objectives shows the latest judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from collector.objectives import window_days
from collector.queries import (
    AGENT,
    ANY_AGENT,
    ANY_OBJECTIVE,
    LIMIT,
    OBJECTIVE,
    SINCE,
    UNTIL,
    BadParameter,
    Question,
    Registry,
    Values,
)
from collector.slo.budget import Counts, budget_left
from collector.slo.burn import NOTHING, burn_rate, read_pair
from collector.slo.objective import Objective
from collector.slo.series import Series
from collector.slo.state import burn_windows, exhausted_in
from collector.slo.windows import standard
from collector.store.counting import bucket_counts, event_parameters, window_counts
from collector.store.reader import Reader

_MOST_BUCKETS = 400
_MOST_BURN_STEPS = 200
_STEPS_S = (60, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 86400, 7 * 86400)
_FINEST_S, _COARSER_S = 60, 300
_WHEN = pa.timestamp("us", tz="UTC")

_OBJECTIVES = pa.schema(
    [
        ("objective", pa.string()),
        ("display_name", pa.string()),
        ("agent", pa.string()),
        ("sample", pa.bool_()),
        ("indicator", pa.string()),
        ("target", pa.float64()),
        ("window_days", pa.float64()),
        ("good", pa.int64()),
        ("bad", pa.int64()),
        ("total", pa.int64()),
        ("budget_left", pa.float64()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("burn_1h", pa.float64()),
        ("burn_6h", pa.float64()),
        ("burn_1d", pa.float64()),
        ("burn_3d", pa.float64()),
        ("judged_at", _WHEN),
        ("exhausted_in_s", pa.float64()),
    ]
)
_BURN_DOWN = pa.schema(
    [
        ("bucket", _WHEN),
        ("good", pa.int64()),
        ("bad", pa.int64()),
        ("total", pa.int64()),
        ("budget_left", pa.float64()),
    ]
)
_BURN_HISTORY = pa.schema([("bucket", _WHEN), ("window", pa.string()), ("burn", pa.float64())])
_BURN_WINDOWS = pa.schema(
    [
        ("severity", pa.string()),
        ("long_window", pa.string()),
        ("short_window", pa.string()),
        ("threshold", pa.float64()),
        ("burn_long", pa.float64()),
        ("burn_short", pa.float64()),
        ("bad_long", pa.int64()),
        ("total_long", pa.int64()),
        ("firing", pa.bool_()),
        ("reachable", pa.bool_()),
    ]
)


class ObjectiveSource(Protocol):
    """Whatever knows the objectives in force."""

    def all(self) -> tuple[Objective, ...]: ...

    def get(self, name: str) -> Objective | None: ...


def register_slo(queries: Registry, objectives: ObjectiveSource) -> None:
    """Add the questions about objectives to those that are known."""
    frames = Frames(objectives)
    one = (OBJECTIVE, AGENT)
    period = (*one, SINCE, UNTIL)
    for question in (
        Question(
            "objectives", (ANY_OBJECTIVE, ANY_AGENT), tuple(_OBJECTIVES.names), frames.objectives
        ),
        Question("burn_down", period, tuple(_BURN_DOWN.names), frames.burn_down),
        Question("burn_history", period, tuple(_BURN_HISTORY.names), frames.burn_history),
        Question("burn_windows", one, tuple(_BURN_WINDOWS.names), frames.burn_windows),
        Question("spent_by", period, ("reason", "bad"), frames.spent_by),
        Question(
            "bad_events",
            (*period, LIMIT),
            ("happened_at", "reason", "trace_id", "run_id", "what"),
            frames.bad_events,
        ),
    ):
        queries.register(question)


class Frames:
    """Answers about the objectives in force, each a table of the columns of docs/query-api.md."""

    def __init__(self, objectives: ObjectiveSource) -> None:
        self._objectives = objectives

    def objectives(self, reader: Reader, values: Values) -> pa.Table:
        """The latest judgement of each objective in force, by objective and agent."""
        in_force = {objective.name: objective for objective in self._objectives.all()}
        samples = {row["agent"]: row["sample"] for row in reader.rows("slo/known_agents")}
        burns = _latest_burns(reader, values)
        rows = [
            _objective_row(in_force[row["objective"]], row, burns, samples, values["now"])
            for row in reader.rows("slo/latest_judgements", values)
            if row["objective"] in in_force and in_force[row["objective"]].covers(row["agent"])
        ]
        return pa.Table.from_pylist(rows, schema=_OBJECTIVES)

    def burn_down(self, reader: Reader, values: Values) -> pa.Table:
        """What each step leaves of the budget of the whole period, counted from `since` on."""
        objective = self._named(values)
        since, until = values["since"], min(values["until"], values["now"])
        step = _step(until - since, _MOST_BUCKETS)
        # Every sum starts at `since` and ends with a step or with the period.
        bucket_s = int(step.total_seconds()) if step.total_seconds() in _STEPS_S else _COARSER_S
        series = _series(reader, objective, values, since, until, bucket_s)
        whole = series.between(since, until)
        rows = [
            _burn_down_row(objective, at, series.between(since, min(at + step, until)), whole)
            for at in _steps(since, until, step)
        ]
        return pa.Table.from_pylist(rows, schema=_BURN_DOWN)

    def burn_history(self, reader: Reader, values: Values) -> pa.Table:
        """Burn rate of every window at the end of each step."""
        objective, windows = self._named(values), burn_windows(self._named(values))
        since, until = _even(values["since"]), min(values["until"], values["now"])
        step = _step(until - since, _MOST_BURN_STEPS)
        longest = max((window.length for window in windows), default=timedelta(0))
        bucket_s = _FINEST_S if step <= timedelta(seconds=_COARSER_S) else _COARSER_S
        series = _series(reader, objective, values, since - longest, until, bucket_s)
        ends = [(at, min(at + step, until)) for at in _steps(since, until, step)]
        rows = [
            {
                "bucket": at,
                "window": window.label,
                "burn": _burn(objective, series.between(end - window.length, end)),
            }
            for at, end in ends
            for window in windows
        ]
        return pa.Table.from_pylist(rows, schema=_BURN_HISTORY)

    def burn_windows(self, reader: Reader, values: Values) -> pa.Table:
        """What each window pair says now."""
        objective = self._named(values)
        counts = _counts_now(reader, objective, values)
        rows = [_pair_row(objective, pair, counts) for pair in objective.pairs]
        return pa.Table.from_pylist(rows, schema=_BURN_WINDOWS)

    def spent_by(self, reader: Reader, values: Values) -> pa.Table:
        return _events(reader, "slo/spent_by", self._named(values), values)

    def bad_events(self, reader: Reader, values: Values) -> pa.Table:
        return _events(reader, "slo/bad_events", self._named(values), values)

    def _named(self, values: Values) -> Objective:
        objective = self._objectives.get(values["objective"])
        if objective is None:
            names = ", ".join(each.name for each in self._objectives.all()) or "none"
            raise BadParameter(
                "objective",
                f"no objective is called {values['objective']!r}; in force are: {names}",
            )
        return objective


def _events(reader: Reader, name: str, objective: Objective, values: Values) -> pa.Table:
    with reader.snapshot() as ask:
        bound = event_parameters(ask, objective.indicator, values["since"], values["until"])
    return reader.table(name, {**values, **bound})


def _latest_burns(reader: Reader, values: Values) -> dict[tuple[str, str], dict[str, Counts]]:
    burns: dict[tuple[str, str], dict[str, Counts]] = {}
    for row in reader.rows("slo/latest_burns", values):
        counts = Counts(row["good"], row["good"] + row["bad"])
        burns.setdefault((row["objective"], row["agent"]), {})[row["window_label"]] = counts
    return burns


def _objective_row(
    objective: Objective,
    latest: Mapping[str, Any],
    burns: Mapping[tuple[str, str], Mapping[str, Counts]],
    samples: Mapping[str, bool],
    now: datetime,
) -> dict[str, Any]:
    counts = burns.get((objective.name, latest["agent"]), {})
    left = exhausted_in(objective, latest["budget_left"], counts, objective.period(now))
    return {
        **latest,
        "display_name": objective.display_name,
        "sample": samples.get(latest["agent"], False),
        "indicator": objective.indicator.describe(),
        "window_days": window_days(objective, now),
        **{
            f"burn_{label}": _burn(objective, counts.get(label, NOTHING))
            for label in ("1h", "6h", "1d", "3d")
        },
        "exhausted_in_s": None if left is None else left.total_seconds(),
    }


def _burn_down_row(
    objective: Objective, at: datetime, counts: Counts, whole: Counts
) -> dict[str, Any]:
    """Counts so far; their bad events against what all events of the period allow."""
    return {
        "bucket": at,
        "good": counts.good,
        "bad": counts.bad,
        "total": counts.total,
        "budget_left": budget_left(whole.total - counts.bad, whole.total, objective.target),
    }


def _pair_row(objective: Objective, pair: Any, counts: Mapping[str, Counts]) -> dict[str, Any]:
    reading = read_pair(pair, counts, objective.target, objective.guard, standard().reachable_share)
    return {
        "severity": pair.severity.value,
        "long_window": pair.long.label,
        "short_window": pair.short.label,
        "threshold": reading.threshold,
        "burn_long": reading.burn_long,
        "burn_short": reading.burn_short,
        "bad_long": reading.long.bad,
        "total_long": reading.long.total,
        "firing": reading.firing,
        "reachable": reading.reachable,
    }


def _counts_now(reader: Reader, objective: Objective, values: Values) -> dict[str, Counts]:
    windows, now = burn_windows(objective), values["now"]
    starts = [now - window.length for window in windows]
    agent = values["agent"]
    with reader.snapshot() as ask:
        counted = window_counts(ask, objective.indicator, starts, now, agent).get(agent, {})
    return {windows[place].label: counts for place, counts in counted.items()}


def _series(
    reader: Reader,
    objective: Objective,
    values: Values,
    since: datetime,
    until: datetime,
    bucket_s: int,
) -> Series:
    with reader.snapshot() as ask:
        buckets = bucket_counts(
            ask, objective.indicator, since, until, bucket_s, values["agent"], origin=since
        )
    return Series((bucket.starts_at, bucket.good, bucket.total) for bucket in buckets)


def _burn(objective: Objective, counts: Counts) -> float | None:
    return burn_rate(counts.bad, counts.total, objective.target)


def _even(at: datetime) -> datetime:
    """The last time that begins a bucket of either size."""
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


def _step(length: timedelta, most: int) -> timedelta:
    """The smallest round step that divides the length into at most so many parts."""
    needed = length.total_seconds() / (most - 1)
    seconds = next((step for step in _STEPS_S if step >= needed), needed)
    return timedelta(seconds=seconds)


def _steps(since: datetime, until: datetime, step: timedelta) -> Iterable[datetime]:
    """Starts of the steps; the first begins at `since`."""
    at = since
    while at < until:
        yield at
        at += step
