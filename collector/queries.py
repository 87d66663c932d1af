"""The questions people and programs may ask, each with its name, parameters and columns.

A question is answered by a SQL file or by a function; both get the same checked
values. Beside the parameters, every statement may bind `$now`, the periods of the
objectives in force and, when it has a period itself, `$bucket_s`: a step that divides
it into at most about 120 parts, and which part of it rollups answer (store/steps.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from typing import Any, Protocol, assert_never

import pyarrow as pa

from collector.errors import ConfigurationError, RefusedInput, WatchkeeperError
from collector.model import GovernanceKind, Outcome, Verdict
from collector.newest import decisions_of_trace, newest_decisions, newest_traces, one_trace
from collector.store import steps
from collector.store.reader import Reader

Values = Mapping[str, Any]
Answer = Callable[[Reader, Values], pa.Table]
Clock = Callable[[], datetime]
Periods = Callable[[], Mapping[str, timedelta]]

_STEPS_S = (10, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400)
_MOST_STEPS = 120
_LONGEST_TEXT = 500
_HEX_ID = re.compile(r"[0-9a-f]{32}")


class UnknownQuestion(WatchkeeperError):
    """No question has this name."""


class BadParameter(RefusedInput):
    """A parameter is missing, unknown or not what was expected."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Kind(StrEnum):
    """What a parameter's text must be."""

    INSTANT = "instant"
    TEXT = "text"
    INTEGER = "integer"
    TRACE_ID = "trace_id"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a question; `default` counts only when it is not required."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    highest: int = 2**63 - 1

    def value(self, text: str | None) -> Any:
        """The checked value of what was sent."""
        if text is None or text == "":
            return self._left_out()
        if self.choices and text not in self.choices:
            raise self._refusal(f"one of {', '.join(self.choices)}", text)
        match self.kind:
            case Kind.INSTANT:
                return self._instant(text)
            case Kind.INTEGER:
                return self._integer(text)
            case Kind.TRACE_ID:
                return self._trace_id(text)
            case Kind.TEXT:
                return self._text(text)
            case _:
                assert_never(self.kind)

    def _left_out(self) -> Any:
        if self.required:
            raise BadParameter(self.name, f"the parameter {self.name} is required and was not sent")
        return self.default

    def _instant(self, text: str) -> datetime:
        try:
            # A plus sign that was not escaped in the address arrives as a space.
            instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._refusal("a time with its zone such as 2026-01-15T12:00:00Z", text)

    def _integer(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not 1 <= int(text) <= self.highest:
            raise self._refusal(f"a whole number from 1 to {self.highest}", text)
        return int(text)

    def _trace_id(self, text: str) -> str:
        if not _HEX_ID.fullmatch(text.lower()):
            raise self._refusal("32 hexadecimal digits", text)
        return text.lower()

    def _text(self, text: str) -> str:
        if len(text) > _LONGEST_TEXT or "\0" in text:
            raise self._refusal(f"at most {_LONGEST_TEXT} characters", text[:40] + "...")
        return text

    def _refusal(self, expected: str, came: str) -> BadParameter:
        return BadParameter(self.name, f"{self.name}: expected {expected}, got {came!r}")


SINCE = Parameter("since", Kind.INSTANT)
UNTIL = Parameter("until", Kind.INSTANT)
AGENT = Parameter("agent")
ANY_AGENT = Parameter("agent", required=False)
OBJECTIVE = Parameter("objective")
ANY_OBJECTIVE = Parameter("objective", required=False)
LIMIT = Parameter("limit", Kind.INTEGER, required=False, default=100, highest=10_000)
_BEFORE_NS = Parameter("before_ns", Kind.INTEGER, required=False)
_TEXT = Parameter("text", required=False)
_VERDICT = Parameter("verdict", required=False, choices=tuple(Verdict))
_OUTCOME = Parameter("outcome", required=False, choices=tuple(Outcome))
_GOVERNANCE_KIND = Parameter("kind", required=False, choices=tuple(GovernanceKind))
_AT = Parameter("at", Kind.INSTANT)
_KNOWN_AT = Parameter("known_at", Kind.INSTANT, required=False)
_DECISION_ID = Parameter("decision_id")
_TRACE_ID = Parameter("trace_id", Kind.TRACE_ID)
_NEAR = Parameter("near", Kind.INSTANT, required=False)


@dataclass(frozen=True)
class Question:
    """A named question. `answer` is the name of a SQL file such as "queries/fleet", or a function.

    `columns` is empty where the answer's shape depends on the file that was installed.
    """

    name: str
    parameters: tuple[Parameter, ...]
    columns: tuple[str, ...]
    answer: str | Answer

    def values(self, sent: Mapping[str, str]) -> dict[str, Any]:
        """What was sent, checked and completed."""
        names = [parameter.name for parameter in self.parameters]
        for name in sent:
            if name not in names:
                raise BadParameter(name, f"{self.name} takes {', '.join(names)}; got {name}")
        checked = {each.name: each.value(sent.get(each.name)) for each in self.parameters}
        return checked | _period(checked)


class Registry(Protocol):
    """Where questions are registered."""

    def register(self, question: Question) -> None: ...


def _period(checked: Values) -> dict[str, Any]:
    if checked.get("since") is None or checked.get("until") is None:
        return {}
    length = checked["until"] - checked["since"]
    if length <= timedelta(0):
        raise BadParameter("until", f"until must be later than since, got {length} between them")
    step_s = bucket_s(length)
    return {"bucket_s": step_s, **steps.bounds(checked["since"], checked["until"], step_s)}


def bucket_s(length: timedelta) -> int:
    """The smallest step that divides a period into at most 120 parts."""
    needed = length.total_seconds() / _MOST_STEPS
    return next((step for step in _STEPS_S if step >= needed), _STEPS_S[-1])


class Queries:
    """Every question that is known, ready to be asked.

    `periods` tells over how long each objective in force counts, by its name.
    """

    def __init__(self, reader: Reader, now: Clock, periods: Periods = dict) -> None:
        self.reader = reader
        self.now = now
        self._periods = periods
        self._questions: dict[str, Question] = {}
        for question in (*_QUESTIONS, *evidence_questions()):
            self.register(question)

    def register(self, question: Question) -> None:
        """Add a question; a name that is taken is a mistake in the installation."""
        if question.name in self._questions:
            raise ConfigurationError(f"two questions are called {question.name}: rename one")
        self._questions[question.name] = question

    def ask(self, name: str, sent: Mapping[str, str]) -> pa.Table:
        """The answer to one question; `sent` holds its parameters as text."""
        question = self._question(name)
        values = question.values(sent) | self._surroundings()
        if isinstance(question.answer, str):
            return self.reader.table(question.answer, values)
        return question.answer(self.reader, values)

    def _surroundings(self) -> dict[str, Any]:
        periods = self._periods()
        return {
            "now": self.now(),
            "objective_names": [*periods],
            "objective_period_s": [period.total_seconds() for period in periods.values()],
        }

    def sql(self, sql: str, limit: int) -> pa.Table:
        """The answer to a statement somebody wrote, if it only reads."""
        return self.reader.free(sql, limit)

    def exported(self, sql: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """All rows of such a statement, a batch at a time."""
        return self.reader.exported(sql)

    def listing(self) -> list[dict[str, Any]]:
        """Name, parameters and columns of each question."""
        return [_described(self._questions[name]) for name in sorted(self._questions)]

    def _question(self, name: str) -> Question:
        if name not in self._questions:
            raise UnknownQuestion(f"no question is called {name!r}: GET /v1/queries lists them")
        return self._questions[name]


def _described(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "parameters": [
            {
                "name": each.name,
                "kind": each.kind.value,
                "required": each.required,
                "default": each.default,
                "choices": list(each.choices),
            }
            for each in question.parameters
        ],
        "columns": list(question.columns),
    }


def evidence_questions() -> Iterator[Question]:
    """One question for each statement in `mappings/evidence/`."""
    folder = files("mappings") / "evidence"
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            name = f"evidence_{file.name.removesuffix('.sql')}"
            yield Question(name, (SINCE, UNTIL, ANY_AGENT), (), _evidence(file.read_text("utf-8")))


def _evidence(sql: str) -> Answer:
    return lambda reader, values: reader.text(sql, values)


class Meta:
    """What the collector knows about itself, for the bottom line of every page."""

    def __init__(self, queries: Queries, version: str, wal_lag: Callable[[], int]) -> None:
        self._queries = queries
        self._version = version
        self._wal_lag = wal_lag

    def __call__(self) -> dict[str, Any]:
        known = self._queries.reader.rows("queries/meta")[0]
        now, data_to = self._queries.now(), known["data_to"]
        return {
            "version": self._version,
            "now": now.isoformat(),
            "data_to": data_to and data_to.isoformat(),
            "behind_s": data_to and max(0.0, (now - data_to).total_seconds()),
            "agents": known["agents"],
            "sample_agents": known["sample_agents"],
            "wal_lag_records": self._wal_lag(),
            "spans": known["spans"],
        }


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DECISION_COLUMNS = _columns(
    "decision_id decided_at decided_ns agent agent_id instance environment sample action verdict"
    " effect stage mode source policy rule reason_code reason hold_id command_id trace_id span_id"
    " dialect raw_verdict"
)

_QUESTIONS = (
    Question(
        "fleet",
        (SINCE, UNTIL),
        _columns(
            "agent agent_id framework environment sample first_seen last_seen instances state"
            " objective reason budget_left burn_1h burn_6h trust tier trust_change trust_trend runs"
            " run_errors actions decisions denied denied_before denied_by_hour hold_kind hold_id"
        ),
        "queries/fleet",
    ),
    Question(
        "as_of",
        (_AT, _KNOWN_AT, ANY_AGENT),
        _columns(
            "agent trust tier scored_at decisions denied last_decided_at policies holds objectives"
        ),
        "queries/as_of",
    ),
    Question(
        "decision_bom",
        (_DECISION_ID, _KNOWN_AT),
        _columns(
            "decision_id decided_at received_at sequence agent agent_id aliases instance"
            " environment sample action verdict effect stage mode source policy rule reason_code"
            " reason trust tier trust_origin scored_at holds objectives action_kind"
            " action_outcome action_duration_ms action_error hold_id command_id trace_id span_id"
            " dialect raw_verdict told_by policy_version engine agent_version conversation_id"
            " tool_call_id user_id target_type target_name target_tier risk_category risk_score"
            " approval_id approval_outcome approver input_hash duration_ms error_type state_gen"
            " state_epoch"
        ),
        "queries/decision_bom",
    ),
    Question(
        "identities",
        (ANY_AGENT,),
        _columns("alias agent state claimed_by learnt_from learnt_at decided_by decided_at reason"),
        "queries/identities",
    ),
    Question(
        "denied_by_agent_hour",
        (SINCE, UNTIL),
        _columns("agent hour decisions denied"),
        "queries/denied_by_agent_hour",
    ),
    Question(
        "decisions_over_time",
        (SINCE, UNTIL, ANY_AGENT),
        _columns("bucket verdict decisions"),
        "queries/decisions_over_time",
    ),
    Question(
        "changes",
        (SINCE, UNTIL, ANY_AGENT, LIMIT),
        _columns("changed_at kind agent summary"),
        "queries/changes",
    ),
    Question(
        "governance_events",
        (SINCE, UNTIL, ANY_AGENT, _GOVERNANCE_KIND, _BEFORE_NS, LIMIT),
        _columns(
            "event_id happened_at happened_ns kind name subject agent agent_id instance environment"
            " from_value to_value value reason dialect told_by trace_id span_id sample detail"
        ),
        "queries/governance_events",
    ),
    Question(
        "governance_over_time",
        (SINCE, UNTIL, ANY_AGENT, _GOVERNANCE_KIND),
        _columns("bucket agent is_other kind events"),
        "queries/governance_over_time",
    ),
    Question(
        "traces",
        (SINCE, UNTIL, ANY_AGENT, _OUTCOME, _TEXT, _BEFORE_NS, LIMIT),
        _columns(
            "trace_id started_at start_ns name agent sample duration_ms spans actions errors denied"
            " input_tokens output_tokens outcome"
        ),
        newest_traces,
    ),
    Question(
        "trace",
        (_TRACE_ID, _NEAR),
        _columns(
            "span_id parent_span_id name kind op agent service_name scope_name started_at start_ns"
            " duration_ms outcome status_message tool_name model input_tokens output_tokens"
            " attributes events sample"
        ),
        one_trace,
    ),
    Question("trace_decisions", (_TRACE_ID, _NEAR), _DECISION_COLUMNS, decisions_of_trace),
    Question(
        "decisions",
        (SINCE, UNTIL, ANY_AGENT, _VERDICT, _TEXT, _BEFORE_NS, LIMIT),
        _DECISION_COLUMNS,
        newest_decisions,
    ),
    Question(
        "decision_reasons",
        (SINCE, UNTIL, ANY_AGENT),
        _columns("verdict reason decisions"),
        "queries/decision_reasons",
    ),
    Question(
        "trust_series",
        (SINCE, UNTIL, ANY_AGENT),
        _columns("agent at score tier origin reason sample"),
        "queries/trust_series",
    ),
    Question(
        "command_proof",
        (Parameter("hold_id", required=False), LIMIT),
        _columns(
            "command_id hold_id kind agent actor origin reason requested_at signed_at delivered_at"
            " acked_at enforced_at enforced_decision_id contradicted_at actions_after_ack"
            " released_at expired_at expires_at phase sample"
        ),
        "queries/command_proof",
    ),
    Question(
        "latency",
        (SINCE, UNTIL, ANY_AGENT),
        _columns("agent signal measured p50_ms p95_ms p99_ms"),
        "queries/latency",
    ),
    Question(
        "activity",
        (AGENT, SINCE, UNTIL),
        _columns("bucket actions errors denied"),
        "queries/activity",
    ),
)
