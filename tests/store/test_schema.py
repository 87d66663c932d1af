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
