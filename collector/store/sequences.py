"""Sequence rules in the store: looked for whenever derivation tells or takes back an action.

1. Of what derivation changed, the actions that fit a step of a rule are noted, per key of the
   rule's scope. Everything else costs nothing further.
2. Where what is noted changed, the key is matched anew from as long before as a sequence may last
   until as long behind, so the order of arrival is no matter.
3. A match that was found before keeps the time at which it was found.
4. Where a name of an agent comes to stand for another agent, or no longer does, what that name
   did is noted anew for the rules that ask for the agent.
5. A rule that is new or was changed is looked for in all kept actions, in a transaction of its own.
   One that fits too many of them is suspended and says so. Later nobody can have it suspended by
   acting much: of each key and step the newest actions are looked at.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import structlog

from collector.sequences.match import Acted, Match, matches
from collector.sequences.rule import LONGEST, Rule
from collector.store.transaction import registered, run, transaction

__all__ = ["Sequences"]

MOST_NOTED = 500_000
_MOST_A_STEP = 10_000
_THIN_S = 3600.0
# Looking for names that changed costs a small query, following them one of all actions: a fiftieth
# of the time at most is spent on them.
_NAMES_S = 2.0
_NAMES_TAKE_S = _NAMES_S / 50
# Twice as long as a sequence may last, for what arrives late.
_KEPT = 2 * LONGEST
# The last moment a signed 64-bit count of nanoseconds can name, in the year 2262.
_LATEST_NS = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHEN = pa.timestamp("us", tz="UTC")
_STEP = pa.schema(
    [
        ("rule", pa.string()),
        ("scope", pa.string()),
        ("step", pa.int32()),
        ("name", pa.string()),
        ("model", pa.string()),
        ("agent", pa.string()),
        ("kinds", pa.list_(pa.string())),
        ("outcomes", pa.list_(pa.string())),
    ]
)
_KEY = pa.schema(
    [
        ("rule", pa.string()),
        ("key", pa.string()),
        ("since_ns", pa.int64()),
        ("completed_from_ns", pa.int64()),
        ("until_ns", pa.int64()),
    ]
)
_MATCH = pa.schema(
    [
        ("rule", pa.string()),
        ("key", pa.string()),
        ("first_ns", pa.int64()),
        ("completed_at", _WHEN),
        ("completed_ns", pa.int64()),
        ("trace_ids", pa.list_(pa.binary())),
        ("span_ids", pa.list_(pa.binary())),
        ("found_at", _WHEN),
    ]
)

_log = structlog.get_logger("collector.store.sequences")


class _Span(NamedTuple):
    """Where in the actions of one key something changed, in nanoseconds."""

    first_ns: int
    last_ns: int


class Sequences:
    """Looks for the rules in force. Everything but `suspended` runs on the applier's thread."""

    def __init__(
        self,
        rules: Callable[[], tuple[Rule, ...]],
        *,
        most_noted: int = MOST_NOTED,
        names_s: float = _NAMES_S,
    ) -> None:
        self._rules = rules
        self._most = most_noted
        self._in_force: dict[str, Rule] = {}
        self._steps = _steps(())
        self._seen: tuple[Rule, ...] | None = None
        self._names_s = names_s
        self._names_at = float("-inf")
        self._thin_at = time.monotonic() + _THIN_S
        self._lock = threading.Lock()
        self._suspended: dict[str, str] = {}

    @property
    def suspended(self) -> Mapping[str, str]:
        """Rules that are not looked for, and why."""
        with self._lock:
            return dict(self._suspended)

    def follow(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Look where derivation has just changed something, inside its transaction."""
        if not self._in_force:
            return
        run(cursor, "sequences/forget_actions")
        with registered(cursor, "sequence_step", self._steps):
            run(cursor, "sequences/of_told")
            run(cursor, "sequences/note", {"most": None})
        self._match(cursor)

    def renew(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Look for rules that are new or were changed, and forget those that are gone."""
        self._thin(cursor)
        rules = self._rules()
        if rules is not self._seen:
            self._renew_rules(cursor, rules)
            self._seen = rules
            self._steps = _steps(self._in_force.values())
        self._follow_names(cursor)

    def _renew_rules(self, cursor: duckdb.DuckDBPyConnection, rules: Iterable[Rule]) -> None:
        known = dict(run(cursor, "sequences/known_rules"))
        wanted = {rule.name: rule for rule in rules}
        with self._lock:
            self._suspended = {}
        self._in_force = {}
        for name in sorted(known.keys() | wanted.keys()):
            rule = wanted.get(name)
            if rule is not None and known.get(name) == _definition(rule):
                self._in_force[name] = rule
            else:
                self._try_to_replace(cursor, name, rule)

    def _try_to_replace(
        self, cursor: duckdb.DuckDBPyConnection, name: str, rule: Rule | None
    ) -> None:
        try:
            self._replace(cursor, name, rule)
        # A rule that the store cannot look for must not keep it from storing.
        except duckdb.Error as error:
            _log.error("sequence_rule_failed", rule=name, reason=str(error))
            self._in_force.pop(name, None)
            with self._lock:
                self._suspended[name] = str(error)

    def _thin(self, cursor: duckdb.DuckDBPyConnection) -> None:
        if time.monotonic() >= self._thin_at:
            self._thin_at = time.monotonic() + _THIN_S
            before = {"before": datetime.now(UTC) - _KEPT}
            with transaction(cursor):
                run(cursor, "sequences/note_thinned", before)
                run(cursor, "sequences/thin", before)

    def _follow_names(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Note anew what agents did whose name stands for another agent by now."""
        rules = [rule for rule in self._in_force.values() if rule.asks_for_agents]
        began = time.monotonic()
        if not rules or began < self._names_at:
            return
        try:
            if run(cursor, "sequences/renamed")[0][0]:
                self._note_renamed(cursor, rules)
        # What was noted stays as it was, and is tried again.
        except duckdb.Error as error:
            _log.error("sequence_names_not_followed", reason=str(error))
        took = time.monotonic() - began
        pause_s = self._names_s * max(1.0, took / _NAMES_TAKE_S)
        self._names_at = time.monotonic() + pause_s

    def _note_renamed(self, cursor: duckdb.DuckDBPyConnection, rules: Iterable[Rule]) -> None:
        with transaction(cursor), registered(cursor, "sequence_step", _steps(rules)):
            run(cursor, "sequences/of_renamed")
            run(cursor, "sequences/forget_renamed")
            run(cursor, "sequences/forget_names")
            run(cursor, "sequences/keep_names")
            run(cursor, "sequences/note", {"most": None})
            self._match(cursor)

    def _replace(self, cursor: duckdb.DuckDBPyConnection, name: str, rule: Rule | None) -> None:
        with transaction(cursor):
            self._forget(cursor, name)
            if rule is None or not self._note_all(cursor, rule):
                return
            run(cursor, "sequences/keep_rule", {"rule": name, "definition": _definition(rule)})

    def _note_all(self, cursor: duckdb.DuckDBPyConnection, rule: Rule) -> bool:
        """Whether the rule is in force from now on."""
        with registered(cursor, "sequence_step", _steps([rule])):
            run(cursor, "sequences/of_all")
            run(cursor, "sequences/forget_none")
            noted = run(cursor, "sequences/note", {"most": self._most + 1})[0][0]
        if noted > self._most:
            self._suspend(cursor, rule.name)
            return False
        self._in_force[rule.name] = rule
        self._match(cursor)
        return True

    def _forget(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        for table in ("rule", "rule_actions", "rule_matches"):
            run(cursor, f"sequences/forget_{table}", {"rule": name})

    def _suspend(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        reason = (
            f"its steps fit more than {self._most:,} actions that are kept: name the tools "
            "or the agents more closely"
        )
        _log.error("sequence_rule_suspended", rule=name, reason=reason)
        self._forget(cursor, name)
        with self._lock:
            self._suspended[name] = reason

    def _match(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Match anew where what is noted has just changed."""
        changed = {
            (rule, key): _Span(first_ns, last_ns)
            for rule, key, first_ns, last_ns in run(cursor, "sequences/changed")
        }
        if not changed:
            return
        with registered(cursor, "sequence_key", _keys(changed, self._in_force)):
            most = {"most_a_step": _MOST_A_STEP, "most": self._most}
            rows = run(cursor, "sequences/noted", most)
            thinned = {"thinned_ns": _thinned_ns(cursor)}
            before = {
                (rule, tuple(traces), tuple(spans)): _EPOCH + timedelta(microseconds=found_us)
                for rule, traces, spans, found_us in run(
                    cursor, "sequences/forget_matches", thinned
                )
            }
        found = list(self._found(rows, changed, before))
        if found:
            with registered(cursor, "found_match", pa.Table.from_pylist(found, schema=_MATCH)):
                run(cursor, "sequences/keep_matches")

    def _found(
        self,
        rows: Sequence[tuple[Any, ...]],
        changed: Mapping[tuple[str, str], _Span],
        before: Mapping[tuple[Any, ...], datetime],
    ) -> Iterator[dict[str, Any]]:
        now = datetime.now(UTC)
        for (name, key), group in groupby(rows, key=lambda row: (row[0], row[1])):
            actions = [
                Acted(ns, trace.hex() + span.hex(), frozenset(fits))
                for _, _, trace, span, ns, fits in group
            ]
            rule = self._in_force[name]
            for match in matches(rule, actions):
                if match.completed.start_ns < changed[name, key].first_ns:
                    continue
                row = _match_row(name, key, match)
                told = (name, tuple(row["trace_ids"]), tuple(row["span_ids"]))
                yield {**row, "found_at": before.get(told, now)}


def _thinned_ns(cursor: duckdb.DuckDBPyConnection) -> int:
    (thinned_ns,) = run(cursor, "sequences/thinned")[0]
    return -_LATEST_NS if thinned_ns is None else int(thinned_ns)


def _keys(changed: Mapping[tuple[str, str], _Span], rules: Mapping[str, Rule]) -> pa.Table:
    """Where to look: a match that is completed later may begin with what changed."""
    rows = [
        {
            "rule": name,
            "key": key,
            "since_ns": max(span.first_ns - _ns(rules[name].within), -_LATEST_NS),
            "completed_from_ns": span.first_ns,
            "until_ns": min(span.last_ns + _ns(rules[name].within), _LATEST_NS),
        }
        for (name, key), span in changed.items()
    ]
    return pa.Table.from_pylist(rows, schema=_KEY)


def _ns(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


def _match_row(name: str, key: str, match: Match) -> dict[str, Any]:
    ids = [bytes.fromhex(action.action_id) for action in match.actions]
    completed_ns = match.completed.start_ns
    return {
        "rule": name,
        "key": key,
        "first_ns": match.actions[0].start_ns,
        "completed_at": _EPOCH + timedelta(microseconds=completed_ns // 1000),
        "completed_ns": completed_ns,
        "trace_ids": [each[:16] for each in ids],
        "span_ids": [each[16:] for each in ids],
    }


def _definition(rule: Rule) -> str:
    return json.dumps(asdict(rule), sort_keys=True, default=lambda within: within.total_seconds())


def _steps(rules: Iterable[Rule]) -> pa.Table:
    rows = [row for rule in rules for row in _step_rows(rule)]
    return pa.Table.from_pylist(rows, schema=_STEP)


def _step_rows(rule: Rule) -> Iterator[dict[str, Any]]:
    for number, step in rule.numbered():
        for name in step.names or (None,):
            for model in step.models or (None,):
                for agent in rule.agents or (None,):
                    yield {
                        "rule": rule.name,
                        "scope": rule.scope.value,
                        "step": number,
                        "name": name,
                        "model": model,
                        "agent": agent,
                        "kinds": _values(step.kinds),
                        "outcomes": _values(step.outcomes),
                    }


def _values(words: Iterable[Any] | None) -> list[str] | None:
    return None if words is None else [word.value for word in words]
