"""Backup jobs: one at a time, in a thread, with a state that can be asked for."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from collector.backup import back_up
from collector.config import Settings
from collector.errors import RefusedInput
from collector.store.archive import Archive
from collector.store.connection import Store

__all__ = ["BackupJobs"]

_log = structlog.get_logger("collector.backup")

Job = dict[str, Any]


class BackupJobs:
    """Makes backups of a running collector; `acknowledged` tells the last record it promised."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        settings: Settings,
        acknowledged: Callable[[], int],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._archive = archive
        self._settings = settings
        self._acknowledged = acknowledged
        self._now = now
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self, target: str, *, with_keys: bool) -> Job:
        """Begin a backup into a new folder of this machine."""
        if not Path(target).is_absolute():
            raise RefusedInput(f"expected an absolute path, got {target!r:.200}")
        with self._lock:
            if self._stopping or any(job["state"] == "running" for job in self._jobs.values()):
                raise RefusedInput("a backup is being made already: wait until it is done")
            job: Job = {"id": uuid.uuid4().hex, "state": "running", "step": "waiting"}
            job |= {"share": 0.0, "error": None, "manifest": None}
            self._jobs[job["id"]] = job
            work = (job, Path(target), with_keys, self._acknowledged())
            self._thread = threading.Thread(target=self._make, args=work, name="backup")
            self._thread.start()
            return dict(job)

    def get(self, job_id: str) -> Job:
        with self._lock:
            if job_id not in self._jobs:
                raise RefusedInput(f"no backup job is called {job_id!r:.80}")
            return dict(self._jobs[job_id])

    def stop(self) -> None:
        """Break off a backup under way; what it wrote is removed."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()

    def _make(self, job: Job, target: Path, with_keys: bool, reaches: int) -> None:
        def report(step: str, share: float) -> None:
            if self._stopping:
                raise RefusedInput("the collector stopped while the backup was made")
            with self._lock:
                job.update(step=step, share=round(share, 3))

        try:
            with self._archive.kept_readable():
                manifest = back_up(
                    self._store,
                    self._settings,
                    target,
                    now=self._now(),
                    reaches=reaches,
                    with_keys=with_keys,
                    report=report,
                )
            told = {name: manifest[name] for name in ("position", "with_keys", "damaged")}
            end = {"state": "done", "manifest": told | {"files": len(manifest["files"])}}
        # The outermost call of the thread: whatever went wrong is the answer of the job.
        except Exception as error:
            end = {"state": "failed", "error": str(error)}
            with contextlib.suppress(OSError):
                _log.exception("backup_failed", target=str(target))
        with self._lock:
            job.update(end)
        _log.info("backup_ended", target=str(target), state=job["state"])
