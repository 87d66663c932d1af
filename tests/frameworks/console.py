"""A real collector and a real control process, and the operator who commands in them."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from stack import REPOSITORY, environment_with_free_ports

Rows = list[dict[str, Any]]


class Collector:
    """A running collector: where it listens, and what it answers."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.otlp_http = f"http://{environment['WATCHKEEPER_OTLP_HTTP']}"
        self.otlp_grpc = environment["WATCHKEEPER_OTLP_GRPC"]
        self._api = f"http://{environment['WATCHKEEPER_API']}"

    def rows(self, sql: str) -> Rows:
        answer = httpx.post(f"{self._api}/v1/sql", json={"sql": sql, "limit": 100_000}, timeout=60)
        assert answer.status_code == 200, answer.text
        rows: Rows = pl.read_ipc_stream(io.BytesIO(answer.content)).to_dicts()
        return rows

    def settle(self) -> None:
        """Wait until everything that was acknowledged can be asked for."""
        for _ in range(600):
            meta = httpx.get(f"{self._api}/v1/meta").json()
            if meta["wal_lag_records"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError("30 seconds after the last request not everything is applied")


class Operator:
    """Somebody signed in at control, who holds agents and lets them go."""

    def __init__(self, control: str, home: Path) -> None:
        link = (home / "control/sign-in-link").read_text().strip()
        self._http = httpx.Client(base_url=control, timeout=10)
        session = self._http.post("/v1/sessions", json={"code": link.partition("code=")[2]})
        self._http.headers["Authorization"] = f"Bearer {session.json()['token']}"

    def hold(self, kind: str, agent: str, **others: Any) -> str:
        """Command it, and answer the hold's id."""
        body = {
            "kind": kind,
            "scope": {"agent_name": agent, "instance": None},
            "reason": "a scenario of the framework tests",
            "expires_in_s": 3600,
            "idempotency_key": f"{kind}-{agent}-{time.monotonic_ns()}",
            **others,
        }
        answer = self._http.post("/v1/commands", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["hold_id"])

    def release(self, hold_id: str) -> None:
        body = {"reason": "scenario over", "idempotency_key": f"release-{hold_id}"}
        answer = self._http.post(f"/v1/holds/{hold_id}/release", json=body)
        assert answer.status_code == 200, answer.text

    def close(self) -> None:
        self._http.close()


@contextmanager
def collecting(home: Path, environment: dict[str, str] | None = None) -> Iterator[Collector]:
    """A collector process in this home."""
    environment = environment or environment_with_free_ports()
    with _process("collector", home, environment):
        yield Collector(environment)


@contextmanager
def commanding(home: Path, environment: dict[str, str]) -> Iterator[Operator]:
    """A control process in this home."""
    with _process("control", home, environment):
        operator = Operator(f"http://{environment['WATCHKEEPER_CONTROL']}", home)
        try:
            yield operator
        finally:
            operator.close()


@contextmanager
def _process(word: str, home: Path, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", word, "--home", str(home), "--log-level", "warning"],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready"), f"the {word} process did not become ready"
        yield
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
