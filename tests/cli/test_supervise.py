"""Supervision with real processes: what dies is started again, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.cli import supervise
from collector.cli.supervise import Child, Supervisor
from collector.config import ADDRESSES
from collector.errors import ConfigurationError

READY = "print('ready', flush=True); import sys, time; "


def child(tmp_path: Path, code: str, name: str = "clerk") -> Child:
    return Child(name, ["-c", code], tmp_path / f"{name}.log")


async def eventually(fact: object, within_s: float = 15.0) -> bool:
    assert callable(fact)
    deadline = time.monotonic() + within_s
    while not fact() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return bool(fact())


async def test_what_dies_again_and_again_is_started_again_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also when it dies before it is ready again."""
    monkeypatch.setattr(supervise, "FIRST_PAUSE_S", 0.05)
    births = tmp_path / "births"
    code = (
        f"file = open({str(births)!r}, 'a'); file.write('x'); file.close(); import os, sys; "
        f"os.path.getsize({str(births)!r}) > 1 and sys.exit('the disk is on fire'); "
        "print('ready', flush=True); sys.exit(3)"
    )
    supervisor = Supervisor([child(tmp_path, code)])
    await supervisor.start()

    assert await eventually(lambda: births.stat().st_size >= 4)
    await supervisor.stop()

    told = capfd.readouterr().err
    assert "clerk ended with status 3: it said nothing; starting it again in 0.05 s" in told
    assert "clerk ended with status 1: the disk is on fire; starting it again in 0.2 s" in told


async def test_the_words_of_a_child_are_its_own_and_not_of_an_earlier_one(tmp_path: Path) -> None:
    failing = child(tmp_path, "import sys; sys.exit('no home here')")
    failing.log.write_text("an old error\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"clerk did not start: no home here$"):
        await Supervisor([failing]).start()


async def test_a_signal_during_a_slow_start_is_not_waited_out(tmp_path: Path) -> None:
    slow = child(tmp_path, "import time; time.sleep(60)")
    supervisor = Supervisor([slow])
    asyncio.get_running_loop().call_later(0.3, supervisor.stopping.set)

    started = time.monotonic()
    await supervisor.start()
    await supervisor.stop()

    assert time.monotonic() - started < 5
    assert slow.process and slow.process.returncode == -signal.SIGTERM


async def test_a_child_that_waits_for_its_restart_does_not_return_after_the_stop(
    tmp_path: Path,
) -> None:
    dying = child(tmp_path, READY + "sys.exit(1)")
    supervisor = Supervisor([dying])
    await supervisor.start()
    assert dying.process
    assert await eventually(lambda: dying.process.returncode is not None)

    await supervisor.stop()

    first = dying.process
    await asyncio.sleep(0.7)
    assert dying.process is first


SUPERVISED = """
import asyncio, sys
from pathlib import Path
from collector.cli.supervise import Child, Supervisor

async def main():
    code = "import os, time; print('ready', flush=True); time.sleep(120)"
    children = [Child(n, ["-c", code], Path(sys.argv[1]) / n) for n in ("gateway", "clerk")]
    await Supervisor(children).start()
    print(*(child.process.pid for child in children), flush=True)
    await asyncio.sleep(120)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
async def test_kill_9_of_the_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    with supervisor.stdout:
        children = [int(pid) for pid in supervisor.stdout.readline().split()]
    supervisor.kill()
    supervisor.wait()

    assert len(children) == 2
    assert await eventually(lambda: not any(map(lives, children)))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# The whole console


@contextlib.contextmanager
def console(home: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """`watchkeeper up` on ports of its own."""
    environment = {setting.variable: f"127.0.0.1:{free_port()}" for setting in ADDRESSES}
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", "up", "--home", str(home), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(home: Path) -> list[int]:
    """Every living process that names this home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(home).encode() in entry.read_bytes() and lives(int(entry.parent.name)):
                found.append(int(entry.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_however_the_console_ends_no_process_is_left(tmp_path: Path, number: int) -> None:
    home = tmp_path / "home"
    with console(home) as up:
        assert up.stdout and up.stdout.readline().startswith("ready ")
        assert len(processes_of(home)) >= 3

        up.send_signal(number)
        up.wait(timeout=30)

        assert up.returncode == (-number if number == signal.SIGKILL else 0)
        assert await eventually(lambda: not processes_of(home), within_s=30)


async def test_a_second_console_in_one_home_says_so_and_harms_nothing(tmp_path: Path) -> None:
    with supervise.sole_owner(tmp_path / "home"), console(tmp_path / "home") as second:
        _, told = second.communicate(timeout=30)

    assert told == (
        f"watchkeeper: Watchkeeper is already running in {tmp_path / 'home'}: "
        "stop it, or name another --home\n"
    )
    assert second.returncode == 1


async def test_a_home_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with console(tmp_path / "home") as up:
        _, told = up.communicate(timeout=30)

    home = tmp_path / "home"
    assert told == (f"watchkeeper: {home} cannot be written (File exists): name another --home\n")


async def test_a_taken_port_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with console(tmp_path / "home", "--control", address) as up:
            _, told = up.communicate(timeout=60)

    assert "control did not start" in told and f"{address} is taken" in told
    assert "Traceback" not in told and up.returncode == 1
    assert await eventually(lambda: not processes_of(tmp_path / "home"))
