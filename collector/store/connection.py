"""The database file: one process opens it, every thread gets its own cursor.

The write-ahead log of the collector, not DuckDB's, survives a power cut. So DuckDB writes
none of its own, which halves the cost of an insert: what was committed since the last
checkpoint is gone after an unclean end, and the collector's log is applied again from the
position in that checkpoint.
"""

from __future__ import annotations

import contextlib
import fcntl
import threading
from pathlib import Path
from types import TracebackType

import duckdb
import structlog

from collector.errors import WatchkeeperError
from collector.store.archive import FOLDER, install_views
from collector.store.schema import apply_schema, statement

__all__ = ["CATALOG", "Store", "StoreError"]

CATALOG = "wk"
GIB = 1024**3

_log = structlog.get_logger("collector.store")

_SETTINGS = (
    "set timezone = 'UTC'",
    "set memory_limit = '2GiB'",
    "set threads = 2",
    # The applier says when: with the default of 16 MiB commits spend more on checkpoints than on
    # the rest of their work.
    "set wal_autocheckpoint = '1TiB'",
    "set preserve_insertion_order = true",
    "set python_enable_replacements = false",
    "set max_temp_directory_size = '4GiB'",
)
# After attach: no statement reaches a file outside the archive or changes a setting any more.
_LOCKS = ("set enable_external_access = false", "set lock_configuration = true")


class StoreError(WatchkeeperError):
    """The database file cannot be used as it stands."""


class Store:
    """Everything kept as evidence, in one DuckDB file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file."""
        self.path = path
        self.archive = path.parent.resolve() / FOLDER
        self.archive_faults: list[str] = []
        self._closed = False
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect()
        try:
            self._open()
        except (duckdb.Error, OSError) as error:
            self._connection.close()
            raise StoreError(_explain(path, str(error))) from error

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one thread, already inside the catalog."""
        with self._lock:
            cursor = self._connection.cursor()
        cursor.execute(f"use {CATALOG}")
        return cursor

    def checkpoint(self) -> None:
        """Write everything committed into the file itself, synced."""
        cursor = self.cursor()
        try:
            cursor.execute(f"checkpoint {CATALOG}")
            cursor.fetchall()
        finally:
            cursor.close()

    def try_checkpoint(self) -> bool:
        """A checkpoint, unless another connection is writing just now."""
        try:
            self.checkpoint()
        except duckdb.TransactionException:
            return False
        return True

    def position(self) -> int:
        """The last sequence of the write-ahead log that has been applied."""
        cursor = self.cursor()
        try:
            return _position(cursor)
        finally:
            cursor.close()

    def close(self) -> None:
        """Checkpoint and let go of the file."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(duckdb.Error):
            self.checkpoint()
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> None:
        for setting in _SETTINGS:
            self._connection.execute(setting)
        _set_aside(_duckdb_log(self.path), self.path)
        quoted = str(self.path).replace("'", "''")
        self._connection.execute(f"set temp_directory = '{quoted}.spilled'")
        options = "storage_version 'v1.5.0', recovery_mode no_wal_writes"
        self._connection.execute(f"attach '{quoted}' as {CATALOG} ({options})")
        self._connection.execute(f"use {CATALOG}")
        self.archive.mkdir(exist_ok=True)
        apply_schema(self._connection)
        self.archive_faults = install_views(self._connection, self.archive)
        self._allow_archive()
        for lock in _LOCKS:
            self._connection.execute(lock)

    def _allow_archive(self) -> None:
        """The one folder that DuckDB may reach; it resolves links and dots before it compares."""
        quoted = str(self.archive.resolve()).replace("'", "''")
        self._connection.execute(f"set allowed_directories = ['{quoted}']")


def _position(cursor: duckdb.DuckDBPyConnection) -> int:
    row = cursor.execute(statement("apply/position")).fetchall()
    return int(row[0][0])


def _duckdb_log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _set_aside(log: Path, database: Path) -> None:
    """Rename a log that DuckDB wrote all the same: another program opened the database."""
    if not log.exists():
        return
    _check_unlocked(database)
    kept = log.with_name(log.name + ".set-aside")
    log.replace(kept)
    _log.warning("duckdb_log_set_aside", path=str(kept))


def _check_unlocked(database: Path) -> None:
    """Refuse before touching the log of a process that is still alive.

    DuckDB holds a POSIX lock on an open database; opening it to look would replay its log.
    """
    if not database.exists():
        return
    with database.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_EXPLANATIONS = (
    (
        "lock",
        "is open in another process: stop the collector that uses it, or choose another --home",
    ),
    (
        "temporarily unavailable",
        "is open in another process: stop the collector that uses it, or choose another --home",
    ),
    ("not a valid DuckDB", "is not a DuckDB database: restore a backup, or move the file away"),
    (
        "newer version",
        "was written by a newer DuckDB: install the Watchkeeper that wrote it",
    ),
    ("Permission denied", "may not be read and written by this user: change its owner or mode"),
    ("Is a directory", "is a directory, expected a file: move it away"),
    ("No such file", "cannot be created there: check that the directory exists and is writable"),
)


def _explain(path: Path, message: str) -> str:
    for sign, explanation in _EXPLANATIONS:
        if sign.lower() in message.lower():
            return f"the database {path} {explanation} ({message.splitlines()[0]})"
    return f"the database {path} could not be opened: {message}; restore a backup, or move it away"
