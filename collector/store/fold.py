"""Folding: the tallies of batches, added up once they are old enough; no answer changes by it.

A busy collector stores four batches a second. Unfolded, their tallies would outgrow what
they tell: folded, a sender costs a row a minute, and after a week a row an hour.
"""

from __future__ import annotations

import duckdb

from collector.store.transaction import run, transaction

__all__ = ["fold"]

_TABLES = ("source_count", "sender_count", "sequence_range", "drop_count")


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Fold each table of tallies, each in one transaction; for a quiet moment."""
    for table in _TABLES:
        with transaction(cursor):
            run(cursor, f"fold/crowded_{table}")
            run(cursor, f"fold/keep_{table}")
            run(cursor, f"fold/thin_{table}")
