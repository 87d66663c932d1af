"""A real collector process in a home of its own, to be started and killed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

READY_WITHIN_S = 120


class Collector:
    """Starts on the same home and ports every time."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.grpc, self.http, self.api = (f"127.0.0.1:{port}" for port in _free_ports(3))
        self.process: subprocess.Popen[str] | None = None

    def program(self) -> list[str]:
        """What starts the command line."""
        return [sys.executable, "-m", "collector"]

    def run(self, **changes: str) -> subprocess.Popen[str]:
        chosen = {"otlp-grpc": self.grpc, "otlp-http": self.http, "api": self.api} | changes
        flags = [text for name, value in chosen.items() for text in (f"--{name}", value)]
        command = [*self.program(), "collector", "--home", str(self.home), *flags]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start(self) -> str:
        """Wait until it can serve; answers its ready line."""
        self.process = self.run()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise AssertionError(f"expected a ready line, got {line!r}: {self.stopped()[1]}")
        return line

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.stopped()

    def stop(self) -> tuple[int, str]:
        """End it cleanly; answers its exit status and what it told on stderr."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.stopped()

    def stopped(self) -> tuple[int, str]:
        assert self.process is not None
        _, told = self.process.communicate(timeout=READY_WITHIN_S)
        status, self.process = self.process.returncode, None
        return status, told

    def sql(self, statement: str) -> list[dict[str, Any]]:
        answer = httpx.post(
            f"http://{self.api}/v1/sql", json={"sql": statement, "limit": 1_000_000}, timeout=60
        )
        answer.raise_for_status()
        rows: list[dict[str, Any]] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
        return rows

    def wait_until_applied(self) -> None:
        """Until every acknowledged record can be asked for."""
        began, deadline = datetime.now(UTC), time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            meta = httpx.get(f"http://{self.api}/v1/meta", timeout=60).json()
            # The answer may be one that was remembered.
            is_new = datetime.fromisoformat(meta["now"]) >= began
            if is_new and meta["wal_lag_records"] == 0:
                return
            time.sleep(0.2)
        raise AssertionError("the log was not applied in time")


def told(stderr: str, event: str) -> dict[str, Any]:
    """The log line with this event."""
    lines = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    found: dict[str, Any] = next(line for line in lines if line["event"] == event)
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    there = Collector(tmp_path / "home")
    yield there
    if there.process is not None:
        there.kill()


@pytest.fixture
def last_words() -> Any:
    return told
