"""Operators' decisions about names in the store, told anew whenever their file changes."""

from __future__ import annotations

import time
from collections.abc import Callable

import duckdb
import pyarrow as pa
import structlog

from collector.errors import RefusedInput
from collector.identities import Identities, IdentityAct, WrongLine
from collector.store.transaction import registered, run, transaction

__all__ = ["NameKeeper", "renew_names"]

# Decisions are made by hand: seconds later is soon enough.
_LOOK_AGAIN_S = 2.0
_ACTS = pa.schema(
    [
        ("place", pa.int32()),
        ("verb", pa.string()),
        ("alias", pa.string()),
        ("agent", pa.string()),
        ("actor", pa.string()),
        ("reason", pa.string()),
        ("decided_at", pa.timestamp("us", tz="UTC")),
    ]
)

_log = structlog.get_logger("collector.store.identities")


def renew_names(cursor: duckdb.DuckDBPyConnection) -> None:
    """Tell anew which names are one agent; inside the transaction that learnt or decided."""
    run(cursor, "matching/names_before")
    run(cursor, "identities/forget_names")
    run(cursor, "identities/keep_names")
    run(cursor, "matching/note_names")


class NameKeeper:
    """Runs on the applier's thread. A file that cannot be read leaves what was decided before."""

    def __init__(self, identities: Identities, clock: Callable[[], float] = time.monotonic) -> None:
        self._identities = identities
        self._clock = clock
        self._looked_at: float | None = None
        self._complaint: str | None = None
        self._stamp: tuple[int, ...] | None = ()

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            _log.error("identities_not_read", reason=reason)
        self._complaint = reason

    def renew(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Read the file again, if it is time and it changed."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < _LOOK_AGAIN_S:
            return
        self._looked_at = now
        stamp = self._identities.stamp()
        if stamp == self._stamp:
            return
        try:
            acts = self._identities.all()
        except RefusedInput as error:
            # What else keeps it from being read may pass without a change of the file.
            self._stamp = stamp if isinstance(error, WrongLine) else ()
            self._complain(str(error))
            return
        self._stamp, self._complaint = stamp, None
        with transaction(cursor), registered(cursor, "incoming_act", _table(acts)):
            run(cursor, "identities/forget")
            run(cursor, "identities/insert")
            renew_names(cursor)


def _table(acts: tuple[IdentityAct, ...]) -> pa.Table:
    rows = [
        {
            "place": place,
            "verb": act.verb.value,
            "alias": act.alias,
            "agent": act.agent,
            "actor": act.actor,
            "reason": act.reason,
            "decided_at": act.at,
        }
        for place, act in enumerate(acts)
    ]
    return pa.Table.from_pylist(rows, schema=_ACTS)
