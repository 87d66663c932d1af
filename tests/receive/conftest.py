"""Real doors on free ports, in front of a real log."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from collector.config import Address
from collector.receive.grpc import GrpcDoor
from collector.receive.http import HttpDoor
from collector.receive.intake import Intake
from collector.receive.limits import Limits
from collector.receive.patience import PatientProtocol
from collector.store.wal import Record, WriteAheadLog

LIMITS = Limits(message_bytes=256 * 1024, inflated_bytes=1024 * 1024)


@dataclass
class Doors:
    """Where the doors are, and what they let in."""

    log: WriteAheadLog
    intake: Intake
    grpc: str
    http: str
    reason: str | None = None
    shortage: str | None = None

    def records(self) -> list[Record]:
        return self.log.read(0, 64 * 1024 * 1024)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    log = WriteAheadLog(tmp_path / "wal", segment_bytes=1024 * 1024)
    intake = Intake(log, limits=LIMITS, shortage=lambda: there.shortage)
    grpc = GrpcDoor(intake, Address("127.0.0.1", 0))
    await grpc.start()
    there = Doors(log, intake, str(grpc.address), "")
    async with served(HttpDoor(intake, lambda: there.reason)) as url:
        there.http = url
        yield there
    await grpc.stop(0)
    log.close()


@contextlib.asynccontextmanager
async def served(app: HttpDoor) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", access_log=False, ws="none", http=PatientProtocol
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task
