"""Questions to the store: one snapshot, one bounded answer, nothing written.

Every request gets its own cursor in a read-only transaction. At most two run at
once, because a third only makes the first two slower; who waits too long is told
so. A statement that runs past its time is interrupted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from collector.errors import WatchkeeperError
from collector.store import guard
from collector.store.counting import Ask
from collector.store.schema import statement

_BOUND = re.compile(r"\$([a-z_][a-z0-9_]*)")
_COMMENT = re.compile(r"--[^\n]*")
# Rows are fetched so many at a time: a thousand of the widest are a gigabyte.
_EXPORTED_AT_ONCE = 1000
_FETCHED_AT_ONCE = 1000
_MOST_BYTES = 256 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Busy(WatchkeeperError):
    """Too many questions at once; the same one may be asked again."""


class TimeLimit(WatchkeeperError):
    """A question took longer than it may."""


class ArchiveDamaged(WatchkeeperError):
    """A question met an archived file that is missing or damaged; it is left out from now on."""


class CursorSource(Protocol):
    """Whatever hands out DuckDB cursors in the right catalog, and knows about the archive."""

    archive_faults: list[str]

    def cursor(self) -> Any: ...

    def look_for_missing(self) -> None: ...

    def archive_is_to_blame(self, error: BaseException | None) -> bool: ...


@dataclass(frozen=True)
class Bounds:
    """How much one reader may use."""

    at_once: int = 2
    patience_s: float = 5.0
    time_limit_s: float = 10.0
    free_time_limit_s: float = 30.0
    export_time_limit_s: float = 4 * 3600.0


class Reader:
    """Runs named statements and guarded free SQL against one store."""

    def __init__(
        self,
        store: CursorSource,
        bounds: Bounds | None = None,
        *,
        archive_kept: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`archive_kept`: inside it no archived file leaves the disk, however long it takes."""
        self.bounds = bounds or Bounds()
        self._archive_kept = archive_kept
        self._export_slot = threading.BoundedSemaphore(1)
        self._store = store
        self._slots = threading.BoundedSemaphore(self.bounds.at_once)
        # Free SQL may run for 30 s: one at a time leaves a slot for the pages.
        self._free_slot = threading.BoundedSemaphore(1)

    def table(self, name: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer of `sql/{name}.sql`; parameters that it does not use are dropped."""
        return self.text(statement(name), parameters)

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same as Python values, for answers of a few rows."""
        rows: list[dict[str, Any]] = self.table(name, parameters).to_pylist()
        return rows

    @contextmanager
    def snapshot(self) -> Iterator[Ask]:
        """Several statements that see the store at one moment, within one time limit."""
        with self._snapshot(self.bounds.time_limit_s) as cursor:
            yield lambda name, parameters: rows_of(cursor, name, parameters)

    def text(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer of a statement that is part of the product but kept elsewhere."""
        with self._snapshot(self.bounds.time_limit_s) as cursor:
            return _answer(cursor, sql, parameters or {})

    def free(self, sql: str, limit: int) -> pa.Table:
        """The first rows of a statement a person wrote, if it does nothing but read."""
        with (
            _slot(self._free_slot, self.bounds.patience_s),
            self._snapshot(self.bounds.free_time_limit_s) as cursor,
        ):
            guard.check(cursor, sql)
            try:
                return _first_rows(cursor.sql(sql), limit)
            except duckdb.InterruptException:
                raise
            except duckdb.Error as error:
                raise guard.RefusedSql(str(error)) from error

    @contextmanager
    def exported(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """All rows of a statement a person wrote, a batch at a time and of one snapshot.

        One export at a time, beside the questions: it may take hours, and holds few rows.
        """
        with (
            _slot(self._export_slot, self.bounds.patience_s),
            self._archive_kept(),
            self._transaction(self.bounds.export_time_limit_s) as cursor,
        ):
            guard.check(cursor, sql)
            try:
                reader = cursor.sql(sql).to_arrow_reader(_EXPORTED_AT_ONCE)
            except duckdb.InterruptException:
                raise
            except duckdb.Error as error:
                raise guard.RefusedSql(str(error)) from error
            yield reader

    @contextmanager
    def _snapshot(self, time_limit_s: float) -> Iterator[Any]:
        with _slot(self._slots, self.bounds.patience_s), self._transaction(time_limit_s) as cursor:
            yield cursor

    @contextmanager
    def _transaction(self, time_limit_s: float) -> Iterator[Any]:
        self._store.look_for_missing()
        cursor = self._store.cursor()
        try:
            cursor.execute("begin transaction read only")
            with _deadline(cursor.interrupt, time_limit_s):
                yield cursor
        except (duckdb.Error, OSError, guard.RefusedSql) as error:
            told = error.__cause__ if isinstance(error, guard.RefusedSql) else error
            if self._store.archive_is_to_blame(told):
                raise ArchiveDamaged(
                    f"archived evidence cannot be read: {'; '.join(self._store.archive_faults)};"
                    " until then it is left out: ask again for the rest"
                ) from error
            raise
        finally:
            _end(cursor)


@cache
def bound_names(sql: str) -> frozenset[str]:
    """The `$names` a statement binds; DuckDB refuses a value that it does not use."""
    return frozenset(_BOUND.findall(_COMMENT.sub("", sql)))


def rows_of(cursor: Any, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answer of `sql/{name}.sql` on one cursor; parameters it does not use are dropped."""
    answer = _answer(cursor, statement(name), parameters)
    columns = [_values(column) for column in answer.columns]
    return [dict(zip(answer.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Instants in one time zone object: Arrow looks it up for every value, which takes
    ten times as long for a month in steps of five minutes."""
    if not (pa.types.is_timestamp(column.type) and column.type.tz):
        values: list[Any] = column.to_pylist()
        return values
    return [
        None if us is None else _EPOCH + timedelta(microseconds=us)
        for us in column.cast(pa.int64()).to_pylist()
    ]


def _answer(cursor: Any, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
    values = {name: parameters[name] for name in bound_names(sql)}
    return cursor.sql(sql, params=values).to_arrow_table()


@contextmanager
def _slot(slots: threading.BoundedSemaphore, patience_s: float) -> Iterator[None]:
    if not slots.acquire(timeout=patience_s):
        raise Busy(f"no free reader within {patience_s:g} s: ask again in a moment")
    try:
        yield
    finally:
        slots.release()


@contextmanager
def _deadline(interrupt: Callable[[], None], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.InterruptException, OSError) as error:
        # While rows are fetched, Arrow passes DuckDB's interrupt on as an OSError.
        if isinstance(error, OSError) and "INTERRUPT" not in str(error):
            raise
        raise TimeLimit(
            f"expected an answer within {seconds:g} s and stopped: ask for a shorter period"
        ) from error
    finally:
        timer.cancel()


def _end(cursor: Any) -> None:
    try:
        cursor.execute("rollback")
    except duckdb.Error:
        # An interrupted statement has already ended its transaction.
        pass
    finally:
        cursor.close()


def _first_rows(relation: Any, limit: int) -> pa.Table:
    reader = relation.to_arrow_reader(min(limit, _FETCHED_AT_ONCE))
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if size > _MOST_BYTES:
            raise guard.RefusedSql(
                f"the answer is larger than {_MOST_BYTES} bytes: select fewer columns or rows"
            )
        if rows >= limit:
            break
    return pa.Table.from_batches(batches, schema=reader.schema).slice(0, limit)
