"""Audit records of the governance toolkit, checked again.

The toolkit's audit entries are chained by SHA-256, its CloudEvents may be signed with HMAC.
Both are computed again here from what was received. A hash that agrees says little about a
decision, because it does not cover it: what the toolkit leaves out is named, and compared
with what it does cover, with the decision as it was told when it was taken, and with other
tellings of the same record.

Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = [
    "BEFORE_UNSEEN",
    "KEY_UNKNOWN",
    "Kind",
    "Record",
    "Result",
    "Verification",
    "records_of",
    "verify",
]

_HASHED = (
    "entry_id",
    "timestamp",
    "event_type",
    "agent_did",
    "action",
    "resource",
    "data",
    "outcome",
    "previous_hash",
)
# What an entry may say beside that; its hash stays the same whatever stands here.
LEFT_OUT = (
    "policy_decision",
    "matched_rule",
    "approver_did",
    "policy_version",
    "arguments_hash",
    "trace_id",
    "issued_at",
    "completed_at",
)
# Fields that two tellings of one record must agree on.
_COMPARED = (*LEFT_OUT[:5], "entry_hash")
# Fields that are told twice: once where the hash covers them.
_COVERED_TWIN = {"matched_rule": "rule", "approver_did": "approver"}
_VERDICTS = {
    "allow": "allow",
    "deny": "deny",
    "warn": "warn",
    "log": "warn",
    "require_approval": "escalate",
    "approved": "allow",
    "rejected": "deny",
}
_TYPES = {
    "ai.agentmesh.tool.invoked": "tool_invocation",
    "ai.agentmesh.tool.blocked": "tool_blocked",
    "ai.agentmesh.policy.evaluation": "policy_evaluation",
    "ai.agentmesh.policy.violation": "policy_violation",
    "ai.agentmesh.trust.handshake": "trust_handshake",
    "ai.agentmesh.trust.score.updated": "trust_score_updated",
    "ai.agentmesh.agent.registered": "agent_registered",
    "ai.agentmesh.agent.verified": "agent_verified",
    "ai.agentmesh.audit.integrity.verified": "audit_integrity",
}
_MESH = "ai.agentmesh."
_OURS = frozenset({"action", "resource", "outcome", "policy_decision", "matched_rule"})
_ALGORITHM, _SIGNATURE = "HMAC-SHA256", "agtsignature"
_REDACTED = "[redacted:"
KEY_UNKNOWN = "the key is not known here"
BEFORE_UNSEEN = "the record before it in its chain lies outside what was looked at"
_TRUNCATED = "not whole: it was cut, is no JSON object, or is nested too deep"
_MOST_NESTED = 100


class Kind(StrEnum):
    """How a record is protected."""

    HASH_CHAIN = "hash_chain"
    HMAC = "hmac"


class Result(StrEnum):
    """What came of checking it, worst first."""

    INVALID = "invalid"
    CONTRADICTED = "contradicted"
    CHAIN_BROKEN = "chain_broken"
    NOT_CHECKABLE = "not_checkable"
    VALID = "valid"


@dataclass(frozen=True)
class Record:
    """One telling of one audit record. `fields` are those of an entry, or None if unreadable;
    `event` is the CloudEvent it came in; `decision` is its verdict as told when it was taken."""

    record_id: str
    told_at: datetime
    kind: Kind
    told_by: str
    fields: Mapping[str, Any] | None
    event: Mapping[str, Any] = field(default_factory=dict)
    chain: str | None = None
    position: int | None = None
    decision: str | None = None
    beside: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Verification:
    """What is known of one telling, and why."""

    record: Record
    result: Result
    reason: str | None = None
    left_out: tuple[str, ...] = ()


def records_of(
    told_at: datetime, attributes: Mapping[str, Any], decision: str | None
) -> Iterator[Record]:
    """The audit record in one log record; `decision` is the verdict that it names."""
    if "watchkeeper.audit.entry_id" in attributes:
        yield _of_bridge(told_at, attributes, decision)
        return
    event = _object(attributes.get("agt.audit.meta.cloudevent"))
    record_id = str(event.get("id") or attributes.get("agt.audit.meta.event_id") or "unknown")
    if not event:
        yield Record(record_id, told_at, Kind.HMAC, "cloudevent", None, reason=_TRUNCATED)
    elif str(event.get("type", "")).startswith(_MESH):
        yield Record(
            record_id,
            told_at,
            Kind.HASH_CHAIN,
            "cloudevent",
            _of_mesh(event),
            event,
            decision=decision,
        )
    elif _SIGNATURE in event:
        beside = attributes.get("agt.audit.decision")
        yield Record(
            record_id,
            told_at,
            Kind.HMAC,
            "cloudevent",
            _data(event),
            event,
            beside=None if beside is None else str(beside),
        )


def verify(
    records: Sequence[Record], keys: Sequence[bytes] = (), beside: Sequence[Record] = ()
) -> list[Verification]:
    """Each telling with what is known of it; all that is known of a chain should be given.

    `beside` are records that may speak for or against these and are not judged themselves.
    """
    together = _Together([*beside, *records])
    return [_judged(record, together, keys) for record in records]


class _Told:
    """What all tellings of one record say: anybody may send thousands, so each is looked at once.

    differing: for each field the first telling, and the first that says something else.
    """

    def __init__(self) -> None:
        self.decision: str | None = None
        self.differing: dict[str, list[Record]] = defaultdict(list)

    def add(self, record: Record) -> None:
        if self.decision is None:
            self.decision = record.decision
        for name in _COMPARED:
            value = (record.fields or {}).get(name)
            known = self.differing[name]
            if value is not None and len(known) < 2 and all(_of(k, name) != value for k in known):
                known.append(record)


def _of(record: Record, name: str) -> Any:
    return (record.fields or {}).get(name)


class _Together:
    """What the records say of each other."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._chains: dict[str, dict[int, Record]] = defaultdict(dict)
        self._told: dict[str, _Told] = defaultdict(_Told)
        for record in records:
            self._told[record.record_id].add(record)
            if record.chain is not None and record.position is not None:
                self._chains[record.chain][record.position] = record
        self._first = {chain: min(places) for chain, places in self._chains.items()}

    def decision_of(self, record: Record) -> str | None:
        return self._told[record.record_id].decision

    def other(self, record: Record, name: str) -> Record | None:
        """A telling that says something else in this field."""
        told = self._told[record.record_id].differing[name]
        return next((one for one in told if _of(one, name) != _of(record, name)), None)

    def break_before(self, record: Record) -> str | None:
        """Why the chain does not hold before this record; None where it does or starts."""
        if record.chain is None or record.position is None or record.fields is None:
            return None
        previous, place = record.fields.get("previous_hash"), record.position
        if place == 1:
            return None if previous == "" else "the first record of its chain names one before it"
        before = self._chains[record.chain].get(place - 1)
        if before is None:
            is_first = place == self._first[record.chain]
            return None if is_first else f"record {place - 1} of its chain never came"
        if before.fields is None or before.fields.get("entry_hash") == previous:
            return None
        return f"it does not follow record {place - 1} of its chain"

    def begins_unseen(self, record: Record) -> bool:
        """Whether what came before it in its chain is not known here."""
        if record.chain is None or record.position is None or record.position == 1:
            return False
        return record.position - 1 not in self._chains[record.chain]


def _judged(record: Record, together: _Together, keys: Sequence[bytes]) -> Verification:
    if record.fields is None:
        return Verification(record, Result.NOT_CHECKABLE, record.reason or _TRUNCATED)
    if _REDACTED in json.dumps([record.fields, record.event], default=str):
        return Verification(record, Result.NOT_CHECKABLE, "parts of it were redacted on arrival")
    signed = record.kind is Kind.HMAC
    left_out = () if signed else tuple(n for n in LEFT_OUT if record.fields.get(n) is not None)
    result, reason = _signature(record.event, keys) if signed else _hash(record)
    if result is not Result.INVALID and (against := _contradiction(record, together)):
        result, reason = Result.CONTRADICTED, against
    if result is Result.VALID and (broken := together.break_before(record)):
        result, reason = Result.CHAIN_BROKEN, broken
    elif result is Result.VALID and together.begins_unseen(record):
        reason = BEFORE_UNSEEN
    return Verification(record, result, reason, left_out)


# The hash and the signature


def entry_hash(fields: Mapping[str, Any]) -> str:
    """The toolkit's hash of an entry: its own separators, keys in order, ASCII only."""
    told = {name: fields.get(name) for name in _HASHED}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _hash(record: Record) -> tuple[Result, str | None]:
    assert record.fields is not None
    claimed = record.fields.get("entry_hash")
    if not claimed:
        return Result.NOT_CHECKABLE, "it names no hash"
    for fields in _readings(record):
        if hmac.compare_digest(entry_hash(fields).encode(), str(claimed).encode()):
            return Result.VALID, None
    return Result.INVALID, "its content does not have the hash it names"


def _readings(record: Record) -> Iterator[Mapping[str, Any]]:
    """The entry, and the entries a CloudEvent may have been: the toolkit merges an entry's
    data into the envelope's, and two types of event may have one name."""
    assert record.fields is not None
    yield record.fields
    if record.event:
        optional = {name for name in LEFT_OUT if name in _data(record.event)}
        raw_type = str(record.event.get("type", "")).removeprefix(_MESH)
        for event_type in (record.fields["event_type"], raw_type):
            for kept in ((), tuple(optional)):
                data = _own_data(record.event, kept)
                yield {**record.fields, "event_type": event_type, "data": data}


def _signature(event: Mapping[str, Any], keys: Sequence[bytes]) -> tuple[Result, str | None]:
    if event.get("agtsignaturealg") != _ALGORITHM:
        return Result.NOT_CHECKABLE, f"expected {_ALGORITHM}, it names another algorithm"
    if not keys:
        return Result.NOT_CHECKABLE, KEY_UNKNOWN
    payload = {name: value for name, value in event.items() if name != _SIGNATURE}
    written = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    canonical, claimed = written.encode(), str(event[_SIGNATURE]).encode()
    for key in keys:
        digest = base64.b64encode(hmac.new(key, canonical, hashlib.sha256).digest())
        if hmac.compare_digest(digest, claimed):
            return Result.VALID, None
    return Result.INVALID, "no key that is known here made its signature"


# What nothing protects, compared


def _contradiction(record: Record, together: _Together) -> str | None:
    assert record.fields is not None
    if record.kind is Kind.HMAC:
        signed, beside = record.fields.get("decision"), record.beside
        if beside and signed and _word(beside) != _word(signed):
            return f"the signed event says {signed}, the record around it {beside}"
        return None
    return (
        _against_covered(record.fields)
        or _against_decision(record.fields, together.decision_of(record))
        or _against_others(record, together)
    )


def _against_covered(fields: Mapping[str, Any]) -> str | None:
    decision, outcome = fields.get("policy_decision"), fields.get("outcome")
    if decision and _word(outcome) in _VERDICTS and _verdict(decision) != _verdict(outcome):
        return f"policy_decision says {decision}; outcome, which the hash covers, says {outcome}"
    data = fields.get("data")
    for name, twin in _COVERED_TWIN.items():
        told, covered = fields.get(name), data.get(twin) if isinstance(data, dict) else None
        if told and covered and told != covered:
            return f"{name} says {told}; data.{twin}, which the hash covers, says {covered}"
    return None


def _against_decision(fields: Mapping[str, Any], decision: str | None) -> str | None:
    told = fields.get("policy_decision") or fields.get("outcome")
    if decision is None or _word(told) not in _VERDICTS or _verdict(told) == decision:
        return None
    return f"the record says {told}; the decision told when it was taken says {decision}"


def _against_others(record: Record, together: _Together) -> str | None:
    for name in _COMPARED:
        ours, other = _of(record, name), together.other(record, name)
        if ours is not None and other is not None:
            theirs = _of(other, name)
            return f"told twice: {name} says {ours} here and {theirs} by the {other.told_by}"
    return None


def _word(value: Any) -> str:
    return str(value).lower()


def _verdict(value: Any) -> str | None:
    return _VERDICTS.get(_word(value))


# What was sent, read


def _of_bridge(told_at: datetime, attributes: Mapping[str, Any], decision: str | None) -> Record:
    fields = _object(attributes.get("watchkeeper.audit.entry")) or None
    position = attributes.get("watchkeeper.audit.position")
    chain = attributes.get("watchkeeper.audit.chain")
    return Record(
        str(attributes["watchkeeper.audit.entry_id"]),
        told_at,
        Kind.HASH_CHAIN,
        "bridge",
        fields,
        chain=None if chain is None else str(chain),
        position=position if type(position) is int else None,
        decision=decision,
    )


def _of_mesh(event: Mapping[str, Any]) -> dict[str, Any]:
    """An entry out of its CloudEvent; `time` has a zone too many."""
    told, data = str(event.get("type", "")), _data(event)
    return {
        "entry_id": event.get("id"),
        "timestamp": str(event.get("time", "")).removesuffix("Z"),
        "event_type": _TYPES.get(told, told.removeprefix(_MESH)),
        "agent_did": event.get("source"),
        "action": data.get("action"),
        "resource": data.get("resource"),
        "outcome": data.get("outcome"),
        "data": _own_data(event, ()),
        "previous_hash": event.get("agentmeshprevioushash"),
        "entry_hash": event.get("agentmeshentryhash"),
        "trace_id": event.get("traceid"),
        **{name: data[name] for name in LEFT_OUT if name in data},
    }


def _own_data(event: Mapping[str, Any], kept: Iterable[str]) -> dict[str, Any]:
    gone = (_OURS | set(LEFT_OUT)) - set(kept)
    return {name: value for name, value in _data(event).items() if name not in gone}


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data = event.get("data")
    return data if isinstance(data, dict) else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, str):
        return {}
    try:
        read = json.loads(value)
        # What is nested too deep to be written, or is no Unicode, cannot be hashed.
        if not _is_flat(read):
            return {}
        json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _is_flat(read: Any) -> bool:
    level = [read] if isinstance(read, dict | list) else []
    for _ in range(_MOST_NESTED):
        lists = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for inner in lists for one in inner if isinstance(one, dict | list)]
    return not level
