"""`make bench`: what the product reaches, beside the limits of this machine in the same run.

Absolute figures drift from machine to machine; the ratios count. Writes
benchmarks/results/latest.json and prints a Markdown table. WATCHKEEPER_BENCH_SECONDS
(default 8) is about how long each load lasts.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import grpc
import httpx
import polars as pl
from load import request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.decode import decode
from collector.store.schema import apply_schema
from collector.store.wal import Record

HERE = Path(__file__).parent
SECONDS = float(os.environ.get("WATCHKEEPER_BENCH_SECONDS", "8"))
LIKELY_SPANS_PER_S = 25_000


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what it is held against."""

    what: str
    measured: float
    unit: str
    against: str = ""
    ratio: float | None = None
    goal: str = ""


def upb_floor() -> float:
    """Spans per second that upb alone parses on one core, 512 a request."""
    body = request(512, random.Random(1))
    return 512 * _times_per_second(lambda: ExportTraceServiceRequest.FromString(body))


def decode_speed() -> float:
    """Spans per second from bytes to Arrow columns, one core."""
    chance = random.Random(2)
    records = [_record(number, request(512, chance)) for number in range(1, 9)]
    return 512 * len(records) * _times_per_second(lambda: decode(records))


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


@contextmanager
def null_sink() -> Iterator[str]:
    """A gRPC server that takes bytes and drops them: the transport's own limit."""
    process = subprocess.Popen(
        [sys.executable, __file__, "null-sink"], stdout=subprocess.PIPE, text=True
    )
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


class Product:
    """A collector of its own, in a folder of its own, on ports of its own."""

    def __init__(self, home: Path) -> None:
        ports = _free_ports(4)
        names = ("otlp-grpc", "otlp-http", "api", "control")
        self.address = dict(zip(names, (f"127.0.0.1:{port}" for port in ports), strict=True))
        flags = [word for name in names for word in (f"--{name}", self.address[name])]
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "collector", "collector", "--home", str(home), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline().startswith("ready"):
            raise SystemExit("the collector did not start; run it by hand to see why")
        self.start_s = time.perf_counter() - started

    @property
    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stored(self) -> int:
        # The table: the view would join it, often enough to take a share of what is measured.
        return int(self.ask("select count(*) as n from span")["n"][0])

    def ask(self, sql: str) -> pl.DataFrame:
        answer = httpx.post(
            f"http://{self.address['api']}/v1/sql", json={"sql": sql, "limit": 1000}, timeout=60
        )
        answer.raise_for_status()
        return pl.read_ipc_stream(io.BytesIO(answer.content))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def send(
    address: str, spans: int, requests: int, in_flight: int, agent: str = ""
) -> dict[str, Any]:
    """Run the sender as a process of its own, as an exporter is."""
    sent = subprocess.run(
        [sys.executable, HERE / "load.py", address, str(spans), str(requests), str(in_flight)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | ({"BENCH_AGENT": agent} if agent else {}),
    )
    return dict(json.loads(sent.stdout))


def durable_and_queryable(
    product: Product, spans: int, in_flight: int, agent: str = ""
) -> tuple[float, dict[str, Any]]:
    """Spans per second from the first byte sent to the last span visible in a query."""
    likely = LIKELY_SPANS_PER_S if spans > 50 else LIKELY_SPANS_PER_S // 2 if spans > 1 else 1200
    requests = max(64, int(SECONDS * likely / spans))
    before = product.stored()
    sent = send(product.address["otlp-grpc"], spans, requests, in_flight, agent)
    acknowledged_at = time.perf_counter()
    while product.stored() < before + sent["spans"]:
        if time.perf_counter() - acknowledged_at > 120:
            raise SystemExit(f"acknowledged {sent['spans']} spans, and not all can be found")
        time.sleep(0.05)
    seconds = sent["seconds"] + time.perf_counter() - acknowledged_at
    return sent["spans"] / seconds, sent


def visible_after(product: Product) -> float:
    """Median seconds from an acknowledgement until a query sees the span, idle."""
    took = []
    for _ in range(9):
        before = product.stored()
        send(product.address["otlp-grpc"], 1, 1, 1)
        acknowledged_at = time.perf_counter()
        while product.stored() == before:
            time.sleep(0.005)
        took.append(time.perf_counter() - acknowledged_at)
    return statistics.median(took)


def measure() -> list[Row]:
    """All rows, limits first."""
    floor = upb_floor()
    with null_sink() as address:
        large = send(address, 512, max(64, int(SECONDS * 100)), 8)
        small = send(address, 1, max(64, int(SECONDS * 1500)), 64)
    sink = small["spans"] / small["seconds"]
    rows = [
        Row("limit: upb decode, 512 a request, one core", floor, "spans/s"),
        Row("limit: null sink, 512 a request", large["spans"] / large["seconds"], "spans/s"),
        Row("limit: null sink, 1 a request, 64 in flight", sink, "requests/s"),
        Row("limit: DuckDB insert of ready Arrow", duckdb_insert(), "spans/s"),
        Row(
            "bytes to columns, one core", (speed := decode_speed()), "spans/s", "upb", speed / floor
        ),
    ]
    with tempfile.TemporaryDirectory(dir=HERE) as home:
        product = Product(Path(home))
        try:
            rows += measure_product(product, floor, sink)
        finally:
            product.stop()
    return rows


def measure_product(product: Product, floor: float, sink: float) -> list[Row]:
    rest = product.memory_mb
    send(product.address["otlp-grpc"], 1, 20, 1)
    # Beside each other: what a disk needs for a sync changes within a minute.
    sync = fdatasync()
    idle = statistics.median(send(product.address["otlp-grpc"], 1, 200, 1)["latencies"])
    visible = visible_after(product)
    large, _ = durable_and_queryable(product, 512, 8)
    meant, _ = durable_and_queryable(product, 512, 8, agent="gateway")
    small, _ = durable_and_queryable(product, 50, 16)
    single, sent = durable_and_queryable(product, 1, 64)
    at_load = statistics.quantiles(sent["latencies"], n=100)[98]
    return [
        Row("limit: fdatasync of 4 KiB, median", sync * 1000, "ms"),
        Row(
            "durable and queryable, 512 a request",
            large,
            "spans/s",
            "upb",
            large / floor,
            "≥ 0.035 × upb",
        ),
        Row("the same with agent meaning", meant, "spans/s", "upb", meant / floor),
        Row(
            "durable and queryable, 50 a request",
            small,
            "spans/s",
            "upb",
            small / floor,
            "≥ 25,000",
        ),
        Row(
            "durable and queryable, 1 a request, 64 in flight",
            single,
            "requests/s",
            "null sink",
            single / sink,
            "≥ 1,500",
        ),
        Row("p99 of that acknowledgement", at_load * 1000, "ms", goal="≤ 250 ms"),
        Row(
            "durable acknowledgement, idle, median",
            idle * 1000,
            "ms",
            "fdatasync",
            idle / sync,
            "≤ 10 × fdatasync",
        ),
        Row("visible after acknowledgement, idle, median", visible * 1000, "ms", goal="≤ 500 ms"),
        Row("start to ready", product.start_s, "s", goal="≤ 3 s"),
        Row("memory at rest", rest, "MB", goal="≤ 400 MB"),
    ]


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | against | goal |", "|---|---:|---|---|"]
    for row in rows:
        ratio = f"{row.ratio:.3g} × {row.against}" if row.ratio is not None else ""
        lines.append(f"| {row.what} | {_figure(row.measured)} {row.unit} | {ratio} | {row.goal} |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    if sys.argv[1:] == ["null-sink"]:
        asyncio.run(_serve_null_sink())
        return
    rows = measure()
    print(table(rows))
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    written = [row.__dict__ for row in rows]
    (results / "latest.json").write_text(json.dumps(written, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
