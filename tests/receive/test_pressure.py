"""Pressure: a slow disk makes senders wait or come back, and takes no more memory than allowed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.config import Address
from collector.receive.grpc import GrpcDoor
from collector.receive.http import HttpDoor
from collector.receive.intake import Intake
from collector.store.frame import frame_size
from collector.store.wal import WriteAheadLog
from tests.receive.conftest import Doors, served
from tests.receive.test_grpc import export, retry_delay_s

MOST_BYTES = 6000
REQUESTS = range(1, 61)
PROTOBUF = {"content-type": "application/x-protobuf"}


class SlowDisk:
    """A disk whose every sync waits until it is let go; knows the most that ever waited for it."""

    def __init__(self) -> None:
        self.waiting_bytes: Callable[[], int] = lambda: 0
        self.most_waiting_bytes = 0
        self.syncs = 0
        self._sync = os.fdatasync
        self._let_go = threading.Semaphore(0)
        self._is_slow = True

    def fdatasync(self, fd: int) -> None:
        self.look()
        if self._is_slow:
            self._let_go.acquire(timeout=30)
        self._sync(fd)
        self.syncs += 1
        self.look()

    def look(self) -> None:
        self.most_waiting_bytes = max(self.most_waiting_bytes, self.waiting_bytes())

    def finish_one(self) -> None:
        self._let_go.release()

    def recover(self) -> None:
        self._is_slow = False
        self._let_go.release()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    slow = SlowDisk()
    monkeypatch.setattr(os, "fdatasync", slow.fdatasync)
    yield slow
    slow.recover()


@pytest.fixture
async def doors(tmp_path: Path, disk: SlowDisk) -> AsyncIterator[Doors]:
    """Both doors in front of a log in which little may wait."""
    log = WriteAheadLog(tmp_path, segment_bytes=1024 * 1024, max_waiting_bytes=MOST_BYTES)
    disk.waiting_bytes = lambda: log.waiting_bytes
    intake = Intake(log)
    door = GrpcDoor(intake, Address("127.0.0.1", 0))
    await door.start()
    async with served(HttpDoor(intake, lambda: None)) as url:
        yield Doors(log, intake, str(door.address), url)
    await door.stop(0)
    disk.recover()
    log.close()


def request(number: int) -> bytes:
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.add(
        trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="x" * 300
    )
    return message.SerializeToString()


def is_taken(answer: Any) -> bool:
    """Whether the sender was told "accepted"; else it was told when to come back."""
    if isinstance(answer, grpc.aio.AioRpcError):
        assert answer.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_delay_s(answer) == 1.0
        return False
    if isinstance(answer, httpx.Response) and answer.status_code != 200:
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        return False
    return True


async def send(doors: Doors, client: httpx.AsyncClient, number: int) -> bool:
    """Every second request goes through the gRPC door."""
    if number % 2:
        answer: Any = await client.post("/v1/traces", content=request(number), headers=PROTOBUF)
        return is_taken(answer)
    try:
        return is_taken(await export(doors.grpc, request(number)))
    except grpc.aio.AioRpcError as error:
        return is_taken(error)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


async def test_a_slow_disk_bounds_what_waits_and_loses_nothing_of_what_it_took(
    doors: Doors, disk: SlowDisk, tmp_path: Path
) -> None:
    one = frame_size("otlp-http", request(1))
    async with httpx.AsyncClient(base_url=doors.http, timeout=30) as client:
        sent = {number: asyncio.create_task(send(doors, client, number)) for number in REQUESTS}

        def refused() -> set[int]:
            return {number for number, task in sent.items() if task.done()}

        # Everyone is answered "come back", or waits for the disk.
        await until(lambda: len(refused()) + doors.log.waiting_bytes // one == len(sent))
        early = refused()
        acknowledged_early = any(sent[number].result() for number in early)

        # The rest of the queue goes to the disk as one group, and the pressure goes on.
        disk.finish_one()
        await until(lambda: disk.syncs == 1)
        again = {number: asyncio.create_task(send(doors, client, number)) for number in early}
        await until(lambda: any(task.done() for task in again.values()))
        disk.recover()
        taken = {n for n, task in (sent | again).items() if await task}
        for number in set(REQUESTS) - taken:
            assert await send(doors, client, number)
    bodies = [record.body for record in doors.records()]
    doors.log.close()
    kept = WriteAheadLog(tmp_path)
    reopened = [record.body for record in kept.read(0, 64 * 1024 * 1024)]
    kept.close()

    assert not acknowledged_early
    assert 0 < len(early) < len(REQUESTS)
    assert MOST_BYTES - one < disk.most_waiting_bytes <= MOST_BYTES
    assert sorted(bodies) == sorted(request(number) for number in REQUESTS)
    assert reopened == bodies
