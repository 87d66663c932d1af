"""The archive: whatever is sealed, late, repeated or killed, each row is read exactly once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from house import DAY, LATER, NOON, House, logs, ns, points, spans

from collector.model import Signal
from collector.newest import one_trace
from collector.store.archive import Archive, sealed_files
from collector.store.connection import Store
from collector.store.reader import Reader
from mappings import load


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    there = House(tmp_path / "data")
    yield there
    there.store.close()


VIEWS = ("spans", "logs", "metric_points")


def test_a_sealed_row_reads_as_it_did(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, *range(9), tool="refund"), NOON)
    house.take(Signal.LOGS, logs(NOON, *range(5)), NOON)
    house.take(Signal.METRICS, points(NOON, *range(4)), NOON)
    before = [house.ask(f"select * from {view} order by all") for view in VIEWS]

    assert house.seal() == 18
    assert [house.count(table) for table in ("span", "log_record", "metric_point")] == [0, 0, 0]
    assert [house.ask(f"select * from {view} order by all") for view in VIEWS] == before


def test_the_views_keep_their_types_when_rows_are_sealed(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, *range(9)), NOON)
    before = house.reader.text("select * from spans").schema
    hashes = house.reader.text("select resource_hash from every_span").schema

    house.seal()

    assert house.reader.text("select * from spans").schema == before
    assert house.reader.text("select resource_hash from every_span").schema == hashes


def test_open_days_and_what_came_today_stay(house: House) -> None:
    house.take(Signal.TRACES, spans(LATER - 6 * DAY, 1), LATER - 6 * DAY)
    house.take(Signal.TRACES, spans(NOON, 2), LATER - timedelta(hours=1))

    assert house.seal() == 0
    assert house.seal(LATER + 3 * DAY) == 2


def test_the_files_have_plain_parquet_types_and_the_sums_of_the_manifest(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, *range(9)), NOON)
    house.seal()

    [file] = sealed_files(house.archive._cursor)
    path = house.store.archive / file.path
    schema = pq.read_schema(path)
    assert path.parent.name == "day=2026-01-15"
    assert str(schema.field("trace_id").type) == "binary"
    assert str(schema.field("resource_hash").type) == "binary"
    assert str(schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("start_ns").type) == "int64"
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=house.store.archive, capture_output=True, check=False
    )
    assert checked.returncode == 0


def test_a_late_row_of_a_sealed_day_stays_until_the_next_sealing(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, 0), NOON)
    house.seal()
    house.take(Signal.TRACES, spans(NOON, 1), LATER)

    assert house.seal() == 0
    assert (house.count("span"), house.count("spans")) == (1, 2)
    assert house.seal(LATER + 2 * DAY) == 1
    assert (house.count("span"), house.count("spans")) == (0, 2)
    assert house.count("archive_files") == 2


def test_a_repeated_row_is_a_duplicate_although_it_is_sealed(house: House) -> None:
    bodies = {
        Signal.TRACES: spans(NOON, *range(6)),
        Signal.LOGS: logs(NOON, *range(5)),
        Signal.METRICS: points(NOON, *range(4)),
    }
    for signal, body in bodies.items():
        house.take(signal, body, NOON)
    house.seal()
    for signal, body in bodies.items():
        house.take(signal, body, LATER)

    assert [house.count(view) for view in VIEWS] == [6, 5, 4]
    assert house.ask("select sum(duplicate)::int as n from sources") == [{"n": 15}]


def test_a_late_span_of_a_sealed_trace_keeps_the_actions_told_before(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, 0, 1, tool="refund"), NOON)
    house.seal()
    house.take(Signal.TRACES, spans(NOON, 2, tool="transfer"), LATER)

    assert house.ask("select name, count(*) as n from actions group by name order by name") == [
        {"name": "refund", "n": 2},
        {"name": "transfer", "n": 1},
    ]


def test_what_carries_governance_has_files_of_its_own(house: House) -> None:
    house.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    house.take(Signal.LOGS, logs(NOON, 3, 4, 5), NOON)
    house.seal()

    assert house.ask("select carries, rows::int as rows from archive_files order by carries") == [
        {"carries": "governance", "rows": 2},
        {"carries": "plain", "rows": 3},
    ]


def test_days_that_a_wrong_clock_names_make_no_files(house: House) -> None:
    for year in range(1990, 2000):
        house.take(Signal.TRACES, spans(datetime(year, 1, 1, tzinfo=UTC), year), NOON)

    assert house.seal() == 0
    assert house.count("spans") == 10


def plan(house: House, sql: str) -> str:
    [row] = house.ask(f"explain {sql}")
    return str(row["explain_value"])


def test_a_question_about_recent_days_opens_no_file(house: House) -> None:
    for month in range(3):
        at = NOON - month * 31 * DAY
        house.take(Signal.TRACES, spans(at, month), at)
        house.take(Signal.LOGS, logs(at, month), at)
        house.take(Signal.METRICS, points(at, month), at)
    house.seal()

    for view, time in (
        ("spans", "started_at"),
        ("logs", "logged_at"),
        ("metric_points", "measured_at"),
    ):
        count = f"select count(*) from {view} where {time} >= timestamptz"
        assert "READ_PARQUET" not in plan(house, f"{count} '2026-01-20'")
        assert plan(house, f"{count} '2026-01-01'").count("READ_PARQUET") == 1
        assert plan(house, f"{count} '2025-01-01'").count("READ_PARQUET") == 3


def test_named_questions_reach_archived_traces(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    window = {"window_start": NOON - DAY, "until": NOON + DAY, "limit": 10}
    asked = window | dict.fromkeys(("agent", "outcome", "text", "before_ns"))
    before = house.reader.rows("queries/traces", asked)
    wanted = {"trace_id": f"{1:032x}"}
    spans_before = one_trace(house.reader, wanted).to_pylist()
    house.seal()

    assert house.reader.rows("queries/traces", asked) == before != []
    assert one_trace(house.reader, wanted).to_pylist() == spans_before != []


def test_a_trace_that_began_behind_the_archive_is_found_without_it(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, 0), NOON)
    house.take(Signal.TRACES, spans(LATER, 9), LATER)
    house.seal()
    asked: list[str] = []

    class Watching(Reader):
        def text(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
            asked.append(str(super().text(f"explain {sql}", parameters).to_pylist()))
            return super().text(sql, parameters)

    assert one_trace(Watching(house.store), {"trace_id": f"{4:032x}"}).num_rows == 1
    assert ["READ_PARQUET" in plan for plan in asked] == [False, False]
    assert one_trace(Watching(house.store), {"trace_id": f"{1:032x}"}).num_rows == 1
    assert "READ_PARQUET" in asked[-1]


def test_the_evidence_of_reports_is_the_same_when_it_is_archived(house: House) -> None:
    house.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    house.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    period = {"since": NOON - DAY, "until": NOON + DAY, "agent": None}
    queries = load.evidence_queries()
    before = {name: house.reader.text(q.sql, period).to_pylist() for name, q in queries.items()}

    assert house.seal() == 8

    after = {name: house.reader.text(q.sql, period).to_pylist() for name, q in queries.items()}
    assert after == before
    assert any(row["population"] for rows in after.values() for row in rows)


def test_files_written_with_fewer_columns_are_still_read(house: House, tmp_path: Path) -> None:
    house.take(Signal.TRACES, spans(NOON, 0), NOON)
    house.seal()
    house.store.close()
    with duckdb.connect(str(tmp_path / "data" / "watchkeeper.duckdb")) as later:
        later.execute("alter table span add column told varchar")
    again = Store(tmp_path / "data" / "watchkeeper.duckdb")

    assert Reader(again).text("select told from every_span").to_pylist() == [{"told": None}]
    again.close()


def test_a_damaged_file_is_left_out_and_named_and_the_store_opens(
    house: House, tmp_path: Path
) -> None:
    house.take(Signal.TRACES, spans(NOON, 0), NOON)
    house.take(Signal.TRACES, spans(NOON + DAY, 1), NOON + DAY)
    house.seal()
    files = sealed_files(house.archive._cursor)
    house.store.close()
    (house.store.archive / files[0].path).write_bytes(b"no longer whole")
    again = Store(tmp_path / "data" / "watchkeeper.duckdb")

    assert [fault.partition(":")[0] for fault in again.archive_faults] == [files[0].path]
    assert Reader(again).text("select count(*) as n from spans").to_pylist() == [{"n": 1}]
    again.close()


def test_a_home_that_moved_finds_its_archive(house: House, tmp_path: Path) -> None:
    house.take(Signal.TRACES, spans(NOON, 0), NOON)
    house.seal()
    house.store.close()
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    again = Store(tmp_path / "elsewhere" / "watchkeeper.duckdb")

    assert Reader(again).text("select count(*) as n from spans").to_pylist() == [{"n": 1}]
    again.close()


STEPS = ("copied", "renamed", "written", "deleted", "committed", "checkpointed")

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from collector.store.archive import Archive
from collector.store.connection import Store

def die(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

store = Store(Path(sys.argv[1]))
archive = Archive(store.cursor(), store.archive, store.checkpoints_paused, at_step=die)
while archive.seal_next(datetime.fromisoformat(sys.argv[3])):
    store.checkpoint()
    die("checkpointed")
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_each_row_readable_once(
    house: House, tmp_path: Path, step: str
) -> None:
    house.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    house.take(Signal.LOGS, logs(NOON, 3, 4, 5), NOON)
    house.store.close()
    path = tmp_path / "data" / "watchkeeper.duckdb"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), step, LATER.isoformat()],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert killed.returncode == -9, killed.stderr

    with Store(path) as again:
        archive = Archive(again.cursor(), again.archive, again.checkpoints_paused)
        archive.tidy()
        reader = Reader(again)
        once = reader.text("select time_ns from logs order by time_ns").to_pylist()
        while archive.seal_next(LATER):
            pass
        after = reader.text("select time_ns from logs order by time_ns").to_pylist()
        hot = reader.text("select count(*) as n from log_record").to_pylist()
        named = {file.path for file in sealed_files(again.cursor())}
        there = {str(p.relative_to(again.archive)) for p in again.archive.rglob("*.parquet*")}

    assert [row["time_ns"] - ns(NOON) for row in once] == [1, 2, 3, 4, 5]
    assert (after, hot) == (once, [{"n": 0}])
    assert there == named


def test_sealing_beside_the_intake_loses_and_doubles_nothing(house: House) -> None:
    for day in range(30):
        numbers = range(30 * day, 30 * day + 20)
        house.log.append(Signal.TRACES, spans(NOON + day * DAY, *numbers, tool="refund"), NOON)
    house.applier.step()
    failed: list[BaseException] = []
    enough = threading.Event()

    def take() -> None:
        number = 1000
        while not enough.is_set():
            try:
                house.take(Signal.TRACES, spans(NOON + 90 * DAY, number, tool="pay"), NOON)
                house.store.try_checkpoint()
            except BaseException as error:
                failed.append(error)
                return
            number += 1

    taking = threading.Thread(target=take)
    taking.start()
    try:
        sealed = house.seal(NOON + 60 * DAY)
    finally:
        enough.set()
        taking.join()

    assert (failed, sealed) == ([], 600)
    taken = len(house.log.records) - 30
    assert house.count("spans") == house.count("actions") == 600 + taken
    assert house.count("span") == taken > 0
