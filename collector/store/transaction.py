"""One cursor's work in the store: named statements, Arrow tables to read from, all or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from collector.store.schema import statement

__all__ = ["MACHINE", "registered", "run", "transaction"]


class NotCommitted(Exception):
    """The transaction was right and the disk did not take it."""


# The disk, the memory, or a database that must be opened again: no record is to blame.
MACHINE: tuple[type[Exception], ...] = (
    NotCommitted,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.FatalException,
    duckdb.ConnectionException,
    duckdb.InterruptException,
    MemoryError,
    OSError,
)


@contextlib.contextmanager
def transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit at the end, or leave everything as it was."""
    cursor.execute("begin transaction")
    try:
        yield
        _commit(cursor)
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            cursor.execute("rollback")
        raise


def _commit(cursor: duckdb.DuckDBPyConnection) -> None:
    """DuckDB tells a full disk at this point as it tells a conflict, but for the words."""
    try:
        cursor.execute("commit")
    except duckdb.TransactionException as error:
        if "Could not" not in str(error):
            raise
        raise NotCommitted(str(error)) from error


@contextlib.contextmanager
def registered(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Iterator[None]:
    """An Arrow table that statements can read under a name."""
    cursor.register(name, table)
    try:
        yield
    except duckdb.Error:
        # The transaction is lost; what broke it must not be hidden by the tidying up.
        with contextlib.suppress(duckdb.Error):
            cursor.unregister(name)
        raise
    cursor.unregister(name)


def run(
    cursor: duckdb.DuckDBPyConnection, name: str, bound: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of `sql/<name>.sql`; an unfinished result would block the cursor."""
    cursor.execute(statement(name), dict(bound or {}))
    return list(cursor.fetchall())
