"""Steps of budgets in money as the collector tells them: what is spent, and what the file says.

Nothing here reads a clock, a file or a database.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from collector.control import commands
from collector.control.commands import Order, Profile, Scope, Target
from collector.control.moments import moment, stamp
from collector.control.refusal import wrong
from collector.costs.steps import Act
from collector.model import HoldKind

__all__ = ["State", "Told", "told_of"]

# A million years in seconds, which fits every type that it passes through.
_MOST = 2**45
_HOLDS = (HoldKind.DEGRADE, HoldKind.PAUSE, HoldKind.KILL)


class State(StrEnum):
    """What became of a step; only a proposal is decided on later."""

    WARNED = "warned"
    PROPOSED = "proposed"
    PUSHED = "pushed"
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True)
class Told:
    """A step that is reached, complete and within the rules.

    series: what makes it the same step; rolling: whether it may come again within one series
    """

    series: str
    rolling: bool
    budget: str
    agent: str | None
    act: Act
    hold: HoldKind | None
    at_share: float
    amount_usd: float
    usd: float
    unpriced_calls: int
    since: str
    lasts_s: int
    models: Mapping[str, str]
    sample: bool

    @property
    def row(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {
            **vars(self),
            "act": self.act.value,
            "hold": self.hold and self.hold.value,
            "models": json.dumps(dict(self.models)),
            "rolling": int(self.rolling),
            "sample": int(self.sample),
        }


def told_of(body: Mapping[str, Any]) -> Told:
    """A step of a request body; refuses with the field and what was expected of it."""
    act = _word(body, "act", Act)
    told = Told(
        series=_text(body, "series"),
        rolling=_flag(body, "rolling"),
        budget=_text(body, "budget"),
        agent=None if body.get("agent") is None else commands.name_of("agent", body["agent"]),
        act=act,
        hold=None if body.get("hold") is None else _word(body, "hold", HoldKind),
        at_share=_number(body, "at"),
        amount_usd=_number(body, "amount_usd"),
        usd=_number(body, "usd"),
        unpriced_calls=_whole(body, "unpriced_calls"),
        since=_time(body, "since"),
        lasts_s=_whole(body, "lasts_s"),
        models=commands.model_map(body.get("models")),
        sample=_flag(body, "sample"),
    )
    if (act is Act.WARN) != (told.hold is None):
        raise wrong("hold", "expected one for propose and push, and none for warn")
    if told.hold is not None:
        _check_hold(told)
    return told


def _check_hold(told: Told) -> None:
    if told.hold not in _HOLDS:
        raise wrong("hold", f"expected one of {', '.join(_HOLDS)}, got {told.hold}")
    if told.agent is None:
        raise wrong("agent", "expected whom the hold restricts")
    if told.models and told.hold is not HoldKind.DEGRADE:
        raise wrong("models", f"belong to degrade, not to {told.hold}")
    if not commands.SHORTEST <= timedelta(seconds=told.lasts_s) <= commands.LONGEST:
        raise wrong("lasts_s", "expected 60 to 2,592,000 seconds")


def order(step: Mapping[str, Any], reason: str, key: str, now: datetime) -> Order:
    """The command that a step of the journal asks for."""
    lasts = timedelta(seconds=step["lasts_s"])
    models = json.loads(step["models"])
    kind = HoldKind(step["hold"])
    profile = None
    if kind is HoldKind.DEGRADE:
        profile = Profile(read_only=not models, model_map=models)
    target = Target(kind, Scope(step["agent"]), profile)
    return Order(target, reason, now + lasts, key, lasts)


def why(step: Mapping[str, Any]) -> str:
    """The figures of a step in one line: it is the reason of the command, so evidence."""
    least = "at least " if step["unpriced_calls"] else ""
    unpriced = f", {step['unpriced_calls']} calls not measured" if least else ""
    return (
        f"budget {step['budget']}: {least}{step['usd']:.2f} of {step['amount_usd']:.2f} USD spent "
        f"since {step['since'][:16]}Z{unpriced}; its step at {step['at_share'] * 100:g} %"
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    return commands.name_of(name, body.get(name))


def _word(body: Mapping[str, Any], name: str, words: type[StrEnum]) -> Any:
    value = body.get(name)
    if not isinstance(value, str) or value not in set(words):
        raise wrong(name, f"expected one of {', '.join(words)}, got {value!r:.80}")
    return words(value)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise wrong(name, f"expected true or false, got {value!r:.80}")
    return value


def _number(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_amount(value):
        raise wrong(name, f"expected a number from 0 to 1e15, got {value!r:.80}")
    return float(value)


def _is_amount(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 1e15


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise wrong(name, f"expected a whole number, got {value!r:.80}")
    return value


def _time(body: Mapping[str, Any], name: str) -> str:
    try:
        return stamp(moment(_text(body, name)))
    except (ValueError, OverflowError):
        raise wrong(name, "expected a time such as 2026-01-15T12:00:00Z") from None
