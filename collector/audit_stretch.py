"""One stretch of audit records: the newest of a period, as many as may be held at once.

Whoever wants to see all of a period asks again for what lies before `looked_from`, until
nothing is left. A chain, and tellings of one record, are judged with what was told within
ten minutes of the stretch; none of that is judged twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from collector.reverification import KEY_UNKNOWN, Record, Verification, records_of, verify
from collector.store.reader import Reader

__all__ = ["Bounds", "Judged", "Stretch", "look"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Bounds:
    """How much is held at once: records, and characters of them together."""

    records: int = 10_000
    text: int = 32 * 1024 * 1024
    around: timedelta = timedelta(minutes=10)
    records_around: int = 2_000


@dataclass(frozen=True)
class Judged:
    """A telling of a record, the row it came in, and what is known of it."""

    row: Row
    verification: Verification


@dataclass(frozen=True)
class Stretch:
    """What was looked at: all from `looked_from` on, of the period that was asked for.

    `left` counts the records of the period that lie before it, `skipped` those that bear the
    very instant `looked_from` and were too many for one stretch: nobody looks at them.
    """

    looked_from: datetime
    looked_until: datetime
    left: int
    skipped: int
    judged: tuple[Judged, ...]

    @property
    def is_whole(self) -> bool:
        return not self.left and not self.skipped


def look(
    reader: Reader,
    since: datetime,
    until: datetime,
    keys: Sequence[bytes],
    why_no_key: str,
    bounds: Bounds,
) -> Stretch:
    """The newest stretch of a period, judged; `why_no_key` is told of what needs one."""
    with reader.snapshot() as ask:

        def records(first: datetime, last: datetime, most: int) -> list[dict[str, Any]]:
            period = {"since": first, "until": last}
            return ask("queries/audit_records", {**period, "most": most, "most_text": bounds.text})

        rows = records(since, until, bounds.records)
        looked_from, skipping = since, False
        if rows and rows[0]["is_cut"]:
            rows, looked_from, skipping = _whole_instants(rows)
        [before] = ask("queries/audit_records_count", {"since": since, "until": looked_from})
        [within] = ask("queries/audit_records_count", {"since": looked_from, "until": until})
        around = [
            *records(_moved(looked_from, -bounds.around), looked_from, bounds.records_around),
            *records(until, _moved(until, bounds.around), bounds.records_around),
        ]
    return Stretch(
        looked_from,
        until,
        left=before["records"],
        skipped=within["records"] - len(rows) if skipping else 0,
        judged=_judged(rows, around, keys, why_no_key),
    )


def _whole_instants(
    rows: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], datetime, bool]:
    """Without the oldest instant, of which some may be missing; unless there is no other."""
    oldest = rows[-1]["told_at"]
    newer = [row for row in rows if row["told_at"] > oldest]
    return (newer, newer[-1]["told_at"], False) if newer else (rows, oldest, True)


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


def _judged(
    rows: Iterable[Row], around: Iterable[Row], keys: Sequence[bytes], why_no_key: str
) -> tuple[Judged, ...]:
    told = [(row, record) for row in rows for record in _records(row)]
    beside = [record for row in around for record in _records(row)]
    verified = verify([record for _, record in told], keys, beside)
    return tuple(
        Judged(row, _worded(verification, why_no_key))
        for (row, _), verification in zip(told, verified, strict=True)
    )


def _records(row: Row) -> list[Record]:
    return list(records_of(row["told_at"], json.loads(row["attributes"]), row["verdict"]))


def _worded(verification: Verification, why_no_key: str) -> Verification:
    """With why there is no key, where one is missing."""
    if verification.reason != KEY_UNKNOWN:
        return verification
    return replace(verification, reason=why_no_key)
