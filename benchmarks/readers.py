"""Whether intake slows the readers, and readers the intake.

`python benchmarks/readers.py` starts a collector, fills it, and then measures three things: a
dashboard that reads while nothing arrives, intake at full load alone, and both at once. Writes
benchmarks/results/readers.json and prints a Markdown table. WATCHKEEPER_BENCH_SECONDS (default 8)
is about how long each lasts.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
from product import HERE, SECONDS, Product, durable_and_queryable, p95, running

# A page asks several questions and is drawn again every few seconds; this is one in a hurry.
PAUSE_S = 1.0
AGENT = "gateway"
SPANS = 512
QUESTIONS = (
    ("fleet", {}),
    ("traces", {}),
    ("decisions", {}),
    ("activity", {"agent": AGENT}),
    ("denied_by_agent_hour", {}),
    ("changes", {}),
)


class Dashboard:
    """Asks what the pages ask, again and again; the seconds of each answer."""

    def __init__(self, product: Product) -> None:
        self._address = f"http://{product.address['api']}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.seconds: list[float] = []
        self.refused = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()

    def _read(self) -> None:
        with httpx.Client(base_url=self._address, timeout=60) as client:
            while not self._stopping.is_set():
                for name, more in QUESTIONS:
                    self._ask(client, name, {**_last_hour(), **more})
                self._stopping.wait(PAUSE_S)

    def _ask(self, client: httpx.Client, name: str, sent: dict[str, str]) -> None:
        began = time.perf_counter()
        answer = client.get(f"/v1/query/{name}", params=sent)
        if answer.status_code == httpx.codes.OK:
            self.seconds.append(time.perf_counter() - began)
        else:
            self.refused += 1


def _last_hour() -> dict[str, str]:
    until = datetime.now(UTC)
    return {"since": (until - timedelta(hours=1)).isoformat(), "until": until.isoformat()}


def measure() -> dict[str, float]:
    with running() as product:
        durable_and_queryable(product, SPANS, 8, agent=AGENT)
        before, busy, after = Dashboard(product), Dashboard(product), Dashboard(product)
        with before.reading():
            time.sleep(SECONDS)
        alone, _ = durable_and_queryable(product, SPANS, 8, agent=AGENT)
        with busy.reading():
            beside, _ = durable_and_queryable(product, SPANS, 8, agent=AGENT)
        # Questions grow with the store, so idle is the mean of what was before and after the load.
        with after.reading():
            time.sleep(SECONDS)
    return {
        "answer_p95_idle_ms": (p95(before.seconds) + p95(after.seconds)) / 2 * 1000,
        "answer_p95_under_load_ms": p95(busy.seconds) * 1000,
        "spans_per_s_alone": alone,
        "spans_per_s_beside_a_dashboard": beside,
        "answers_refused": before.refused + busy.refused + after.refused,
    }


def table(found: dict[str, float]) -> str:
    slower = found["answer_p95_under_load_ms"] / found["answer_p95_idle_ms"]
    kept = found["spans_per_s_beside_a_dashboard"] / found["spans_per_s_alone"]
    return "\n".join(
        [
            "| what | alone | both at once | ratio | goal |",
            "|---|---:|---:|---:|---|",
            f"| p95 of an answer | {found['answer_p95_idle_ms']:.0f} ms"
            f" | {found['answer_p95_under_load_ms']:.0f} ms | {slower:.2f} | ≤ 2 |",
            f"| durable and queryable spans/s | {found['spans_per_s_alone']:,.0f}"
            f" | {found['spans_per_s_beside_a_dashboard']:,.0f} | {kept:.2f} | ≥ 0.8 |",
        ]
    )


if __name__ == "__main__":
    measured = measure()
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "readers.json").write_text(json.dumps(measured, indent=2))
    print(table(measured))
