"""A store with the real schema, filled with rows that name only the columns that matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from collector.coverage_queries import register_coverage
from collector.intake_queries import register_intake
from collector.queries import Queries
from collector.store.connection import Store
from collector.store.identities import renew_names
from collector.store.reader import Reader
from collector.store.rollup import recount

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
Rows = list[dict[str, Any]]
Given = Callable[[Mapping[str, Rows]], None]

_NANOSECONDS = {"started_at": "start_ns", "decided_at": "decided_ns", "scored_at": "scored_ns"}
_EMPTY = {"VARCHAR": "", "JSON": "{}", "BOOLEAN": False, "TIMESTAMP WITH TIME ZONE": NOW}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store") / "watchkeeper.duckdb") as opened:
        yield opened


@pytest.fixture
def given(store: Store) -> Iterator[Given]:
    """Inserts rows by table; the store is empty again afterwards."""
    filled: set[str] = set()

    def insert(tables: Mapping[str, Rows]) -> None:
        for table, rows in tables.items():
            filled.add(table)
            _insert(store, table, rows)
        _count(store)

    yield insert
    cursor = store.cursor()
    for table in filled:
        cursor.execute(f"delete from {table}")
    cursor.close()
    _count(store)


def filled(store: Store, table: str, rows: Rows) -> None:
    """The table holds these rows and no others."""
    cursor = store.cursor()
    cursor.execute(f"delete from {table}")
    cursor.close()
    _insert(store, table, rows)
    _count(store)


def _count(store: Store) -> None:
    """What the collector keeps beside the rows."""
    cursor = store.cursor()
    renew_names(cursor)
    recount(cursor)
    cursor.close()


@pytest.fixture
def reader(store: Store) -> Reader:
    return Reader(store)


@pytest.fixture
def queries(reader: Reader) -> Queries:
    asked = Queries(reader, now=lambda: NOW, periods=lambda: {"answers": timedelta(days=28)})
    register_coverage(asked)
    register_intake(asked)
    return asked


def _insert(store: Store, table: str, rows: Rows) -> None:
    cursor = store.cursor()
    columns = cursor.sql(
        "select column_name as name, data_type as type, is_nullable as nullable"
        " from duckdb_columns() where database_name = 'wk' and table_name = $table",
        params={"table": table},
    ).to_arrow_table()
    sequence = count(1)
    for row in rows:
        complete = _complete(row, columns.to_pylist(), next(sequence))
        places = ", ".join("?" for _ in complete)
        cursor.execute(
            f"insert into {table} ({', '.join(complete)}) values ({places})", [*complete.values()]
        )
    cursor.close()


def _complete(row: dict[str, Any], columns: Rows, sequence: int) -> dict[str, Any]:
    for time, nanoseconds in _NANOSECONDS.items():
        if time in row and any(column["name"] == nanoseconds for column in columns):
            row.setdefault(nanoseconds, int(row[time].timestamp() * 1e6) * 1000)
    if "start_ns" in row and any(column["name"] == "end_ns" for column in columns):
        row.setdefault("end_ns", row["start_ns"] + 10**9)
    row = {"sequence": sequence, **row} if columns[0]["name"] == "sequence" else row
    complete = {}
    for column in columns:
        name = column["name"]
        if row.get(name) is not None:
            is_hex = column["type"] == "BLOB"
            complete[name] = bytes.fromhex(row[name]) if is_hex else row[name]
        elif not column["nullable"]:
            complete[name] = _EMPTY.get(column["type"], 0)
    unknown = row.keys() - {column["name"] for column in columns}
    assert not unknown, f"no such columns: {unknown}"
    return complete
