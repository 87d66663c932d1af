"""The questions whether audit records of the governance toolkit hold.

`reverification` lists records, `reverified` counts them and says what range was looked at.
Both look at one stretch of the period, its newest; what lies before `looked_from` is seen by
asking again with `until` set to it.

Signed events need the key they were signed with: lines `hex:…`, `base64:…` or `text:…` in
the file `agt-signing-keys` of the home, which is read for every answer and never logged.
"""

from __future__ import annotations

import base64
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.audit_stretch import Bounds, Judged, Stretch, look
from collector.errors import ConfigurationError
from collector.queries import ANY_AGENT, LIMIT, SINCE, UNTIL, Parameter, Queries, Question, Values
from collector.reverification import KEY_UNKNOWN, Result
from collector.smallfile import bytes_of
from collector.store.reader import Reader

__all__ = ["KEY_FILE", "register_audit", "signing_keys"]

KEY_FILE = "agt-signing-keys"
_LEAST_BYTES = 32
_MOST_BYTES = 256 * 1024
_LONGEST_TEXT = 1_000
# A page asks for the list and for the counts, one after the other.
_KEPT_S = 5.0
_ANY_RESULT = Parameter("result", required=False, choices=tuple(Result))
_TEXT = pa.string()
_INSTANT = pa.timestamp("us", tz="UTC")
_VERIFICATIONS = pa.schema(
    [
        ("told_at", _INSTANT),
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
_COUNTED = pa.schema(
    [
        ("looked_from", _INSTANT),
        ("looked_until", _INSTANT),
        ("is_whole", pa.bool_()),
        ("records", pa.int64()),
        ("left", pa.int64()),
        ("skipped", pa.int64()),
        ("keys", pa.int64()),
        ("key_error", _TEXT),
        (
            "results",
            pa.list_(pa.struct([("kind", _TEXT), ("result", _TEXT), ("records", pa.int64())])),
        ),
        ("left_out", pa.list_(pa.struct([("field", _TEXT), ("records", pa.int64())]))),
    ]
)
_WORST_FIRST = {result: place for place, result in enumerate(Result)}


def register_audit(queries: Queries, home: Path, bounds: Bounds | None = None) -> None:
    """Add the questions about audit records to those that are known."""
    looking = _Looking(bounds or Bounds())

    def reverified(reader: Reader, values: Values) -> pa.Table:
        keys, why_none = _usable_keys(home / KEY_FILE)
        stretch = looking.at(reader, values, keys, why_none)
        return pa.Table.from_pylist([_counted(stretch, values, keys, why_none)], _COUNTED)

    def reverification(reader: Reader, values: Values) -> pa.Table:
        stretch = looking.at(reader, values, *_usable_keys(home / KEY_FILE))
        chosen = [
            judged
            for judged in _of_agent(stretch, values)
            if values["result"] in (None, judged.verification.result.value)
        ]
        chosen.sort(key=lambda judged: _WORST_FIRST[judged.verification.result])
        rows = [_row(judged) for judged in chosen[: values["limit"]]]
        return pa.Table.from_pylist(rows, _VERIFICATIONS)

    asked = (SINCE, UNTIL, ANY_AGENT)
    listed = (*asked, _ANY_RESULT, LIMIT)
    queries.register(
        Question("reverification", listed, tuple(_VERIFICATIONS.names), reverification)
    )
    queries.register(Question("reverified", asked, tuple(_COUNTED.names), reverified))


class _Looking:
    """The stretch that was looked at last, kept for a few seconds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._kept: tuple[tuple[object, ...], float, Stretch] | None = None

    def at(self, reader: Reader, values: Values, keys: Sequence[bytes], why_none: str) -> Stretch:
        since, until = values["since"], values["until"]
        key = (reader, since, until, *keys, why_none)
        with self._lock:
            kept = self._kept
            if kept is None or kept[0] != key or time.monotonic() - kept[1] > _KEPT_S:
                stretch = look(reader, since, until, keys, why_none, self._bounds)
                self._kept = kept = (key, time.monotonic(), stretch)
            return kept[2]


def _of_agent(stretch: Stretch, values: Values) -> list[Judged]:
    wanted = values["agent"]
    return [judged for judged in stretch.judged if wanted in (None, judged.row["agent"])]


def _counted(
    stretch: Stretch, values: Values, keys: Sequence[bytes], why_none: str
) -> dict[str, Any]:
    judged = _of_agent(stretch, values)
    results = Counter(
        (one.verification.record.kind.value, one.verification.result) for one in judged
    )
    left_out = Counter(name for one in judged for name in one.verification.left_out)
    ordered = sorted(results.items(), key=lambda item: (_WORST_FIRST[item[0][1]], item[0][0]))
    return {
        "looked_from": stretch.looked_from,
        "looked_until": stretch.looked_until,
        "is_whole": stretch.is_whole,
        "records": len(judged),
        "left": stretch.left,
        "skipped": stretch.skipped,
        "keys": len(keys),
        "key_error": None if why_none == KEY_UNKNOWN else why_none,
        "results": [
            {"kind": kind, "result": result.value, "records": records}
            for (kind, result), records in ordered
        ],
        "left_out": [
            {"field": name, "records": records} for name, records in left_out.most_common()
        ],
    }


def _row(judged: Judged) -> dict[str, Any]:
    row, verification = judged.row, judged.verification
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
