"""The questions about sequence rules: which are in force, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from collector.homefile import FileError
from collector.queries import ANY_AGENT, LIMIT, SINCE, UNTIL, Parameter, Queries, Question, Values
from collector.sequence_rules import SequenceRules
from collector.sequences.rule import Rule
from collector.store.reader import Reader

__all__ = ["register_sequences"]

_RULES = pa.schema(
    [
        ("rule", pa.string()),
        ("display_name", pa.string()),
        ("description", pa.string()),
        ("severity", pa.string()),
        ("scope", pa.string()),
        ("within_s", pa.float64()),
        ("steps", pa.list_(pa.string())),
        ("file", pa.string()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("matches", pa.int64()),
        ("last_at", pa.timestamp("us", tz="UTC")),
    ]
)
_MATCHES = (
    "rule",
    "severity",
    "scope",
    "key",
    "agent",
    "sample",
    "first_at",
    "completed_at",
    "completed_ns",
    "trace_id",
    "span_id",
    "actions",
    "found_at",
)
_ANY_RULE = Parameter("rule", required=False)


def register_sequences(
    queries: Queries, rules: SequenceRules, suspended: Callable[[], Mapping[str, str]]
) -> None:
    """Add the questions about sequences to those that are known."""

    def in_force(reader: Reader, values: Values) -> pa.Table:
        counts = {row["rule"]: row for row in reader.rows("queries/sequence_counts")}
        rows = [*_rows(rules, suspended(), counts), *map(_refused, rules.errors)]
        return pa.Table.from_pylist(rows, schema=_RULES)

    queries.register(Question("sequence_rules", (), tuple(_RULES.names), in_force))
    queries.register(
        Question(
            "sequences",
            (SINCE, UNTIL, ANY_AGENT, _ANY_RULE, LIMIT),
            _MATCHES,
            "queries/sequences",
        )
    )


def _rows(
    rules: SequenceRules, suspended: Mapping[str, str], counts: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    for rule in sorted(rules.all(), key=lambda each: each.name):
        yield _row(rule, rules.file_of(rule.name), suspended.get(rule.name), counts)


def _row(
    rule: Rule, file: str, suspended: str | None, counts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    found = counts.get(rule.name, {})
    return {
        "rule": rule.name,
        "display_name": rule.display_name,
        "description": rule.description,
        "severity": rule.severity.value,
        "scope": rule.scope.value,
        "within_s": rule.within.total_seconds(),
        "steps": [step.title for step in rule.steps],
        "file": file,
        "state": "in_force" if suspended is None else "suspended",
        "reason": suspended,
        "matches": None if suspended else found.get("matches", 0),
        "last_at": found.get("last_at"),
    }


def _refused(error: FileError) -> dict[str, Any]:
    return {"file": error.file, "state": "refused", "reason": f"line {error.line}: {error.reason}"}
