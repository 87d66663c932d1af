"""Killed in the middle of its work, the collector loses nothing it has acknowledged."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from crash.kills import SmallCollector, kill_at_random
from crash.load import STORED, Sender, judged, short

pytestmark = pytest.mark.crash


def test_after_five_kills_every_acknowledged_record_is_there_exactly_once(tmp_path: Path) -> None:
    collector = SmallCollector(tmp_path / "home")
    try:
        report = kill_at_random(collector, kills=5, seed=20260115)
    finally:
        if collector.process is not None:
            collector.kill()

    assert report.verdict.is_right, report.verdict
    assert report.after_retries.is_right, report.after_retries
    assert report.after_retries.records == report.records
    assert report.partly == set()
    assert report.acknowledged > 100


def stored(collector: Any) -> list[tuple[str, str]]:
    return [(row["signal"], row["told"]) for row in collector.sql(STORED)]


def started(collector: Any) -> list[Sender]:
    collector.start()
    senders = [Sender(collector, number) for number in range(6)]
    for sender in senders:
        sender.start()
    return senders


def judge(collector: Any, senders: list[Sender]) -> int:
    """Acknowledged batches, all of them stored once and whole."""
    sent = {batch: count for each in senders for batch, count in each.ledger.sent.items()}
    acknowledged = {batch for each in senders for batch in each.ledger.acknowledged_by()}
    rows = stored(collector)
    verdict = judged(rows, acknowledged, set(sent))
    assert verdict.is_right, verdict
    assert short(rows, sent) == set()
    return len(acknowledged)


def test_a_kill_before_the_first_checkpoint_loses_nothing(collector: Any) -> None:
    senders = started(collector)
    time.sleep(0.7)
    collector.kill()
    for sender in senders:
        sender.finish()
    collector.start()
    collector.wait_until_applied()

    assert judge(collector, senders) > 0


def test_a_clean_stop_under_load_applies_what_was_acknowledged_and_says_so(
    collector: Any, last_words: Any
) -> None:
    senders = started(collector)
    time.sleep(0.7)
    status, told = collector.stop()
    for sender in senders:
        sender.finish()
    collector.start()

    assert status == 0
    drained = last_words(told, "drained")
    assert drained["left_in_log"] == 0
    assert drained["position"] >= drained["records"]
    assert judge(collector, senders) > 0


def test_a_second_signal_does_not_cut_the_drain_short(collector: Any, last_words: Any) -> None:
    senders = started(collector)
    time.sleep(0.7)
    for _ in range(3):
        collector.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    status, told = collector.stopped()
    for sender in senders:
        sender.finish()

    assert status == 0
    assert last_words(told, "drained")["left_in_log"] == 0


@pytest.mark.parametrize("after_s", [1.0, 1.6, 2.2])
def test_a_signal_during_the_start_ends_it_cleanly(collector: Any, after_s: float) -> None:
    senders = started(collector)
    time.sleep(0.5)
    collector.kill()
    for sender in senders:
        sender.finish()
    collector.process = collector.run()
    time.sleep(after_s)
    status, told = collector.stop()

    # Before Python reaches the handler, the signal ends it as it ends any program.
    assert status in (0, -signal.SIGTERM), told
    assert "Traceback" not in told
    collector.start()
    collector.wait_until_applied()
    assert judge(collector, senders) > 0
