"""Jobs that compute costs anew after prices changed: asked for by a person, run beside intake.

1. A job is a file of the home before anybody is told that it began, so a crash forgets none. How
   far it is and what it changed stand in the store, in the transactions that change costs.
2. It runs on the applier's thread, a part at a time, and rests four times as long as a part took.
3. It is done only after a checkpoint: what the store has not saved, it would lose in a crash.
4. If the price file changes meanwhile, it begins anew with the new prices, under a name of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import structlog

from collector.costs.price import PriceList
from collector.errors import RefusedInput
from collector.homefile import HomeFile
from collector.store.connection import NoRoom, Store
from collector.store.reprice import Job, changes, reprice_part
from collector.store.transaction import MACHINE

__all__ = ["Repricing", "digest_of"]

REST = 4.0
LONGEST_PAUSE_S = 30.0
_log = structlog.get_logger("collector.repricing")


@dataclass(frozen=True)
class _Asked:
    """A job as its file keeps it; times are RFC 3339.

    prices: digest of the price list it computes with; runs: how often it began anew.
    """

    job_id: str
    asked_at: str
    actor: str
    reason: str
    since: str
    until: str
    state: str = "running"
    prices: str | None = None
    runs: int = 1
    error: str | None = None
    done_at: str | None = None
    changes: tuple[dict[str, Any], ...] = ()

    @property
    def work(self) -> Job:
        return Job(f"{self.job_id}/{self.runs}", _ns(self.since), _ns(self.until))


class Repricing:
    """The jobs of a home; `step` is called by whoever writes evidence."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        prices: HomeFile[PriceList],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._store = store
        self._prices = prices
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._jobs = _read(folder)
        self._next_ns: dict[str, int] = {}
        self._rest_until = 0.0
        self._failures = 0

    # People

    def start(self, since: datetime, until: datetime, actor: str, reason: str) -> dict[str, Any]:
        """Begin a job; refused while another one runs."""
        if not since < until:
            raise RefusedInput(f"expected --since before {until.isoformat()}, got {since}")
        if not 1 <= len(actor) <= 128 or not 3 <= len(reason.strip()) <= 1000:
            raise RefusedInput("expected who asks, and why in 3 to 1,000 characters")
        with self._lock:
            if any(job.state == "running" for job in self._jobs.values()):
                raise RefusedInput("costs are being computed anew already: wait until it is done")
            asked = _Asked(
                uuid.uuid4().hex,
                self._now().isoformat(),
                actor,
                reason.strip(),
                since.isoformat(),
                until.isoformat(),
            )
            self._keep(asked)
        return self.get(asked.job_id)

    def get(self, job_id: str) -> dict[str, Any]:
        with self._lock:
            if job_id not in self._jobs:
                raise RefusedInput(f"no such job is known: {job_id!r:.80}")
            return self._told(self._jobs[job_id])

    def all(self) -> list[dict[str, Any]]:
        """Every job, the latest first."""
        with self._lock:
            jobs = sorted(self._jobs.values(), key=lambda job: job.asked_at, reverse=True)
            return [self._told(job) for job in jobs]

    def _told(self, job: _Asked) -> dict[str, Any]:
        return {**asdict(job), "share": self._share(job)}

    def _share(self, job: _Asked) -> float:
        if job.state == "done":
            return 1.0
        work = job.work
        at_ns = self._next_ns.get(work.job_id, work.since_ns)
        return round((at_ns - work.since_ns) / (work.until_ns - work.since_ns), 3)

    # The applier's thread

    def step(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Do the next part of the job that runs, if one does and it has rested."""
        job = next((job for job in self._jobs.values() if job.state == "running"), None)
        if job is None or self._monotonic() < self._rest_until:
            return
        began = self._monotonic()
        try:
            self._part(cursor, job)
            self._failures = 0
        except (*MACHINE, NoRoom, duckdb.TransactionException) as error:
            self._failures += 1
            pause = min(LONGEST_PAUSE_S, 0.5 * 2**self._failures)
            _log.warning("reprice_waits", job=job.job_id, reason=str(error), retry_in_s=pause)
            self._rest_until = self._monotonic() + pause
            return
        # What no retry mends must not keep evidence from being stored.
        except Exception as error:
            _log.exception("reprice_failed", job=job.job_id)
            self._keep_locked(replace(job, state="failed", error=str(error)))
            return
        self._rest_until = self._monotonic() + REST * (self._monotonic() - began)

    def _part(self, cursor: duckdb.DuckDBPyConnection, job: _Asked) -> None:
        prices = self._prices.current()
        digest = digest_of(prices)
        if job.prices != digest:
            runs = job.runs if job.prices is None else job.runs + 1
            job = replace(job, prices=digest, runs=runs)
            self._keep_locked(job)
            _log.info("reprice_begun", job=job.job_id, actor=job.actor, prices=digest)
        next_ns = reprice_part(cursor, job.work, prices)
        if next_ns is None:
            self._finish(cursor, job)
        else:
            self._next_ns[job.work.job_id] = next_ns

    def _finish(self, cursor: duckdb.DuckDBPyConnection, job: _Asked) -> None:
        self._store.checkpoint()
        changed = tuple(
            each
            for run in range(1, job.runs + 1)
            for each in changes(cursor, f"{job.job_id}/{run}")
        )
        done = replace(job, state="done", done_at=self._now().isoformat(), changes=changed)
        self._keep_locked(done)
        _log.info(
            "reprice_done",
            job=job.job_id,
            actor=job.actor,
            prices=job.prices,
            calls=sum(each["calls"] for each in changed),
            usd_before=sum(each["usd_before"] for each in changed),
            usd_after=sum(each["usd_after"] for each in changed),
        )

    def _keep_locked(self, job: _Asked) -> None:
        with self._lock:
            self._keep(job)

    def _keep(self, job: _Asked) -> None:
        """On disk, synced, then in memory."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f"{job.job_id}.draft"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(job), file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / f"{job.job_id}.json")
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._jobs[job.job_id] = job


def digest_of(prices: PriceList) -> str:
    """What a price list says, as one short word: equal lists have equal ones."""
    said = repr([replace(price, only_from=frozenset()) for price in prices.all()])
    providers = repr([sorted(price.only_from) for price in prices.all()])
    return hashlib.sha256((said + providers).encode()).hexdigest()[:16]


def _read(folder: Path) -> dict[str, _Asked]:
    jobs = {}
    for file in sorted(folder.glob("*.json")):
        # A file that people damaged is no job; the others are.
        with contextlib.suppress(ValueError, TypeError, KeyError, OSError):
            told = json.loads(file.read_text("utf-8"))
            jobs[told["job_id"]] = _Asked(**{**told, "changes": tuple(told["changes"])})
    return jobs


def _ns(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000
