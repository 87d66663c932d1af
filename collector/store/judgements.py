"""Judgements in the store: the events an objective counts, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from collector.slo.budget import Counts
from collector.slo.objective import Indicator, Limit, Ratio, Selection
from collector.store.schema import statement

_WHEN = pa.timestamp("us", tz="UTC")
_BUDGET = pa.schema(
    [
        ("objective", pa.string()),
        ("agent", pa.string()),
        ("judged_at", _WHEN),
        ("good", pa.int64()),
        ("bad", pa.int64()),
        ("total", pa.int64()),
        ("target", pa.float64()),
        ("budget_left", pa.float64()),
        ("state", pa.string()),
        ("reason", pa.string()),
    ]
)
_BURN = pa.schema(
    [
        ("objective", pa.string()),
        ("agent", pa.string()),
        ("judged_at", _WHEN),
        ("window_label", pa.string()),
        ("window_s", pa.int64()),
        ("good", pa.int64()),
        ("bad", pa.int64()),
        ("burn", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One row of the table `budget`."""

    objective: str
    agent: str
    judged_at: datetime
    good: int
    bad: int
    total: int
    target: float
    budget_left: float | None
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class BurnRow:
    """One row of the table `burn`."""

    objective: str
    agent: str
    judged_at: datetime
    window_label: str
    window_s: int
    good: int
    bad: int
    burn: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one agent's events came to in one step of time."""

    agent: str
    starts_at: datetime
    counts: Counts


def indicator_parameters(indicator: Indicator) -> dict[str, Any]:
    """What the macro `objective_events` binds."""
    marked, marks_bad, limit = Selection(), False, None
    match indicator.good_when:
        case Ratio():
            marked, marks_bad = indicator.good_when.marked, indicator.good_when.marks_bad
        case Limit():
            limit = indicator.good_when
    return {
        "signal": indicator.signal.value,
        **_lists("", indicator.counted),
        **_lists("marked_", marked),
        "marks_bad": marks_bad,
        "limit_ms": None if limit is None else limit.milliseconds,
        "inclusive": limit is not None and limit.inclusive,
    }


def window_counts(
    cursor: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    starts: Sequence[datetime],
    until: datetime,
) -> dict[str, dict[int, Counts]]:
    """Counts by agent and place in `starts`; a window without events is absent."""
    parameters = {
        **indicator_parameters(indicator),
        "starts": list(starts),
        "until": until,
        "agent": None,
    }
    counts: dict[str, dict[int, Counts]] = {}
    for agent, place, good, total in _rows(cursor, "slo/window_counts", parameters):
        counts.setdefault(agent, {})[place] = Counts(good, total)
    return counts


def bucket_counts(
    cursor: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    since: datetime,
    until: datetime,
    bucket_s: int,
) -> list[Bucket]:
    """Counts of every agent in steps of time that are not empty."""
    parameters = {
        **indicator_parameters(indicator),
        "since": since,
        "until": until,
        "bucket_s": bucket_s,
        "agent": None,
    }
    rows = _rows(cursor, "slo/bucket_counts", parameters)
    return [Bucket(agent, at, Counts(good, total)) for agent, at, good, total in rows]


def known_agents(cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    return tuple(agent for agent, _ in _rows(cursor, "slo/known_agents", {}))


def earliest_judgements(
    cursor: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str], datetime]:
    """Since when each (objective, agent) has been judged."""
    rows = _rows(cursor, "slo/earliest_judgements", {})
    return {(objective, agent): at for objective, agent, at in rows}


def keep(
    cursor: duckdb.DuckDBPyConnection, budgets: Iterable[BudgetRow], burns: Iterable[BurnRow]
) -> int:
    """Append judgements in one transaction; answers how many rows."""
    tables = {
        "judged_budget": _table(budgets, _BUDGET),
        "judged_burn": _table(burns, _BURN),
    }
    rows: int = sum(table.num_rows for table in tables.values())
    if rows:
        _append(cursor, tables)
    return rows


def _append(cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> None:
    cursor.execute("begin transaction")
    try:
        for name, table in tables.items():
            cursor.register(name, table)
        cursor.execute(statement("slo/insert_budget"))
        cursor.execute(statement("slo/insert_burn"))
        cursor.execute("commit")
    except duckdb.Error:
        cursor.execute("rollback")
        raise
    finally:
        for name in tables:
            cursor.unregister(name)


def _table(rows: Iterable[BudgetRow | BurnRow], schema: pa.Schema) -> pa.Table:
    # By column: a dict for each of 300,000 rows of history cost 5 of 18 s.
    kept = list(rows)
    columns = [[getattr(row, name) for row in kept] for name in schema.names]
    return pa.Table.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def _rows(
    cursor: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    # Through Arrow: fetchall wants pytz for every instant.
    table = cursor.sql(statement(name), params=dict(parameters)).to_arrow_table()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _lists(prefix: str, selection: Selection) -> dict[str, list[str] | None]:
    chosen = {field.name: getattr(selection, field.name) for field in fields(selection)}
    return {
        f"{prefix}{name}s": None if values is None else list(values)
        for name, values in chosen.items()
    }
