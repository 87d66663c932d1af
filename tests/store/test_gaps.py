"""Gaps: a number that is missing in the log is told, once, and never passed over in silence."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from collector.instruments import Instruments
from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.gaps import Gap, gaps
from collector.store.segment import segment_paths
from collector.store.wal import WriteAheadLog

NOON_NS = 1_768_478_400_000_000_000
REFUSED = "select sequence, source, signal, reason, records, detail from refused_record"


def a_log(number: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(time_unix_nano=NOON_NS + number, severity_text="INFO")
    return request.SerializeToString()


def test_numbers_without_a_gap_tell_nothing() -> None:
    assert list(gaps(4, [5, 6, 7])) == []
    assert list(gaps(4, [])) == []


@given(after=st.integers(0, 50), present=st.sets(st.integers(1, 80)))
def test_gaps_are_what_is_missing_up_to_the_last_number(after: int, present: set[int]) -> None:
    rising = sorted(number for number in present if number > after)
    found = [number for gap in gaps(after, rising) for number in range(gap.first, gap.last + 1)]

    expected = set(range(after + 1, max(rising, default=after))) - set(rising)
    assert found == sorted(expected)


def test_a_gap_starts_and_ends_with_missing_numbers() -> None:
    assert list(gaps(0, [3, 4, 9])) == [Gap(1, 2), Gap(5, 8)]


def test_a_zeroed_kilobyte_is_told_once_and_the_rest_is_stored(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path / "log")
    for number in range(100):
        log.append(Signal.LOGS, "protobuf", "otlp-grpc", NOON_NS, a_log(number)).result(10)
    log.close()
    [segment] = segment_paths(tmp_path / "log")
    with segment.open("r+b") as file:
        file.seek(2048)
        file.write(bytes(1024))

    instruments = Instruments("0.1.0")
    for _ in range(2):
        log = WriteAheadLog(tmp_path / "log")
        with Store(tmp_path / "evidence.duckdb") as store:
            applier = Applier(store, log, Decoder(), on_lost=instruments.lost)
            while applier.step():
                pass
            # The next start goes through the same damage again.
            store.cursor().execute("update position set sequence = 0")
            rows = store.cursor().execute(REFUSED).fetchall()
            [stored] = store.cursor().execute("select count(*) from logs").fetchall()
        damaged_files = log.damaged_files
        log.close()

    [(sequence, source, signal, reason, records, detail)] = rows
    assert (source, signal, reason) == ("write-ahead log", "unknown", "damaged_in_log")
    assert stored == (100 - records,)
    assert 0 < records < 30
    assert f"requests {sequence - records + 1} to {sequence} of the log" in detail
    assert len(list((tmp_path / "log").glob("*.damaged"))) == damaged_files == 1
    # The second start, with its position set back, finds the same numbers missing.
    scrape = instruments.page("", {"wal_damaged_files": damaged_files})[0].decode()
    assert f"watchkeeper_wal_records_lost_total {2.0 * records}" in scrape
    assert "watchkeeper_wal_damaged_files 1.0" in scrape
