"""The words of Watchkeeper, one for each idea.

The same word is used in code, SQL, YAML, charts and reports. Values that cross
a process boundary are the lower-case strings of these enums.
"""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """The three OTLP signals."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


class ActionKind(StrEnum):
    """What an agent did: a call that leaves its own reasoning."""

    MODEL = "model"
    TOOL = "tool"
    RETRIEVAL = "retrieval"
    EMBEDDING = "embedding"
    DELEGATION = "delegation"
    MEMORY = "memory"


class Outcome(StrEnum):
    """What became of a run or an action."""

    OK = "ok"
    ERROR = "error"
    DENIED = "denied"
    UNKNOWN = "unknown"


class EndedBy(StrEnum):
    """Who told that a run is over."""

    SPAN = "span"
    CONTROL = "control"


class MatchedBy(StrEnum):
    """How it is known which call a decision was about, surest first."""

    SPAN = "span"
    TOOL_CALL_ID = "tool_call_id"
    NAME = "name"
    TIME = "time"


class Bypass(StrEnum):
    """Why a call that went through should not have."""

    DENIED = "denied"
    UNAPPROVED = "unapproved"
    HOLD = "hold"


class Certainty(StrEnum):
    """Whether a bypass is beyond doubt; a suspected one says what the doubt is."""

    PROVEN = "proven"
    SUSPECTED = "suspected"


class Verdict(StrEnum):
    """What was decided about an action."""

    ALLOW = "allow"
    DENY = "deny"
    MODIFY = "modify"
    WARN = "warn"
    ESCALATE = "escalate"
    DEFER = "defer"
    ERROR = "error"


class Effect(StrEnum):
    """What really happened to the action; a verdict alone does not say."""

    EXECUTED = "executed"
    BLOCKED = "blocked"
    MODIFIED = "modified"
    HELD = "held"
    SIMULATED = "simulated"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """Where in an agent's work a decision was taken."""

    AGENT_START = "agent_start"
    INPUT = "input"
    PRE_MODEL_CALL = "pre_model_call"
    POST_MODEL_CALL = "post_model_call"
    PRE_TOOL_CALL = "pre_tool_call"
    POST_TOOL_CALL = "post_tool_call"
    OUTPUT = "output"
    AGENT_END = "agent_end"
    HANDOFF = "handoff"
    MCP_REQUEST = "mcp_request"


class Mode(StrEnum):
    """Whether a decision binds."""

    ENFORCE = "enforce"
    MONITOR = "monitor"
    DRY_RUN = "dry_run"


class DecisionSource(StrEnum):
    """Who decided."""

    POLICY = "policy"
    CONTROL_PLANE = "control_plane"
    GUARDRAIL = "guardrail"
    BUDGET = "budget"
    SLO = "slo"
    TRUST = "trust"
    HUMAN = "human"
    FRAMEWORK = "framework"
    FAIL_CLOSED = "fail_closed"
    FAIL_OPEN = "fail_open"


class Teller(StrEnum):
    """What kind of record told a fact; canonical is our own event of it."""

    CANONICAL = "canonical"
    AUDIT = "audit_entry"
    LOG = "log"
    LINE = "log_line"
    SPAN = "span"
    SPAN_EVENT = "span_event"
    METRIC = "metric"


class GovernanceKind(StrEnum):
    """What a governance event is about; none of them is a verdict on an action."""

    RING = "ring"
    BREAKER = "breaker"
    KILL = "kill"
    SIGNAL = "signal"
    QUARANTINE = "quarantine"
    LIFECYCLE = "lifecycle"
    SESSION = "session"
    SAGA = "saga"
    TRUST = "trust"
    ANOMALY = "anomaly"
    THREAT = "threat"
    GUARDRAIL = "guardrail"
    INCIDENT = "incident"
    OBJECTIVE = "objective"
    COST = "cost"
    CHAOS = "chaos"
    LINK = "link"
    OTHER = "other"


class TargetType(StrEnum):
    """What an action reaches for."""

    TOOL = "tool"
    MODEL = "model"
    AGENT = "agent"
    MEMORY = "memory"
    NETWORK = "network"


class TargetTier(StrEnum):
    """How much harm an action can do, mildest first."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class ApprovalOutcome(StrEnum):
    """How a request for approval ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    TIMEOUT = "timeout"


class LinkPhase(StrEnum):
    """What became of an agent's line to control."""

    CONNECTED = "connected"
    LEASE_LAPSED = "lease_lapsed"
    FALLBACK_ENTERED = "fallback_entered"
    RECOVERED = "recovered"


class HoldKind(StrEnum):
    """A standing restriction, mildest first."""

    DEGRADE = "degrade"
    REQUIRE_APPROVAL = "require_approval"
    PAUSE = "pause"
    KILL = "kill"


class CommandPhase(StrEnum):
    """How far a command has come. Acknowledged is not enforced."""

    REQUESTED = "requested"
    SIGNED = "signed"
    DELIVERED = "delivered"
    ACKED = "acked"
    ENFORCED = "enforced"
    CONTRADICTED = "contradicted"
    RELEASED = "released"
    EXPIRED = "expired"
    FAILED = "failed"


class BudgetState(StrEnum):
    """The state of one objective for one agent, worst first."""

    EXHAUSTED = "exhausted"
    BURNING = "burning"
    AT_RISK = "at_risk"
    LOW_TRAFFIC = "low_traffic"
    NO_DATA = "no_data"
    HEALTHY = "healthy"


class Tier(StrEnum):
    """Trust tiers on the 0-1000 scale; each names its lowest score."""

    VERIFIED_PARTNER = "verified_partner"
    TRUSTED = "trusted"
    STANDARD = "standard"
    PROBATIONARY = "probationary"
    UNTRUSTED = "untrusted"

    @classmethod
    def of(cls, score: float) -> Tier:
        """The tier of a score; 900, 700, 500 and 300 belong to the upper tier."""
        if not 0 <= score <= 1000:
            raise ValueError(f"a trust score lies between 0 and 1000, got {score}")
        for lowest, tier in _TIERS:
            if score >= lowest:
                return tier
        return cls.UNTRUSTED


_TIERS = (
    (900, Tier.VERIFIED_PARTNER),
    (700, Tier.TRUSTED),
    (500, Tier.STANDARD),
    (300, Tier.PROBATIONARY),
)
