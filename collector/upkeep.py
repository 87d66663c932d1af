"""Upkeep: what the collector does with old evidence, in small steps beside the intake.

One thread seals closed days, a step at a time, and then deletes what is past its time. After
a step it rests four times as long as the step took, and it waits while records wait to be
stored. A fault is told and tried again. A wall clock that runs ahead deletes nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from collector.acts import Acts
from collector.objectives import utc_now
from collector.store.archive import Archive
from collector.store.connection import Store
from collector.store.retention import Retention

__all__ = ["Upkeep"]

# A day is closed once a day; looking every few minutes spreads the work of a large one.
EVERY_S = 300.0
FIRST_AFTER_S = 60.0
REST = 4.0
BUSY_S = 5.0
# Summer time and leap seconds do not touch UTC: more than this is a wrong clock.
CLOCK_AHEAD = timedelta(hours=1)

_log = structlog.get_logger("collector.upkeep")


class Upkeep:
    """Seals and deletes what is old enough; `is_busy` tells when the intake needs the machine."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        acts: Acts,
        *,
        is_busy: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        first_after_s: float = FIRST_AFTER_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._archive = archive
        self._acts = acts
        self._retention = Retention(store, archive)
        self._is_busy = is_busy
        self._now = now
        self._monotonic = monotonic
        self._began = (now(), monotonic())
        self._first_after_s = first_after_s
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self.fault: str | None = None

    def start(self) -> None:
        """Begin in the background."""
        self.tell_acts()
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._archive.unlink_due(at_once=True)

    def tell_acts(self) -> None:
        """Let the views show an act that was just done."""
        # Whoever deletes holds this lock too, so the cursor is free.
        with self._acts.lock:
            self._retention.tell_acts(self._acts.all())

    def round(self) -> None:
        """Seal all that is due, then delete all that may go, and let the file shrink."""
        self._store.look_at_archive()
        changed = self._seal() + self._delete()
        if changed or self._retention.is_leaving:
            if self._store.try_checkpoint():
                self._retention.unlink_left()
            else:
                _log.info("checkpoint_postponed")
        self._archive.unlink_due()

    def faults(self) -> list[str]:
        """What went wrong lately, and archived files that could not be read at the start."""
        return [*([self.fault] if self.fault else []), *self._store.archive_faults]

    def clock_ahead(self) -> timedelta:
        """How far the wall clock has run ahead of the time that has passed since the start."""
        began_at, began = self._began
        return self._now() - began_at - timedelta(seconds=self._monotonic() - began)

    def _seal(self) -> int:
        rows = 0
        while not self._stopping.is_set():
            if self._is_busy():
                self._stopping.wait(BUSY_S)
                continue
            began = time.monotonic()
            sealed = self._archive.seal_next(self._now())
            if sealed is None:
                break
            rows += sealed.rows
            self._stopping.wait(REST * (time.monotonic() - began))
        return rows

    def _delete(self) -> int:
        if self._acts.fault is not None:
            _log.error("nothing_deleted", reason=self._acts.fault)
            return 0
        if self.clock_ahead() > CLOCK_AHEAD:
            _log.error("nothing_deleted", reason=f"the clock ran ahead by {self.clock_ahead()}")
            return 0
        with self._acts.lock:
            deleted = self._retention.delete_due(self._acts.rules, self._now())
        return sum(each.rows for each in deleted)

    def _run(self) -> None:
        wait_s = self._first_after_s
        with contextlib.suppress(OSError):
            self._archive.tidy()
        while not self._stopping.wait(wait_s):
            try:
                self.round()
                self.fault = None
            # The outermost loop of the thread: say what happened, and try again later.
            except Exception as error:
                self.fault = f"old evidence is not tended: {error}"
                _log.exception("upkeep_failed", retry_in_s=self._every_s)
            wait_s = self._every_s
