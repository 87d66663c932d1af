"""A collector process for official exporters, and the questions it answers."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from stack import environment_with_free_ports

HERE = Path(__file__).parent


class Collector:
    """A running collector; `grpc` and `http` are where it listens."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.grpc = environment["WATCHKEEPER_OTLP_GRPC"]
        self.http = f"http://{environment['WATCHKEEPER_OTLP_HTTP']}"
        self._api = f"http://{environment['WATCHKEEPER_API']}"

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What the store answers once it holds all that was acknowledged."""
        self._settle()
        answer = httpx.post(f"{self._api}/v1/sql", json={"sql": sql, "limit": 10_000}, timeout=60)
        assert answer.status_code == 200, answer.text
        return pl.read_ipc_stream(io.BytesIO(answer.content)).to_dicts()

    def column(self, sql: str) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows(sql)]

    def _settle(self) -> None:
        asked_at = datetime.now(UTC)
        for _ in range(1200):
            meta = httpx.get(f"{self._api}/v1/meta", timeout=60).json()
            # The facts are kept for a few seconds; those from before say nothing.
            is_fresh = datetime.fromisoformat(meta["now"]) >= asked_at
            if is_fresh and meta["wal_lag_records"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError("a minute after the last request not everything is stored")


@contextmanager
def running(home: Path, **settings: str) -> Iterator[Collector]:
    environment = environment_with_free_ports() | settings
    with subprocess.Popen(
        [sys.executable, "-m", "collector", "collector", "--home", str(home)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready")
            yield Collector(environment)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with running(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture
def collector_with_rate(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Starts a collector that lets every source send so much a second."""
    yield lambda rate: running(tmp_path / "home", WATCHKEEPER_SOURCE_RATE=rate)


@pytest.fixture(scope="session")
def send_from_js() -> Callable[..., str]:
    """Runs send.mjs with the packages of the lock file; what the SDK logged comes back."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("expected node and npm, found neither or one: run `make setup-tests`")
    if not (HERE / "node_modules").is_dir():
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True
        )

    def send(*arguments: str) -> str:
        ran = subprocess.run(
            [node, "send.mjs", *arguments], cwd=HERE, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stderr

    return send
