"""Matching: decisions outside of any trace (audit logs), and the calls that they were about.

1. What arrives, in the transaction that stores it: wherever such a decision, a call that it may
   be about or the name of an agent changes, the slot of time and the name are noted.
2. Between batches the noted slots are matched anew, so many at a time, and the traces in which
   another call is matched than before are derived again. Order of arrival is no matter.
   A refusal that fits no call, as a refused one often leaves no span, belongs to the run in
   which it was told.
3. A kill loses nothing: what is noted is stored, and forgotten in the transaction that matched it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

import duckdb
import pyarrow as pa
import structlog

from collector.store.transaction import MACHINE, registered, run, transaction

__all__ = ["Matching", "Rederive", "note_all_once", "note_decisions", "note_told"]

MOST_SLOTS = 4096
RETRY_S = 60.0
# So many traces are derived at once, as after a batch that failed.
_TRACES = 1024
# Of the applier's time, matching takes at most a fifth.
_PAUSES = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MACHINE = tuple(kind for kind in MACHINE if kind is not duckdb.OutOfMemoryException)

_log = structlog.get_logger("collector.store.matching")


class Rederive(Protocol):
    """Tells the runs and actions of touched traces anew; see `derive.rederive`."""

    def __call__(
        self, cursor: duckdb.DuckDBPyConnection, touched: str, since: datetime, until: datetime
    ) -> None: ...


def note_decisions(cursor: duckdb.DuckDBPyConnection) -> None:
    """Note where decisions that the temporary table changed_decision holds were taken."""
    run(cursor, "matching/learn_loose_names")
    run(cursor, "matching/note_decisions")


def note_told(cursor: duckdb.DuckDBPyConnection) -> None:
    """Note the calls and runs that derivation has just told otherwise than before."""
    if run(cursor, "matching/any_loose")[0][0]:
        run(cursor, "matching/note_actions")
        run(cursor, "matching/note_runs")


def note_all_once(cursor: duckdb.DuckDBPyConnection) -> None:
    """Note all decisions of a database in which none was noted yet."""
    ((is_noted,),) = run(cursor, "matching/is_noted")
    if not is_noted:
        with transaction(cursor):
            run(cursor, "rollup/all_decisions")
            note_decisions(cursor)
            run(cursor, "rollup/drop_decisions")


class Matching:
    """Matches what is noted on the applier's cursor and thread, between batches."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        rederive: Rederive,
        *,
        most_slots: int = MOST_SLOTS,
        retry_s: float = RETRY_S,
    ) -> None:
        self._cursor = cursor
        self._rederive = rederive
        self._most = self._chunk = most_slots
        self._retry_s = retry_s
        self._due_at = 0.0

    def again(self, *, at_once: bool = False) -> bool:
        """Match some of what is noted, if there is anything and it is time.

        Answers whether anything was matched.
        """
        began = time.monotonic()
        if began < self._due_at and not at_once:
            return False
        try:
            with transaction(self._cursor):
                slots = self._match()
        except _MACHINE:
            raise
        # Whatever a decision or a call does to our code or to DuckDB, intake must not stop at it.
        except Exception as error:
            self._failed(error)
            return False
        if slots:
            self._chunk = min(self._most, self._chunk * 2)
            self._due_at = began + (1 + _PAUSES) * (time.monotonic() - began)
        return slots > 0

    def _match(self) -> int:
        """How many slots were matched, inside one transaction."""
        if not run(self._cursor, "matching/waits")[0][0]:
            return 0
        run(self._cursor, "matching/due", {"most": self._chunk})
        slots, since_us, until_us = run(self._cursor, "matching/due_bounds")[0]
        window = {"since": _instant(since_us), "until": _instant(until_us)}
        run(self._cursor, "matching/forget_due")
        run(self._cursor, "matching/pair", window)
        run(self._cursor, "matching/parted", window)
        run(self._cursor, "matching/joined")
        run(self._cursor, "matching/forget_parted")
        run(self._cursor, "matching/keep_joined")
        run(self._cursor, "matching/pair_refusals", window)
        run(self._cursor, "matching/parted_refusals", window)
        run(self._cursor, "matching/joined_refusals")
        run(self._cursor, "matching/forget_parted_refusals")
        run(self._cursor, "matching/keep_joined_refusals")
        self._derive(run(self._cursor, "matching/rematched"))
        return int(slots)

    def _derive(self, rematched: list[tuple[bytes, int, int]]) -> None:
        for first in range(0, len(rematched), _TRACES):
            traces, firsts, lasts = zip(*rematched[first : first + _TRACES], strict=True)
            with registered(
                self._cursor, "rematched", pa.table({"trace_id": pa.array(traces, pa.binary())})
            ):
                since, until = _instant(min(firsts)), _instant(max(lasts))
                self._rederive(self._cursor, "rematched", since, until)

    def _failed(self, error: Exception) -> None:
        _log.error("matching_failed", slots=self._chunk, error=str(error))
        if self._chunk == 1:
            with transaction(self._cursor):
                run(self._cursor, "matching/due", {"most": 1})
                run(self._cursor, "matching/count_failure")
            self._due_at = time.monotonic() + self._retry_s
        self._chunk = max(1, self._chunk // 2)


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
