"""What was acknowledged and cannot be stored stays on the disk, up to a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.set_aside import SetAside
from collector.store.wal import Record, WriteAheadLog

NOON_NS = 1_768_478_400_000_000_000


def record(sequence: int, body: bytes, received_ns: int = NOON_NS) -> Record:
    return Record(sequence, Signal.LOGS, "protobuf", "otlp-grpc", received_ns, body)


def test_the_bytes_of_a_record_are_kept_under_its_number(tmp_path: Path) -> None:
    kept = SetAside(tmp_path / "set-aside").keep(record(7, b"evidence"))

    assert kept == "kept in set-aside/7.otlp as protobuf"
    assert (tmp_path / "set-aside" / "7.otlp").read_bytes() == b"evidence"


def test_a_record_that_comes_again_is_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        SetAside(tmp_path, most_bytes=10).keep(record(7, b"evidence"))

    assert [file.name for file in tmp_path.iterdir()] == ["7.otlp"]


def test_a_number_that_is_given_twice_overwrites_nothing(tmp_path: Path) -> None:
    set_aside = SetAside(tmp_path)
    set_aside.keep(record(7, b"evidence"))
    set_aside.keep(record(7, b"other evidence", received_ns=8))

    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [
        b"evidence",
        b"other evidence",
    ]


@pytest.mark.parametrize("reopened", [False, True])
def test_beyond_the_bound_records_are_only_counted(tmp_path: Path, reopened: bool) -> None:
    set_aside = SetAside(tmp_path, most_bytes=10)
    set_aside.keep(record(1, b"evidence"))
    if reopened:
        set_aside = SetAside(tmp_path, most_bytes=10)

    kept = set_aside.keep(record(2, b"evidence"))

    assert kept.startswith("not kept, because")
    assert [file.name for file in tmp_path.iterdir()] == ["1.otlp"]


def test_an_undecodable_record_is_named_in_its_refusal_and_kept(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path / "log")
    log.append(Signal.TRACES, "protobuf", "otlp-grpc", NOON_NS, b"\xff\xfe").result(5)
    with Store(tmp_path / "evidence.duckdb") as store:
        applier = Applier(store, log, Decoder(SetAside(tmp_path / "set-aside").keep))

        applier.step()

        sql = "select reason, records, detail from refused_record"
        [(reason, records, detail)] = store.cursor().execute(sql).fetchall()
    log.close()
    assert (reason, records) == ("undecodable", 1)
    assert detail.startswith("kept in set-aside/1.otlp as protobuf: ")
    assert (tmp_path / "set-aside" / "1.otlp").read_bytes() == b"\xff\xfe"
