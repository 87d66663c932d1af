"""From an operator's kill to an agent's first refused action, through the real processes.

The operator's command goes over HTTP to the control process, which signs it and pushes it to
an agent that acts every millisecond. What is measured ends when the agent's client refuses.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from product import HERE, Product, free_ports
from watchkeeper_agent import Guard, Refused, attach

KILLS = 50
AGENT = "bench-rogue"


@contextmanager
def control(product: Product) -> Iterator[tuple[str, httpx.Client]]:
    """A control process that tells this collector, and an operator signed in to it."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        home, address = Path(folder), f"127.0.0.1:{free_ports(1)[0]}"
        flags = ["--home", str(home), "--control", address]
        flags += ["--otlp-http", product.address["otlp-http"], "--api", product.address["api"]]
        process = subprocess.Popen(
            [sys.executable, "-m", "collector", "control", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        assert process.stdout is not None
        try:
            if not select.select([process.stdout], [], [], 30)[0]:
                raise SystemExit("the control process did not start; run it by hand to see why")
            process.stdout.readline()
            code = (home / "control" / "sign-in-link").read_text().strip().partition("code=")[2]
            with httpx.Client(base_url=f"http://{address}", timeout=30) as http:
                token = http.post("/v1/sessions", json={"code": code}).json()["token"]
                http.headers["Authorization"] = f"Bearer {token}"
                yield f"http://{address}", http
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def click_to_refusal(url: str, http: httpx.Client, kills: int = KILLS) -> list[float]:
    """Seconds from each kill's request to the first action that the agent refuses."""
    took = []
    with tempfile.TemporaryDirectory() as state:
        guard = attach(AGENT, control=url, state_dir=Path(state), framework="bench")
        try:
            guard.hooked("pre_tool_call")
            guard.wait_until_heard(30)
            for number in range(kills):
                took.append(_one_kill(guard, http, number))
        finally:
            guard.close()
    return took


def _one_kill(guard: Guard, http: httpx.Client, number: int) -> float:
    _act_until(guard, refused=False)
    body = {
        "kind": "kill",
        "scope": {"agent_name": AGENT, "instance": None},
        "reason": "measurement",
        "expires_in_s": 600,
        "idempotency_key": f"bench-{number}-{time.monotonic_ns()}",
    }
    clicked = time.perf_counter()
    answer = http.post("/v1/commands", json=body)
    answer.raise_for_status()
    _act_until(guard, refused=True)
    took = time.perf_counter() - clicked
    release = {"reason": "measured", "idempotency_key": f"release-{number}-{time.monotonic_ns()}"}
    http.post(f"/v1/holds/{answer.json()['hold_id']}/release", json=release).raise_for_status()
    return took


def _act_until(guard: Guard, *, refused: bool) -> None:
    until = time.perf_counter() + 30
    while time.perf_counter() < until:
        try:
            guard.check_tool("transfer")
            was_refused = False
        except Refused:
            was_refused = True
        if was_refused is refused:
            return
        time.sleep(0.001)
    raise SystemExit(f"the agent was not {'refused' if refused else 'free'} within 30 s")
