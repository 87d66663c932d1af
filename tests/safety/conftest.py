"""A real collector process with settings of its own, and what senders need to reach it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

READY_WITHIN_S = 60


@dataclass
class Collector:
    """One process on free ports; `flags` are those of the command line."""

    home: Path
    flags: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.grpc_port, self.http_port, self.api_port = _free_ports(3)

    @property
    def stderr(self) -> Path:
        return self.home.with_suffix(".stderr")

    def start(self) -> Collector:
        command = [
            *(sys.executable, "-m", "collector", "collector", "--home", str(self.home)),
            *("--otlp-grpc", f"{self.host}:{self.grpc_port}"),
            *("--otlp-http", f"{self.host}:{self.http_port}"),
            *("--api", f"127.0.0.1:{self.api_port}"),
            *self.flags,
        ]
        with self.stderr.open("ab") as words:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
                env=_environment() | self.environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            self.process.wait(READY_WITHIN_S)
            raise AssertionError(f"expected a ready line, got {line!r}: {self.words()}")
        return self

    def words(self) -> str:
        """What it told on stderr so far."""
        return self.stderr.read_text(encoding="utf-8")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=READY_WITHIN_S)

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another command of the console on the same home."""
        return subprocess.run(
            [sys.executable, "-m", "collector", *words, "--home", str(self.home)],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            timeout=READY_WITHIN_S,
        )

    def new_token(self, name: str, *flags: str) -> str:
        ran = self.cli("tokens", "add", name, *flags)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def sql(self, statement: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.api_port}/v1"
        deadline = time.monotonic() + READY_WITHIN_S
        while httpx.get(f"{url}/meta").json()["wal_lag_records"] and time.monotonic() < deadline:
            time.sleep(0.05)
        answer = httpx.post(f"{url}/sql", json={"sql": statement, "limit": 10_000}, timeout=60)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
        return rows


def _environment() -> dict[str, str]:
    import os

    return {
        name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def collectors(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    """Makes collectors that are stopped in the end."""
    made: list[Collector] = []

    def make(*flags: str, **changes: Any) -> Collector:
        made.append(Collector(tmp_path / "home", flags, **changes))
        return made[-1]

    yield make
    for collector in made:
        collector.stop()
