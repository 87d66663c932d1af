"""kill -9 between deciding on a step of a budget and hearing that it is taken: one command."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.conftest import Collector

from collector.control.journal import Journal

pytestmark = pytest.mark.crash

WITHIN_S = 90
BUDGET = """
apiVersion: watchkeeper/v1
kind: SpendBudget
metadata: {name: clerk-month}
spec:
  agents: [clerk]
  amount_usd: 50
  period: month
  steps: [{at: 1, act: push, hold: kill}]
"""


class Relay(BaseHTTPRequestHandler):
    """Between the collector and control; holds a step back on its way there or on its way back."""

    control = ""
    holds: str | None = None
    reached = threading.Event()
    released = threading.Event()
    passed = threading.Event()

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        is_step = self.path == "/v1/budget-steps"
        if is_step and self.holds == "there":
            self._hold()
        self._pass_on(holding=is_step and self.holds == "back")

    def _hold(self) -> None:
        self.reached.set()
        self.released.wait(WITHIN_S)

    def _pass_on(self, holding: bool = False) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kept = ("authorization", "content-type")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        try:
            answer = httpx.request(
                self.command, f"{self.control}{self.path}", content=body, headers=headers
            )
        except httpx.TransportError:
            return
        if holding:
            self._hold()
        try:
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)
        except OSError:
            # Whoever asked was killed.
            return
        if self.path == "/v1/budget-steps":
            self.passed.set()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def relaying(control: str, holds: str) -> Iterator[tuple[type[Relay], str]]:
    relay = type(
        "OneRelay",
        (Relay,),
        {
            "control": control,
            "holds": holds,
            "reached": threading.Event(),
            "released": threading.Event(),
            "passed": threading.Event(),
        },
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield relay, f"127.0.0.1:{server.server_address[1]}"
    finally:
        relay.released.set()
        server.shutdown()
        server.server_close()


@contextmanager
def controlling(home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "collector", "control", "--home", str(home)]
    process = subprocess.Popen(
        [*command, "--control", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield "http://" + process.stdout.readline().strip().removeprefix("ready control=")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Spending(Collector):
    """A collector whose control is named, and which is sent a dear call."""

    def __init__(self, home: Path, control: str) -> None:
        super().__init__(home)
        self.control = control

    def run(self, **changes: str) -> subprocess.Popen[str]:
        return super().run(control=self.control, **changes)

    def spend(self, usd: float) -> None:
        now = time.time_ns()
        attributes = {
            "gen_ai.operation.name": {"stringValue": "chat"},
            "gen_ai.request.model": {"stringValue": "large"},
            "gen_ai.agent.name": {"stringValue": "clerk"},
            "gen_ai.usage.cost": {"doubleValue": usd},
        }
        span = {
            "traceId": "01" * 16,
            "spanId": "02" * 8,
            "name": "chat large",
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 10**6),
            "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        }
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        httpx.post(f"http://{self.http}/v1/traces", json=body).raise_for_status()


def steps_and_commands(home: Path) -> tuple[list[str], list[str]]:
    journal = Journal.open(home / "control")
    try:
        steps = [row["state"] for row in journal.rows("list_budget_steps", limit=10)]
        return steps, [row["kind"] for row in journal.rows("list_commands", limit=10)]
    finally:
        journal.close()


@pytest.mark.parametrize("holds", ["there", "back"])
def test_a_collector_killed_while_it_sends_a_step_leaves_one_command(
    tmp_path: Path, holds: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "budgets.yaml").write_text(BUDGET)
    with controlling(home) as control, relaying(control, holds) as (relay, address):
        collector = Spending(home, address)
        collector.start()
        collector.spend(61.5)
        assert relay.reached.wait(WITHIN_S)
        before = steps_and_commands(home)

        collector.kill()
        relay.holds = None
        collector.start()
        try:
            assert relay.passed.wait(WITHIN_S), "the restarted collector tells it, too"
            after = steps_and_commands(home)
            # What was under way when the collector was killed arrives after all.
            relay.released.set()
        finally:
            collector.stop()

    assert after == (["pushed"], ["kill"])
    assert before == (([], []) if holds == "there" else (["pushed"], ["kill"]))
    assert steps_and_commands(home) == (["pushed"], ["kill"])
