"""Starting several processes as one: wait until each is ready, restart what dies, stop in order.

A process is ready when it prints a line that begins with `ready`. One that
dies before that ends the whole start, because its error is the user's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.config import ADDRESSES, Settings
from collector.errors import ConfigurationError

# Longer than the collector takes to drain what it has acknowledged.
STOP_S = 45.0
READY_S = 60.0
LONGEST_PAUSE_S = 30.0


@dataclass
class Child:
    """A process under supervision; its stderr goes to a log file."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self.ready.clear()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=os.environ | self.environment,
                # A Ctrl-C in the terminal reaches the supervisor alone, which stops in order.
                start_new_session=True,
            )

    async def listen(self) -> int:
        """Wait for the end of the process, noting when it becomes ready."""
        assert self.process is not None and self.process.stdout is not None
        async for line in self.process.stdout:
            if line.startswith(b"ready"):
                self.ready.set()
        return await self.process.wait()

    async def stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def last_words(self) -> str:
        """The end of its log: usually the one sentence that says why it could not start."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return " / ".join(line for line in lines[-3:] if line.strip())
        return ""


class Supervisor:
    """Children in starting order."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self.stopping = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all; return when all are ready.

        Raises ConfigurationError with the child's own words when one cannot start.
        """
        for child in self.children:
            await self.add(child)
        await asyncio.gather(*(self._until_ready(child) for child in self.children))

    async def add(self, child: Child) -> None:
        """Start one more child and keep it running."""
        if child not in self.children:
            self.children.append(child)
        await child.start()
        self._keepers.append(asyncio.create_task(self._keep(child)))

    async def _keep(self, child: Child) -> None:
        pause = 0.5
        while True:
            status = await child.listen()
            if self.stopping.is_set() or not child.ready.is_set():
                return
            print(f"{child.name} ended with status {status}; starting it again", file=sys.stderr)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            await child.start()

    async def _until_ready(self, child: Child) -> None:
        assert child.process is not None
        ended = asyncio.create_task(child.process.wait())
        ready = asyncio.create_task(child.ready.wait())
        await asyncio.wait({ended, ready}, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        ready.cancel()
        if not child.ready.is_set():
            raise ConfigurationError(f"{child.name} did not start: {child.last_words()}")

    async def stop(self) -> None:
        """Stop in the reverse of the starting order."""
        self.stopping.set()
        for child in reversed(self.children):
            await child.stop()

    def stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)


def processes(settings: Settings) -> list[Child]:
    """The three processes; the stop button shares no fate with the intake."""
    flags = ["--home", str(settings.home)]
    for setting in ADDRESSES:
        flags += [setting.flag, str(getattr(settings, setting.name))]
    return [
        Child(name, ["-m", "collector", name, *flags], settings.home / "logs" / f"{name}.log")
        for name in ("control", "collector", "dashboard")
    ]


async def up(settings: Settings) -> int:
    """Run the three processes until a signal stops them."""
    supervisor = Supervisor(processes(settings))
    supervisor.stop_on_signals()
    try:
        await supervisor.start()
        announce(settings)
        await supervisor.stopping.wait()
    finally:
        await supervisor.stop()
    return 0


def announce(settings: Settings) -> None:
    """Tell where everything listens, and how to sign in."""
    from collector.control.process import new_sign_in_link

    where = " ".join(f"{s.name}={getattr(settings, s.name)}" for s in ADDRESSES)
    print(f"ready {where}")
    print(f"\n  Console   {settings.ui.url}")
    print(f"  Sign in   {new_sign_in_link(settings, 'admin')}   (works once, for an hour)")
    print(f"  Send to   {settings.otlp_grpc} (gRPC), {settings.otlp_http.url} (HTTP)")
    print(f"  Logs      {settings.home / 'logs'}\n", flush=True)
