"""The control journal: a small SQLite file where every change is on disk before it is told.

One connection a process, used from one thread. The command line opens its own
beside the running process; SQLite orders the two.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from collector.errors import ConfigurationError

Row = Mapping[str, Any]

_SQL = resources.files("collector.control") / "sql"
BUSY_TIMEOUT_S = 5.0


@functools.cache
def _statement(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _schema() -> list[str]:
    files = sorted((_SQL / "schema").iterdir(), key=lambda file: file.name)
    return [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".sql")]


class Journal:
    """Named statements over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, home: Path) -> Journal:
        """The journal of a control home, created when there is none."""
        file = home / "journal.sqlite"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(_connect(file))
        except (OSError, sqlite3.OperationalError) as error:
            raise ConfigurationError(
                f"{file} cannot be opened or written ({error}): make room for it, "
                "give this user the right to write it, or name another --home"
            ) from error
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"{file} is not a usable journal ({error}): restore it from a backup"
            ) from error

    def close(self) -> None:
        self._connection.close()

    def rows(self, name: str, /, **bound: Any) -> list[Row]:
        """All rows of a named statement."""
        cursor = self._connection.execute(_statement(name), bound)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, name: str, /, **bound: Any) -> Row | None:
        """The first row, or None."""
        return next(iter(self.rows(name, **bound)), None)

    def number(self, name: str) -> int:
        """The single number that a statement answers."""
        return int(self._connection.execute(_statement(name)).fetchone()[0])

    def change(self, name: str, /, **bound: Any) -> int:
        """How many rows the statement changed; zero means that somebody was faster."""
        return self._connection.execute(_statement(name), bound).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, synced to disk when it returns; an inner one joins the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            # Some failures, such as a full disk, have already rolled back.
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        file.chmod(0o600)
        for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
            connection.execute(f"pragma {pragma}")
        _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("begin immediate")
    for statement in _schema():
        connection.execute(statement)
    connection.execute(_statement("add_incarnation"))
    connection.execute("commit")
