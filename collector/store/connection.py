"""The database file: one process opens it, every thread gets its own cursor.

The write-ahead log of the collector, not DuckDB's, survives a power cut. So DuckDB writes
none of its own, which halves the cost of an insert: what was committed since the last
checkpoint is gone after an unclean end, and the collector's log is applied again from the
position in that checkpoint. A new database gets its name only once it is whole: half a
header would keep the next start from opening it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import duckdb
import structlog

from collector.errors import WatchkeeperError
from collector.store import undo
from collector.store.archive import FOLDER, install_views
from collector.store.disk import free_bytes, make_directory, sync_directory
from collector.store.matching import note_all_once
from collector.store.rollup import count_all_once
from collector.store.schema import SCHEMA_VERSION, apply_schema, statement
from collector.store.transaction import transaction
from collector.store.wholeness import Wholeness

__all__ = ["CATALOG", "NoRoom", "Store", "StoreError", "explain"]

CATALOG = "wk"
MIB = 1024**2
GIB = 1024**3
# 256 MiB: until a checkpoint DuckDB holds in memory what was applied, with 1 GiB for everything.
CHECKPOINT_BYTES = 256 * MIB
# Bytes of the file that a byte of records may take, what is written anew included.
CHECKPOINT_FACTOR = 2
CHECKPOINT_LEAST_BYTES = 8 * MIB
# 4: on a small disk the log, which holds the records until then, takes a share as well.
CHECKPOINT_SHARE_OF_FREE = 4

LOOK_EVERY_S = 5.0

_log = structlog.get_logger("collector.store")

# What a damaged file does not make DuckDB say.
_NOT_A_FILE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.ConversionException,
    duckdb.ConstraintException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
)

_SETTINGS = (
    "set timezone = 'UTC'",
    "set memory_limit = '1GiB'",
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


class NoRoom(OSError):
    """The disk is too full to begin something that must not fail halfway."""


class Store:
    """Everything kept as evidence, in one DuckDB file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file."""
        self.path = path
        self.archive = path.parent.resolve() / FOLDER
        self.archive_faults: list[str] = []
        self.archive_whole = Wholeness(self.archive)
        self._archive_looked_at = 0.0
        self._archive_lock = threading.Lock()
        # Bytes of the records applied since the last checkpoint; whoever applies counts them.
        self.unsaved_bytes = 0
        self._closed = False
        self._lock = threading.Lock()
        self._checkpoints = threading.Lock()
        self._connection = duckdb.connect()
        try:
            make_directory(path.parent)
            is_new = not path.exists()
            if is_new:
                _create(path)
            self._open(is_new)
        except StoreError:
            self._connection.close()
            raise
        except (duckdb.Error, OSError) as error:
            self._connection.close()
            raise StoreError(explain(path, str(error))) from error

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one thread, already inside the catalog."""
        with self._lock:
            cursor = self._connection.cursor()
        cursor.execute(f"use {CATALOG}")
        return cursor

    def checkpoint(self) -> None:
        """Write everything committed into the file itself, synced.

        Raises NoRoom before it begins: a checkpoint that fails halfway takes the database
        out of use until it is opened again.
        """
        if not self._checkpoints.acquire(blocking=False):
            raise duckdb.TransactionException("a backup is copying the database file")
        try:
            self._checkpoint()
        finally:
            self._checkpoints.release()

    @contextlib.contextmanager
    def checkpoints_paused(self) -> Iterator[Callable[[], bool]]:
        """While a backup copies the file, nobody else writes a checkpoint into it.

        Gives a function that tries the checkpoint to begin with.
        """
        with self._checkpoints:
            yield self._try_checkpoint

    @contextlib.contextmanager
    def checkpoints_paused_if_free(self) -> Iterator[bool]:
        """The same without waiting; false when somebody else is at it."""
        is_free = self._checkpoints.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._checkpoints.release()

    def _checkpoint(self) -> None:
        self._refuse_without_room()
        saved = self.unsaved_bytes
        cursor = self.cursor()
        try:
            undo.keep(self.path, self._reading, _metadata_blocks(cursor))
            cursor.execute(f"checkpoint {CATALOG}")
            cursor.fetchall()
        finally:
            cursor.close()
        undo.drop(self.path)
        self.unsaved_bytes -= saved
        _set_aside_log(self.path).unlink(missing_ok=True)

    @property
    def checkpoint_due(self) -> bool:
        """Whether so much waits for a checkpoint that a quiet moment is not waited for."""
        share = free_bytes(str(self.path.parent)) // CHECKPOINT_SHARE_OF_FREE
        return self.unsaved_bytes > min(CHECKPOINT_BYTES, max(share, CHECKPOINT_LEAST_BYTES))

    @property
    def checkpoint_bytes(self) -> int:
        """Room on the disk that the next checkpoint may need."""
        return self.room_for(0)

    def room_for(self, waiting_bytes: int) -> int:
        """The same once so many more bytes of records are applied."""
        return CHECKPOINT_LEAST_BYTES + CHECKPOINT_FACTOR * (self.unsaved_bytes + waiting_bytes)

    @property
    def broken(self) -> str | None:
        """Why the database answers nothing any more until it is opened again, else None."""
        try:
            self.position()
        except duckdb.Error as error:
            return f"the database {self.path} must be opened again: {_first_line(error)}"
        return None

    def try_checkpoint(self) -> bool:
        """A checkpoint, unless another connection is writing just now."""
        try:
            self.checkpoint()
        except (duckdb.TransactionException, NoRoom):
            return False
        return True

    def _try_checkpoint(self) -> bool:
        try:
            self._checkpoint()
        except duckdb.TransactionException:
            return False
        return True

    def look_at_archive(self, *, closely: bool = False) -> bool:
        """Leave out archived files that are damaged by now and read those that are back.

        Answers whether the views changed; closely also looks for damage that keeps the size.
        """
        with self._archive_lock, contextlib.closing(self.cursor()) as cursor:
            self._archive_looked_at = time.monotonic()
            try:
                with transaction(cursor):
                    self.archive_faults, changed = install_views(
                        cursor,
                        self.archive,
                        self.archive_whole,
                        closely=closely,
                        only_changed=True,
                    )
            except duckdb.TransactionException:
                # A day is being sealed just now, which replaces the same views.
                return False
            return changed

    def look_for_missing(self) -> None:
        """Read again what was left out, once it is back; looks only now and then."""
        is_due = time.monotonic() - self._archive_looked_at > LOOK_EVERY_S
        if self.archive_faults and is_due:
            self.look_at_archive()

    def archive_is_to_blame(self, error: BaseException | None) -> bool:
        """Whether a statement failed for a damaged archived file, which is left out from now on."""
        is_ours = isinstance(error, duckdb.Error | OSError) and not isinstance(error, _NOT_A_FILE)
        return is_ours and self.look_at_archive(closely=True)

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
        with contextlib.suppress(duckdb.Error, NoRoom):
            self.checkpoint()
        self._connection.close()
        os.close(self._reading)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _refuse_without_room(self) -> None:
        free, needed = free_bytes(str(self.path.parent)), self.checkpoint_bytes
        if free < needed:
            raise NoRoom(
                errno.ENOSPC,
                f"a checkpoint may need {needed} bytes and the disk has {free}: make room on it",
            )

    def _open(self, is_new: bool) -> None:
        for setting in _SETTINGS:
            self._connection.execute(setting)
        _set_aside(self.path)
        spilled = self.path.with_name(self.path.name + ".spilled")
        _check_unlocked(self.path)
        shutil.rmtree(spilled, ignore_errors=True)
        quoted = str(spilled).replace("'", "''")
        self._connection.execute(f"set temp_directory = '{quoted}'")
        undo.put_back(self.path)
        self._reading = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        _attach(self._connection, self.path)
        _refuse_newer(self._connection, self.path)
        make_directory(self.archive)
        if not is_new:
            apply_schema(self._connection)
        _position(self._connection)
        self.archive_faults, _ = install_views(self._connection, self.archive, self.archive_whole)
        self._allow_archive()
        count_all_once(self._connection)
        note_all_once(self._connection)
        for lock in _LOCKS:
            self._connection.execute(lock)

    def _allow_archive(self) -> None:
        """The one folder that DuckDB may reach; it resolves links and dots before it compares."""
        quoted = str(self.archive.resolve()).replace("'", "''")
        self._connection.execute(f"set allowed_directories = ['{quoted}']")


def _metadata_blocks(cursor: duckdb.DuckDBPyConnection) -> list[int]:
    return [block for (block,) in cursor.execute(statement("apply/metadata_blocks")).fetchall()]


def _position(cursor: duckdb.DuckDBPyConnection) -> int:
    row = cursor.execute(statement("apply/position")).fetchall()
    return int(row[0][0])


def _create(path: Path) -> None:
    """A database with its tables, whole and synced before it has its name."""
    unfinished = path.with_name(path.name + ".new")
    for left in (unfinished, _duckdb_log(unfinished)):
        left.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        _attach(connection, unfinished)
        apply_schema(connection)
        connection.execute(f"checkpoint {CATALOG}")
        connection.execute("use memory")
        connection.execute(f"detach {CATALOG}")
    unfinished.rename(path)
    sync_directory(path.parent)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    options = "storage_version 'v1.5.0', recovery_mode no_wal_writes"
    connection.execute(f"attach '{quoted}' as {CATALOG} ({options})")
    connection.execute(f"use {CATALOG}")


def _refuse_newer(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse before the first write what a later Watchkeeper has shaped."""
    try:
        found = connection.execute(statement("apply/schema_version")).fetchall()
    except duckdb.CatalogException:
        return
    if found and found[0][0] > SCHEMA_VERSION:
        raise StoreError(
            f"the database {path} was written by a newer Watchkeeper (schema {found[0][0]}, this "
            f"one knows {SCHEMA_VERSION}): install that version, or choose another --home"
        )


def _duckdb_log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _set_aside_log(path: Path) -> Path:
    return path.with_name(path.name + ".wal.set-aside")


def _set_aside(path: Path) -> None:
    """Rename a log that DuckDB wrote all the same: another program opened the database.

    It is kept until the next checkpoint: until then it is a second copy of what is applied again.
    """
    logs = [each for each in (_duckdb_log(path), *_left_by_checkpoint(path)) if each.exists()]
    if not logs:
        return
    _check_unlocked(path)
    for log in logs:
        log.replace(_set_aside_log(path))
        _log.warning("duckdb_log_set_aside", name=log.name, kept_in=_set_aside_log(path).name)
    sync_directory(path.parent)


def _left_by_checkpoint(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}.wal.{part}") for part in ("checkpoint", "recovery")]


def _check_unlocked(database: Path) -> None:
    """Refuse before touching the log of a process that is still alive.

    DuckDB holds a POSIX lock on an open database; opening it to look would replay its log.
    """
    if not database.exists():
        return
    with database.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_ELSEWHERE = "is open in another process: stop the collector that uses it, or choose another --home"
_DAMAGED = (
    "is damaged: restore a backup, or move the file away; what the log still holds is applied again"
)
# The first that fits: the words of later ones occur in messages of earlier ones.
_EXPLANATIONS = (
    ("corrupt", _DAMAGED),
    ("checksum", _DAMAGED),
    ("read-only file system", "lies on a disk that may only be read: mount it for writing"),
    ("no space left", "cannot be opened because the disk is full: make room on it"),
    ("not a valid DuckDB", "is not a DuckDB database: restore a backup, or move the file away"),
    ("newer version", "was written by a newer DuckDB: install the Watchkeeper that wrote it"),
    ("Permission denied", "may not be read and written by this user: change its owner or mode"),
    ("Is a directory", "is a directory, expected a file: move it away"),
    ("No such file", "cannot be created there: check that the directory exists and is writable"),
    ("temporarily unavailable", _ELSEWHERE),
    ("lock", _ELSEWHERE),
)


def explain(path: Path, message: str) -> str:
    """Why the database cannot be opened, and what to do, from the words of DuckDB."""
    for sign, explanation in _EXPLANATIONS:
        if sign.lower() in message.lower():
            return f"the database {path} {explanation} ({_first_line(message)})"
    return (
        f"the database {path} could not be opened: {_first_line(message)}; "
        "restore a backup, or move it away"
    )


def _first_line(message: object) -> str:
    return (str(message).splitlines() or ["no reason given"])[0]
