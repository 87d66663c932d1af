"""The governance toolkit's own numbers, and why they differ from ours.

Its arithmetic departs from the convention in known ways, so a figure that it reports is not
wrong telemetry but another measure. Here each is brought to the common scale where that can
be done, and compared; where it cannot, the reason is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Comparison", "Measure", "compared", "conventional_burn", "reward_score"]

# 30 days, the window of an error budget that names none.
DEFAULT_WINDOW_S = 2_592_000
_TOLERANCE = 0.05
_SIGNALS, _NEUTRAL, _POLICY_WEIGHT = 100, 50.0, 0.25
_STATES = {
    "healthy": ("healthy", "low_traffic"),
    "warning": ("at_risk", "burning"),
    "critical": ("burning",),
    "exhausted": ("exhausted",),
    "unknown": ("no_data", "low_traffic"),
}


class Measure(StrEnum):
    """What both sides may have measured."""

    STATE = "state"
    BUDGET_LEFT = "budget_left"
    BURN_RATE = "burn_rate"
    INDICATOR = "indicator"
    TRUST = "trust"


@dataclass(frozen=True)
class Comparison:
    """Both figures on one scale. `agrees` is None where one side is missing."""

    conventional: float | None
    agrees: bool | None
    why: str


NO_OBJECTIVE = "not measured here: no objective of this name judges this agent"
NOT_REPORTED = "the toolkit reported nothing of it"
NOTHING_OF_IT = "not measured here: nothing of it arrived"
AGREE = "both agree"
BURN_SCALE = (
    "the toolkit divides by the budget per second, so its figure is {window:,.0f} times too large; "
    "on the common scale it says {conventional:.3g}"
)
BURN_EVENTS = "; what remains: it counts the last hour of what its host recorded, we what arrived"
BUDGET_UNITS = (
    "the toolkit takes 1 from a budget of {total:.4g} for every bad event and never gives it back, "
    "so one bad event exhausts a share; ours is bad events against those that the target allows"
)
BUDGET_PLAIN = (
    "the toolkit takes 1 from its budget for every bad event and never gives it back; ours is bad "
    "events against those that the target allows in the window"
)
STATE = (
    "its state follows its budget and burn rate, which are on other scales than ours; "
    "exhausted comes before everything else"
)
RATES = (
    "the toolkit averages the rates that it had after each event, so early failures weigh more; "
    "ours is good events of all"
)
PERCENTILE = "the toolkit's percentile is over all it remembers, not over the window"
RECORDED = "it knows what its host recorded, we what arrived"
TRUST = (
    "from the decisions that arrived alone, the toolkit's reward formula gives this score; "
    "the reported one follows what its host told it beside them, or another engine"
)


def conventional_burn(reported: float, window_s: float) -> float:
    """A burn rate as everybody reads it: 1 spends the budget exactly on time."""
    return reported / window_s


def reward_score(compliant: Sequence[bool]) -> int | None:
    """The toolkit's trust score if each decision were one signal of compliance, oldest first.

    Other dimensions stand at their neutral 50; the last 100 signals count, later ones more.
    """
    if not compliant:
        return None
    last = compliant[-_SIGNALS:]
    weights = [1 + place / 100 for place in range(len(last))]
    kept = sum(weight for weight, good in zip(weights, last, strict=True) if good)
    policy = kept / sum(weights) * 100
    return int(10 * (_POLICY_WEIGHT * policy + (1 - _POLICY_WEIGHT) * _NEUTRAL))


def compared(
    measure: Measure,
    reported: float | None,
    computed: float | None,
    *,
    reported_word: str | None = None,
    computed_word: str | None = None,
    name: str = "",
    window_s: float | None = None,
    total: float | None = None,
) -> Comparison:
    """One measure of both sides. `name`: the indicator's; `total`: the toolkit's whole budget."""
    if measure is Measure.STATE:
        return _states(reported_word, computed_word)
    conventional = reported
    if measure is Measure.BURN_RATE and reported is not None:
        conventional = conventional_burn(reported, window_s or DEFAULT_WINDOW_S)
    if reported is None:
        return Comparison(None, None, NOT_REPORTED)
    if computed is None:
        return Comparison(conventional, None, _missing(measure, conventional, window_s))
    assert conventional is not None
    # The toolkit stops at nothing left, ours goes on to what is owed.
    computed = max(0.0, computed) if measure is Measure.BUDGET_LEFT else computed
    agrees = abs(conventional - computed) <= _TOLERANCE * max(1.0, abs(computed))
    return Comparison(
        conventional, agrees, _why(measure, conventional, agrees, name, window_s, total)
    )


def _states(reported: str | None, computed: str | None) -> Comparison:
    if reported is None:
        return Comparison(None, None, NOT_REPORTED)
    if computed is None:
        return Comparison(None, None, NO_OBJECTIVE)
    agrees = computed in _STATES.get(reported, ())
    return Comparison(None, agrees, AGREE if agrees else STATE)


def _missing(measure: Measure, conventional: float | None, window_s: float | None) -> str:
    if measure is Measure.BURN_RATE and conventional is not None:
        return f"{NO_OBJECTIVE}; {_scaled(conventional, window_s)}"
    if measure is Measure.BUDGET_LEFT:
        return NO_OBJECTIVE
    return NOTHING_OF_IT


def _why(
    measure: Measure,
    conventional: float,
    agrees: bool,
    name: str,
    window_s: float | None,
    total: float | None,
) -> str:
    if measure is Measure.BURN_RATE:
        return _scaled(conventional, window_s) + ("" if agrees else BURN_EVENTS)
    if agrees:
        return AGREE
    if measure is Measure.BUDGET_LEFT:
        return BUDGET_PLAIN if total is None or total >= 1 else BUDGET_UNITS.format(total=total)
    if measure is Measure.TRUST:
        return TRUST
    if name.startswith("response_latency"):
        return PERCENTILE
    return RATES if name in _RATES else RECORDED


_RATES = ("task_success_rate", "tool_call_accuracy", "policy_compliance")


def _scaled(conventional: float, window_s: float | None) -> str:
    return BURN_SCALE.format(window=window_s or DEFAULT_WINDOW_S, conventional=conventional)
