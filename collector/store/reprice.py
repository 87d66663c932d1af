"""Costs computed anew from today's prices: a part of a period at a time, told costs never.

1. A part is one transaction: calls, their runs, the counts and how far it is change together, so a
   crash leaves what a recount would give, and the job goes on where the store is.
2. The same rows come out as if the traces had been told anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from collector.costs.price import PriceList
from collector.store.pricing import price_models
from collector.store.transaction import run, transaction

__all__ = ["Job", "changes", "reprice_part"]

MOST_CALLS = 20_000


@dataclass(frozen=True)
class Job:
    """Calls that began from one moment up to, and without, another."""

    job_id: str
    since_ns: int
    until_ns: int


def reprice_part(
    cursor: duckdb.DuckDBPyConnection, job: Job, prices: PriceList, most: int = MOST_CALLS
) -> int | None:
    """Compute the next part; how far the job is then, None when nothing was left."""
    run(cursor, "reprice/begin", {"job_id": job.job_id, "since_ns": job.since_ns})
    ((since_ns,),) = run(cursor, "reprice/at", {"job_id": job.job_id})
    bounds = {"since_ns": since_ns, "until_ns": job.until_ns}
    ((last_ns,),) = run(cursor, "reprice/reach", {**bounds, "most": most})
    if last_ns is None:
        return None
    with transaction(cursor):
        _reprice(cursor, {"since_ns": since_ns, "last_ns": last_ns}, prices, job.job_id)
        run(cursor, "reprice/move", {"job_id": job.job_id, "next_ns": last_ns + 1})
    return int(last_ns) + 1


def _reprice(
    cursor: duckdb.DuckDBPyConnection, part: dict[str, int], prices: PriceList, job_id: str
) -> None:
    run(cursor, "reprice/called", part)
    price_models(cursor, prices)
    run(cursor, "reprice/repriced")
    run(cursor, "reprice/forgotten", part)
    run(cursor, "reprice/told")
    for nothing in ("reprice/no_told_run", "reprice/no_forgotten_run"):
        run(cursor, nothing)
    run(cursor, "reprice/keep_actions", part)
    run(cursor, "reprice/keep_runs", part)
    run(cursor, "rollup/changed_costs")
    run(cursor, "rollup/insert_costs")
    run(cursor, "reprice/note", {"job_id": job_id})


def changes(cursor: duckdb.DuckDBPyConnection, job_id: str) -> list[dict[str, Any]]:
    """What a job changed so far, by model."""
    names = (
        *("model", "provider", "calls", "unpriced_before", "unpriced_after"),
        *("usd_before", "usd_after"),
    )
    rows = run(cursor, "reprice/changes", {"job_id": job_id})
    return [dict(zip(names, row, strict=True)) for row in rows]
