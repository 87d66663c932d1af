"""How questions and bytes grow with the store: 1 M, 10 M and 50 M spans over 30 days.

`python benchmarks/growth.py 1 10 50` grows one store step by step (in millions of spans), asks
the product's own questions at each step, and writes benchmarks/results/growth.json,
benchmarks/growth.md and benchmarks/growth.svg. Rows are made in DuckDB, straight into the
product's tables and rollups: to send 50 M spans would take the better part of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from picture import log_log

from collector.coverage_queries import register_coverage
from collector.objectives import Objectives
from collector.queries import Queries
from collector.slo_queries import register_slo
from collector.store.connection import Store
from collector.store.reader import Bounds, Reader
from collector.store.rollup import recount

HERE = Path(__file__).parent
OBJECTIVES = HERE.parent / "sample_data" / "objectives"
UNTIL = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAYS = 30
BEGIN = UNTIL - timedelta(days=DAYS)
MILLION = 1_000_000
SPANS_A_TRACE = 8
CHUNK_TRACES = 62_500
REPEATS = 11
AGENT = "agent-03"


@dataclass(frozen=True)
class Asked:
    """One question of the product, as a page asks it, and what it may take."""

    what: str
    name: str
    sent: dict[str, str]
    goal_ms: float


@dataclass(frozen=True)
class Timed:
    """How long one question took at one size of the store."""

    spans: int
    what: str
    first_ms: float
    median_ms: float
    p95_ms: float
    cpu_ms: float
    goal_ms: float
    rows: int


def questions(linked: dict[str, str]) -> list[Asked]:
    """`linked`: a trace's id and time, as a link has them."""
    day, month = _period(timedelta(days=1)), _period(timedelta(days=DAYS))
    one = {"agent": AGENT}
    success = {"objective": "task-success", **one}
    return [
        Asked("objective over 30 days, success", "burn_down", {**success, **month}, 100),
        Asked(
            "objective over 30 days, compliance",
            "burn_down",
            {"objective": "policy-compliance", **one, **month},
            100,
        ),
        Asked(
            "objective over 30 days, latency",
            "burn_down",
            {"objective": "latency", **one, **month},
            100,
        ),
        Asked("burn history over 30 days", "burn_history", {**success, **month}, 100),
        Asked("burn windows now", "burn_windows", success, 100),
        Asked("fleet, 24 h", "fleet", day, 100),
        Asked("fleet, 30 days", "fleet", month, 100),
        Asked("activity of one agent, 30 days", "activity", {**one, **month}, 100),
        Asked("decisions over time, 30 days", "decisions_over_time", month, 100),
        Asked("denials by agent and hour, 30 days", "denied_by_agent_hour", month, 100),
        Asked("reasons of decisions, 30 days", "decision_reasons", month, 100),
        Asked("p50 and p95 of every agent, 24 h", "latency", day, 50),
        Asked("p50 and p95 of every agent, 30 days", "latency", month, 50),
        Asked("coverage by agent, 24 h", "coverage", day, 100),
        Asked("coverage by agent, 30 days", "coverage", month, 100),
        Asked("last 100 ungoverned calls, 30 days", "ungoverned", month, 100),
        Asked("bypasses, 30 days", "bypasses", month, 100),
        Asked("outcomes of what was allowed, 30 days", "outcomes", month, 100),
        Asked("last 100 decisions", "decisions", month, 50),
        Asked("last 100 traces", "traces", month, 50),
        Asked("last 100 traces of one agent", "traces", {**one, **month}, 50),
        Asked("one trace by link", "trace", linked, 50),
        Asked("decisions of one trace by link", "trace_decisions", linked, 50),
        Asked("one trace by id alone", "trace", {"trace_id": linked["trace_id"]}, 50),
    ]


def _period(length: timedelta) -> dict[str, str]:
    return {"since": (UNTIL - length).isoformat(), "until": UNTIL.isoformat()}


def grow(store: Store, have: int, want: int) -> None:
    """Add spans until there are so many, in chunks that fit the memory.

    A store of N spans has them over all 30 days, so every size is grown from nothing.
    """
    traces = want // SPANS_A_TRACE
    step_ns = int(timedelta(days=DAYS).total_seconds()) * 10**9 // traces
    cursor = store.cursor()
    _run(cursor, "resources", begin=BEGIN)
    _run(cursor, "scopes")
    for first in range(have // SPANS_A_TRACE, traces, CHUNK_TRACES):
        last = min(first + CHUNK_TRACES, traces)
        _run(cursor, "plan", first=first, last=last, begin=BEGIN, step_ns=step_ns)
        for table in ("spans", "runs", "actions", "decisions"):
            _run(cursor, table)
        # Until a checkpoint DuckDB holds in memory what was inserted.
        store.checkpoint()
    cursor.execute("drop table plan")
    recount(cursor)
    cursor.close()
    store.checkpoint()


def _run(cursor: Any, name: str, **bound: Any) -> None:
    cursor.execute((HERE / "growth" / f"{name}.sql").read_text("utf-8"), bound)
    cursor.fetchall()


def ask_all(path: Path, spans: int) -> Iterator[Timed]:
    """Every question on a store just opened: once cold, then warm."""
    with Store(path) as store:
        queries = Queries(Reader(store, Bounds(time_limit_s=120)), lambda: UNTIL)
        register_coverage(queries)
        register_slo(queries, Objectives(OBJECTIVES, lambda: UNTIL))
        for asked in questions(_some_trace(queries)):
            yield _timed(queries, asked, spans)


def _some_trace(queries: Queries) -> dict[str, str]:
    """A trace from the middle of the period."""
    until = (UNTIL - timedelta(days=DAYS / 2)).isoformat()
    page = queries.ask("traces", {"since": BEGIN.isoformat(), "until": until, "limit": "1"})
    (row,) = page.to_pylist()
    return {"trace_id": row["trace_id"], "near": row["started_at"].isoformat()}


def _timed(queries: Queries, asked: Asked, spans: int) -> Timed:
    took, busy = [], time.process_time()
    for _ in range(REPEATS):
        began = time.perf_counter()
        rows = queries.ask(asked.name, asked.sent).num_rows
        took.append((time.perf_counter() - began) * 1000)
    warm = sorted(took[1:])
    return Timed(
        spans,
        asked.what,
        first_ms=round(took[0], 1),
        median_ms=round(statistics.median(warm), 1),
        p95_ms=round(warm[max(0, round(0.95 * len(warm)) - 1)], 1),
        cpu_ms=round((time.process_time() - busy) * 1000 / REPEATS, 1),
        goal_ms=asked.goal_ms,
        rows=rows,
    )


def bytes_by_table(store: Store) -> dict[str, int]:
    """Bytes of the blocks of each table."""
    cursor = store.cursor()
    names = [
        name
        for (name,) in cursor.execute(
            "select table_name from duckdb_tables() where database_name = current_database()"
            " and not temporary order by table_name"
        ).fetchall()
    ]
    sizes = {}
    for name in names:
        sql = (
            "select count(distinct block_id) from (select block_id from pragma_storage_info($1)"
            " where block_id >= 0 union select unnest(additional_block_ids) from"
            " pragma_storage_info($1))"
        )
        blocks = cursor.execute(sql, [name]).fetchall()[0][0]
        sizes[name] = int(blocks) * 262_144
    cursor.close()
    return {name: size for name, size in sizes.items() if size}


def measure(millions: list[float], folder: Path) -> dict[str, Any]:
    timed: list[Timed] = []
    sizes: list[dict[str, Any]] = []
    for size in millions:
        path = folder / f"growth-{size:g}.duckdb"
        spans = int(size * MILLION)
        began = time.perf_counter()
        with Store(path) as store:
            if not store.cursor().execute("select count(*) from span").fetchall()[0][0]:
                grow(store, 0, spans)
            by_table = bytes_by_table(store)
        built_s = time.perf_counter() - began
        sizes.append(_size(spans, path.stat().st_size, by_table, built_s))
        print(json.dumps(sizes[-1]), flush=True)
        for each in ask_all(path, spans):
            print(each, flush=True)
            timed.append(each)
        if not os.environ.get("WATCHKEEPER_BENCH_KEEP"):
            path.unlink()
    return {"timed": [asdict(each) for each in timed], "sizes": sizes}


def _size(spans: int, file_bytes: int, by_table: dict[str, int], built_s: float) -> dict[str, Any]:
    rollups = sum(size for name, size in by_table.items() if name.endswith("_rollup"))
    return {
        "spans": spans,
        "file_bytes_per_span": round(file_bytes / spans, 1),
        "span_table_bytes_per_span": round(by_table.get("span", 0) / spans, 1),
        "rollup_bytes_per_span": round(rollups / spans, 2),
        "bytes_by_table": by_table,
        "built_s": round(built_s, 1),
    }


def table(found: dict[str, Any]) -> str:
    """Medians and, in brackets, the processor's time, one column a size, as Markdown."""
    sizes = [size["spans"] for size in found["sizes"]]
    head = [f"{size / MILLION:g} M spans" for size in sizes]
    lines = [
        f"| what, ms | {' | '.join(head)} | goal |",
        f"|---|{'---:|' * len(head)}---|",
    ]
    by_what: dict[str, dict[int, dict[str, Any]]] = {}
    for each in found["timed"]:
        by_what.setdefault(each["what"], {})[each["spans"]] = each
    for what, rows in by_what.items():
        cells = [
            f"{rows[size]['median_ms']:.0f} ({rows[size]['cpu_ms']:.0f})" if size in rows else ""
            for size in sizes
        ]
        goal = next(iter(rows.values()))["goal_ms"]
        lines.append(f"| {what} | {' | '.join(cells)} | ≤ {goal:g} |")
    for label, key, goal in (
        ("bytes a span, whole file", "file_bytes_per_span", "≤ 110"),
        ("bytes a span, table of spans", "span_table_bytes_per_span", ""),
        ("bytes a span, rollups", "rollup_bytes_per_span", "≤ 1"),
    ):
        cells = [f"{size[key]:g}" for size in found["sizes"]]
        lines.append(f"| {label} | {' | '.join(cells)} | {goal} |")
    return "\n".join(lines)


def picture(found: dict[str, Any]) -> str:
    """Processor time of every question over the size of the store, both logarithmic.

    Unlike the time on the clock it says little about what else the machine had to do.
    """
    lines: dict[str, list[tuple[float, float]]] = {}
    for each in found["timed"]:
        point = (each["spans"] / MILLION, max(each["cpu_ms"], 0.1))
        lines.setdefault(each["what"], []).append(point)
    title = "How long questions take as the store grows"
    return log_log(title, "million spans", "processor time, ms", lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1, 10])
    parser.add_argument("--folder", type=Path, help="keeps the stores there (default: none kept)")
    options = parser.parse_args()
    if options.folder:
        os.environ["WATCHKEEPER_BENCH_KEEP"] = "1"
        options.folder.mkdir(parents=True, exist_ok=True)
        found = measure(options.millions, options.folder)
    else:
        with tempfile.TemporaryDirectory(dir=HERE) as folder:
            found = measure(options.millions, Path(folder))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "growth.json").write_text(json.dumps(found, indent=2))
    (HERE / "growth.md").write_text(table(found) + "\n")
    (HERE / "growth.svg").write_text(picture(found))
    print(table(found))


if __name__ == "__main__":
    main()
