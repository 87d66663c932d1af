"""`make bench`: what the product reaches, beside the limits of this machine in the same run.

Absolute figures drift from machine to machine; the ratios count. Writes
benchmarks/results/latest.json and prints a Markdown table. WATCHKEEPER_BENCH_SECONDS
(default 8) is about how long each load lasts.
"""

from __future__ import annotations

import json
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kill
import limits
from product import (
    SECONDS,
    Product,
    durable_and_queryable,
    p99,
    running,
    send,
    visible_after,
)

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, and what it is held against."""

    what: str
    measured: float
    unit: str
    against: str = ""
    ratio: float | None = None
    goal: str = ""


@dataclass(frozen=True)
class Limits:
    """What the rows are divided by."""

    upb: float
    sink: float
    rows: list[Row]


def measure() -> list[Row]:
    """All rows, limits first."""
    known = measure_limits()
    rows = list(known.rows)
    with running() as product:
        rows += measure_idle(product)
        loads, large = measure_loads(product, known)
        rows += loads
        rows += measure_half_load(product, large)
        rows += measure_kill(product)
    with running(synced=False) as product:
        unsynced, _ = durable_and_queryable(product, 512, 8)
    against = Row("durable ÷ the same without any sync", large / unsynced, "", goal="≥ 0.65")
    return [*rows, against]


def measure_limits() -> Limits:
    floor = limits.upb_floor()
    with limits.null_sink() as address:
        large = send(address, 512, max(64, int(SECONDS * 400)), 8)
        small = send(address, 1, max(64, int(SECONDS * 1500)), 64)
    sink = small["spans"] / small["seconds"]
    plain, meant = limits.decode_speed(), limits.decode_speed("gateway")
    return Limits(
        floor,
        sink,
        [
            Row("limit: upb decode, 512 a request, one core", floor, "spans/s"),
            Row("limit: null sink, 512 a request", large["spans"] / large["seconds"], "spans/s"),
            Row("limit: null sink, 1 a request, 64 in flight", sink, "requests/s"),
            Row("limit: DuckDB insert of ready Arrow", limits.duckdb_insert(), "spans/s"),
            Row("bytes to columns, one core", plain, "spans/s", "upb", plain / floor),
            Row("the same with agent meaning", meant, "spans/s", "upb", meant / floor),
        ],
    )


def measure_idle(product: Product) -> list[Row]:
    rest = product.memory_mb
    send(product.address["otlp-grpc"], 1, 20, 1)
    # Beside each other: what a disk needs for a sync changes within a minute.
    sync = limits.fdatasync()
    idle = statistics.median(send(product.address["otlp-grpc"], 1, 200, 1)["latencies"])
    visible = visible_after(product)
    return [
        Row("limit: fdatasync of 4 KiB, median", sync * 1000, "ms"),
        Row(
            "durable acknowledgement, idle, median",
            idle * 1000,
            "ms",
            "fdatasync",
            idle / sync,
            "≤ 10 × fdatasync",
        ),
        Row(
            "visible after acknowledgement, idle, median",
            statistics.median(visible) * 1000,
            "ms",
            goal="≤ 500 ms",
        ),
        Row("the same, slowest", max(visible) * 1000, "ms", goal="≤ 1,000 ms"),
        Row("start to ready", product.start_s, "s", goal="≤ 3 s"),
        Row("memory at rest", rest, "MB", goal="≤ 400 MB"),
    ]


def measure_loads(product: Product, known: Limits) -> tuple[list[Row], float]:
    """The rows, and spans per second at 512 a request."""
    large, _ = durable_and_queryable(product, 512, 8)
    meant, _ = durable_and_queryable(product, 512, 8, agent="gateway")
    small, _ = durable_and_queryable(product, 50, 16)
    single, sent = durable_and_queryable(product, 1, 64)
    goal = "≥ 0.035 × upb; ≥ 0.10 accelerated"
    rows = [
        _rate("durable and queryable, 512 a request", large, "upb", known.upb, goal),
        _rate("the same with agent meaning", meant, "upb", known.upb),
        _rate("durable and queryable, 50 a request", small, "upb", known.upb, "≥ 25,000"),
        Row(
            "durable and queryable, 1 a request, 64 in flight",
            single,
            "requests/s",
            "null sink",
            single / known.sink,
            "≥ 1,500",
        ),
        Row("p99 of that acknowledgement", p99(sent["latencies"]) * 1000, "ms"),
    ]
    return rows, large


def _rate(what: str, rate: float, against: str, limit: float, goal: str = "") -> Row:
    return Row(what, rate, "spans/s", against, rate / limit, goal)


def measure_half_load(product: Product, large: float) -> list[Row]:
    """Acknowledgements while half of what is possible comes in."""
    per_second = large / 512 / 2
    address = product.address["otlp-grpc"]
    sent = send(address, 512, max(120, int(SECONDS * per_second)), 8, per_second=per_second)
    worst = p99(sent["latencies"]) * 1000
    return [
        Row("p99 of acknowledgements at half load, 512 a request", worst, "ms", goal="≤ 250 ms")
    ]


def measure_kill(product: Product) -> list[Row]:
    """From an operator's kill to the first refusal, idle and while the doors are flooded."""
    with kill.control(product) as (url, http):
        idle = p99(kill.click_to_refusal(url, http)) * 1000
        with flooded(product):
            busy = p99(kill.click_to_refusal(url, http)) * 1000
    return [
        Row("kill: click to first refused action, idle, p99", idle, "ms", goal="≤ 500 ms"),
        Row("the same with the intake saturated", busy, "ms", goal="≤ 1,000 ms"),
    ]


@contextmanager
def flooded(product: Product) -> Iterator[None]:
    """As many spans as the collector takes, until the end."""
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            send(product.address["otlp-grpc"], 512, 400, 8)

    senders = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        over.set()
        for sender in senders:
            sender.join()


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | against | goal |", "|---|---:|---|---|"]
    for row in rows:
        ratio = f"{row.ratio:.3g} × {row.against}" if row.ratio is not None else ""
        measured = f"{_figure(row.measured)} {row.unit}".strip()
        lines.append(f"| {row.what} | {measured} | {ratio} | {row.goal} |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    rows = measure()
    print(table(rows))
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    written = [row.__dict__ for row in rows]
    (results / "latest.json").write_text(json.dumps(written, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
