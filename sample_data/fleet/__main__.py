"""Runs the sample fleet: starts the four agents, restarts one that dies, stops on SIGTERM.

python -m sample_data.fleet
python -m sample_data.fleet --only rogue
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

AGENTS = ("gateway", "clerk", "courier", "rogue")
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0
# Frameworks that would otherwise phone home or look for a key.
QUIET = {
    "OPENAI_API_KEY": "not-used",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "OTEL_METRICS_EXPORTER": "none",
    "PYTHONWARNINGS": "ignore::DeprecationWarning",
}


@dataclass
class Child:
    """One agent's process, and when it may be started again."""

    agent: str
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    restart_at: float | None = None


def start(agent: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"sample_data.fleet.{agent}"],
        env={**_state(), **os.environ, **QUIET},
    )


def _state() -> dict[str, str]:
    """Beside the home of control: pinned keys must not outlive the key they pin."""
    home = Path(os.environ.get("WATCHKEEPER_HOME", "watchkeeper-home"))
    return {"WATCHKEEPER_AGENT_STATE": str(home / "agents")}


def supervise(agents: tuple[str, ...], stopped: threading.Event) -> None:
    """Keep every agent running until `stopped`; each failure doubles its wait."""
    children = [Child(agent, start(agent), time.monotonic()) for agent in agents]
    while not stopped.wait(0.2):
        for child in children:
            look_after(child, time.monotonic())
    stop(children)


def look_after(child: Child, now: float) -> None:
    if child.process.poll() is None:
        return
    if child.restart_at is None:
        steady = now - child.started_at > STEADY_S
        child.failures = 1 if steady else child.failures + 1
        child.restart_at = now + min(LONGEST_WAIT_S, 2.0 ** (child.failures - 1))
        print(f"{child.agent} ended with {child.process.returncode}", file=sys.stderr, flush=True)
    elif now >= child.restart_at:
        child.process, child.started_at, child.restart_at = start(child.agent), now, None


def stop(children: list[Child]) -> None:
    """Ask all, then wait; five seconds in all, then force."""
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + 5
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="sample_data.fleet", description=__doc__)
    parser.add_argument("--only", choices=AGENTS, help="run this agent alone")
    only = parser.parse_args().only
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    supervise((only,) if only else AGENTS, stopped)


if __name__ == "__main__":
    main()
