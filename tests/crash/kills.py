"""Kills: one home, a collector killed at random under load, during starts and checkpoints too.

python tests/crash/kills.py --kills 20
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

from crash.conftest import Collector
from crash.load import STORED, STUBS, Sender, Verdict, judged, request_of, short

SMALL = Path(__file__).with_name("small_collector.py")


class SmallCollector(Collector):
    """Its checkpoints and new segments come so often that kills meet them."""

    def program(self) -> list[str]:
        return [sys.executable, str(SMALL)]


@dataclass(frozen=True)
class Report:
    """What the kills came to."""

    kills: int
    kills_during_start: int
    acknowledged: int
    records: int
    verdict: Verdict
    partly: set[str]
    after_retries: Verdict
    statuses: dict[str, int]


def kill_at_random(collector: Any, kills: int, seed: int) -> Report:
    """As many kills on one home under load of all signals over both doors; then judge."""
    chance = random.Random(seed)
    senders = [Sender(collector, number, records=10) for number in range(6)]
    collector.start()
    for sender in senders:
        sender.start()
    in_start = 0
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 1.5))
        collector.kill()
        if chance.random() < 0.4:
            in_start += 1
            collector.process = collector.run()
            time.sleep(chance.uniform(0.1, 3.0))
            collector.kill()
        collector.start()
    time.sleep(0.5)
    for sender in senders:
        sender.finish()
    sent = {batch: count for s in senders for batch, count in s.ledger.sent.items()}
    acknowledged = {batch for s in senders for batch in s.ledger.acknowledged_by()}
    rows = _stored(collector)
    _send_again(collector, senders)
    again = judged(_stored(collector), acknowledged, set(sent))
    statuses = sum((sender.statuses for sender in senders), Counter())
    verdict = judged(rows, acknowledged, set(sent))
    return Report(
        kills + in_start,
        in_start,
        len(acknowledged),
        verdict.records,
        verdict,
        short(rows, sent),
        again,
        dict(statuses),
    )


def _stored(collector: Any) -> list[tuple[str, str]]:
    collector.wait_until_applied()
    return [(row["signal"], row["told"]) for row in collector.sql(STORED)]


def _send_again(collector: Any, senders: list[Sender]) -> None:
    """What was acknowledged before some kill, with the same bytes, to a collector after it."""
    import grpc

    with grpc.insecure_channel(collector.grpc) as channel:
        for sender in senders:
            stub = STUBS[sender.signal](channel)  # type: ignore[no-untyped-call]
            for _, batch in sender.ledger.acknowledged[:20]:
                _, number, turn = batch.split("-")
                stub.Export(request_of(sender.signal, int(number), int(turn), 10, 200), timeout=20)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the report")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        collector = SmallCollector(Path(name) / "home")
        report = kill_at_random(collector, chosen.kills, chosen.seed)
        collector.stop()
    summary = asdict(report) | {
        "verdict": {key: len(value) for key, value in _sets(report.verdict)},
        "after_retries": {key: len(value) for key, value in _sets(report.after_retries)},
        "partly": len(report.partly),
    }
    print(json.dumps(summary))
    if chosen.json:
        chosen.json.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    right = report.verdict.is_right and report.after_retries.is_right and not report.partly
    return 0 if right else 1


def _sets(verdict: Verdict) -> list[tuple[str, set[str]]]:
    return [(name, getattr(verdict, name)) for name in ("lost", "doubled", "foreign")]


if __name__ == "__main__":
    sys.exit(main())
