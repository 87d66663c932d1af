"""The question what the governance toolkit reported beside what was computed here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa

from collector.queries import ANY_AGENT, LIMIT, SINCE, UNTIL, Queries, Question, Values
from collector.slo.toolkit import Measure, compared, reward_score
from collector.store.reader import Reader

__all__ = ["register_reported"]

_TEXT, _REAL, _WHEN = pa.string(), pa.float64(), pa.timestamp("us", tz="UTC")
_REPORTED = pa.schema(
    [
        ("agent", _TEXT),
        ("sample", pa.bool_()),
        ("objective", _TEXT),
        ("measure", _TEXT),
        ("reported", _REAL),
        ("reported_word", _TEXT),
        ("conventional", _REAL),
        ("reported_at", _WHEN),
        ("told_by", _TEXT),
        ("computed", _REAL),
        ("computed_word", _TEXT),
        ("computed_at", _WHEN),
        ("agrees", pa.bool_()),
        ("why", _TEXT),
    ]
)
_WINDOWS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_OURS = {Measure.BUDGET_LEFT: "budget_left", Measure.BURN_RATE: "burn_1h"}
_LATENCY = re.compile(r"response_latency_p([1-9][0-9])")
_MEDIAN = 0.5
# Each indicator is counted over its own window.
_MOST_INDICATORS = 100

Row = Mapping[str, Any]


def register_reported(queries: Queries) -> None:
    """Add the question to those that are known."""

    def answer(reader: Reader, values: Values) -> pa.Table:
        judged = {
            (row["agent"], row["objective"]): row
            for row in queries.ask("objectives", {}).to_pylist()
        }
        rows = [
            *_of_objectives(reader, values, judged),
            *map(_of_trust, reader.rows("queries/reported_trust", values)),
        ]
        rows = [row for row in rows if values["agent"] in (None, row["agent"])]
        rows.sort(key=lambda row: (row["agent"], row["objective"] or "", row["measure"]))
        return pa.Table.from_pylist(rows[: values["limit"]], _REPORTED)

    asked = (SINCE, UNTIL, ANY_AGENT, LIMIT)
    queries.register(Question("reported_against_computed", asked, tuple(_REPORTED.names), answer))


def _of_objectives(
    reader: Reader, values: Values, judged: Mapping[tuple[str, str], Row]
) -> Iterator[dict[str, Any]]:
    told = reader.rows("queries/reported_numbers", values)
    indicators = 0
    for row in told:
        if row["measure"] == Measure.INDICATOR:
            indicators += 1
            if indicators <= _MOST_INDICATORS:
                yield _of_indicator(reader, row)
        else:
            yield _of_objective(row, judged.get((row["agent"], row["objective"])))
    reported = {(row["agent"], row["objective"]) for row in told}
    agents = {agent for agent, _ in reported}
    for (agent, objective), ours in judged.items():
        if agent in agents and (agent, objective) not in reported:
            for measure in (Measure.STATE, Measure.BUDGET_LEFT, Measure.BURN_RATE):
                yield _of_objective(_unreported(agent, objective, measure, ours), ours)


def _unreported(agent: str, objective: str, measure: Measure, ours: Row) -> dict[str, Any]:
    empty = dict.fromkeys(("reported", "reported_word", "reported_at", "told_by"))
    return {
        **empty,
        "agent": agent,
        "objective": objective,
        "measure": measure,
        "sample": ours["sample"],
        "window_s": None,
        "total": None,
    }


def _of_objective(row: Row, ours: Row | None) -> dict[str, Any]:
    measure = Measure(row["measure"])
    column = _OURS.get(measure)
    computed = ours[column] if ours and column else None
    word = ours["state"] if ours and measure is Measure.STATE else None
    return _row(row, measure, computed, word, ours["judged_at"] if ours else None)


def _of_indicator(reader: Reader, row: Row) -> dict[str, Any]:
    """Counted over the window that the toolkit names, up to the moment it reported."""
    window = _WINDOWS.get(row["indicator_window"], _WINDOWS["24h"])
    latency = _LATENCY.fullmatch(row["objective"])
    (found,) = reader.rows(
        "queries/reported_indicator",
        {
            "agent": row["agent"],
            "since": row["reported_at"] - window,
            "until": row["reported_at"],
            "quantile": int(latency[1]) / 100 if latency else _MEDIAN,
        },
    )
    computed = found.get("response_latency" if latency else row["objective"])
    return _row(row, Measure.INDICATOR, computed, None, row["reported_at"])


def _of_trust(row: Row) -> dict[str, Any]:
    told = {
        "agent": row["agent"],
        "objective": None,
        "sample": row["sample"],
        "reported": row["score"],
        "reported_word": None,
        "reported_at": row["scored_at"],
        "told_by": "score",
    }
    score = reward_score(row["complied"] or [])
    return _row(
        told, Measure.TRUST, None if score is None else float(score), None, row["scored_at"]
    )


def _row(
    told: Row, measure: Measure, computed: float | None, word: str | None, at: Any
) -> dict[str, Any]:
    comparison = compared(
        measure,
        told["reported"],
        computed,
        reported_word=told["reported_word"],
        computed_word=word,
        name=told["objective"] or "",
        window_s=told.get("window_s"),
        total=told.get("total"),
    )
    return {
        **{name: told[name] for name in ("agent", "sample", "objective", "reported")},
        "measure": measure.value,
        "reported_word": told["reported_word"],
        "conventional": comparison.conventional,
        "reported_at": told["reported_at"],
        "told_by": told["told_by"],
        "computed": computed,
        "computed_word": word,
        "computed_at": at if computed is not None or word is not None else None,
        "agrees": comparison.agrees,
        "why": comparison.why,
    }
