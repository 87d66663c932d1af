"""A hold goes from an operator's command to an agent's refusal and back, through real processes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from watchkeeper_agent import Guard, Refused, attach

REPOSITORY = Path(__file__).resolve().parents[2]
SERVE = "import asyncio\nfrom collector.control.process import serve\n" + (
    "import argparse\nfrom collector import config\n"
    "parser = argparse.ArgumentParser()\nconfig.add_arguments(parser)\n"
    "asyncio.run(serve(config.settings_from(parser.parse_args())))\n"
)


@dataclass
class Console:
    """A running control process and an operator who is signed in."""

    process: subprocess.Popen[str]
    url: str
    http: httpx.Client

    def command(self, kind: str, agent: str, **others: Any) -> dict[str, Any]:
        body = {
            "kind": kind,
            "scope": {"agent_name": agent, "instance": None},
            "reason": "sends data outside",
            "expires_in_s": 3600,
            "idempotency_key": f"{kind}-{agent}-{time.monotonic_ns()}",
            **others,
        }
        answer = self.http.post("/v1/commands", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def release(self, hold_id: str) -> None:
        body = {"reason": "checked", "idempotency_key": f"release-{hold_id}"}
        answer = self.http.post(f"/v1/holds/{hold_id}/release", json=body)
        assert answer.status_code == 200, answer.text

    def seen(self, command_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.http.get(f"/v1/commands/{command_id}").json()
        return told


def _started(home: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "--home", str(home), "--control", "127.0.0.1:0"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Port 9 takes nothing: the collector is away, and must not be missed.
        env={**os.environ, "WATCHKEEPER_OTLP_HTTP": "127.0.0.1:9"},
    )
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], 30)
    line = process.stdout.readline() if ready else ""
    assert line.startswith("ready control="), "the control process did not become ready"
    return process, "http://" + line.strip().partition("=")[2]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    process, url = _started(tmp_path / "home")
    link = (tmp_path / "home/control/sign-in-link").read_text().strip()
    http = httpx.Client(base_url=url, timeout=10)
    session = http.post("/v1/sessions", json={"code": link.partition("code=")[2]})
    http.headers["Authorization"] = f"Bearer {session.json()['token']}"
    yield Console(process, url, http)
    http.close()
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert process.stdout
    process.stdout.close()


@pytest.fixture
def rogue(console: Console, tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    guards: list[Guard] = []

    def make(**others: Any) -> Guard:
        options: dict[str, Any] = {
            "control": console.url,
            "state_dir": tmp_path / "agent",
            "framework": "langchain",
            "read_only_tools": ("read_mail",),
            "attributes": {"watchkeeper.sample": True},
            **others,
        }
        guards.append(attach("rogue", **options))
        return guards[-1]

    yield make
    for guard in guards:
        guard.close()


def _until(fact: Callable[[], bool], seconds: float = 5.0) -> float:
    """Seconds until the fact held; fails when it did not in time."""
    started = time.monotonic()
    while not fact():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - started


def test_a_kill_reaches_the_hook_within_half_a_second_and_a_release_ends_it(
    console: Console, rogue: Callable[..., Guard]
) -> None:
    guard = rogue()
    guard.hooked("pre_model_call", "pre_tool_call")
    assert guard.wait_until_heard(10)
    guard.check_tool("transfer")

    command = console.command("kill", "rogue")
    took = _until(lambda: guard.effective_mode == "kill")
    with pytest.raises(Refused) as refused:
        guard.check_tool("transfer")

    assert took < 0.5
    assert refused.value.hold_id == command["hold_id"]

    def acked() -> bool:
        instances = console.seen(command["command_id"])["instances"]
        return bool(instances) and instances[0]["effective_mode"] == "kill"

    _until(acked)
    assert console.seen(command["command_id"])["state"] == "acked"

    console.release(command["hold_id"])
    _until(lambda: guard.effective_mode == "normal")
    assert guard.check_tool("transfer").name == "transfer"


def test_a_degraded_agent_keeps_its_read_only_tools(
    console: Console, rogue: Callable[..., Guard]
) -> None:
    guard = rogue()
    assert guard.wait_until_heard(10)

    console.command("degrade", "rogue", profile={"tools": {"class": "read_only"}})
    _until(lambda: guard.effective_mode == "degrade")

    assert guard.check_tool("read_mail").name == "read_mail"
    with pytest.raises(Refused):
        guard.check_tool("transfer")


def test_a_hold_on_another_agent_changes_nothing_here(
    console: Console, rogue: Callable[..., Guard]
) -> None:
    guard = rogue()
    assert guard.wait_until_heard(10)

    console.command("kill", "gateway")
    console.command("pause", "rogue")
    _until(lambda: guard.effective_mode != "normal")

    assert guard.effective_mode == "pause"


def test_a_killed_agent_stays_killed_when_control_is_gone(
    console: Console, rogue: Callable[..., Guard]
) -> None:
    guard = rogue()
    assert guard.wait_until_heard(10)
    console.command("kill", "rogue")
    _until(lambda: guard.effective_mode == "kill")

    console.process.kill()
    console.process.wait(10)
    guard.close()
    again = rogue()

    assert again.instance_uid == guard.instance_uid
    with pytest.raises(Refused):
        again.check_tool("read_mail")


def test_the_console_knows_the_instance_by_what_it_says_of_itself(
    console: Console, rogue: Callable[..., Guard]
) -> None:
    guard = rogue()
    guard.hooked("pre_tool_call")
    assert guard.wait_until_heard(10)

    def described() -> dict[str, Any]:
        listed = console.http.get("/v1/instances").json()["instances"]
        return next((one for one in listed if one["instance_uid"] == guard.instance_uid), {})

    _until(lambda: described().get("hooks") == ["pre_tool_call"], seconds=25)
    assert described()["agent"] == "rogue"
    assert described()["framework"] == "langchain"
    assert described()["pid"] == os.getpid()
    assert described()["connected"] is True


@pytest.mark.slow
def test_the_sample_rogue_is_killed_keeps_being_refused_and_resumes_when_released(
    console: Console, tmp_path: Path
) -> None:
    log = tmp_path / "rogue.log"
    with log.open("wb") as stderr:
        process = _sample_rogue(console, tmp_path, stderr)
    try:
        _until(lambda: _connected(console), seconds=40)
        command = console.command("kill", "rogue")

        _until(lambda: log.read_text().count("refused by kill") >= 3, seconds=15)
        console.release(command["hold_id"])
        _until(lambda: _modes(console) == ["normal"])
        time.sleep(0.5)
        refusals = log.read_text().count("refused by kill")
        time.sleep(1.0)

        assert log.read_text().count("refused by kill") == refusals
    finally:
        process.terminate()
        process.wait(10)


def _sample_rogue(console: Console, tmp_path: Path, stderr: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sample_data.fleet.rogue"],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env={
            **os.environ,
            "WATCHKEEPER_CONTROL": console.url,
            "WATCHKEEPER_AGENT_STATE": str(tmp_path / "agents"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "SAMPLE_INTERVAL_S": "0.2",
        },
    )


def _instances(console: Console) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = console.http.get("/v1/instances").json()["instances"]
    return listed


def _connected(console: Console) -> bool:
    return any(one["connected"] for one in _instances(console))


def _modes(console: Console) -> list[str]:
    return [one["effective_mode"] for one in _instances(console)]
