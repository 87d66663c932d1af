"""Keys of widgets, of the session and of the address bar, each named once.

A key in the address bar restores the view: send the link, see the same page.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Url(StrEnum):
    """Parameters of the address bar; some are also widget keys bound to it."""

    RANGE = "range"
    AGENT = "agent"
    OBJECTIVE = "objective"
    TRACE = "trace"
    SPAN = "span"
    NEAR = "near"
    DECISION = "decision"
    HOLD = "hold"
    TRACES_AGENT = "traces_agent"
    TRACES_OUTCOME = "traces_outcome"
    TRACES_TEXT = "traces_text"
    TRACES_BEFORE = "traces_before"
    DECISIONS_AGENT = "decisions_agent"
    DECISIONS_VERDICT = "decisions_verdict"
    DECISIONS_TEXT = "decisions_text"
    DECISIONS_BEFORE = "decisions_before"
    DECISIONS_SINCE = "decisions_since"
    DECISIONS_UNTIL = "decisions_until"
    SEQUENCES_AGENT = "sequences_agent"
    SEQUENCES_RULE = "sequences_rule"
    TRACE_AS = "trace_as"
    COSTS_AGENT = "costs_agent"
    EVIDENCE_SOURCE = "evidence_source"
    EVIDENCE_SIGNAL = "evidence_signal"
    EVIDENCE_REASON = "evidence_reason"
    EVIDENCE_BEFORE = "evidence_before"


class Key(StrEnum):
    """Widgets and containers, `page_thing`."""

    LIVE = "page_live"
    FLEET_ATTENTION = "fleet_attention"
    FLEET_HEAT = "fleet_heat"
    FLEET_DECISIONS = "fleet_decisions"
    AGENT_DEGRADE = "agent_degrade"
    AGENT_STOP = "agent_stop"
    AGENT_TRUST = "agent_trust"
    AGENT_ACTIVITY = "agent_activity"
    AGENT_TRACES = "agent_traces"
    AGENT_DECISIONS = "agent_decisions"
    AGENT_OBJECTIVES = "agent_objectives"
    AGENT_COSTS = "agent_costs"
    COSTS_TIME = "costs_time"
    COSTS_BUDGETS = "costs_budgets"
    COSTS_BUDGET_TABLE = "costs_budget_table"
    COSTS_MODELS = "costs_models"
    COSTS_AGENTS = "costs_agents"
    AGENT_REPORTED = "agent_reported"
    OBJECTIVES_LIST = "objectives_list"
    OBJECTIVE_DEGRADE = "objective_degrade"
    OBJECTIVE_BURN_DOWN = "objective_burn_down"
    OBJECTIVE_SPENT = "objective_spent"
    OBJECTIVE_WINDOW = "objective_window"
    OBJECTIVE_EVENTS = "objective_events"
    TRACES_LIST = "traces_list"
    TRACES_OLDER = "traces_older"
    TRACES_NEWEST = "traces_newest"
    TRACE_WATERFALL = "trace_waterfall"
    TRACE_TABLE = "trace_table"
    DECISION_KNOWN = "decision_known"
    DECISIONS_LIST = "decisions_list"
    DECISIONS_TIME = "decisions_time"
    DECISIONS_REASONS = "decisions_reasons"
    DECISIONS_OLDER = "decisions_older"
    DECISIONS_NEWEST = "decisions_newest"
    DECISIONS_WHOLE = "decisions_whole"
    SEQUENCES_LIST = "sequences_list"
    SEQUENCES_RULES = "sequences_rules"
    SEQUENCES_RULES_BARS = "sequences_rules_bars"
    COMMANDS_AGENT = "commands_agent"
    COMMANDS_DEGRADE = "commands_degrade"
    COMMANDS_PAUSE = "commands_pause"
    COMMANDS_STOP = "commands_stop"
    COMMANDS_LIST = "commands_list"
    COMMANDS_RELEASE = "commands_release"
    REPORTS_FRAMEWORK = "reports_framework"
    REPORTS_DAYS = "reports_days"
    REPORTS_MAKE = "reports_make"
    EVIDENCE_SOURCES = "evidence_sources"
    EVIDENCE_SENDERS = "evidence_senders"
    EVIDENCE_GAPS = "evidence_gaps"
    EVIDENCE_INTAKE = "evidence_intake"
    EVIDENCE_REFUSED = "evidence_refused"
    EVIDENCE_OLDER = "evidence_older"
    EVIDENCE_NEWEST = "evidence_newest"
    DIALOG_REASON = "dialog_reason"
    DIALOG_EXPIRES = "dialog_expires"
    DIALOG_DENY = "dialog_deny"
    DIALOG_MODELS = "dialog_models"
    DIALOG_NAME = "dialog_name"
    DIALOG_SEND = "dialog_send"
    DIALOG_KEEP = "dialog_keep"


class Session(StrEnum):
    """What one browser tab remembers; never evidence."""

    DIALOG = "open_dialog"
    OPENING = "dialog_just_asked_for"
    COMPLAINT = "dialog_complaint"
    SENT = "last_sent"
    WATCHED = "watched_hold"


def address(parameters: Mapping[Url, str | None]) -> dict[str, str]:
    """Parameters of a link; what is not known is left out."""
    return {str(name): value for name, value in parameters.items() if value}
