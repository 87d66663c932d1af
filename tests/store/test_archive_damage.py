"""Archived files that are damaged while the collector runs: told, left out, and read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import DAY, NOON, House, points, spans

from collector.model import Signal
from collector.store.archive import Archive
from collector.store.reader import ArchiveDamaged

RECENT = (
    "select count(*) as n from spans where started_at >="
    f" timestamptz '{(NOON + 10 * DAY).isoformat()}'"
)

Harm = Callable[[Path], None]


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def garble(file: Path) -> None:
    """The same size and the same ends."""
    whole = file.read_bytes()
    middle = bytes(byte ^ 0x55 for byte in whole[4:-8])
    file.write_bytes(whole[:4] + middle + whole[-8:])


HARMS = pytest.mark.parametrize("harm", [remove, cut, garble])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    there = House(tmp_path / "data")
    there.archive = Archive(
        there.store.cursor(),
        there.store.archive,
        there.store.checkpoints_paused,
        whole=there.store.archive_whole,
    )
    there.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    there.take(Signal.TRACES, spans(NOON + 11 * DAY, *range(100, 104)), NOON + 11 * DAY)
    there.take(Signal.METRICS, points(NOON, 1), NOON)
    there.seal()
    yield there
    there.store.close()


def sealed_spans(house: House) -> Path:
    return next((house.store.archive / "span").rglob("*.parquet"))


@HARMS
def test_the_first_question_names_the_file_and_the_next_ones_are_answered_without_it(
    house: House, harm: Harm
) -> None:
    file = sealed_spans(house)
    harm(file)

    with pytest.raises(ArchiveDamaged, match=file.name):
        house.reader.free("select * from spans", 10)

    assert [fault.partition(":")[0] for fault in house.store.archive_faults] == [
        str(file.relative_to(house.store.archive))
    ]
    assert house.count("spans") == 4
    assert house.ask(RECENT) == [{"n": 4}]
    assert house.count("metric_points") == 1


@HARMS
def test_a_file_that_is_back_is_read_again_without_a_start(
    house: House, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.store.connection.LOOK_EVERY_S", 0.0)
    file = sealed_spans(house)
    whole = file.read_bytes()
    harm(file)
    house.store.look_at_archive(closely=True)
    assert house.count("spans") == 4

    file.write_bytes(whole)

    assert house.count("spans") == 10
    assert house.store.archive_faults == []


@HARMS
def test_a_damaged_file_neither_stops_the_intake_nor_costs_a_record(
    house: House, harm: Harm
) -> None:
    """A span of an archived trace looks there; the log gives a batch again until it is stored."""
    harm(sealed_spans(house))
    house.log.append(Signal.TRACES, spans(NOON, 1, 7, 8, tool="refund"), NOON + 11 * DAY)

    for _ in range(3):
        try:
            while house.applier.step():
                pass
        except Exception:
            continue

    assert house.applier.position == len(house.log.records)
    assert house.count("refused") == 0
    assert house.count("spans") >= 6


def test_a_day_sealed_while_another_is_missing_does_not_hide_that_one_for_good(
    house: House,
) -> None:
    file = sealed_spans(house)
    whole = file.read_bytes()
    file.unlink()
    house.take(Signal.TRACES, spans(NOON + DAY, 200), NOON + DAY)
    house.seal()

    file.write_bytes(whole)
    house.store.look_at_archive()

    assert house.count("spans") == 11


def test_a_wrong_question_does_not_blame_the_archive(house: House) -> None:
    assert not house.store.look_at_archive(closely=True)

    with pytest.raises(Exception, match="no_such_column"):
        house.reader.free("select no_such_column from spans", 1)

    assert house.store.archive_faults == []
