"""Facts become rows: decisions, scores, commands, names, events and calls, each in its table."""

from __future__ import annotations

from collections.abc import Sequence

from collector.receive.normalise import (
    AliasFact,
    CallFact,
    CommandFact,
    DecisionFact,
    Fact,
    GovernanceFact,
    TrustFact,
)
from collector.receive.rows import Rows
from collector.store.wal import Record

__all__ = ["add_facts"]

_TABLES: dict[type[Fact], str] = {
    DecisionFact: "decision",
    TrustFact: "trust_point",
    CommandFact: "command_event",
    AliasFact: "agent_alias",
    GovernanceFact: "governance_event",
    CallFact: "logged_call",
}


def add_facts(
    rows: Rows, record: Record, facts: Sequence[Fact], sender: tuple[bytes, bytes] | None = None
) -> None:
    """Append what something in a record told; `sender` is the hashes of its resource and scope."""
    known: dict[str, int | bytes] = {
        "sequence": record.sequence,
        "received_at": record.received_ns // 1000,
    }
    if sender is not None:
        known["resource_hash"], known["scope_hash"] = sender
    for fact in facts:
        columns = rows.columns[_TABLES[type(fact)]]
        for name, column in columns.items():
            column.append(known[name] if name in known else getattr(fact, name))
