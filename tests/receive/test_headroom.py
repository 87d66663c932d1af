"""Back-pressure: while the store lags, senders wait; once it has caught up, they are taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.intake import Incoming, Intake
from collector.receive.limits import Headroom
from collector.store.wal import Busy, WriteAheadLog

MOST = 2000


def incoming(number: int) -> Incoming:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="x" * 200
    )
    return Incoming(Signal.TRACES, "protobuf", "otlp-grpc", request.SerializeToString())


async def take_until_busy(intake: Intake, first: int) -> int:
    """How many requests were taken."""
    for number in range(first, first + 100):
        try:
            await intake.take(incoming(number))
        except Busy:
            return number - first
    raise AssertionError("the intake has no bound")


async def test_the_log_stays_within_its_bound_until_the_store_catches_up(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=1000)
    headroom = Headroom(lambda: log.unread_bytes, lambda: 10**12, most_unapplied_bytes=MOST)
    intake = Intake(log, shortage=headroom.shortage)

    taken = await take_until_busy(intake, 1)
    bytes_behind = log.unread_bytes
    records = log.read(0, 10_000_000)
    while more := log.read(records[-1].sequence, 10_000_000):
        records += more
    taken_again = await take_until_busy(intake, 1000)

    assert MOST < bytes_behind < MOST + 400
    assert len(records) == taken
    assert taken_again == taken
    log.close()


async def test_a_nearly_full_disk_takes_nothing_and_leaves_the_log_readable(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, segment_bytes=1000)
    free = [10_000]
    headroom = Headroom(lambda: 0, lambda: free[0], least_free_bytes=5_000)
    intake = Intake(log, shortage=headroom.shortage)
    await intake.take(incoming(1))

    free[0] = 4_999
    with pytest.raises(Busy, match="the disk has 4999 bytes left"):
        await intake.take(incoming(2))

    assert len(log.read(0, 10_000)) == 1
    log.close()
