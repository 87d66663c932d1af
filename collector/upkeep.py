"""Upkeep: what the collector does with old evidence, in small steps beside the intake.

One thread seals closed days, a step at a time. After a step it rests four times as long as
the step took, and it waits while records wait to be stored. A fault is told and tried again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from collector.objectives import utc_now
from collector.store.archive import Archive
from collector.store.connection import Store

__all__ = ["Upkeep"]

# A day is closed once a day; looking every few minutes spreads the work of a large one.
EVERY_S = 300.0
FIRST_AFTER_S = 60.0
REST = 4.0
BUSY_S = 5.0

_log = structlog.get_logger("collector.upkeep")


class Upkeep:
    """Seals what is old enough; `is_busy` tells when the intake needs the machine."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        *,
        is_busy: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] = utc_now,
        first_after_s: float = FIRST_AFTER_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._archive = archive
        self._is_busy = is_busy
        self._now = now
        self._first_after_s = first_after_s
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self.fault: str | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._archive.unlink_due(at_once=True)

    def round(self) -> int:
        """Seal all that is due, resting between the steps; answers how many rows were sealed."""
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
        if rows:
            self._checkpoint()
        self._archive.unlink_due()
        return rows

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
                self.fault = f"old days are not sealed: {error}"
                _log.exception("upkeep_failed", retry_in_s=self._every_s)
            wait_s = self._every_s

    def _checkpoint(self) -> None:
        """What was sealed leaves the database file now; a busy store does it later by itself."""
        if not self._store.try_checkpoint():
            _log.info("checkpoint_postponed")
