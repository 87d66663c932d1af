"""A home that an older Watchkeeper used for a while: what it stored is counted as well."""

from __future__ import annotations

from pathlib import Path

import duckdb
from house import NOON, House, logs

from collector.model import Signal
from collector.store.connection import Store
from collector.store.reader import Reader

DENIED = "select sum(decisions)::bigint as n from decision_rollup"


def test_what_a_version_without_rollups_stored_is_counted_at_the_next_start(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    house.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    assert house.ask(DENIED) == [{"n": 2}]
    house.store.close()
    # That version sets the position and knows of no count; only its decisions are there.
    with duckdb.connect(str(house.store.path)) as older:
        older.execute("delete from decision_rollup")
        older.execute("update position set sequence = sequence + 1")

    with Store(house.store.path) as again:
        assert Reader(again).text(DENIED).to_pylist() == [{"n": 2}]


def test_a_home_of_this_version_is_not_counted_again(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    house.take(Signal.LOGS, logs(NOON, 1, decision=True), NOON)
    house.store.close()
    with duckdb.connect(str(house.store.path)) as database:
        database.execute("update decision_rollup set decisions = 7")

    with Store(house.store.path) as again:
        assert Reader(again).text(DENIED).to_pylist() == [{"n": 7}]
