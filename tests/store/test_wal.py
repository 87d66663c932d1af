"""The write-ahead log: what was acknowledged comes back, and nothing else does."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Signal
from collector.store import disk, wal
from collector.store.frame import Found, Record, frame_size, pack, scan, unpack
from collector.store.segment import Segment, segment_paths
from collector.store.wal import Busy, Closed, Unusable, WriteAheadLog, WriteFailed

NOON_NS = 1_768_478_400_000_000_000
SMALL = 4096

bodies = st.lists(st.binary(max_size=900), min_size=1, max_size=20)


def put(log: WriteAheadLog, body: bytes) -> int:
    return log.append(Signal.TRACES, "protobuf", "otlp-grpc", NOON_NS, body).result(10)


def everything(log: WriteAheadLog, after: int = 0) -> list[Record]:
    records: list[Record] = []
    while more := log.read(records[-1].sequence if records else after, 1024):
        records += more
    return records


def contents(directory: Path) -> list[bytes]:
    with opened(directory) as log:
        return [record.body for record in everything(log)]


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[WriteAheadLog]:
    log = WriteAheadLog(directory, segment_bytes=SMALL, **options)
    try:
        yield log
    finally:
        log.close()


@contextmanager
def filled(given_bodies: list[bytes]) -> Iterator[Path]:
    with TemporaryDirectory() as name:
        with opened(Path(name)) as log:
            for body in given_bodies:
                put(log, body)
        yield Path(name)


def test_an_appended_record_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        sequence = log.append(Signal.LOGS, "json", "otlp-http", NOON_NS, b"{}").result(10)

        assert log.read(0, 1024) == [
            Record(sequence, Signal.LOGS, "json", "otlp-http", NOON_NS, b"{}")
        ]


def test_sequences_start_at_one_and_go_on_after_reopening(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        first = [put(log, b"gateway"), put(log, b"clerk")]

    with opened(tmp_path) as log:
        assert first == [1, 2]
        assert log.last_sequence == 2
        assert put(log, b"courier") == 3


def test_records_appended_by_many_threads_are_all_there_in_order(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        threads = [
            threading.Thread(target=lambda who=who: [put(log, bytes([who, n])) for n in range(40)])
            for who in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = everything(log)

    assert [record.sequence for record in records] == list(range(1, 201))
    assert len({record.body for record in records}) == 200


def test_what_is_not_read_yet_is_counted_in_bytes(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=1000)
    for _ in range(20):
        put(log, b"x" * 100)
    lagging = log.unread_bytes
    after = 0
    while records := log.read(after, 300):
        after = records[-1].sequence
    log.close()

    assert lagging > 2000
    assert log.unread_bytes == 0


def test_what_the_store_has_applied_before_a_restart_is_not_behind(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=1000)
    last = [put(log, b"x" * 100) for _ in range(20)][-1]
    log.close()
    log = WriteAheadLog(tmp_path, segment_bytes=1000)

    assert log.read(last, 300) == []
    assert log.unread_bytes == 0
    log.close()


def test_a_record_larger_than_a_segment_is_kept(tmp_path: Path) -> None:
    body = os.urandom(5 * SMALL)
    with opened(tmp_path) as log:
        put(log, b"small")
        put(log, body)

    assert contents(tmp_path) == [b"small", body]


def test_an_empty_directory_reads_as_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        assert log.read(0, 1024) == []
        assert log.last_sequence == 0
        assert not log.wait(0, timeout=0.01)


def test_waiting_ends_when_a_record_is_synced(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        timer = threading.Timer(0.05, put, (log, b"gateway"))
        timer.start()

        assert log.wait(0, timeout=10)
        timer.join()


def test_reading_takes_no_more_than_asked_but_at_least_one(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"a" * 300, b"b" * 300, b"c" * 300):
            put(log, body)

        assert len(log.read(0, 1)) == 1
        assert len(log.read(0, 700)) == 2
        assert [record.sequence for record in log.read(2, 10_000)] == [3]


@given(bodies)
@settings(max_examples=30, deadline=None)
def test_what_was_appended_is_read_after_reopening(appended: list[bytes]) -> None:
    with filled(appended) as directory:
        assert contents(directory) == appended


@given(appended=bodies, data=st.data())
@settings(max_examples=60, deadline=None)
def test_cutting_the_last_segment_anywhere_leaves_a_prefix(
    appended: list[bytes], data: st.DataObject
) -> None:
    with filled(appended) as directory:
        last = segment_paths(directory)[-1]
        size = data.draw(st.integers(0, last.stat().st_size))
        os.truncate(last, size)
        survivors = contents(directory)

        assert survivors == appended[: len(survivors)]
        assert len(survivors) >= _whole_frames_within(directory, appended, size)


def _whole_frames_within(directory: Path, appended: list[bytes], size: int) -> int:
    """Records of sealed segments, and those that end before the cut."""
    last = segment_paths(directory)[-1]
    kept = int(last.name.split("-")[1]) - 1
    for body in appended[kept:]:
        size -= frame_size("otlp-grpc", body)
        if size < 0:
            break
        kept += 1
    return kept


@given(appended=bodies, data=st.data())
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_lose_only_the_records_they_hit(
    appended: list[bytes], data: st.DataObject
) -> None:
    with filled(appended) as directory:
        path = data.draw(st.sampled_from(segment_paths(directory)))
        content = bytearray(path.read_bytes())
        places = data.draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=3))
        for place in places:
            content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with opened(directory) as log:
            survivors = everything(log)

        assert all(appended[record.sequence - 1] == record.body for record in survivors)
        assert len(survivors) >= len(appended) - len(places)
        assert [r.sequence for r in survivors] == sorted({r.sequence for r in survivors})


def test_damage_in_the_middle_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"gateway", b"clerk", b"courier"):
            put(log, body)
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"clerk", b"rogue"))

    with opened(tmp_path) as log:
        assert [record.sequence for record in everything(log)] == [1, 3]
        assert [b"rogue" in kept.read_bytes() for kept in log.damaged] == [True]
        assert put(log, b"next") == 4


def test_a_damaged_end_before_the_next_segment_is_set_aside(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"a" * 3000, b"b" * 500, b"c" * 3000):
            put(log, body)
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"b" * 500, b"x" * 500))

    with opened(tmp_path) as log:
        assert [record.sequence for record in everything(log)] == [1, 3]
        assert len(log.damaged) == 1


def test_damage_that_happens_while_open_is_not_returned(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"gateway", b"clerk"):
            put(log, body)
        path = segment_paths(tmp_path)[0]
        path.write_bytes(path.read_bytes().replace(b"clerk", b"rogue"))

        assert [record.body for record in everything(log)] == [b"gateway"]
        assert not log.wait(1, timeout=0.01)


def test_a_frame_inside_a_body_is_never_taken_for_a_record(tmp_path: Path) -> None:
    forged = pack(b"guessed!", Record(2, Signal.TRACES, "protobuf", "otlp-grpc", NOON_NS, b"evil"))
    with opened(tmp_path) as log:
        put(log, b"front" + forged)
        put(log, b"clerk")
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"front", b"FRONT"))

    assert contents(tmp_path) == [b"clerk"]


def test_released_segments_are_deleted_and_the_rest_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for _ in range(6):
            put(log, b"x" * 2500)
        log.release(4)

        assert [record.sequence for record in everything(log)] == [5, 6]
        assert len(segment_paths(tmp_path)) == 2


def test_release_never_deletes_the_segment_being_written(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        put(log, b"gateway")
        log.release(1)

        assert put(log, b"clerk") == 2
    assert contents(tmp_path) == [b"gateway", b"clerk"]


def test_sequences_that_the_store_has_applied_are_never_given_again(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        put(log, b"gateway")
        log.continue_after(41)

        assert put(log, b"clerk") == 42
    with opened(tmp_path) as log:
        assert [record.sequence for record in everything(log)] == [1, 42]


def test_too_many_waiting_bytes_are_refused_and_later_taken(tmp_path: Path) -> None:
    with opened(tmp_path, max_waiting_bytes=1000) as log:
        with _disk_that_waits() as go:
            taken = [log.append(Signal.TRACES, "protobuf", "s", NOON_NS, b"x" * 400)]
            with pytest.raises(Busy, match="send again"):
                for _ in range(9):
                    taken.append(log.append(Signal.TRACES, "protobuf", "s", NOON_NS, b"x" * 400))
            go.set()
            sequences = [future.result(10) for future in taken]

        assert sequences == list(range(1, len(taken) + 1))
        assert put(log, b"later") == len(taken) + 1


def test_what_is_being_synced_counts_as_waiting(tmp_path: Path) -> None:
    body = b"x" * 600
    with opened(tmp_path, max_waiting_bytes=1000) as log:
        with _disk_that_waits() as go:
            in_flight = log.append(Signal.TRACES, "protobuf", "s", NOON_NS, body)
            with pytest.raises(Busy, match="at most 1000 may"):
                # The writer may have taken the first from the queue, or not yet: both are bound.
                for _ in range(50):
                    time.sleep(0.001)
                    log.append(Signal.TRACES, "protobuf", "s", NOON_NS, body)
            most = log.waiting_bytes
            go.set()
            in_flight.result(10)

        assert most == frame_size("s", body)


def test_nothing_is_acknowledged_before_the_sync(tmp_path: Path) -> None:
    with opened(tmp_path) as log, _disk_that_waits() as go:
        future = log.append(Signal.TRACES, "protobuf", "s", NOON_NS, b"x")
        early = log.read(0, 1024), log.wait(0, timeout=0.05), future.done()
        go.set()

        assert early == ([], False, False)
        assert future.result(10) == 1


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "posix_fallocate"])
def test_a_full_disk_fails_the_request_and_the_log_goes_on_when_there_is_room(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as log:
        put(log, b"a" * 3900)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            with pytest.raises(WriteFailed, match=r"No space left.*nothing of this request"):
                put(log, b"lost" * 100)
            assert "No space left" in str(log.failure)

        assert put(log, b"kept") == 2
        assert log.failure is None
    assert contents(tmp_path) == [b"a" * 3900, b"kept"]


def test_frames_whose_sync_failed_are_not_read_even_if_they_reached_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened(tmp_path) as log:
        put(log, b"gateway")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            patch.setattr(os, "ftruncate", broken)
            with pytest.raises(WriteFailed):
                put(log, b"unacknowledged")
        put(log, b"clerk")

    assert contents(tmp_path) == [b"gateway", b"clerk"]


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=SMALL)
    log.close()
    log.close()

    with pytest.raises(Closed):
        put(log, b"late")


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=SMALL)
    futures = [log.append(Signal.TRACES, "protobuf", "s", NOON_NS, bytes([n])) for n in range(50)]
    log.close()

    assert [future.result(0) for future in futures] == list(range(1, 51))
    assert contents(tmp_path) == [bytes([n]) for n in range(50)]


def test_a_segment_created_but_never_filled_is_harmless(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        put(log, b"gateway")
    Segment.create(tmp_path, 2, 2, SMALL).close()
    os.truncate(segment_paths(tmp_path)[-1], 0)

    with opened(tmp_path) as log:
        assert put(log, b"clerk") == 2
    assert contents(tmp_path) == [b"gateway", b"clerk"]


records = st.builds(
    Record,
    sequence=st.integers(0, 2**64 - 1),
    signal=st.sampled_from(Signal),
    encoding=st.sampled_from(("protobuf", "json")),
    source=st.text(max_size=40).filter(lambda text: text.isprintable()),
    received_ns=st.integers(0, 2**63 - 1),
    body=st.binary(max_size=200),
)


@given(st.lists(records, max_size=5))
def test_frames_are_unpacked_as_they_were_packed(given_records: list[Record]) -> None:
    data = b"".join(pack(b"marker!!", record) for record in given_records)

    found = [piece for piece in scan(data, b"marker!!") if isinstance(piece, Found)]

    assert [unpack(data, piece) for piece in found] == given_records
    assert len(data) == sum(frame_size(r.source, r.body) for r in given_records)


@given(st.binary(max_size=400))
def test_random_bytes_hold_no_frame(data: bytes) -> None:
    assert list(scan(b"marker!!" + data, b"marker!!")) == []


@contextmanager
def _disk_that_waits() -> Iterator[threading.Event]:
    """A disk whose next sync ends when the event is set."""
    go, sync = threading.Event(), os.fdatasync

    def waiting(fd: int) -> None:
        go.wait(10)
        sync(fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdatasync", waiting)
        yield go
        go.set()


def test_a_file_from_another_log_is_refused_before_anything_changes(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for _ in range(6):
            put(log, b"x" * 2500)
    (tmp_path / f"{99:012d}-{1:020d}-{'ab' * 8}.wal").write_bytes(bytes(SMALL))
    before = [path.read_bytes() for path in segment_paths(tmp_path)]

    with pytest.raises(Unusable, match="cannot belong to the same log"):
        WriteAheadLog(tmp_path)
    assert [path.read_bytes() for path in segment_paths(tmp_path)] == before


def test_frames_that_a_later_file_denies_are_kept_aside(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"gateway", b"clerk", b"courier"):
            put(log, body)
    (tmp_path / f"{99:012d}-{2:020d}-{'ab' * 8}.wal").write_bytes(bytes(SMALL))

    with opened(tmp_path) as log:
        assert [record.body for record in everything(log)] == [b"gateway"]
        [kept] = [path.read_bytes() for path in log.damaged]
    assert b"clerk" in kept and b"courier" in kept


def test_a_torn_tail_is_kept_aside_and_cut(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        for body in (b"gateway", b"clerk"):
            put(log, body)
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"clerk", b"rogue"))

    with opened(tmp_path) as log:
        assert [record.body for record in everything(log)] == [b"gateway"]
        assert [b"rogue" in kept.read_bytes() for kept in log.torn] == [True]
        assert log.damaged == []
        assert put(log, b"next") == 2


def test_of_torn_tails_only_the_newest_are_kept(tmp_path: Path) -> None:
    for turn in range(12):
        with opened(tmp_path) as log:
            put(log, b"gateway %d" % turn)
        path = segment_paths(tmp_path)[-1]
        end = len(path.read_bytes().rstrip(b"\0"))
        with path.open("r+b") as file:
            file.seek(end + 5)
            file.write(b"half a frame")

    assert len(contents(tmp_path)) == 12
    assert len(list(tmp_path.glob("*.torn"))) == 8


def test_a_full_disk_does_not_keep_the_log_from_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as log:
        put(log, b"gateway")
    allocate = os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", _no_space)
    with opened(tmp_path) as log:
        assert [record.body for record in everything(log)] == [b"gateway"]
        with pytest.raises(WriteFailed):
            put(log, b"clerk")
        monkeypatch.setattr(os, "posix_fallocate", allocate)
        assert put(log, b"clerk") == 2

    assert contents(tmp_path) == [b"gateway", b"clerk"]


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_torn_tail_that_cannot_be_kept_is_left_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as log:
        for body in (b"gateway", b"clerk"):
            put(log, body)
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"clerk", b"rogue"))
    with monkeypatch.context() as full:
        full.setattr(wal, "set_aside", _no_space)
        with opened(tmp_path) as log:
            assert [record.body for record in everything(log)] == [b"gateway"]

    assert b"rogue" in path.read_bytes()
    with opened(tmp_path) as log:
        assert put(log, b"next") == 2
    assert contents(tmp_path) == [b"gateway", b"next"]


def test_a_log_that_is_no_directory_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not a directory")

    with pytest.raises(Unusable, match="expected a directory and files that this user may"):
        WriteAheadLog(tmp_path / "log")


def test_new_directories_are_synced_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_directory", lambda path: synced.append(path.name))
    with opened(tmp_path / "home" / "data" / "log") as log:
        put(log, b"gateway")

    assert synced[:3] == [tmp_path.name, "home", "data"]
