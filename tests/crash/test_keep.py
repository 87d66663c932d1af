"""Retention, backup and export of a collector that runs, asked for on the command line."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import spans

pytestmark = pytest.mark.crash


def watchkeeper(collector: Any, *words: str, home: Path | None = None) -> Any:
    flags = ["--home", str(home or collector.home), "--api", collector.api]
    return subprocess.run(
        [sys.executable, "-m", "collector", *words, *flags],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def send(collector: Any, *numbers: int) -> None:

    answer = httpx.post(
        f"http://{collector.http}/v1/traces",
        content=spans(datetime.now(UTC), *numbers),
        headers={"content-type": "application/x-protobuf"},
        timeout=30,
    )
    answer.raise_for_status()


def count(collector: Any) -> int:
    collector.wait_until_applied()
    return int(collector.sql("select count(*)::int as n from spans")[0]["n"])


def test_a_backup_taken_under_load_is_restored_and_takes_new_records(
    collector: Any, tmp_path: Path
) -> None:
    collector.start()
    send(collector, *range(50))
    stop, sent = threading.Event(), [50]

    def load() -> None:
        while not stop.is_set():
            send(collector, *range(sent[0], sent[0] + 10))
            sent[0] += 10

    loading = threading.Thread(target=load)
    loading.start()
    time.sleep(0.5)
    promised = sent[0]
    told = watchkeeper(collector, "backup", str(tmp_path / "backup"))
    stop.set()
    loading.join()
    collector.stop()
    assert told.returncode == 0, told.stderr

    restored = watchkeeper(
        collector, "restore", str(tmp_path / "backup"), home=tmp_path / "restored"
    )
    assert restored.returncode == 0, restored.stderr
    collector.home = tmp_path / "restored"
    collector.start()
    before = count(collector)
    send(collector, *range(1_000_000, 1_000_010))

    assert promised <= before <= sent[0]
    assert count(collector) == before + 10
    collector.kill()
    collector.start()
    assert count(collector) == before + 10


def test_without_a_collector_a_backup_says_so(collector: Any, tmp_path: Path) -> None:
    told = watchkeeper(collector, "backup", str(tmp_path / "backup"))

    assert told.returncode == 1
    assert "no collector runs in" in told.stderr
    assert not (tmp_path / "backup").exists()


ENDLESS = "select range as n, repeat('x', 1000) as filler from range(1000000000)"


def started_export(collector: Any, output: Path) -> subprocess.Popen[str]:
    """An export without end, of which a megabyte is written."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "collector", "export", "--sql", ENDLESS),
            *("--output", str(output), "--api", collector.api),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    draft = output.with_name(output.name + ".unfinished")
    deadline = time.monotonic() + 60
    while not draft.exists() or draft.stat().st_size < 1_000_000:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_an_export_that_breaks_off_leaves_no_file(collector: Any, tmp_path: Path) -> None:
    collector.start()
    process = started_export(collector, tmp_path / "rows.csv")

    collector.kill()
    _, told = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "no file was written" in told
    assert [path for path in tmp_path.iterdir() if path.name.startswith("rows")] == []


def test_an_export_that_nobody_waits_for_ends_and_the_next_one_runs(
    collector: Any, tmp_path: Path
) -> None:
    collector.start()
    send(collector, *range(5))
    collector.wait_until_applied()
    process = started_export(collector, tmp_path / "rows.csv")
    process.kill()
    process.communicate(timeout=60)

    told = watchkeeper(collector, "export", "spans", "--output", str(tmp_path / "spans.csv"))

    assert told.returncode == 0, told.stderr
    assert len((tmp_path / "spans.csv").read_text().splitlines()) == 6
