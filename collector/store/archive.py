"""The archive: closed days leave the database for Parquet files that every question still reaches.

1. Choose rows of one closed day, a bounded number, in order of arrival.
2. Write them to a temporary name, sync the file, give it its name, sync the folder.
3. In the same transaction delete the rows, enter the file into the manifest with its
   SHA-256, and let the views read it. Rows chosen, written and deleted are one snapshot.
4. A kill before the commit leaves the rows in the database and a file that no view reads:
   at the next start it is set aside. So does a kill after it and before a checkpoint,
   because DuckDB keeps no log; a kill after that leaves the file and no rows.

A file leaves the disk only after a checkpoint without it, and once no reader needs it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import structlog

from collector.errors import WatchkeeperError
from collector.store.sealed import (
    TIMES,
    Column,
    SealedFile,
    archived_view,
    copy_statement,
    every_view,
    sealed_file,
)
from collector.store.transaction import run, transaction
from collector.store.wholeness import Wholeness

__all__ = ["FOLDER", "Archive", "Sealed", "install_views", "sealed_files"]

FOLDER = "archive"
SUMS = "SHA256SUMS"
UNFINISHED = ".unfinished"
DAY = timedelta(days=1)
# One step: about a second of two cores, then the intake has them again.
STEP_ROWS = 200_000
# A retry comes within minutes, a late parent within hours: what came today stays for today.
SETTLED = timedelta(hours=24)
# Of days long past a sender with a wrong clock can name as many as it likes.
LEAST_LATE_ROWS = 1000
# Readers end after 30 s; an export says that it reads.
UNLINK_AFTER_S = 120.0

_log = structlog.get_logger("collector.store.archive")


class SealingFailed(WatchkeeperError):
    """A day could not be sealed; its rows are in the database as they were."""


Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one step took out of the database."""

    table: str
    day: datetime
    files: tuple[SealedFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def install_views(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    whole: Wholeness,
    *,
    closely: bool = False,
    only_changed: bool = False,
) -> tuple[list[str], bool]:
    """Let the views read every sealed file that is whole.

    Answers what is wrong with the others, and whether a view reads other files than before.
    """
    found = [(file, whole.fault(file, closely=closely)) for file in sealed_files(connection)]
    has_changed = False
    for name in TIMES:
        mine = [(file, fault) for file, fault in found if file.table_name == name]
        differs = _differs(connection, name, mine)
        has_changed |= differs
        if differs or not only_changed:
            readable = [file for file, fault in mine if not fault]
            _replace_views(connection, folder, name, readable)
    faults = [f"{file.path}: {fault}" for file, fault in found if fault]
    if has_changed:
        for fault in faults:
            _log.error("archived_file_left_out", file=fault)
    return faults, has_changed


def sealed_files(cursor: duckdb.DuckDBPyConnection) -> list[SealedFile]:
    """The manifest."""
    return [sealed_file(row) for row in run(cursor, "archive/files")]


class Archive:
    """Seals closed days and drops old ones; one thread at a time uses it."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        folder: Path,
        checkpoints_paused: Callable[[], AbstractContextManager[object]],
        *,
        hot_days: int = 7,
        step_rows: int = STEP_ROWS,
        at_step: Step = lambda name: None,
        whole: Wholeness | None = None,
    ) -> None:
        """`at_step` hears of each step that a kill may follow.

        Inside `checkpoints_paused` nobody writes a checkpoint: one gives rows other ids, also
        those of a transaction under way, and other rows than were written would be deleted.
        """
        self.checkpoints_paused = checkpoints_paused
        self.folder = folder
        self._whole = whole or Wholeness(folder)
        self.hot_days = hot_days
        self._cursor = cursor
        self._step_rows = step_rows
        self._at_step = at_step
        self._readers = 0
        self._lock = threading.Lock()
        self._dropped: list[tuple[float, Path]] = []

    def tidy(self) -> None:
        """Set aside what no row of the manifest names, as a kill leaves it; once, at the start."""
        known = {self.folder / file.path for file in sealed_files(self._cursor)}
        for path in sorted(self.folder.rglob("*")):
            if path.name.endswith(UNFINISHED):
                path.unlink()
            elif path.suffix == ".parquet" and path not in known:
                kept = self.folder.with_name("archive-set-aside") / path.relative_to(self.folder)
                kept.parent.mkdir(parents=True, exist_ok=True)
                path.replace(kept)
                _log.warning("archive_file_set_aside", path=str(kept))
        self._write_sums()

    def seal_next(self, now: datetime) -> Sealed | None:
        """One step: seal rows of the oldest closed day, or None when there are none."""
        for table in TIMES:
            day = self._closed_day(table, now)
            if day is not None:
                return self._seal(table, day, now)
        return None

    def drop(self, files: list[SealedFile], cursor: duckdb.DuckDBPyConnection) -> None:
        """Take files out of the manifest and the views, inside a transaction of this cursor."""
        for file in files:
            run(cursor, "archive/forget_file", {"path": file.path})
        for table in {file.table_name for file in files}:
            self._show(table, cursor)

    def unlink_later(self, files: list[SealedFile]) -> None:
        """Call it once their leaving is checkpointed."""
        due = time.monotonic() + UNLINK_AFTER_S
        with self._lock:
            self._dropped += [(due, self.folder / file.path) for file in files]
        self._write_sums()

    def unlink_due(self, *, at_once: bool = False) -> None:
        """Remove dropped files that no reader can need any more."""
        with self._lock:
            if self._readers and not at_once:
                return
            now = time.monotonic()
            due = [path for when, path in self._dropped if at_once or when <= now]
            self._dropped = [each for each in self._dropped if each[1] not in due]
        for path in due:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    @contextlib.contextmanager
    def kept_readable(self) -> Iterator[None]:
        """While an export or a backup runs, no file leaves the disk."""
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1

    # One step

    def _closed_day(self, table: str, now: datetime) -> datetime | None:
        bound = {
            "closed_before": _midnight(now) - self.hot_days * DAY,
            "received_before": now - SETTLED,
        }
        for day_us, rows, late in run(self._cursor, f"archive/closed_{table}", bound):
            if rows > late or rows >= LEAST_LATE_ROWS:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=day_us)
        return None

    def _seal(self, table: str, day: datetime, now: datetime) -> Sealed:
        with self.checkpoints_paused(), transaction(self._cursor):
            self._choose(table, day, now)
            files = tuple(
                file
                for governs in (True, False)
                if (file := self._write(table, day, governs, now)) is not None
            )
            self._at_step("written")
            [(deleted,)] = run(self._cursor, f"archive/forget_{table}")
            if deleted != (written := sum(file.rows for file in files)):
                raise SealingFailed(f"{written} rows written and {deleted} deleted: try again")
            for file in files:
                run(self._cursor, "archive/insert_file", asdict(file))
            self._show(table, self._cursor)
            self._at_step("deleted")
        self._at_step("committed")
        self._write_sums()
        sealed = Sealed(table, day, files)
        _log.info("day_sealed", table=table, day=day.date().isoformat(), rows=sealed.rows)
        return sealed

    def _choose(self, table: str, day: datetime, now: datetime) -> None:
        bound = {"since": day, "until": day + DAY, "received_before": now - SETTLED}
        most = {"most": self._step_rows}
        [(up_to,)] = run(self._cursor, f"archive/up_to_{table}", bound | most)
        run(self._cursor, f"archive/choose_{table}", bound | {"up_to": up_to})

    def _write(self, table: str, day: datetime, governs: bool, now: datetime) -> SealedFile | None:
        measured = run(self._cursor, f"archive/measure_{table}", {"governs": governs})
        [(rows, first, last, received, low, high)] = measured
        if not rows:
            return None
        carries = "governance" if governs else "plain"
        name = f"{carries}-{low:020d}-{high:020d}.parquet"
        path = Path(table) / f"day={day.date().isoformat()}" / name
        columns = _columns(self._cursor, table)
        size, sha256 = self._write_synced(
            path, copy_statement(table, columns, _unfinished(self.folder / path)), governs
        )
        first_at, last_at, received_at = (_instant(us) for us in (first, last, received))
        return SealedFile(
            table_name=table,
            day=day.date(),
            carries=carries,
            path=str(path),
            rows=rows,
            bytes=size,
            sha256=sha256,
            columns=[column for column, _ in columns],
            first_at=first_at,
            last_at=last_at,
            latest_received_at=received_at,
            sealed_at=now,
        )

    def _write_synced(self, path: Path, copy: str, governs: bool) -> tuple[int, str]:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _unfinished(target)
        self._cursor.execute(copy, {"governs": governs})
        self._cursor.fetchall()
        self._at_step("copied")
        sha256 = _synced_hash(draft)
        draft.replace(target)
        for folder in (target.parent, target.parent.parent, self.folder):
            _sync_folder(folder)
        self._at_step("renamed")
        return target.stat().st_size, sha256

    def _show(self, table: str, cursor: duckdb.DuckDBPyConnection) -> None:
        files = [file for file in sealed_files(cursor) if not self._whole.fault(file)]
        _replace_views(cursor, self.folder, table, files)

    def _write_sums(self) -> None:
        """The manifest as `sha256sum -c` reads it, for who has the files and not the database."""
        lines = [f"{file.sha256}  {file.path}\n" for file in sealed_files(self._cursor)]
        draft = self.folder / (SUMS + UNFINISHED)
        draft.write_text("".join(lines), encoding="ascii")
        _synced_hash(draft)
        draft.replace(self.folder / SUMS)


def _replace_views(
    cursor: duckdb.DuckDBPyConnection, folder: Path, table: str, files: list[SealedFile]
) -> None:
    columns = _columns(cursor, table)
    for view in (archived_view(table, columns, files, folder), every_view(table, columns)):
        cursor.execute(view)
        cursor.fetchall()


def _differs(
    cursor: duckdb.DuckDBPyConnection, table: str, files: list[tuple[SealedFile, str | None]]
) -> bool:
    """Whether the view reads a file it should not, or does not read one it should."""
    [(shown,)] = run(cursor, "archive/shown", {"view": f"archived_{table}"})
    return any((file.path in shown) == bool(fault) for file, fault in files)


def _columns(cursor: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    return [
        (str(name), str(kind)) for name, kind in run(cursor, "archive/columns", {"table": table})
    ]


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + UNFINISHED)


def _synced_hash(path: Path) -> str:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
