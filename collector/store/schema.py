"""SQL by name: every statement is a file of this package, and the schema is the files in order."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import duckdb

_SQL = files("collector.store") / "sql"
# Raised, here and by an update among the schema files, with a change that an older Watchkeeper
# would misread or spoil; a new column is none.
SCHEMA_VERSION = 1


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`, such as statement("apply/position")."""
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def statements_in(folder: str) -> tuple[str, ...]:
    """The names of the statements in one folder, in the order of their files."""
    names = sorted(entry.name for entry in _SQL.joinpath(folder).iterdir())
    stems = (name.removesuffix(".sql") for name in names if name.endswith(".sql"))
    return tuple(f"{folder}/{stem}" for stem in stems)


def apply_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing, all or nothing. Running it again changes nothing."""
    connection.execute("begin transaction")
    try:
        for name in statements_in("schema"):
            connection.execute(statement(name))
    except duckdb.Error:
        connection.execute("rollback")
        raise
    connection.execute("commit")
