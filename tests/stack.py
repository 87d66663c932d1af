"""The whole console as a newcomer starts it: a fresh folder, `make demo`, ports of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ADDRESSES = ("otlp_grpc", "otlp_http", "api", "control", "ui")


@dataclass(frozen=True)
class Stack:
    """A running console; addresses are HOST:PORT."""

    folder: Path
    environment: dict[str, str]
    sign_in_link: str
    process: subprocess.Popen[str]

    @property
    def home(self) -> Path:
        return self.folder / "demo-home"

    def address(self, name: str) -> str:
        return self.environment[f"WATCHKEEPER_{name.upper()}"]

    def url(self, name: str) -> str:
        return f"http://{self.address(name)}"

    def run(self, command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """A command of the README, in the folder of the README."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def fresh_copy(folder: Path) -> Path:
    """What a clone would hold, uncommitted changes included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    return folder


def environment_with_free_ports() -> dict[str, str]:
    """This environment without our own virtual environment, and with free ports."""
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return kept | {
        f"WATCHKEEPER_{name.upper()}": f"127.0.0.1:{port}"
        for name, port in zip(ADDRESSES, free_ports(len(ADDRESSES)), strict=True)
    }


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; all are held until all are known."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def running(
    folder: Path, command: list[str], environment: dict[str, str], seconds: float
) -> Iterator[Stack]:
    """Run a command until it has printed `ready` and a sign-in link; stop it in the end."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Stack(folder, environment, _sign_in_link(process, seconds), process)
    finally:
        # The terminal's Ctrl-C: the whole process group hears it.
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _sign_in_link(process: subprocess.Popen[str], seconds: float) -> str:
    assert process.stdout is not None
    until = time.monotonic() + seconds
    for line in process.stdout:
        found = re.search(r"http://\S+/signin\?code=\S+", line)
        if found:
            return found[0]
        if time.monotonic() > until:
            break
    raise AssertionError("the console did not become ready; its words are above")
