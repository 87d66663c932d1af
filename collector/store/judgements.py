"""Judgements in the store: the events an objective counts, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

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
