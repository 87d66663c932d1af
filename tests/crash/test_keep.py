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
