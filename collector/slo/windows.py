"""The burn windows of windows.yaml, and the short form in which an objective may set its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from collector.slo.burn import Guard, Severity, Window, WindowPair
from collector.slo.duration import fixed_length

_PAIR = re.compile(r"(page|ticket)\s+(\w+)/(\w+)\s+([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True)
class Alerting:
    """The standard pairs, and the rules that go with them."""

    pairs: tuple[WindowPair, ...]
    guard: Guard
    reachable_share: float
    at_risk_below: float


@lru_cache(maxsize=1)
def standard() -> Alerting:
    """What windows.yaml says."""
    text = resources.files("collector.slo").joinpath("windows.yaml").read_text("utf-8")
    facts: dict[str, Any] = yaml.safe_load(text)
    return Alerting(
        pairs=tuple(
            window_pair(each["severity"], each["long"], each["short"], each["factor"])
            for each in facts["pairs"]
        ),
        guard=Guard(**facts["guard"]),
        reachable_share=facts["reachable_share"],
        at_risk_below=facts["at_risk_below"],
    )


def window_pair(severity: str, long: str, short: str, factor: float) -> WindowPair:
    """A pair from its words, such as page, 1h, 5m, 14.4."""
    return WindowPair(Severity(severity), _window(long), _window(short), float(factor))


def parse_pairs(text: str) -> tuple[WindowPair, ...]:
    """Pairs such as `page 1h/5m 14.4; ticket 1d/2h 3`."""
    return tuple(_parse_pair(part.strip()) for part in text.split(";"))


def _parse_pair(text: str) -> WindowPair:
    shape = _PAIR.fullmatch(text)
    if shape is None:
        raise ValueError(f"expected a window pair such as `page 1h/5m 14.4`, got {text!r}")
    return window_pair(shape[1], shape[2], shape[3], float(shape[4]))


def _window(label: str) -> Window:
    return Window(label, fixed_length(label))
