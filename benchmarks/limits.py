"""What this machine can do at best: the limits that the product is held against."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import grpc
from load import request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.decode import Decoder, decode
from collector.store.schema import apply_schema
from collector.store.wal import Record

HERE = Path(__file__).parent


def upb_floor() -> float:
    """Spans per second that upb alone parses on one core, 512 a request."""
    body = request(512, random.Random(1))
    return 512 * _times_per_second(lambda: ExportTraceServiceRequest.FromString(body))


def decode_speed(agent: str | None = None) -> float:
    """Spans per second from bytes to Arrow columns, one core."""
    chance = random.Random(2)
    records = [_record(number, request(512, chance, agent)) for number in range(1, 65)]
    decoder = Decoder()
    return 512 * len(records) * _times_per_second(lambda: decoder.decode(records))


def duckdb_insert() -> float:
    """Spans per second that DuckDB stores when they are ready as Arrow."""
    chance = random.Random(3)
    spans = decode([_record(n, request(512, chance)) for n in range(1, 65)]).tables["span"]
    with tempfile.TemporaryDirectory() as folder:
        database = duckdb.connect(str(Path(folder) / "ready.duckdb"))
        apply_schema(database)
        database.register("ready", spans)
        rate = _times_per_second(lambda: database.execute("insert into span from ready"))
        database.close()
    return float(spans.num_rows * rate)


def fdatasync() -> float:
    """Median seconds to append 4 KiB and sync it."""
    with tempfile.NamedTemporaryFile(dir=HERE) as file:
        page = os.urandom(4096)
        took = []
        for _ in range(200):
            started = time.perf_counter()
            os.write(file.fileno(), page)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took)


@contextmanager
def null_sink() -> Iterator[str]:
    """The address of a gRPC server that takes bytes and drops them."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


async def _serve_null_sink() -> None:
    async def export(_body: bytes, _context: object) -> bytes:
        return b""

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
    handlers = {"Export": grpc.unary_unary_rpc_method_handler(export)}
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


def _record(sequence: int, body: bytes) -> Record:
    return Record(sequence, Signal.TRACES, "protobuf", "bench", time.time_ns(), body)


def _times_per_second(work: Callable[[], object]) -> float:
    """How often work is done a second: the best of three tries of a third of a second."""
    best = 0.0
    for _ in range(3):
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < 0.34:
            work()
            done += 1
        best = max(best, done / elapsed)
    return best


if __name__ == "__main__":
    asyncio.run(_serve_null_sink())
