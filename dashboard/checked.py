"""What came of checking audit records again: one stretch, or several joined.

Nothing here asks or draws.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.doors import Json

FAILED = ("invalid", "contradicted", "chain_broken")
MOST_FAILED = 500


@dataclass(frozen=True)
class Checked:
    """Counts by kind and result over all records from `since` to `until`.

    `left` records of the period lie before `since`; `skipped` were too many of one instant.
    `failed` are the worst of those that failed.
    """

    since: datetime
    until: datetime
    left: int
    skipped: int
    keys: int
    key_error: str | None
    results: Counter[tuple[str, str]]
    left_out: Counter[str]
    failed: pl.DataFrame
    stretches: int = 1

    @property
    def records(self) -> int:
        return self.results.total()

    def having(self, *results: str) -> int:
        return sum(count for (_, result), count in self.results.items() if result in results)

    def kinds(self) -> list[str]:
        return sorted({kind for kind, _ in self.results})


def checked(counted: Json, listed: pl.DataFrame) -> Checked:
    """One stretch: its counts, and the records listed worst first."""
    return Checked(
        counted["looked_from"],
        counted["looked_until"],
        counted["left"],
        counted["skipped"],
        counted["keys"],
        counted["key_error"],
        Counter({(row["kind"], row["result"]): row["records"] for row in counted["results"]}),
        Counter({row["field"]: row["records"] for row in counted["left_out"]}),
        listed.filter(pl.col("result").is_in(FAILED)),
    )


def joined(newer: Checked, older: Checked) -> Checked:
    """Two stretches, of which the older one ends where the newer begins."""
    return Checked(
        older.since,
        newer.until,
        older.left,
        newer.skipped + older.skipped,
        older.keys,
        older.key_error,
        newer.results + older.results,
        newer.left_out + older.left_out,
        pl.concat([newer.failed, older.failed]).head(MOST_FAILED),
        newer.stretches + older.stretches,
    )
