"""The real agent library against the real process: both sides mean the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.control.conftest import order
from tests.control.test_process import Control, control

agent_library = pytest.importorskip("watchkeeper_agent")


async def _until(condition: Callable[[], bool], seconds: float = 5) -> float:
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < seconds
        await asyncio.sleep(0.002)
    return time.monotonic() - since


def _attached(running: Control, home: Path) -> Any:
    return agent_library.attach(
        "rogue", control=str(running.client.base_url), state_dir=home, read_only_tools=["read"]
    )


async def test_a_real_agent_is_degraded_killed_and_released(tmp_path: Path) -> None:
    async with control(tmp_path / "home") as running:
        guard = _attached(running, tmp_path / "agent")
        try:
            await asyncio.to_thread(guard.wait_until_heard, 5)
            degrade = (await running.post("/v1/commands", order("degrade"))).json()
            await _until(lambda: guard.effective_mode == "degrade")
            assert guard.check_tool("read").name == "read"
            with pytest.raises(agent_library.Refused):
                guard.check_tool("transfer")

            kill = (await running.post("/v1/commands", order("kill"))).json()
            await _until(lambda: guard.effective_mode == "kill")
            with pytest.raises(agent_library.Refused):
                guard.check_tool("read")

            for command in (degrade, kill):
                body = {"reason": "all clear", "idempotency_key": command["command_id"]}
                await running.post(f"/v1/holds/{command['hold_id']}/release", body)
            await _until(lambda: guard.effective_mode == "normal")
            shown = await running.get(f"/v1/commands/{kill['command_id']}")
        finally:
            await asyncio.to_thread(guard.close)

    [instance] = shown["instances"]
    assert instance["instance_uid"] == guard.instance_uid
    assert instance["ack_status"] == "applied"
    assert instance["effective_mode"] == "kill"


async def test_a_real_agent_stays_killed_over_a_restart_of_control(tmp_path: Path) -> None:
    async with control(tmp_path / "home") as running:
        guard = _attached(running, tmp_path / "agent")
        try:
            await asyncio.to_thread(guard.wait_until_heard, 5)
            await running.post("/v1/commands", order("kill"))
            await _until(lambda: guard.effective_mode == "kill")
        finally:
            await asyncio.to_thread(guard.close)
        await running.kill()

    async with control(tmp_path / "home") as restarted:
        guard = _attached(restarted, tmp_path / "agent")
        try:
            before = guard.effective_mode
            await asyncio.to_thread(guard.wait_until_heard, 5)
            await _until(lambda: guard.position is not None)
            first = guard.position
            await restarted.post("/v1/commands", order("pause"))
            await _until(lambda: guard.position > first)
            after = guard.effective_mode
        finally:
            await asyncio.to_thread(guard.close)

    assert (before, after) == ("kill", "kill")
