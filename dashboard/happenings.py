"""Kinds of governance events: their words, and how much each asks for a person."""

from __future__ import annotations

from enum import Enum

from dashboard.words import Colour


class Gravity(Enum):
    """Kinds that ask for the same: the worst first, each with its word, colours and shape."""

    STOPPED = ("Stopped or attacked", "crit", "red", "cross")
    ALARM = ("Alarm", "warn", "orange", "triangle-up")
    STANDING = ("Trust or ring", "violet", "violet", "diamond")
    COURSE = ("Lifecycle and others", "accent", "blue", "circle")

    def __init__(self, word: str, role: str, colour: Colour, shape: str) -> None:
        self.word = word
        self.role = role
        self.colour = colour
        self.shape = shape

    @property
    def rank(self) -> int:
        return list(Gravity).index(self)


WORDS = {
    "kill": "Kill",
    "quarantine": "Quarantine",
    "threat": "Threat",
    "incident": "Incident",
    "breaker": "Breaker",
    "anomaly": "Anomaly",
    "guardrail": "Guardrail",
    "objective": "Objective",
    "cost": "Cost",
    "trust": "Trust",
    "ring": "Ring",
    "signal": "Signal",
    "lifecycle": "Lifecycle",
    "session": "Session",
    "saga": "Saga",
    "link": "Link",
    "chaos": "Chaos",
    "other": "Other",
}
_GRAVITIES = {
    **dict.fromkeys(("kill", "quarantine", "threat", "incident"), Gravity.STOPPED),
    **dict.fromkeys(("breaker", "anomaly", "guardrail", "objective", "cost"), Gravity.ALARM),
    **dict.fromkeys(("trust", "ring"), Gravity.STANDING),
}
GRAVITIES = {kind: _GRAVITIES.get(kind, Gravity.COURSE) for kind in WORDS}
COLOURS: dict[str, Colour] = {kind: gravity.colour for kind, gravity in GRAVITIES.items()}
TELLERS = {
    "canonical": "our event",
    "audit_entry": "an audit entry",
    "log": "a log record",
    "log_line": "a log line",
    "span": "a span",
    "span_event": "an event of a span",
    "metric": "a metric",
}


def change(from_value: str | None, to_value: str | None) -> str | None:
    """`closed → open`; what was not told is left out."""
    told = [value for value in (from_value, to_value) if value]
    if len(told) == 2:
        return " → ".join(told)
    return f"→ {to_value}" if to_value else from_value
