"""Exports: each format holds the same rows, and a file is whole or not there."""

from __future__ import annotations

import argparse
import csv
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import uvicorn
from house import DAY, LATER, NOON, House, logs, spans

from collector.api import create_app
from collector.cli import export
from collector.config import Settings, add_arguments, settings_from
from collector.errors import ConfigurationError, RefusedInput
from collector.model import Signal
from collector.queries import Queries
from collector.store.reader import Bounds, Busy, Reader


class Nothing:
    """No objectives, no reports."""

    def __getattr__(self, name: str) -> Any:
        return dict


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    there = House(tmp_path_factory.mktemp("house") / "data")
    there.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    there.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    there.seal()
    there.take(Signal.TRACES, spans(LATER, 100, 101), LATER)
    yield there
    there.store.close()


@pytest.fixture(scope="module")
def settings(house: House) -> Iterator[Settings]:
    """The query API of the house, really served."""
    listener = socket.create_server(("127.0.0.1", 0))
    queries = Queries(house.reader, lambda: datetime.now(UTC))
    app = create_app(queries, meta=dict, objectives=Nothing(), reports=Nothing())
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    yield settings_from(parser.parse_args(["--api", f"127.0.0.1:{listener.getsockname()[1]}"]))
    server.should_exit = True
    thread.join()


def ask(settings: Settings, output: Path, form: str = "csv", **chosen: str | None) -> Path:
    asked = {"table": None, "sql": None, "since": None, "until": None, **chosen}
    export.export(settings, argparse.Namespace(format=form, output=output, **asked))
    return output


def test_every_format_holds_the_same_rows_archived_ones_too(
    settings: Settings, tmp_path: Path
) -> None:
    table = pq.read_table(ask(settings, tmp_path / "rows.parquet", "parquet", table="spans"))
    with ask(settings, tmp_path / "rows.csv", "csv", table="spans").open() as file:
        lines = list(csv.DictReader(file))
    objects = json.loads(ask(settings, tmp_path / "rows.json", "json", table="spans").read_text())

    ids = table["span_id"].to_pylist()
    assert len(ids) == 8
    assert [line["span_id"] for line in lines] == [one["span_id"] for one in objects] == ids
    assert [int(line["start_ns"]) for line in lines] == table["start_ns"].to_pylist()
    assert min(one["started_at"] for one in objects) == "2026-01-15T12:00:00+00:00"
    assert json.loads(lines[0]["attributes"]) == json.loads(objects[0]["attributes"])


def test_a_period_chooses_by_the_time_of_the_table(settings: Settings, tmp_path: Path) -> None:
    since, until = (NOON + DAY).isoformat(), (LATER + DAY).isoformat()

    late = ask(settings, tmp_path / "late.json", "json", table="spans", since=since, until=until)
    none = ask(settings, tmp_path / "none.json", "json", table="decisions", since=since)

    assert [row["name"] for row in json.loads(late.read_text())] == ["step 100", "step 101"]
    assert json.loads(none.read_text()) == []


def test_nested_values_bytes_and_nan_are_told_as_text(settings: Settings, tmp_path: Path) -> None:
    sql = "select [1, 2] as list, {'a': null} as struct, '\\xAB'::blob as bytes, 'nan'::double as x"

    objects = json.loads(ask(settings, tmp_path / "rows.json", "json", sql=sql).read_text())
    with ask(settings, tmp_path / "rows.csv", "csv", sql=sql).open() as file:
        [line] = csv.DictReader(file)

    assert objects == [{"list": [1, 2], "struct": {"a": None}, "bytes": "ab", "x": "nan"}]
    assert (line["list"], line["struct"], line["bytes"]) == ("[1, 2]", '{"a": null}', "ab")


@pytest.mark.parametrize(
    "asked",
    [
        {"sql": "delete from position"},
        {"sql": "select * from read_text('/etc/passwd')"},
        {"sql": "copy span to 'x.csv'"},
        {"sql": "select nothing_such from spans"},
        {"table": "no_such_table"},
        {"table": "spans; drop table span"},
        {"table": "agents", "since": "2026-01-01"},
        {"table": "spans", "since": "yesterday"},
        {"table": "spans", "sql": "select 1"},
        {},
    ],
)
def test_what_cannot_be_exported_is_refused_and_makes_no_file(
    settings: Settings, tmp_path: Path, asked: dict[str, str]
) -> None:
    with pytest.raises(RefusedInput):
        ask(settings, tmp_path / "rows.csv", **asked)

    assert list(tmp_path.iterdir()) == []


def test_a_statement_that_fails_on_its_way_leaves_no_file(
    settings: Settings, tmp_path: Path
) -> None:
    """The two millionth row cannot be cast: the answer has begun by then."""
    sql = "select cast(case when range = 2000000 then 'x' else '1' end as int) from range(3000000)"

    with pytest.raises((ConfigurationError, RefusedInput)):
        ask(settings, tmp_path / "rows.csv", sql=sql)

    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_stays_until_the_new_one_is_whole(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("earlier")
    with pytest.raises(RefusedInput):
        ask(settings, tmp_path / "rows.csv", sql="select nothing_such")

    assert (tmp_path / "rows.csv").read_text() == "earlier"


def test_rows_come_as_they_are_made_and_not_all_at_once(house: House) -> None:
    """A million million rows fit into no memory; the first are there at once."""
    with house.reader.exported("select * from range(1000000000000)") as batches:
        first = next(iter(batches))

    assert 0 < first.num_rows <= 10_000


def test_a_second_export_is_told_to_come_back(house: House) -> None:
    reader = Reader(house.store, Bounds(patience_s=0.05))

    with (
        reader.exported("select 1"),
        pytest.raises(Busy, match="ask again"),
        reader.exported("select 1"),
    ):
        pass

    with reader.exported("select 1 as one") as batches:
        assert batches.read_all().to_pylist() == [{"one": 1}]


def test_no_archived_file_leaves_the_disk_during_an_export(house: House) -> None:
    reader = Reader(house.store, archive_kept=house.archive.kept_readable)

    with reader.exported("select * from spans"):
        during = house.archive._readers

    assert (during, house.archive._readers) == (1, 0)


def test_without_a_collector_the_command_says_so(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    nobody = settings_from(parser.parse_args(["--api", "127.0.0.1:1"]))

    with pytest.raises(ConfigurationError, match="watchkeeper up"):
        ask(nobody, tmp_path / "rows.csv", table="spans")
