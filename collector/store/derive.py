"""Runs and actions: what the spans of a trace amount to once all that arrived is seen together.

`derive` runs inside the applier's transaction, after the rows of a batch are inserted.
Children arrive before their parents, so the touched traces are told anew from all their
spans: the rows do not depend on the order or the batching of what arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from collector.store.identities import renew_names
from collector.store.matching import note_decisions, note_told
from collector.store.pricing import Prices, no_prices, price_models
from collector.store.rollup import count_decisions, count_events
from collector.store.schema import statement
from collector.store.seen import Reach

__all__ = ["REACH", "derive", "rederive"]

# How far apart two spans of one trace may start and still be seen together.
REACH = timedelta(hours=6)
_REACH_US = REACH // timedelta(microseconds=1)
# Deeper spans inherit nothing; a real agent's trace has a few dozen levels.
_DEPTH = 200
# Copies of a decision or a score are told within a second of it.
_COPY_NS = 1_000_000_000
# A guardrail judges for so long at most: its span has begun before its event is told.
_SPAN_NS = 600 * 1_000_000_000
# The last moment a signed 64-bit count of nanoseconds can name, in the year 2262.
_LATEST_NS = 2**63 - 1
# A batch that touches no trace is not announced, so copies are looked for a little back.
_BEHIND = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _nobody(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nobody wants to know what changed."""


def derive(
    cursor: duckdb.DuckDBPyConnection,
    touched: str,
    known: Reach | None = None,
    follow: Callable[[duckdb.DuckDBPyConnection], None] = _nobody,
    *,
    prices: Prices = no_prices,
) -> None:
    """Tell runs and actions of the touched traces anew, and drop copies of what was told.

    `touched` names a table, view or registered Arrow table on this cursor with the column
    `trace_id` (blob), duplicates allowed: the traces of the batch's spans that have an `op`
    and of its decisions. The position must not have moved yet. An empty table is allowed
    and drops copies only. `known` tells where the rows of these traces lie, so that no more of
    the table has to be read. `follow` sees what changed: the temporary tables told_action and
    forgotten_action, told_run and forgotten_run. `prices` tells what tokens
    of models cost.
    """
    _touch(cursor, touched)
    _run(cursor, "further")
    _drop_copies(cursor)
    if _run(cursor, "touch_further")[0][0]:
        # Of these traces `known` says nothing.
        known = None
    bounds = _bounds(cursor, known)
    if bounds is not None:
        _tell(cursor, *bounds, follow, prices)


def rederive(
    cursor: duckdb.DuckDBPyConnection,
    touched: str,
    since: datetime,
    until: datetime,
    follow: Callable[[duckdb.DuckDBPyConnection], None] = _nobody,
    *,
    prices: Prices = no_prices,
) -> None:
    """Tell runs and actions of stored traces anew, of each of which a span starts in a period.

    The rest is as for `derive`.
    """
    _touch(cursor, touched)
    _tell(cursor, since - REACH, until + REACH, follow, prices)


def _touch(cursor: duckdb.DuckDBPyConnection, touched: str) -> None:
    quoted = touched.replace('"', '""')
    cursor.execute(f'create or replace temp table touched as select trace_id from "{quoted}"')
    cursor.fetchall()


def _tell(
    cursor: duckdb.DuckDBPyConnection,
    since: datetime,
    until: datetime,
    follow: Callable[[duckdb.DuckDBPyConnection], None],
    prices: Prices,
) -> None:
    is_archived, forgotten_until_us = _run(cursor, "archived", {"since": since})[0]
    if forgotten_until_us is not None:
        # Of traces that began before, spans are deleted: what was told of them must not be retold.
        since = max(since, _EPOCH + timedelta(microseconds=forgotten_until_us + 1))
    if until < since:
        return
    window = {"since": since, "until": until}
    _run(cursor, "evidence_archived" if is_archived else "evidence")
    _run(cursor, "lineage", window)
    if _run(cursor, "calls_mcp")[0][0]:
        _run(cursor, "mcp_servers", window)
    if _run(cursor, "learn_names"):
        renew_names(cursor)
    _run(cursor, "workflows")
    _run(cursor, "descent", {"depth": _DEPTH})
    _run(cursor, "untold")
    _run(cursor, "called")
    price_models(cursor, prices())
    _run(cursor, "judged", window)
    _run(cursor, "forget_actions", window)
    _run(cursor, "forget_runs", window)
    _run(cursor, "actions")
    _run(cursor, "keep_actions")
    _run(cursor, "runs")
    _run(cursor, "keep_runs")
    count_events(cursor)
    note_told(cursor)
    follow(cursor)


def _drop_copies(cursor: duckdb.DuckDBPyConnection) -> None:
    earliest, latest, on_spans = _run(cursor, "copy_bounds", {"behind": _BEHIND})[0]
    if earliest is None:
        return
    if on_spans:
        since_ns, until_ns = earliest - _SPAN_NS, min(latest + _SPAN_NS, _LATEST_NS)
        _run(cursor, "span_copies", {"since_ns": since_ns, "until_ns": until_ns})
        _take_back(cursor)
    window = {"since_ns": earliest - _COPY_NS, "until_ns": min(latest + _COPY_NS, _LATEST_NS)}
    _run(cursor, "decision_copies", window)
    _take_back(cursor)
    _run(cursor, "trust_copies", window)


def _take_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """What depends on the decisions that the temporary table changed_decision holds."""
    _run(cursor, "further_copied")
    count_decisions(cursor)
    note_decisions(cursor)


def _bounds(
    cursor: duckdb.DuckDBPyConnection, known: Reach | None
) -> tuple[datetime, datetime] | None:
    earliest_us, latest_us = _run(cursor, "bounds")[0]
    if earliest_us is None:
        return None
    since_us, until_us = earliest_us - _REACH_US, latest_us + _REACH_US
    if known is not None and since_us >= known.complete_from_us:
        since_us, until_us = max(since_us, known.low_us), min(until_us, known.high_us)
    return _EPOCH + timedelta(microseconds=since_us), _EPOCH + timedelta(microseconds=until_us)


def _run(
    cursor: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    # Fetched to the end: an unfinished result blocks the cursor's next statement.
    cursor.execute(statement(f"derive/{name}"), dict(parameters or {}))
    return list(cursor.fetchall())
