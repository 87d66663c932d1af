"""`watchkeeper reverify`: audit records of the governance toolkit, all of a period, checked again.

The collector looks at one stretch at a time and this command asks for one after the other,
so neither holds more than that, however long the period is.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.cli.ask import rows_of
from collector.cli.keep import instant
from collector.cli.lines import print_row
from collector.config import Settings
from collector.reverification import Result

__all__ = ["run"]

FAILED = (Result.INVALID, Result.CONTRADICTED, Result.CHAIN_BROKEN)
_USUALLY = timedelta(days=30)
_MOST_LISTED = 10_000
_NO_KEY = (
    "no signing key is known: write it into agt-signing-keys of the home to check signed events"
)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exit status 1 when a record is not what it says it is."""
    until = instant("--until", arguments.until) or datetime.now(UTC)
    since = instant("--since", arguments.since) or until - _USUALLY
    agent = {"agent": arguments.agent} if arguments.agent else {}
    results: Counter[tuple[str, str]] = Counter()
    left_out: Counter[str] = Counter()
    skipped = 0
    for counted, asked in _stretches(settings, since, until, agent):
        for row in counted["results"]:
            results[row["kind"], row["result"]] += row["records"]
        for row in counted["left_out"]:
            left_out[row["field"]] += row["records"]
        skipped += counted["skipped"]
        _list_failed(settings, counted, asked)
        _narrate(counted)
    _conclude(since, until, results, left_out, skipped)
    return int(any(result in FAILED for _, result in results) or bool(skipped))


def _stretches(
    settings: Settings, since: datetime, until: datetime, agent: dict[str, str]
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    while True:
        asked = {"since": since.isoformat(), "until": until.isoformat(), **agent}
        [counted] = rows_of(settings, "reverified", **asked)
        yield counted, asked
        if not counted["left"]:
            return
        until = counted["looked_from"]


def _list_failed(settings: Settings, counted: dict[str, Any], asked: dict[str, str]) -> None:
    """The records that failed, of this very stretch."""
    stretch = {**asked, "since": counted["looked_from"].isoformat(), "limit": str(_MOST_LISTED)}
    for result in FAILED:
        if any(row["result"] == result for row in counted["results"]):
            for row in rows_of(settings, "reverification", **stretch, result=result.value):
                told = [f"{row['told_at']:%Y-%m-%dT%H:%M:%S.%fZ}", row["result"], row["agent"]]
                print_row(*told, row["record_id"], row["reason"])


def _narrate(counted: dict[str, Any]) -> None:
    if counted["left"]:
        print(
            f"looked at {counted['records']} back to {counted['looked_from']:%Y-%m-%d %H:%M:%S} "
            f"UTC, {counted['left']} left",
            file=sys.stderr,
        )
    if counted["key_error"]:
        print(counted["key_error"], file=sys.stderr)
    elif not counted["keys"] and any(row["kind"] == "hmac" for row in counted["results"]):
        print(_NO_KEY, file=sys.stderr)


def _conclude(
    since: datetime,
    until: datetime,
    results: Counter[tuple[str, str]],
    left_out: Counter[str],
    skipped: int,
) -> None:
    print(f"looked at\t{since:%Y-%m-%dT%H:%M:%SZ} to {until:%Y-%m-%dT%H:%M:%SZ}")
    for (kind, result), records in sorted(results.items()):
        print_row(kind, result, records)
    for field, records in left_out.most_common():
        print_row("not covered by the hash", field, records)
    if skipped:
        print_row("not looked at", "too many of one instant", skipped)
    if not results:
        print("no audit record of the governance toolkit in this period", file=sys.stderr)
