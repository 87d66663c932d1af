"""The shapes of meaning: what a span says of itself, and the facts records tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple


# A tuple, not a dataclass: made once a span, four times as fast.
class Meaning(NamedTuple):
    """The normalised columns of table span, in their order."""

    op: str | None = None
    dialect: str | None = None
    agent_name: str | None = None
    agent_id: str | None = None
    conversation_id: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    error_type: str | None = None
    agent_version: str | None = None
    workflow: str | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFact:
    """A row of table decision. The same decision told twice has the same decision_id."""

    decision_id: str
    decided_ns: int
    agent: str
    agent_id: str | None = None
    instance: str | None = None
    environment: str | None = None
    sample: bool = False
    action: str | None = None
    verdict: str
    effect: str
    stage: str | None = None
    mode: str | None = None
    source: str | None = None
    policy: str | None = None
    rule: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    hold_id: str | None = None
    command_id: str | None = None
    trace_id: bytes | None = None
    span_id: bytes | None = None
    dialect: str
    raw_verdict: str | None = None
    told_by: str | None = None
    policy_version: str | None = None
    engine: str | None = None
    agent_version: str | None = None
    conversation_id: str | None = None
    tool_call_id: str | None = None
    user_id: str | None = None
    target_type: str | None = None
    target_name: str | None = None
    target_tier: str | None = None
    risk_category: str | None = None
    risk_score: float | None = None
    approval_id: str | None = None
    approval_outcome: str | None = None
    approver: str | None = None
    input_hash: str | None = None
    duration_ms: float | None = None
    error_type: str | None = None
    state_gen: int | None = None
    state_epoch: int | None = None

    @property
    def decided_at(self) -> datetime:
        """`decided_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.decided_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFact:
    """A row of table trust_point: score on 0-1000, raw_score on raw_scale."""

    agent: str
    agent_id: str | None = None
    environment: str | None = None
    sample: bool = False
    scored_ns: int
    score: float
    tier: str
    raw_score: float
    raw_scale: str
    origin: str
    reason: str | None = None
    raw_tier: str | None = None

    @property
    def scored_at(self) -> datetime:
        """`scored_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.scored_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFact:
    """A row of table command_event; `detail` is a JSON object as text."""

    told_ns: int
    command_id: str
    hold_id: str
    kind: str
    phase: str
    agent: str | None = None
    instance: str | None = None
    actor: str | None = None
    origin: str | None = None
    reason: str | None = None
    expires_at: datetime | None = None
    sample: bool = False
    detail: str = "{}"

    @property
    def told_at(self) -> datetime:
        """`told_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.told_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasFact:
    """A row of table agent_alias: `alias` is another name of `agent`."""

    alias: str
    agent: str
    learnt_from: str
    learnt_ns: int

    @property
    def learnt_at(self) -> datetime:
        """`learnt_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.learnt_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceFact:
    """A row of table governance_event: something that happened to an agent, no verdict.

    Records that tell one fact have one `copy_key`; `detail` is a JSON object as text.
    """

    event_id: str
    told_ns: int
    kind: str
    name: str | None = None
    subject: str | None = None
    agent: str | None = None
    agent_id: str | None = None
    instance: str | None = None
    environment: str | None = None
    sample: bool = False
    from_value: str | None = None
    to_value: str | None = None
    value: float | None = None
    reason: str | None = None
    trace_id: bytes | None = None
    span_id: bytes | None = None
    dialect: str
    told_by: str
    copy_key: str
    detail: str = "{}"

    @property
    def told_at(self) -> datetime:
        """`told_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.told_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact:
    """A row of table logged_call: a run or a call that a log record tells as a span would.

    Its ids are made of what the record says of the call, so the same call has the same ids.
    """

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes | None = None
    name: str
    op: str
    dialect: str
    start_ns: int
    end_ns: int
    status_code: int = 0
    agent_name: str | None = None
    conversation_id: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    error_type: str | None = None

    @property
    def agent(self) -> str | None:
        """Whose call it is."""
        return self.agent_name

    @property
    def started_at(self) -> datetime:
        """`start_ns` as a timestamp, cut to microseconds."""
        return timestamp(self.start_ns)


Fact = DecisionFact | TrustFact | CommandFact | AliasFact | GovernanceFact | CallFact


@dataclass(frozen=True, slots=True)
class Sender:
    """What a resource says of the process that sent a record."""

    service_name: str | None
    instance: str | None
    environment: str | None
    sample: bool


def sender_of(resource: Mapping[str, Any]) -> Sender:
    """The typed columns of table resource."""
    return Sender(
        service_name=_text(resource.get("service.name")),
        instance=_text(resource.get("service.instance.id")),
        environment=_text(
            resource.get("deployment.environment.name") or resource.get("deployment.environment")
        ),
        sample=resource.get("watchkeeper.sample") is True,
    )


# The end of the year 2261: a signed 64-bit count of nanoseconds ends a hundred days later, so what
# is added to the time of a fact still fits.
LATEST_NS = 9_214_646_400_000_000_000 - 1


def timestamp(ns: int) -> datetime:
    """A time in nanoseconds since 1970 as a timestamp, cut to microseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def parsed_ns(value: Any) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 time; one zone too many (`+00:00Z`) is forgiven."""
    if not isinstance(value, str):
        return None
    spelled = value.removesuffix("Z") if "+" in value else value
    try:
        told = datetime.fromisoformat(spelled)
    except ValueError:
        return None
    told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
    since = told - _EPOCH
    ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    return ns if 0 <= ns <= LATEST_NS else None


def digest(*parts: Any) -> str:
    """An id made of content: the same parts in the same order give the same 32 hex digits."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None
