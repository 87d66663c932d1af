"""Disks that are full, or may not be written: told in words, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.load import STORED, Sender, judged, short

pytestmark = pytest.mark.crash

MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 100 MB, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


class Neighbour(threading.Thread):
    """Another program that takes whatever the disk has left, until it is told to stop."""

    def __init__(self, disk: Path) -> None:
        super().__init__(daemon=True)
        self._file = disk / "neighbour"
        self._enough = threading.Event()
        self.was_full = False

    def run(self) -> None:
        with self._file.open("wb", buffering=0) as file:
            while not self._enough.wait(0.01):
                try:
                    file.write(bytes(MIB))
                except OSError:
                    self.was_full = True

    def leave(self) -> None:
        self._enough.set()
        self.join()
        self._file.unlink()


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def ready(collector: Any) -> tuple[int, str]:
    answer = httpx.get(f"http://{collector.http}/readyz")
    return answer.status_code, answer.text


def wait_for(what: Any, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_disk_filled_by_others_stops_the_intake_and_nothing_else(
    collector: Any, small_disk: Path
) -> None:
    collector.home = small_disk / "home"
    collector.start()
    senders = [Sender(collector, number, size=400) for number in range(6)]
    for sender in senders:
        sender.start()
    wait_for(lambda: all(sender.statuses["ok"] > 3 for sender in senders))
    neighbour = Neighbour(small_disk)
    neighbour.start()
    wait_for(lambda: neighbour.was_full)
    wait_for(
        lambda: all(sum(sender.statuses.values()) > sender.statuses["ok"] for sender in senders)
    )
    collector.wait_until_applied()
    status, why = ready(collector)
    [count] = collector.sql("select count(*) as spans from spans")
    neighbour.leave()
    before = [sender.statuses["ok"] for sender in senders]
    wait_for(lambda: all(s.statuses["ok"] > was for s, was in zip(senders, before, strict=True)))
    wait_for(lambda: ready(collector)[0] == 200)
    for sender in senders:
        sender.finish()
    collector.wait_until_applied()
    rows = [(row["signal"], row["told"]) for row in collector.sql(STORED)]
    refused = collector.sql("select * from refused")

    sent = {batch: number for each in senders for batch, number in each.ledger.sent.items()}
    acknowledged = {batch for each in senders for batch in each.ledger.acknowledged_by()}
    assert judged(rows, acknowledged, set(sent)).is_right
    assert short(rows, sent) == set()
    assert refused == []
    assert status == 503
    assert "make room" in why
    assert count["spans"] > 0
    told = set().union(*(sender.statuses for sender in senders)) - {"ok"}
    assert told <= {"429", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    status, _ = collector.stop()
    assert status == 0


def test_a_collector_starts_on_a_full_disk_and_answers_questions(
    collector: Any, small_disk: Path
) -> None:
    collector.home = small_disk / "home"
    collector.start()
    sender = Sender(collector, 0)
    sender.start()
    wait_for(lambda: sender.statuses["ok"] > 5)
    collector.kill()
    sender.finish()
    with (small_disk / "neighbour").open("wb") as file:
        file.write(bytes(free(small_disk)))
    collector.start()
    collector.wait_until_applied()

    rows = [(row["signal"], row["told"]) for row in collector.sql(STORED)]
    acknowledged = sender.ledger.acknowledged_by()
    assert judged(rows, acknowledged, set(sender.ledger.sent)).is_right
    assert ready(collector)[0] == 503
    (small_disk / "neighbour").unlink()
    wait_for(lambda: ready(collector)[0] == 200)


def let_files_grow(collector: Any, size: int) -> None:
    """A limit of the kernel on every file the collector writes: behind it a write fails (EFBIG)."""
    _, hard = resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def test_a_disk_that_takes_no_more_bytes_loses_nothing_and_goes_on_when_it_does(
    collector: Any,
) -> None:
    """Needs no mount. The kernel refuses the bytes as a full disk does, under another name, and
    does not show it as missing room: what fails is the write itself.
    """
    collector.start()
    senders = [Sender(collector, number, pause_s=0.05) for number in range(3)]
    for sender in senders:
        sender.start()
    wait_for(lambda: all(sender.statuses["ok"] > 3 for sender in senders))
    let_files_grow(collector, 4096)
    wait_for(
        lambda: all(sum(sender.statuses.values()) > sender.statuses["ok"] + 3 for sender in senders)
    )
    # What was acknowledged before still becomes queryable.
    collector.wait_until_applied()
    status, why = ready(collector)
    [count] = collector.sql("select count(*) as spans from spans")
    let_files_grow(collector, resource.RLIM_INFINITY)
    before = [sender.statuses["ok"] for sender in senders]
    wait_for(lambda: all(s.statuses["ok"] > was for s, was in zip(senders, before, strict=True)))
    for sender in senders:
        sender.finish()
    collector.wait_until_applied()
    after, _ = ready(collector)
    collector.kill()
    collector.start()
    collector.wait_until_applied()
    rows = [(row["signal"], row["told"]) for row in collector.sql(STORED)]

    sent = {batch: number for each in senders for batch, number in each.ledger.sent.items()}
    acknowledged = {batch for each in senders for batch in each.ledger.acknowledged_by()}
    assert judged(rows, acknowledged, set(sent)).is_right
    assert short(rows, sent) == set()
    assert collector.sql("select * from refused") == []
    assert (status, after) == (503, 200)
    assert "File too large" in why
    assert count["spans"] > 0
    told = set().union(*(sender.statuses for sender in senders)) - {"ok"}
    assert told <= {"429", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}


def refusal(collector: Any, **changes: str) -> str:
    process = collector.run(**changes)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, ""), told
    [line] = [line for line in told.splitlines() if not line.startswith("{")]
    return str(line)


def test_a_disk_that_may_only_be_read_is_refused(collector: Any, small_disk: Path) -> None:
    collector.home = small_disk / "home"
    collector.start()
    collector.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    assert "Read-only file system" in refusal(collector)


@pytest.mark.parametrize("place", [0, 4096, 12288 + 20])
def test_a_damaged_database_is_refused_and_left_as_it_is(collector: Any, place: int) -> None:
    collector.start()
    collector.stop()
    database = collector.home / "data" / "watchkeeper.duckdb"
    content = bytearray(database.read_bytes())
    content[place : place + 8192] = bytes(8192)
    database.write_bytes(content)

    told = refusal(collector)

    assert "restore a backup, or move the file away" in told
    assert database.read_bytes() == bytes(content)


def test_a_directory_in_the_place_of_the_database_is_refused(collector: Any) -> None:
    (collector.home / "data" / "watchkeeper.duckdb").mkdir(parents=True)

    assert "is a directory, expected a file" in refusal(collector)


def test_a_directory_in_the_place_of_a_segment_is_refused(collector: Any) -> None:
    collector.start()
    collector.stop()
    (collector.home / "data" / "log" / f"{99:012d}-{99:020d}-{'ab' * 8}.wal").mkdir()

    assert "cannot be used (Is a directory)" in refusal(collector)
