"""Simulated power cuts: a real collector is recorded under load, then started again on disks
that lost what was not synced.

1. Record every write, size, name and sync of a collector process with strace, from an empty
   home through a kill and a second start to a clean stop, and when the senders were told
   "accepted".
2. Choose a moment, and one of the disks that POSIX allows at that moment.
3. Start log, store and applier on it, apply what the log holds, and judge by content: what was
   acknowledged before the moment is there once, and nothing else is there than what was sent.

    python tests/crash/power.py --states 300
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

import structlog
from crash.conftest import Collector
from crash.disk_model import Disk, Order, lay_out
from crash.load import STORED, Ledger, Sender, judged, short
from crash.recording import Call, command, read

from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.set_aside import SetAside
from collector.store.wal import WriteAheadLog

SMALL = Path(__file__).with_name("small_collector.py")


class Recorded(Collector):
    """A small collector under strace."""

    def __init__(self, home: Path, trace: Path) -> None:
        super().__init__(home)
        self.trace = trace

    def program(self) -> list[str]:
        return [*command(self.trace), sys.executable, str(SMALL)]

    def kill(self) -> None:
        """The collector, not strace, which writes down what is left and ends with it."""
        assert self.process is not None
        os.kill(self._child(), signal.SIGKILL)
        self.stopped()

    def stop(self) -> tuple[int, str]:
        assert self.process is not None
        os.kill(self._child(), signal.SIGTERM)
        return self.stopped()

    def _child(self) -> int:
        assert self.process is not None
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        [child] = task.read_text().split()
        return int(child)


@dataclass(frozen=True)
class Recording:
    """Calls of one home from its beginning, and what its senders know."""

    home: Path
    calls: list[Call]
    ledgers: list[Ledger]

    def acknowledged_by(self, moment: float) -> set[str]:
        return {batch for ledger in self.ledgers for batch in ledger.acknowledged_by(moment)}

    def sent(self) -> dict[str, int]:
        return {batch: count for ledger in self.ledgers for batch, count in ledger.sent.items()}


def record(folder: Path, seed: int, seconds: float) -> Recording:
    """Two lives of one home: killed in the first, stopped cleanly in the second."""
    chance = random.Random(seed)
    home, calls = folder / "place" / "home", []
    home.parent.mkdir(parents=True)
    ledgers = []
    for life in range(2):
        collector = Recorded(home, folder / f"trace-{life}")
        collector.start()
        senders = [
            Sender(
                collector,
                life * 6 + number,
                records=chance.randint(1, 6),
                size=chance.choice((60, 600)),
                pause_s=0.02,
            )
            for number in range(6)
        ]
        for sender in senders:
            sender.start()
        time.sleep(seconds / 2)
        if life == 0:
            time.sleep(chance.uniform(0, 1))
            collector.kill()
        for sender in senders:
            sender.finish()
        if life == 1:
            time.sleep(0.8)
            collector.stop()
        ledgers += [sender.ledger for sender in senders]
        calls += read(collector.trace, home)
        collector.trace.unlink()
    return Recording(home, calls, ledgers)


@dataclass(frozen=True)
class Outcome:
    """What one state came to."""

    moment: int
    order: Order
    sector: int
    acknowledged: int
    applied: int
    lost: list[str]
    doubled: list[str]
    foreign: list[str]
    torn: list[str]
    told_lost: int
    error: str

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.doubled or self.foreign or self.torn or self.error)


def outcomes(recording: Recording, seed: int, count: int, scratch: Path) -> Iterator[Outcome]:
    """As many states, each at a moment of its own, half of each order and of each sector."""
    chance = random.Random(seed)
    moments = _moments(recording.calls, chance, count)
    disk, followed = Disk(recording.home), 0
    for number, moment in enumerate(moments):
        for call in recording.calls[followed:moment]:
            disk.follow(call)
        followed = moment
        order: Order = ("prefix", "any order")[number % 2]  # type: ignore[assignment]
        sector = (512, 4096)[number // 2 % 2]
        state = disk.after_power_cut(chance, order, sector)
        at = recording.calls[moment - 1].ended
        home = scratch / f"state-{seed}-{number}"
        lay_out(state, home)
        yield _outcome(home, recording, moment, order, sector, at)
        shutil.rmtree(home, ignore_errors=True)


def _moments(calls: list[Call], chance: random.Random, count: int) -> list[int]:
    """Half of them anywhere, half where something else happens than an append to the log."""
    anywhere = range(1, len(calls) + 1)
    elsewhere = [
        place
        for place in anywhere
        if (call := calls[place - 1]).name
        in ("rename", "unlink", "ftruncate", "fallocate", "mkdir")
        or (".duckdb" in call.path and call.name != "close")
    ]
    chosen = chance.choices(anywhere, k=count - count // 2)
    return sorted(chosen + chance.choices(elsewhere, k=count // 2))


def _outcome(
    home: Path, recording: Recording, moment: int, order: Order, sector: int, at: float
) -> Outcome:
    acknowledged, sent = recording.acknowledged_by(at), recording.sent()
    error, rows, told = "", [], 0
    try:
        rows, told = restarted(home / "data")
    # Whatever keeps it from starting is what this looks for.
    except Exception as cause:
        error = f"{type(cause).__name__}: {cause}"
    verdict = judged(rows, acknowledged, set(sent))
    return Outcome(
        moment,
        order,
        sector,
        len(acknowledged),
        verdict.records,
        sorted(verdict.lost),
        sorted(verdict.doubled),
        sorted(verdict.foreign),
        sorted(short(rows, sent)),
        told,
        error,
    )


def restarted(data: Path) -> tuple[list[tuple[str, str]], int]:
    """What log, store and applier make of a home: the rows, and how many requests are told lost."""
    log = WriteAheadLog(data / "log", segment_bytes=96 * 1024)
    try:
        with Store(data / "watchkeeper.duckdb") as store:
            applier = Applier(store, log, Decoder(SetAside(data / "set-aside").keep))
            while applier.position < log.last_sequence and applier.step():
                pass
            applier.stop()
            cursor = store.cursor()
            lost = cursor.execute("select coalesce(sum(records), 0)::bigint from refused_record")
            told = int(lost.fetchall()[0][0])
            return cursor.execute(STORED).fetchall(), told
    finally:
        log.close()


def run(seed: int, count: int, seconds: float) -> tuple[list[Outcome], dict[str, int]]:
    """One recording and its states."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="power-") as name:
        recording = record(Path(name), seed, seconds)
        kinds = Counter(call.name for call in recording.calls)
        found = list(outcomes(recording, seed, count, Path(name)))
        return found, dict(kinds) | {"acknowledged": len(recording.acknowledged_by(float("inf")))}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--states", type=int, default=300)
    parser.add_argument("--recordings", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=6.0, help="of load in each recording")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the outcomes")
    chosen = parser.parse_args()
    each = -(-chosen.states // chosen.recordings)
    seeds = range(chosen.seed, chosen.seed + chosen.recordings)
    everything, kinds = [], Counter()
    for seed in seeds:
        found, counted = run(seed, each, chosen.seconds)
        everything += found
        kinds.update(counted)
        wrong = [outcome for outcome in found if not outcome.is_right]
        print(f"recording {seed}: {len(found)} states, {len(wrong)} wrong, {counted}", flush=True)
        for outcome in wrong:
            print(f"  {outcome.error or json.dumps(asdict(outcome))[:600]}", flush=True)
    summary = {
        "states": len(everything),
        "wrong": sum(not outcome.is_right for outcome in everything),
        "refused_to_open": sum(bool(outcome.error) for outcome in everything),
        "lost": sum(len(outcome.lost) for outcome in everything),
        "doubled": sum(len(outcome.doubled) for outcome in everything),
        "foreign": sum(len(outcome.foreign) + len(outcome.torn) for outcome in everything),
        "told_as_damaged_in_log": sum(outcome.told_lost for outcome in everything),
        "acknowledged_checked": sum(outcome.acknowledged for outcome in everything),
        "records_checked": sum(outcome.applied for outcome in everything),
        "calls": dict(kinds),
    }
    print(json.dumps(summary))
    if chosen.json:
        chosen.json.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 1 if summary["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
