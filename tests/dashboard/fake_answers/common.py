"""The fleet that the fake answers speak of, its clock, and how parameters narrow an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
Row = dict[str, Any]
Parameters = dict[str, str]


@dataclass
class Fleet:
    """What the fake knows and what a test may change."""

    role: str = "operator"
    empty: bool = False
    behind_s: float = 2.4
    sample: bool = True
    wrong_files: tuple[str, ...] = ()
    commands: list[Row] = field(default_factory=list)
    reports: list[Row] = field(default_factory=list)
    budget_steps: list[Row] = field(default_factory=list)
    sent: list[Row] = field(default_factory=list)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


AGENTS: tuple[Row, ...] = (
    {
        "agent": "clerk",
        "framework": "langchain",
        "state": "burning",
        "objective": "answers-without-error",
        "reason": "Budget gone in 3 h 44 min at the pace of the last hour",
        "budget_left": 0.18,
        "burn_1h": 20.5,
        "burn_6h": 12.1,
        "trust": 742.0,
        "tier": "trusted",
        "trust_change": -4.0,
        "rate": 41,
        "denied": 38,
        "before": 27,
        "hold": None,
        "sample": False,
        "seen": 4,
    },
    {
        "agent": "courier",
        "framework": "openai-agents",
        "state": "at_risk",
        "objective": "complies-with-policy",
        "reason": "Trust fell 142 points in 9 h",
        "budget_left": 0.44,
        "burn_1h": 2.4,
        "burn_6h": 3.1,
        "trust": 538.0,
        "tier": "standard",
        "trust_change": -142.0,
        "rate": 23,
        "denied": 61,
        "before": 22,
        "hold": "degrade",
        "sample": False,
        "seen": 2,
    },
    {
        "agent": "rogue",
        "framework": "agt",
        "state": "exhausted",
        "objective": "complies-with-policy",
        "reason": "Budget overspent by 8 %; 214 bad of 1,980",
        "budget_left": -0.08,
        "burn_1h": 31.2,
        "burn_6h": 18.4,
        "trust": 212.0,
        "tier": "untrusted",
        "trust_change": -388.0,
        "rate": 9,
        "denied": 214,
        "before": 155,
        "hold": "kill",
        "sample": False,
        "seen": 1,
    },
    {
        "agent": "gateway",
        "framework": "langchain",
        "state": "healthy",
        "objective": "answers-without-error",
        "reason": "",
        "budget_left": 0.93,
        "burn_1h": 0.6,
        "burn_6h": 0.5,
        "trust": 911.0,
        "tier": "verified_partner",
        "trust_change": 3.0,
        "rate": 88,
        "denied": 6,
        "before": 9,
        "hold": None,
        "sample": False,
        "seen": 1,
    },
    {
        "agent": "sample-contract-drafter-for-cross-border-procurement",
        "framework": "langgraph",
        "state": "low_traffic",
        "objective": "answers-without-error",
        "reason": "12 events in 28 d; too few to judge",
        "budget_left": 0.5,
        "burn_1h": None,
        "burn_6h": 0.0,
        "trust": None,
        "tier": None,
        "trust_change": None,
        "rate": 1,
        "denied": 0,
        "before": 0,
        "hold": None,
        "sample": True,
        "seen": 44,
    },
    {
        "agent": "sample-archivist",
        "framework": "openai-agents",
        "state": "no_data",
        "objective": "answers-without-error",
        "reason": "Nothing received for 26 min",
        "budget_left": None,
        "burn_1h": None,
        "burn_6h": None,
        "trust": 655.0,
        "tier": "standard",
        "trust_change": 0.0,
        "rate": 0,
        "denied": 0,
        "before": 2,
        "hold": None,
        "sample": True,
        "seen": 1560,
    },
    {
        "agent": "sample-triage",
        "framework": "langchain",
        "state": "healthy",
        "objective": "answers-without-error",
        "reason": "",
        "budget_left": 0.71,
        "burn_1h": 0.9,
        "burn_6h": 1.1,
        "trust": 774.0,
        "tier": "trusted",
        "trust_change": 8.0,
        "rate": 34,
        "denied": 11,
        "before": 12,
        "hold": None,
        "sample": True,
        "seen": 9,
    },
)


def wave(seed: int, step: int) -> float:
    """A repeatable number in [0, 1); neighbours look unrelated."""
    return ((seed * 7919 + step * 104729 + (seed * step) % 131 * 31337) % 9973) / 9973


def only(frame: pl.DataFrame, column: str, parameters: Parameters) -> pl.DataFrame:
    wanted = parameters.get(column)
    return frame.filter(pl.col(column) == wanted) if wanted else frame


def agent_named(name: str) -> Row:
    return next((agent for agent in AGENTS if agent["agent"] == name), AGENTS[0])


TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000


def page(frame: pl.DataFrame, column: str, parameters: Parameters) -> pl.DataFrame:
    if before := parameters.get("before_ns"):
        frame = frame.filter(pl.col(column) < int(before))
    return frame.head(int(parameters.get("limit", "100")))
