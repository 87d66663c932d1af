"""Derivation that may fail: evidence is kept without it, and what it owes is derived later.

1. The traces that a batch touches are derived in the batch's own transaction.
2. When that fails, the batch is stored without it: its traces are noted in
   `underived_trace`, and one row of `refused_record` says so, with no record lost.
3. Noted traces are derived again, so many at a time. A chunk that fails is halved, and a
   trace that failed alone goes behind the others, so that it keeps back only itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import duckdb
import pyarrow as pa
import structlog

from collector.errors import WatchkeeperError
from collector.store.seen import Reach
from collector.store.transaction import MACHINE, registered, run, transaction

__all__ = ["Derivation", "Derive", "NotDerived"]

Derive: TypeAlias = Callable[[duckdb.DuckDBPyConnection, str, Reach | None], None]
Touched: TypeAlias = tuple[pa.Table, Reach | None]

CHUNK = 1024
RETRY_S = 60.0
# One trace may be too large for the memory that derivation is given; that is no full disk.
_MACHINE = tuple(kind for kind in MACHINE if kind is not duckdb.OutOfMemoryException)
_DETAIL_CHARACTERS = 1000

_log = structlog.get_logger("collector.store.derivation")


class NotDerived(WatchkeeperError):
    """Runs and actions could not be derived; the evidence is not to blame."""


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Whatever goes wrong in derivation is told from what goes wrong in storing."""
    try:
        yield
    except _MACHINE:
        raise
    except Exception as error:
        raise NotDerived(f"{type(error).__name__}: {error}") from error


class Derivation:
    """Derives touched traces on the applier's cursor, and remembers those that failed."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, derive: Derive, *, retry_s: float = RETRY_S
    ) -> None:
        self._cursor = cursor
        self._derive = derive
        self._retry_s = retry_s
        self._chunk = CHUNK
        self._due = 0.0
        self.waiting = self._count()

    def now(self, touched: Callable[[], Touched | None]) -> None:
        """Derive what a batch touched, inside its transaction; NotDerived when that fails."""
        with _named():
            told = touched()
            if told is not None:
                self._tell(*told)

    def later(self, traces: pa.Table, behind: int, cause: NotDerived) -> None:
        """Note the traces of a batch that came behind a position, inside its transaction.

        One row of `refused_record` opens each time of failing, not one for every batch.
        """
        with registered(self._cursor, "incoming_trace", traces):
            run(self._cursor, "apply/note_underived", {"behind": behind})
        if not self.waiting:
            told = {"behind": behind, "detail": str(cause)[:_DETAIL_CHARACTERS]}
            run(self._cursor, "apply/tell_underived", told)

    def recount(self) -> None:
        """Look how many traces wait; call it once a batch that noted some is committed."""
        self.waiting = self._count()

    def again(self, position: int) -> None:
        """Derive some of the noted traces, if there are any and it is time."""
        if not self.waiting or time.monotonic() < self._due:
            return
        noted = run(self._cursor, "apply/underived", {"most": self._chunk})
        ids, behind, failures = zip(*noted, strict=True)
        traces = pa.table({"trace_id": pa.array(ids, pa.binary())})
        try:
            with _named(), transaction(self._cursor):
                self._tell_behind(min(behind), position, traces)
        except NotDerived as error:
            _log.warning("derivation_failed_again", traces=len(ids), error=str(error))
            self._chunk = max(1, len(ids) // 2)
            if len(ids) == 1:
                self._failed_alone(ids[0], tried_before=failures[0] > 0)
        else:
            self._chunk = min(CHUNK, self._chunk * 2)
        self.recount()

    def _tell_behind(self, behind: int, position: int, traces: pa.Table) -> None:
        """Derivation tells a batch by the position before it, so it sees that position."""
        run(self._cursor, "apply/set_position", {"sequence": behind})
        self._tell(traces)
        run(self._cursor, "apply/set_position", {"sequence": position})
        with registered(self._cursor, "derived_trace", traces):
            run(self._cursor, "apply/forget_underived")

    def _failed_alone(self, trace: bytes, tried_before: bool) -> None:
        """Put a trace behind the others; when its turn comes again, nobody waits for a while."""
        run(self._cursor, "apply/count_failure", {"trace": trace})
        if tried_before:
            self._due = time.monotonic() + self._retry_s

    def _tell(self, traces: pa.Table, known: Reach | None = None) -> None:
        with registered(self._cursor, "touched_trace", traces):
            self._derive(self._cursor, "touched_trace", known)

    def _count(self) -> int:
        return int(run(self._cursor, "apply/count_underived")[0][0])
