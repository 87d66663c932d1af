"""Half load for half an hour: does memory stay flat, does the store keep up?

`python benchmarks/soak.py` measures for some seconds how much the collector takes, then sends
half of it for 30 minutes (`--minutes`), looks every five seconds, and writes
benchmarks/results/soak.json and benchmarks/soak.svg. A trace has eight spans, one in four
requests comes from agents, so that runs and actions are derived as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import altair as alt
import httpx
import polars as pl
from load import Template, send
from product import HERE, Product, durable_and_queryable

SPANS = 512
IN_FLIGHT = 8
EVERY_S = 5.0


@dataclass(frozen=True)
class Moment:
    """What one look showed; `waiting_mb` is acknowledged and not stored yet."""

    seconds: float
    memory_mb: float
    acknowledged: int
    waiting_mb: float
    disk_mb: float
    p99_ms: float


class Watch(threading.Thread):
    """Looks at the collector while it is sent to."""

    def __init__(self, product: Product, home: Path, latencies: list[float]) -> None:
        super().__init__(daemon=True)
        self.moments: list[Moment] = []
        self._product = product
        self._home = home
        self._latencies = latencies
        self._over = threading.Event()
        self._began = time.perf_counter()

    def run(self) -> None:
        seen = 0
        while not self._over.wait(EVERY_S):
            fresh = self._latencies[seen:]
            seen += len(fresh)
            self.moments.append(self._look(seen, fresh))

    def finish(self) -> list[Moment]:
        self._over.set()
        self.join()
        return self.moments

    def _look(self, acknowledged: int, fresh: list[float]) -> Moment:
        worst = statistics.quantiles(fresh, n=100)[98] if len(fresh) > 1 else 0.0
        return Moment(
            seconds=round(time.perf_counter() - self._began, 1),
            memory_mb=round(self._product.memory_mb, 1),
            acknowledged=acknowledged * SPANS,
            waiting_mb=round(_gauge(self._product, "wal_lag_bytes") / 1e6, 1),
            disk_mb=round(sum(f.stat().st_size for f in _files(self._home)) / 1e6, 1),
            p99_ms=round(worst * 1000, 1),
        )


def _files(home: Path) -> Iterator[Path]:
    """The files that are there; segments of the log come and go."""
    return (path for path in home.rglob("*") if path.is_file())


def _gauge(product: Product, name: str) -> float:
    text = httpx.get(f"http://{product.address['api']}/metrics", timeout=60).text
    told = [line for line in text.splitlines() if line.startswith(f"watchkeeper_{name} ")]
    return float(told[0].split()[1]) if told else float("nan")


def soak(minutes: float, share: float) -> list[Moment]:
    """All moments of one soak, on a collector of its own."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        product = Product(Path(folder))
        try:
            plain, _ = durable_and_queryable(product, SPANS, IN_FLIGHT)
            meant, _ = durable_and_queryable(product, SPANS, IN_FLIGHT, agent="gateway")
            rate = 4 / (3 / plain + 1 / meant)
            print(f"takes {rate:,.0f} spans/s; sending {share:.0%} of it for {minutes:g} minutes")
            return _soak(product, Path(folder), rate * share, minutes * 60)
        finally:
            product.stop()


def _soak(product: Product, home: Path, rate: float, seconds: float) -> list[Moment]:
    latencies: list[float] = []
    watch = Watch(product, home, latencies)
    watch.start()
    bodies = _bodies(time.perf_counter() + seconds)
    sending = send(product.address["otlp-grpc"], bodies, IN_FLIGHT, rate / SPANS, latencies.append)
    asyncio.run(sending)
    moments = watch.finish()
    _wait_until_stored(lambda: _gauge(product, "wal_lag_bytes"))
    return moments


def _wait_until_stored(waiting: Callable[[], float]) -> None:
    until = time.perf_counter() + 120
    while waiting() and time.perf_counter() < until:
        time.sleep(0.5)


def _bodies(until: float) -> Iterator[bytes]:
    chance = random.Random(1)
    plain, agents = Template(SPANS, chance), Template(SPANS, chance, "gateway")
    turn = 0
    while time.perf_counter() < until:
        turn += 1
        yield (plain if turn % 4 else agents).fresh()


def picture(moments: list[Moment]) -> alt.Chart:
    """Memory, what waits, and the slowest acknowledgements over time, one below the other."""
    frame = pl.DataFrame([asdict(moment) for moment in moments]).with_columns(
        minutes=pl.col("seconds") / 60
    )
    titles = {
        "memory_mb": "memory, MB",
        "waiting_mb": "acknowledged, not stored yet, MB",
        "p99_ms": "p99 of acknowledgements, ms",
    }
    charts = [
        alt.Chart(frame, title=title, width=760, height=130)
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X("minutes:Q", title="minutes"),
            alt.Y(f"{name}:Q", title=None, scale={"zero": True}),
        )
        for name, title in titles.items()
    ]
    return alt.vconcat(*charts).configure(background="white")


def verdict(moments: list[Moment]) -> str:
    """How memory of the last third compares with that of the second."""
    third = len(moments) // 3
    before, after = (
        statistics.median(moment.memory_mb for moment in part)
        for part in (moments[third : 2 * third], moments[2 * third :])
    )
    spans, seconds = moments[-1].acknowledged, moments[-1].seconds
    slowest = statistics.median(moment.p99_ms for moment in moments)
    return (
        f"{spans:,} spans in {seconds / 60:.0f} minutes ({spans / seconds:,.0f}/s); "
        f"memory {before:.0f} MB in the second third, {after:.0f} MB in the last "
        f"({after / before:.2f} x); "
        f"most ever waiting {max(moment.waiting_mb for moment in moments):.0f} MB; "
        f"median p99 {slowest:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.5, help="of what the collector takes")
    arguments = parser.parse_args()
    moments = soak(arguments.minutes, arguments.share)
    (HERE / "results").mkdir(exist_ok=True)
    told = [asdict(moment) for moment in moments]
    (HERE / "results" / "soak.json").write_text(json.dumps(told), encoding="utf-8")
    picture(moments).save(HERE / "soak.svg")
    print(verdict(moments))


if __name__ == "__main__":
    main()
