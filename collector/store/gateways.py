"""MCP gateways of the governance toolkit count their verdicts, and most write each into a line too.

1. The lines win: they say when and why. Of which sender, agent, tool and verdict there are
   lines is remembered (`gateway_line`); units of the counter for the same are never kept again.
2. Units that came before the first such line are taken back, and from the counts as well.
So what is known does not depend on which came first, nor on how often the counter is exported.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from collector.model import Teller
from collector.store.matching import note_decisions
from collector.store.rollup import count_decisions
from collector.store.transaction import run

__all__ = ["drop_counted"]


def drop_counted(cursor: duckdb.DuckDBPyConnection, decisions: pa.Table) -> None:
    """Take back what lines among these stored decisions tell better, inside their transaction."""
    if not pc.any(pc.equal(decisions["told_by"], Teller.LINE.value)).as_py():
        return
    if run(cursor, "gateways/learn")[0][0]:
        run(cursor, "gateways/drop_counted")
        count_decisions(cursor)
        note_decisions(cursor)
