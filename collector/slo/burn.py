"""Burn rates: how fast an error budget goes, and when that deserves attention.

A burn rate of 1 spends the budget exactly over its period. An alert asks two windows at
once: the long one says that it matters, the short one that it is still going on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import sqrt

from collector.slo.budget import Counts, allowed_share

NOTHING = Counts(0, 0)


class Severity(StrEnum):
    """What an alert asks for: a human now, or a human this week."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True)
class Window:
    """A stretch of time that ends now, such as 1h."""

    label: str
    length: timedelta


@dataclass(frozen=True)
class WindowPair:
    """A long and a short window that must both burn at `factor` or faster."""

    severity: Severity
    long: Window
    short: Window
    factor: float

    def __post_init__(self) -> None:
        if self.short.length >= self.long.length:
            raise ValueError(
                f"the short window must be shorter than the long one, "
                f"got {self.long.label}/{self.short.label}"
            )
        if self.factor <= 0:
            raise ValueError(f"a burn factor lies above 0, got {self.factor}")


@dataclass(frozen=True)
class Guard:
    """What a long window must hold before its burn rate is believed.

    Besides the two minimums, the burn rate computed from the Wilson lower bound of the bad
    share must reach `share_of_threshold` of the threshold: a few unlucky events do not page,
    a total outage of ten events does.
    """

    minimum_events: int
    minimum_bad_events: int
    z: float
    share_of_threshold: float

    def believes(self, counts: Counts, target: float, threshold: float) -> bool:
        if counts.total < self.minimum_events or counts.bad < self.minimum_bad_events:
            return False
        numerator, denominator = allowed_share(target)
        sure_burn = wilson_lower_bound(counts.bad, counts.total, self.z) * denominator / numerator
        return sure_burn >= threshold * self.share_of_threshold


@dataclass(frozen=True)
class PairReading:
    """What one window pair says now.

    `threshold` is None when the target leaves no budget to burn. `reachable` is False when
    the pair's own factor lies too near the highest possible burn and was lowered, or when
    there is no threshold. `muted` means: both windows burn, but too little traffic to believe it.
    """

    pair: WindowPair
    threshold: float | None
    reachable: bool
    burn_long: float | None
    burn_short: float | None
    long: Counts
    firing: bool
    muted: bool


def burn_rate(bad: int, total: int, target: float) -> float | None:
    """Bad share over allowed share; None without traffic or without a budget (target 1)."""
    numerator, denominator = allowed_share(target)
    if total == 0 or numerator == 0:
        return None
    return (bad * denominator) / (total * numerator)


def highest_burn(target: float) -> float | None:
    """The burn rate of a total outage, 1 / (1 - target); None for a target of 1."""
    return burn_rate(1, 1, target)


def reachable_threshold(
    factor: float, target: float, reachable_share: float
) -> tuple[float | None, bool]:
    """The factor, lowered to a share of the highest possible burn; and whether it stood.

    At 90 % nothing burns faster than 10, so 14.4 would never fire; it becomes 8.
    """
    highest = highest_burn(target)
    if highest is None:
        return None, False
    threshold = min(factor, reachable_share * highest)
    return threshold, threshold == factor


def wilson_lower_bound(bad: int, total: int, z: float) -> float:
    """Lower end of the Wilson score interval of the bad share; 0 without events."""
    if total == 0:
        return 0.0
    share = bad / total
    centre = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (centre - spread) / (1 + z * z / total))


def read_pair(
    pair: WindowPair,
    counts: Mapping[str, Counts],
    target: float,
    guard: Guard,
    reachable_share: float,
) -> PairReading:
    """Fires when both burn rates are at the threshold or above (`>=`) and the guard believes it."""
    threshold, reachable = reachable_threshold(pair.factor, target, reachable_share)
    long, short = (counts.get(window.label, NOTHING) for window in (pair.long, pair.short))
    burn_long = burn_rate(long.bad, long.total, target)
    burn_short = burn_rate(short.bad, short.total, target)
    hot = _at_or_above(burn_long, threshold) and _at_or_above(burn_short, threshold)
    believed = hot and threshold is not None and guard.believes(long, target, threshold)
    return PairReading(
        pair=pair,
        threshold=threshold,
        reachable=reachable,
        burn_long=burn_long,
        burn_short=burn_short,
        long=long,
        firing=believed,
        muted=hot and not believed,
    )


def _at_or_above(burn: float | None, threshold: float | None) -> bool:
    return burn is not None and threshold is not None and burn >= threshold
