"""The question whether audit records of the governance toolkit hold: `reverification`.

Signed events need the key they were signed with: lines `hex:…`, `base64:…` or `text:…` in
the file `agt-signing-keys` of the home, which is read for every answer and never logged.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.errors import ConfigurationError
from collector.queries import ANY_AGENT, LIMIT, SINCE, UNTIL, Parameter, Queries, Question, Values
from collector.reverification import KEY_UNKNOWN, Record, Result, Verification, records_of, verify
from collector.smallfile import bytes_of
from collector.store.reader import Reader

__all__ = ["KEY_FILE", "register_audit", "signing_keys"]

KEY_FILE = "agt-signing-keys"
_LEAST_BYTES = 32
_MOST_BYTES = 256 * 1024
# A chain is looked at as a whole; an hour of one agent is a few hundred records.
_MOST = 10_000
_LONGEST_TEXT = 1_000
_MOST_TEXT = 64 * 1024 * 1024
_ANY_RESULT = Parameter("result", required=False, choices=tuple(Result))
_TEXT = pa.string()
_VERIFICATIONS = pa.schema(
    [
        ("told_at", pa.timestamp("us", tz="UTC")),
        ("agent", _TEXT),
        ("sample", pa.bool_()),
        ("record_id", _TEXT),
        ("kind", _TEXT),
        ("told_by", _TEXT),
        ("result", _TEXT),
        ("reason", _TEXT),
        ("policy_decision", _TEXT),
        ("outcome", _TEXT),
        ("decided", _TEXT),
        ("left_out", pa.list_(_TEXT)),
        ("chain", _TEXT),
        ("position", pa.int64()),
        ("decision_id", _TEXT),
        ("trace_id", _TEXT),
    ]
)
_WORST_FIRST = {result: place for place, result in enumerate(Result)}


def register_audit(queries: Queries, home: Path) -> None:
    """Add the question about audit records to those that are known."""

    def reverified(reader: Reader, values: Values) -> pa.Table:
        rows = reader.rows(
            "queries/audit_records", {**values, "most": _MOST, "most_text": _MOST_TEXT}
        )
        chosen = [
            row
            for row in _verified(rows, *_usable_keys(home / KEY_FILE))
            if values["agent"] in (None, row["agent"]) and values["result"] in (None, row["result"])
        ]
        chosen.sort(key=lambda row: _WORST_FIRST[Result(row["result"])])
        return pa.Table.from_pylist(chosen[: values["limit"]], _VERIFICATIONS)

    asked = (SINCE, UNTIL, ANY_AGENT, _ANY_RESULT, LIMIT)
    queries.register(Question("reverification", asked, tuple(_VERIFICATIONS.names), reverified))


def _verified(
    rows: Sequence[Mapping[str, Any]], keys: Sequence[bytes], why_none: str
) -> Iterator[dict[str, Any]]:
    told: list[tuple[Mapping[str, Any], Record]] = []
    for row in rows:
        records = records_of(row["told_at"], json.loads(row["attributes"]), row["verdict"])
        told.extend((row, record) for record in records)
    verified = verify([record for _, record in told], keys)
    for (row, _), verification in zip(told, verified, strict=True):
        told_row = _row(row, verification)
        if verification.reason == KEY_UNKNOWN:
            told_row["reason"] = why_none
        yield told_row


def _row(row: Mapping[str, Any], verification: Verification) -> dict[str, Any]:
    record = verification.record
    fields = record.fields or {}
    return {
        "told_at": record.told_at,
        "agent": row["agent"],
        "sample": row["sample"],
        "record_id": record.record_id,
        "kind": record.kind.value,
        "told_by": record.told_by,
        "result": verification.result.value,
        "reason": _text(verification.reason),
        "policy_decision": _text(fields.get("policy_decision") or fields.get("decision")),
        "outcome": _text(fields.get("outcome")),
        "decided": row["verdict"],
        "left_out": list(verification.left_out),
        "chain": record.chain,
        "position": record.position,
        "decision_id": row["decision_id"],
        "trace_id": row["trace_id"],
    }


def _text(value: Any) -> str | None:
    """As much of a text from telemetry as a person reads."""
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def _usable_keys(file: Path) -> tuple[list[bytes], str]:
    """The keys, and why there are none: a file that cannot be used accuses no record."""
    try:
        return signing_keys(file), KEY_UNKNOWN
    except ConfigurationError as error:
        return [], str(error)


def signing_keys(file: Path) -> list[bytes]:
    """The keys in this file; none when there is no file."""
    try:
        lines = bytes_of(file, _MOST_BYTES).decode("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: expected a readable text file: {error}") from error
    told = [line.strip() for line in lines]
    return [
        _key(file, number, line)
        for number, line in enumerate(told, 1)
        if line and not line.startswith("#")
    ]


def _key(file: Path, number: int, line: str) -> bytes:
    """The line itself is a secret and stands in no error."""
    form, _, secret = line.partition(":")
    try:
        key = _FORMS[form](secret)
    except (KeyError, ValueError):
        key = b""
    if len(key) < _LEAST_BYTES:
        raise ConfigurationError(
            f"{file}, line {number}: expected hex:, base64: or text: and a key of at least "
            f"{_LEAST_BYTES} bytes, got {len(key)}; write the key the toolkit signs with"
        )
    return key


def _of_base64(secret: str) -> bytes:
    return base64.b64decode(secret, validate=True)


_FORMS: Mapping[str, Callable[[str], bytes]] = {
    "hex": bytes.fromhex,
    "base64": _of_base64,
    "text": str.encode,
}
