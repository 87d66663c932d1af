"""Starting several processes as one: wait until each is ready, restart what dies, stop in order.

A process is ready when it prints a line that begins with `ready`. One that
dies before that ends the whole start, because its error is the user's answer.
One that dies later is started again, ever more patiently. None outlives the
supervisor, however that one ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.config import ADDRESSES, HOT_DAYS, INTAKE, TLS, TOLD, Settings
from collector.errors import ConfigurationError

# Longer than the collector takes to drain what it has acknowledged.
STOP_S = 45.0
READY_S = 60.0
# Pauses before a restart double from the first to the longest; who stood this long starts anew.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass
class Child:
    """A process under supervision; its stderr goes to a log file."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: float = 0.0
    log_begins_at: int = 0

    async def start(self) -> None:
        self.started_at = time.monotonic()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.log_begins_at = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=os.environ | self.environment,
                # A Ctrl-C in the terminal reaches the supervisor alone, which stops in order.
                start_new_session=True,
                preexec_fn=end_with(os.getpid()),
            )

    async def listen(self) -> int:
        """Wait for the end of the process, noting when it first becomes ready."""
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
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(self.log_begins_at)
            lines = log.read().decode(errors="replace").splitlines()
            return " / ".join(line.strip() for line in lines[-3:] if line.strip())
        return ""


def end_with(parent: int) -> Callable[[], None] | None:
    """What a child does before anything else: ask the kernel for SIGTERM when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return tie


class Supervisor:
    """Children in starting order."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self.stopping = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all; return when all are ready, or when a signal came first.

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
        failures = 0
        while True:
            status = await child.listen()
            if self.stopping.is_set() or not child.ready.is_set():
                return
            steady = time.monotonic() - child.started_at > STEADY_S
            failures = 1 if steady else failures + 1
            pause = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
            why = child.last_words() or "it said nothing"
            print(
                f"{child.name} ended with status {status}: {why}; starting it again in {pause:g} s",
                file=sys.stderr,
                flush=True,
            )
            if await self.stops_within(pause):
                return
            await child.start()

    async def stops_within(self, seconds: float) -> bool:
        """Sleep, but not through a signal."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        return self.stopping.is_set()

    async def unless_stopped(self, *events: Awaitable[object], timeout: float | None) -> None:
        """Wait for the first of these, for a signal, or for the time."""
        waiting = [asyncio.ensure_future(event) for event in (*events, self.stopping.wait())]
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def _until_ready(self, child: Child) -> None:
        assert child.process is not None
        await self.unless_stopped(child.process.wait(), child.ready.wait(), timeout=READY_S)
        if not child.ready.is_set() and not self.stopping.is_set():
            raise ConfigurationError(
                f"{child.name} did not start: {child.last_words() or f'see {child.log}'}"
            )

    async def stop(self) -> None:
        """Stop in the reverse of the starting order."""
        self.stopping.set()
        for child in reversed(self.children):
            await child.stop()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)


def processes(settings: Settings) -> list[Child]:
    """The three processes; the stop button shares no fate with the intake."""
    flags = ["--home", str(settings.home)]
    for setting in ADDRESSES:
        flags += [setting.flag, str(getattr(settings, setting.name))]
    for setting in (*INTAKE, HOT_DAYS, *TLS, *TOLD):
        if (chosen := getattr(settings, setting.name)) is not None:
            flags += [setting.flag, str(chosen)]
    return [
        Child(name, ["-m", "collector", name, *flags], settings.home / "logs" / f"{name}.log")
        for name in ("control", "collector", "dashboard")
    ]


async def up(settings: Settings) -> int:
    """Run the three processes until a signal stops them."""
    with sole_owner(settings.home):
        supervisor = Supervisor(processes(settings))
        supervisor.stop_on_signals()
        try:
            await supervisor.start()
            if not supervisor.stopping.is_set():
                announce(settings)
            await supervisor.stopping.wait()
        finally:
            await supervisor.stop()
    return 0


@contextlib.contextmanager
def sole_owner(home: Path) -> Iterator[None]:
    """One console a home; the lock dies with the process that holds it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"{home} cannot be written ({error.strerror}): name another --home"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigurationError(
            f"Watchkeeper is already running in {home}: stop it, or name another --home"
        ) from error
    else:
        yield
    finally:
        os.close(lock)


def announce(settings: Settings) -> None:
    """Tell where everything listens, and how to sign in."""
    from collector.control.process import new_sign_in_link

    where = " ".join(f"{s.name}={getattr(settings, s.name)}" for s in ADDRESSES)
    print(f"ready {where}")
    print(f"\n  Console   {settings.ui.url}")
    print(f"  Sign in   {new_sign_in_link(settings, 'admin')}   (works once, for an hour)")
    print(f"  Send to   {settings.otlp_grpc} (gRPC), {settings.otlp_http_url} (HTTP)")
    print(f"  Logs      {settings.home / 'logs'}\n", flush=True)
