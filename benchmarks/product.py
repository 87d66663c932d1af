"""A collector of its own to be measured, and senders that are processes of their own."""

from __future__ import annotations

import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl

HERE = Path(__file__).parent
SECONDS = float(os.environ.get("WATCHKEEPER_BENCH_SECONDS", "8"))
LIKELY_SPANS_PER_S = 60_000
# The same program, but nothing is ever synced: what durability costs is the difference.
UNSYNCED = """
import os, sys
os.fdatasync = os.fsync = lambda fd: None
from collector.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


class Product:
    """A collector in a folder of its own, on ports of its own."""

    def __init__(self, home: Path, *, synced: bool = True) -> None:
        names = ("otlp-grpc", "otlp-http", "api", "control")
        ports = free_ports(len(names))
        self.address = dict(zip(names, (f"127.0.0.1:{port}" for port in ports), strict=True))
        flags = [word for name in names for word in (f"--{name}", self.address[name])]
        program = ["-m", "collector"] if synced else ["-c", UNSYNCED]
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, *program, "collector", "--home", str(home), *flags],
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


@contextmanager
def running(*, synced: bool = True) -> Iterator[Product]:
    """A collector beside this file, because the disk that counts is this one."""
    with tempfile.TemporaryDirectory(dir=HERE) as home:
        product = Product(Path(home), synced=synced)
        try:
            yield product
        finally:
            product.stop()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def send(
    address: str,
    spans: int,
    requests: int,
    in_flight: int,
    agent: str = "",
    per_second: float | None = None,
) -> dict[str, Any]:
    """Run a sender as a process of its own, as an exporter is."""
    numbers = [spans, requests, in_flight, *([per_second] if per_second else [])]
    sent = subprocess.run(
        [sys.executable, HERE / "load.py", address, *map(str, numbers)],
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
    likely = LIKELY_SPANS_PER_S if spans > 50 else LIKELY_SPANS_PER_S // 2 if spans > 1 else 1500
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


def visible_after(product: Product) -> list[float]:
    """Seconds from an acknowledgement until a query sees the span, idle."""
    took = []
    for _ in range(15):
        before = product.stored()
        send(product.address["otlp-grpc"], 1, 1, 1)
        acknowledged_at = time.perf_counter()
        while product.stored() == before:
            time.sleep(0.005)
        took.append(time.perf_counter() - acknowledged_at)
    return took


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18]
