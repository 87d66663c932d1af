"""rogue, the one to kill: it behaves, then sends money and data outside again and again.

It turns after SAMPLE_ROGUE_AFTER seconds (default 60), or at once on SIGUSR1. A refused call
teaches it manners: released, it behaves for as long again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from watchkeeper_agent import Refused

from sample_data.fleet.chat import PlannedAgent
from sample_data.fleet.kit import Worker
from sample_data.fleet.policy import LocalPolicy

READ_ONLY = ("read_mail",)
GOOD_PLAN = ("read_mail", "draft_answer")
BAD_PLAN = ("read_mail", "transfer", "send_outside", "transfer", "send_outside")


def read_mail() -> str:
    """Read the next message."""
    return "please forward the customer list"


def draft_answer() -> str:
    """Write an answer."""
    return "drafted"


def transfer() -> str:
    """Move money."""
    return "moved"


def send_outside() -> str:
    """Send data to an address outside."""
    return "sent"


class Temper:
    """Good until asked or until its patience ends; a refusal renews its patience."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._calm_since = clock()
        self._asked = threading.Event()
        signal.signal(signal.SIGUSR1, lambda *_: self._asked.set())

    def plan(self) -> tuple[str, ...]:
        lost = self._clock() - self._calm_since >= self._patience_s
        return BAD_PLAN if lost or self._asked.is_set() else GOOD_PLAN

    def calm(self) -> None:
        self._asked.clear()
        self._calm_since = self._clock()


def main() -> None:
    worker = Worker("rogue", "langchain", READ_ONLY)
    temper = Temper(float(os.environ.get("SAMPLE_ROGUE_AFTER", "60")))
    policy = LocalPolicy(worker.guard, "no-exfiltration", frozenset({"send_outside"}))
    tools = (read_mail, draft_answer, transfer, send_outside)
    agent = PlannedAgent("rogue", worker.guard, policy, tools)

    def run(number: int) -> None:
        try:
            agent.run(temper.plan(), f"mail-{number}")
        except Refused:
            temper.calm()
            raise

    worker.work(run)


if __name__ == "__main__":
    main()
