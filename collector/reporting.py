"""Report jobs: each report is made by a process of its own, one after another.

A report takes seconds of processor time and must not slow the intake. The state of a
job is a JSON file beside its PDF, so a restarted collector still lists it.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import structlog

from collector.errors import RefusedInput
from mappings import load

_REPORT_ID = re.compile(r"[a-z0-9]{8,40}")
_MOST_WAITING = 5
_SHOWN = (
    "report_id",
    "state",
    "progress",
    "step",
    "since",
    "until",
    "framework",
    "made_at",
    "sha256",
    "pages",
    "error",
)
_log = structlog.get_logger("collector.reporting")

Job = dict[str, Any]


class Reports:
    """Makes reports one at a time; at most five more may wait.

    `command` is the program that makes one, without its arguments.
    """

    def __init__(
        self,
        directory: Path,
        api_url: str,
        command: tuple[str, ...] = (sys.executable, "-m", "reports"),
    ) -> None:
        self._directory = directory
        self._api_url = api_url
        self._command = command
        self._lock = threading.Lock()
        self._waiting: Queue[str] = Queue()
        self._process: subprocess.Popen[str] | None = None
        self._worker: threading.Thread | None = None
        self._closed = False
        directory.mkdir(parents=True, exist_ok=True)
        self._jobs = {job["report_id"]: job for job in map(_read, directory.glob("*.json")) if job}
        self._fail_interrupted()

    def start(self, since: str, until: str, framework: str) -> Job:
        """Queue a report over a period (RFC 3339) for one framework."""
        if framework not in load.framework_ids():
            known = ", ".join(load.framework_ids())
            raise RefusedInput(f"framework: expected one of {known}, got {framework!r:.100}")
        with self._lock:
            if self._closed or self._waiting.qsize() >= _MOST_WAITING:
                raise RefusedInput(f"{_MOST_WAITING} reports are waiting already: try again later")
            job = _new_job(since, until, framework)
            self._keep(job)
            self._waiting.put(job["report_id"])
            self._ensure_worker()
        return _shown(job)

    def list(self) -> list[Job]:
        """Every job, the newest first."""
        with self._lock:
            jobs = sorted(self._jobs.values(), key=lambda job: str(job["made_at"]), reverse=True)
            return [_shown(job) for job in jobs]

    def get(self, report_id: str) -> Job | None:
        with self._lock:
            job = self._jobs.get(report_id)
            return _shown(job) if job else None

    def pdf_path(self, report_id: str) -> Path | None:
        """The finished PDF, or None while there is none."""
        job = self.get(report_id)
        path = self._directory / f"{report_id}.pdf"
        return path if job and job["state"] == "done" and path.is_file() else None

    def close(self) -> None:
        """Stop the running report; it and those that wait are failed, with that reason."""
        with self._lock:
            self._closed = True
            process, worker = self._process, self._worker
        if process:
            process.terminate()
        if worker:
            worker.join(timeout=10)
        self._fail_interrupted()

    def _fail_interrupted(self) -> None:
        with self._lock:
            for job in self._jobs.values():
                if job["state"] == "running":
                    self._keep(job | _failure("the collector stopped while it was being made"))

    def _keep(self, job: Job) -> None:
        self._jobs[job["report_id"]] = job
        path = self._directory / f"{job['report_id']}.json"
        unfinished = path.with_name(f"{path.name}.part")
        unfinished.write_text(json.dumps(job, indent=1), "utf-8")
        unfinished.replace(path)

    def _ensure_worker(self) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="reports", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                try:
                    report_id = self._waiting.get_nowait()
                except Empty:
                    report_id = None
                if report_id is None or self._closed:
                    self._worker = None
                    return
            self._make(report_id)

    def _make(self, report_id: str) -> None:
        try:
            process = self._spawn(self._jobs[report_id])
            self._follow(process, report_id)
        except OSError as error:
            self._change(report_id, _failure(f"the report could not be started: {error}"))

    def _spawn(self, job: Job) -> subprocess.Popen[str]:
        output = self._directory / f"{job['report_id']}.pdf"
        arguments = ["--since", job["since"], "--until", job["until"]]
        arguments += ["--framework", job["framework"], "--api", self._api_url]
        arguments += ["--output", str(output), "--progress"]
        with self._log_path(job["report_id"]).open("w") as narration, self._lock:
            self._process = subprocess.Popen(
                [*self._command, *arguments],
                stdout=subprocess.PIPE,
                stderr=narration,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            return self._process

    def _follow(self, process: subprocess.Popen[str], report_id: str) -> None:
        done: Job = {}
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                said = _said(line)
                done = said if said.get("done") is True else done
                self._change(report_id, _progress(said))
        with self._lock:
            self._process = None
        self._change(report_id, self._end(process.returncode, done, report_id))

    def _end(self, code: int, done: Mapping[str, Any], report_id: str) -> Job:
        if code == 0 and done and (self._directory / f"{report_id}.pdf").is_file():
            measured = {"sha256": done.get("sha256"), "pages": done.get("pages")}
            return {"state": "done", "progress": 1.0, "step": "done", **measured}
        reason = _last_line(self._log_path(report_id))
        return _failure(reason or f"the report ended with code {code} and told no reason")

    def _change(self, report_id: str, change: Job) -> None:
        if not change:
            return
        with self._lock:
            self._keep(self._jobs[report_id] | change)
        if "state" in change:
            _log.info("report_ended", report_id=report_id, **change)

    def _log_path(self, report_id: str) -> Path:
        return self._directory / f"{report_id}.log"


def _new_job(since: str, until: str, framework: str) -> Job:
    return {
        "report_id": secrets.token_hex(8),
        "state": "running",
        "progress": 0.0,
        "step": "waiting",
        "since": since,
        "until": until,
        "framework": framework,
        "made_at": datetime.now(UTC).isoformat(),
        "sha256": None,
        "pages": None,
        "error": None,
    }


def _failure(reason: str) -> Job:
    return {"state": "failed", "error": reason}


def _shown(job: Mapping[str, Any]) -> Job:
    return {name: job.get(name) for name in _SHOWN}


def _read(path: Path) -> Job | None:
    """A job as it was kept; a file that is none is left alone."""
    with contextlib.suppress(OSError, ValueError):
        job = json.loads(path.read_text("utf-8"))
        if isinstance(job, dict) and job.get("report_id") == path.stem and _is_safe(path.stem):
            return job
    return None


def _is_safe(report_id: str) -> bool:
    return _REPORT_ID.fullmatch(report_id) is not None


def _said(line: str) -> Job:
    with contextlib.suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    return {}


def _progress(said: Mapping[str, Any]) -> Job:
    progress = said.get("progress")
    if not isinstance(progress, int | float) or not 0 <= progress <= 1:
        return {}
    return {"progress": float(progress), "step": str(said.get("step", ""))}


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = path.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""
    return ""
