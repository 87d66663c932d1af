"""Two loads that overlap, into the real collector: nothing twice, nothing missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from stack import REPOSITORY, environment_with_free_ports

FIRST_END = "2026-01-13T09:30:00+00:00"
NEXT_DAY = "2026-01-14T12:00:00+00:00"
TABLES = ("spans", "logs", "runs", "actions", "decisions", "trust", "commands")
DAILY = ("gateway", "clerk", "courier", "rogue", "planner")


class Collector:
    """A collector process, a door to load it and a door to ask it."""

    def __init__(self, home: Path) -> None:
        self._environment = environment_with_free_ports() | {"PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "collector", "collector", "--home", str(home)],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("ready")

    def load(self, *flags: str) -> None:
        endpoint = self._environment["WATCHKEEPER_OTLP_GRPC"]
        command = [sys.executable, "-m", "sample_data.history", "--endpoint", endpoint, *flags]
        subprocess.run(command, env=self._environment, check=True, timeout=120)
        self._settle()

    def ask(self, sql: str) -> list[dict[str, object]]:
        url = f"http://{self._environment['WATCHKEEPER_API']}/v1/sql"
        answer = httpx.post(url, json={"sql": sql}, timeout=60).raise_for_status()
        rows: list[dict[str, object]] = pa.ipc.open_stream(answer.content).read_all().to_pylist()
        return rows

    def counts(self) -> dict[str, object]:
        counted = ", ".join(f"(select count(*) from {table}) as {table}" for table in TABLES)
        return self.ask(f"select {counted}")[0]

    def _settle(self) -> None:
        url = f"http://{self._environment['WATCHKEEPER_API']}/v1/meta"
        deadline = time.monotonic() + 60
        while httpx.get(url).json()["wal_lag_records"]:
            assert time.monotonic() < deadline, "the collector did not apply what it was sent"
            time.sleep(0.2)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(60) == 0


@pytest.fixture
def collectors(tmp_path: Path) -> Iterator[list[Collector]]:
    started = [Collector(tmp_path / name) for name in ("twice", "once")]
    yield started
    for each in started:
        each.stop()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="stops processes with a signal")
def test_loads_that_overlap_store_what_one_load_stores(collectors: list[Collector]) -> None:
    twice, once = collectors
    story = ("--story-end", FIRST_END)

    twice.load("--days", "10", "--until", FIRST_END)
    first = twice.counts()
    # A day and two and a half hours later; the last two days once more.
    twice.load("--since", "2026-01-11T15:00:00Z", "--until", NEXT_DAY, *story)
    once.load("--since", "2026-01-03T09:30:00Z", "--until", NEXT_DAY, *story)

    assert twice.counts() == once.counts()
    assert all(int(str(first[table])) > 0 for table in TABLES)
    assert twice.ask(SAME_ID) == []
    assert {row["agent"] for row in twice.ask(GAP)} == set(DAILY)
    assert twice.ask("select count(*) as refused from refused") == [{"refused": 0}]


# Records that are there more than once.
SAME_ID = """
select trace_id || span_id as id, count(*) as times from spans group by id having times > 1
union all
select decision_id, count(*) as times from decisions group by decision_id having times > 1
union all
select agent || ' ' || "at", count(*) as times from trust group by agent, "at" having times > 1
"""
# Who ran between the loads' ends.
GAP = f"""
select distinct agent from runs
where started_at > timestamptz '{FIRST_END}' and started_at <= timestamptz '{NEXT_DAY}'
"""
