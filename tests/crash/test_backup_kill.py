"""A backup or a restore that is killed leaves nothing that looks whole."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from crash.conftest import Collector
from crash.load import STORED, Sender, judged

pytestmark = pytest.mark.crash


def _command(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "collector", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_backup_under_load_holds_all_that_was_acknowledged_and_a_killed_one_has_no_name(
    collector: Any, tmp_path: Path
) -> None:
    collector.start()
    senders = [Sender(collector, number) for number in range(3)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    asked = time.time()
    whole = _command("backup", tmp_path / "whole", "--home", collector.home)
    assert whole.wait(timeout=120) == 0, whole.communicate()[1]

    broken = _command("backup", tmp_path / "broken", "--home", collector.home)
    _until((tmp_path / "broken.unfinished").exists, broken)
    collector.kill()
    broken.communicate(timeout=120)
    for sender in senders:
        sender.finish()

    assert not (tmp_path / "broken").exists() or (tmp_path / "broken" / "manifest.json").exists()
    restored = Collector(tmp_path / "restored")
    again = _command("restore", tmp_path / "whole", "--home", restored.home)
    assert again.wait(timeout=120) == 0, again.communicate()[1]
    restored.start()
    try:
        acknowledged = {batch for each in senders for batch in each.ledger.acknowledged_by(asked)}
        sent = {batch for each in senders for batch in each.ledger.sent}
        rows = [(row["signal"], row["told"]) for row in restored.sql(STORED)]
        verdict = judged(rows, acknowledged, sent)
    finally:
        restored.kill()
    assert verdict.is_right, verdict
    assert acknowledged


def test_a_killed_restore_has_made_no_home_and_the_next_one_is_whole(
    collector: Any, tmp_path: Path
) -> None:
    collector.start()
    assert _command("backup", tmp_path / "whole", "--home", collector.home).wait(timeout=120) == 0
    collector.kill()
    home, unfinished = tmp_path / "again", tmp_path / "again.unfinished"

    killed = _command("restore", tmp_path / "whole", "--home", home)
    _until(unfinished.exists, killed)
    killed.kill()
    killed.communicate()

    if not home.exists():
        assert _command("restore", tmp_path / "whole", "--home", home).wait(timeout=120) == 0
    assert not unfinished.exists()
    restored = Collector(home)
    restored.start()
    restored.kill()


def _until(is_there: Any, process: subprocess.Popen[str]) -> None:
    """Until a draft is there, or the work was quicker than anybody could look."""
    while not is_there() and process.poll() is None:
        time.sleep(0.001)
