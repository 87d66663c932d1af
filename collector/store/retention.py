"""Deletion of what is past its time: whole files of the archive, and whole rows of governance.

1. In one transaction rows and files leave, and `retention_run` says what left and why.
2. After a checkpoint without them the files leave the disk.
A kill before the checkpoint brings everything back; the next round deletes it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from collector.keeping import FLOOR_DAYS, Act, Piece, Rules, Signal
from collector.store.archive import Archive, sealed_files
from collector.store.connection import Store
from collector.store.sealed import SealedFile
from collector.store.transaction import run, transaction

__all__ = ["Deleted", "Retention"]

_SIGNALS: Mapping[str, Signal] = {
    "span": Signal.SPANS,
    "log_record": Signal.LOGS,
    "metric_point": Signal.METRICS,
}
# How the age of a governance row is known beside the time it tells.
_BY_SEQUENCE = ("decision", "trust_point", "command_event", "governance_event", "logged_call")
_BY_TIME = (
    "run",
    "action",
    # Once it is known which actions are kept.
    "sequence_match",
    "refused_record",
    "source_count",
    "sender_count",
    "sequence_range",
    "drop_count",
    "budget",
    "burn",
)
# What was counted beforehand; objectives look back over months, so no override shortens it.
_ROLLUPS = ("event", "latency", "decision", "cost", "call", "agent", "component")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger("collector.store.retention")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What left: so many rows of a table, or one file."""

    signal: Signal
    table_name: str
    first_at: datetime
    last_at: datetime
    rows: int
    path: str | None = None
    sha256: str | None = None


class Retention:
    """Deletes on a cursor of its own; one thread at a time uses it."""

    def __init__(self, store: Store, archive: Archive) -> None:
        self._store = store
        self._archive = archive
        self._cursor = store.cursor()
        self._leaving: list[SealedFile] = []

    def close(self) -> None:
        self._cursor.close()

    def tell_acts(self, acts: Iterable[tuple[Act, str]]) -> None:
        """Let the views show the acts, each with its signature."""
        with transaction(self._cursor):
            run(self._cursor, "retention/forget_acts")
            for act, signature in acts:
                run(self._cursor, "retention/insert_act", _columns(act, signature))

    def delete_due(self, rules: Rules, now: datetime) -> list[Deleted]:
        """Delete everything that may go now; answers what left."""
        run(self._cursor, "retention/mark_position", {"now": now})
        # A checkpoint gives rows other ids, also those of a transaction under way.
        with self._archive.checkpoints_paused(), transaction(self._cursor):
            self._note_holds(rules)
            files = [file for file in sealed_files(self._cursor) if _may_leave(file, rules, now)]
            self._archive.drop(files, self._cursor)
            deleted = [*map(_deleted, files), *self._delete_rows(rules, now)]
            for each in deleted:
                run(self._cursor, "retention/insert_run", _told(each, rules, now))
        for each in deleted:
            _log.info("evidence_deleted", table=each.table_name, rows=each.rows, path=each.path)
        self._leaving += files
        return deleted

    @property
    def is_leaving(self) -> bool:
        """Whether files left the manifest and not yet the disk."""
        return bool(self._leaving)

    def unlink_left(self) -> None:
        """After a checkpoint: what left the manifest may leave the disk."""
        if self._leaving:
            self._archive.unlink_later(self._leaving)
            self._leaving = []

    def _note_holds(self, rules: Rules) -> None:
        for made in ("standing_hold", "is_held", "is_held_then"):
            run(self._cursor, f"retention/{made}")
        for hold in rules.holds:
            bound = {"since": hold.since, "until": hold.until, "agent": hold.agent}
            run(self._cursor, "retention/add_standing_hold", bound)

    def _delete_rows(self, rules: Rules, now: datetime) -> Iterator[Deleted]:
        before = rules.kept_since(Signal.GOVERNANCE, now)
        [(up_to,)] = run(self._cursor, "retention/marked", {"before": before})
        # Telemetry first: which of it carries governance is known by the governance rows.
        for table, signal in _SIGNALS.items():
            for governs in (False, True):
                kind = Signal.GOVERNANCE if governs else signal
                bound = {"before": rules.kept_since(kind, now), "governs": governs}
                yield from self._delete(table, kind, bound)
        for table in _BY_SEQUENCE:
            yield from self._delete(table, Signal.GOVERNANCE, {"before": before, "up_to": up_to})
        for table in _BY_TIME:
            yield from self._delete(table, Signal.GOVERNANCE, {"before": before})
        run(self._cursor, "retention/forget_matches", {"before": before})
        run(self._cursor, "retention/forget_refusals", {"before": before})
        run(self._cursor, "sequences/note_thinned", {"before": before})
        run(self._cursor, "retention/forget_noted_actions", {"before": before})
        counted = min(before, now - timedelta(days=FLOOR_DAYS))
        for rollup in _ROLLUPS:
            run(self._cursor, f"retention/forget_{rollup}_rollup", {"before": counted})

    def _delete(self, table: str, signal: Signal, bound: Mapping[str, Any]) -> Iterator[Deleted]:
        run(self._cursor, f"retention/due_{table}", bound)
        [(rows, first, last)] = run(self._cursor, "retention/due")
        if rows:
            run(self._cursor, f"retention/delete_{table}")
            yield Deleted(signal, table, _instant(first), _instant(last), rows)


def _signal(file: SealedFile) -> Signal:
    return Signal.GOVERNANCE if file.carries == "governance" else _SIGNALS[file.table_name]


def _may_leave(file: SealedFile, rules: Rules, now: datetime) -> bool:
    piece = Piece(_signal(file), file.first_at, file.last_at, file.latest_received_at)
    return rules.may_delete(piece, now)


def _deleted(file: SealedFile) -> Deleted:
    return Deleted(
        _signal(file),
        file.table_name,
        file.first_at,
        file.last_at,
        file.rows,
        file.path,
        file.sha256,
    )


def _told(deleted: Deleted, rules: Rules, now: datetime) -> dict[str, Any]:
    return {
        "deleted_at": now,
        "signal": deleted.signal.value,
        "table_name": deleted.table_name,
        "first_at": deleted.first_at,
        "last_at": deleted.last_at,
        "rows": deleted.rows,
        "path": deleted.path,
        "sha256": deleted.sha256,
        "kept_days": rules.days_of(deleted.signal, now),
    }


def _columns(act: Act, signature: str) -> dict[str, Any]:
    return {
        "act_id": act.act_id,
        "kind": act.kind.value,
        "acted_by": act.by,
        "acted_at": act.at,
        "reason": act.reason,
        "signal": act.signal and act.signal.value,
        "days": act.days,
        "since": act.since,
        "until": act.until,
        "agent": act.agent,
        "hold_id": act.hold_id,
        "signature": signature,
    }


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
