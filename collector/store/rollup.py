"""Rollups: runs, actions and decisions counted beforehand, so that a month costs no full scan.

1. What derivation tells, takes back or tells anew changes the counts in the same transaction:
   a row that is gone counts negative, so the sum of the partial counts is always a recount.
2. Identifiers are counted as they were told, and named when read, as everywhere.
3. `compact` adds up what is partial; it changes no answer.
4. Rows that retention deletes stay counted until their step is half a year old and none is left.
"""

from __future__ import annotations

import duckdb

from collector.store.transaction import run, transaction

__all__ = [
    "compact",
    "count_all_once",
    "count_decisions",
    "count_events",
    "count_new_decisions",
    "recount",
]

_TABLES = ("event", "latency", "decision", "agent", "cost", "component", "call")
# So many steps at once: a few days of them, which takes well under a second.
_MOST_STEPS = 1000


def count_events(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count what deriving runs and actions changed, inside its transaction."""
    run(cursor, "rollup/changed_events")
    _insert_events(cursor)
    run(cursor, "rollup/changed_costs")
    run(cursor, "rollup/insert_costs")
    run(cursor, "rollup/changed_components")
    run(cursor, "rollup/insert_components")
    run(cursor, "rollup/changed_calls")
    run(cursor, "rollup/insert_calls")


def count_new_decisions(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count the decisions of a batch, inside its transaction, before the position moves."""
    run(cursor, "rollup/new_decisions")
    count_decisions(cursor)


def count_decisions(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count the decisions that the temporary table changed_decision holds."""
    run(cursor, "rollup/insert_decisions")
    run(cursor, "rollup/insert_decided_agents")


def count_all_once(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count everything, if a Watchkeeper without rollups filled this database or wrote to it."""
    ((is_counted, is_countable),) = run(cursor, "rollup/is_counted")
    if is_countable and not is_counted:
        recount(cursor)
        run(cursor, "rollup/note_counted")
    ((are_counted,),) = run(cursor, "rollup/costs_are_counted")
    if not are_counted:
        with transaction(cursor):
            _count_all_costs(cursor)
    ((are_counted,),) = run(cursor, "rollup/components_are_counted")
    if not are_counted:
        with transaction(cursor):
            _count_all_components(cursor)
    ((are_counted,),) = run(cursor, "rollup/calls_are_counted")
    if not are_counted:
        with transaction(cursor):
            _count_all_calls(cursor)


def recount(cursor: duckdb.DuckDBPyConnection) -> None:
    """Count all kept rows anew. The cursor must be one that derives nothing."""
    with transaction(cursor):
        for table in _TABLES:
            run(cursor, f"rollup/clear_{table}")
        run(cursor, "rollup/all_events")
        _insert_events(cursor)
        run(cursor, "rollup/all_decisions")
        count_decisions(cursor)
        run(cursor, "rollup/drop_events")
        _count_all_costs(cursor)
        _count_all_components(cursor)
        _count_all_calls(cursor)
        run(cursor, "rollup/drop_decisions")


def _count_all_costs(cursor: duckdb.DuckDBPyConnection) -> None:
    run(cursor, "rollup/all_costs")
    run(cursor, "rollup/insert_costs")
    run(cursor, "rollup/drop_costs")


def _count_all_components(cursor: duckdb.DuckDBPyConnection) -> None:
    run(cursor, "rollup/all_components")
    run(cursor, "rollup/insert_components")
    run(cursor, "rollup/drop_components")


def _count_all_calls(cursor: duckdb.DuckDBPyConnection) -> None:
    run(cursor, "rollup/all_calls")
    run(cursor, "rollup/insert_calls")
    run(cursor, "rollup/drop_calls")


def compact(cursor: duckdb.DuckDBPyConnection) -> None:
    """Add up the partial counts of the newest steps that have any; for a quiet moment."""
    for table in _TABLES:
        run(cursor, f"rollup/crowded_{table}", {"most": _MOST_STEPS})
        with transaction(cursor):
            run(cursor, f"rollup/sum_{table}")
            run(cursor, f"rollup/thin_{table}")
            run(cursor, f"rollup/keep_{table}")


def _insert_events(cursor: duckdb.DuckDBPyConnection) -> None:
    run(cursor, "rollup/insert_events")
    run(cursor, "rollup/insert_latencies")
    run(cursor, "rollup/insert_agents")
