"""The schema: the tables as SQL makes them are the tables as Arrow fills them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from collector.store.batch import SCHEMAS
from collector.store.connection import Store
from collector.store.schema import apply_schema, statement, statements_in
from collector.store.tally import TALLIES

# What DuckDB calls the types that Arrow carries.
WORDS = {
    "uint64": "UBIGINT",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "int16": "SMALLINT",
    "uint32": "UINTEGER",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "bool": "BOOLEAN",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
    "extension<arrow.json>": "JSON",
}


def word(kind: pa.DataType) -> str:
    return "UHUGEINT" if "uhugeint" in str(kind) else WORDS[str(kind)]


@pytest.mark.parametrize("table", [*SCHEMAS, *TALLIES])
def test_a_batch_has_the_columns_of_its_table(table: str, tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        told = store.cursor().execute(f"describe {table}").fetchall()

    assert {(name, kind) for name, kind, *_ in told} == {
        (field.name, word(field.type)) for field in {**SCHEMAS, **TALLIES}[table]
    }


def test_applying_the_schema_again_changes_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        cursor = store.cursor()
        cursor.execute("update position set sequence = 7")

        apply_schema(cursor)

        assert store.position() == 7


def test_the_statements_of_a_folder_come_in_the_order_of_their_files() -> None:
    names = statements_in("schema")

    assert names[0] == "schema/001_position"
    assert list(names) == sorted(names)
    assert statement("apply/position").startswith("-- ")


TOKENS = ["cache_read_tokens", "cache_write_tokens", "reasoning_tokens"]
LATER = {
    "span": ["agent_version", "workflow", *TOKENS],
    "action": [*TOKENS, "provider", "cost_origin", "mcp_server", "scope_hash"],
    "run": ["cost_origin", "unpriced_calls", "tells_usage", "scope_hash"],
    "decision": ["told_by", "policy_version", "approver", "risk_score", "state_gen"],
    "trust_point": ["raw_tier"],
}


def test_a_database_without_the_later_columns_gets_them_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    with Store(path) as store:
        cursor = store.cursor()
        cursor.execute(
            """
            insert into action (trace_id, span_id, agent, sample, kind, name, started_at, start_ns,
                outcome)
            values ('t', 's', 'clerk', false, 'model', 'chat', now(), 1, 'ok')
            """
        ).fetchall()
        for table, columns in LATER.items():
            for column in columns:
                cursor.execute(f"alter table {table} drop column {column}").fetchall()
        store.checkpoint()

    with Store(path) as store:
        cursor = store.cursor()
        kept = cursor.execute("select agent, cache_read_tokens from actions").fetchall()
        assert cursor.execute("select agent_version from spans").fetchall() == []
        assert cursor.execute("select approver from decisions").fetchall() == []
        assert cursor.execute("select raw_tier from trust").fetchall() == []

    assert kept == [("clerk", None)]
