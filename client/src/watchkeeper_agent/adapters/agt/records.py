"""Audit records of AGT, told whole, and counters of AGT that would tell a decision twice.

AGT's hash leaves out who approved, by which rule and version, and the decision itself. The
record is told with what the hash covers and what it does not, the chain it stands in and its
place there, so that the collector can compute the hash again and compare the rest.
"""

from __future__ import annotations

import json
import weakref
from typing import Any

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.kernels import asking
from watchkeeper_agent.adapters.agt.teller import Teller, text
from watchkeeper_agent.adapters.agt.verdicts import decided
from watchkeeper_agent.identifiers import uuid7

_HASHED = (
    "entry_id",
    "event_type",
    "agent_did",
    "action",
    "resource",
    "data",
    "outcome",
    "previous_hash",
)
_LEFT_OUT = (
    "policy_decision",
    "matched_rule",
    "approver_did",
    "policy_version",
    "arguments_hash",
    "trace_id",
    "target_did",
    "session_id",
)
_MOST_RECORD = 64 * 1024
_chains: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def audited(teller: Teller, outcome: Outcome, chain: Any, entry: Any) -> None:
    """`MerkleAuditChain.add_entry`: the entry has its hash now."""
    if outcome.error is not None:
        return
    record = {name: getattr(entry, name) for name in _HASHED}
    record["timestamp"] = entry.timestamp.isoformat()
    record["entry_hash"] = entry.entry_hash
    for name in _LEFT_OUT:
        value = getattr(entry, name, None)
        if value is not None:
            record[name] = value
    written = json.dumps(record, sort_keys=True, default=str)
    is_evaluation = entry.event_type == "policy_evaluation"
    teller.audited(
        entry.agent_did,
        {
            "watchkeeper.audit.entry": written if len(written) <= _MOST_RECORD else None,
            "watchkeeper.audit.entry_id": text(entry.entry_id),
            "watchkeeper.audit.chain": _chains.setdefault(chain, str(uuid7())),
            "watchkeeper.audit.position": len(chain._entries),
            "watchkeeper.decision.id": decided.get() if is_evaluation else None,
        },
    )


class _Counted:
    """A counter that marks what it counts of a decision that an event tells already."""

    def __init__(self, counter: Any) -> None:
        self._counter = counter

    def add(self, amount: Any, attributes: Any = None, *rest: Any, **more: Any) -> None:
        if asking.get() is not None:
            attributes = {**(attributes or {}), "watchkeeper.told": True}
        self._counter.add(amount, attributes, *rest, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counter, name)


def mark_counter(metrics: Any, **_: Any) -> None:
    """Before `MCPMetrics.record_decision`. The counter passes on what it does not mark, so it
    may stay when the bridge has gone."""
    counter = getattr(metrics, "_decisions", None)
    if counter is not None and not isinstance(counter, _Counted):
        metrics._decisions = _Counted(counter)


def counted(teller: Teller, outcome: Outcome, metrics: Any, **_: Any) -> None:
    """The gateway's own hook tells the decision."""
