"""Numbers and states as the reader sees them; what is not known is a dash.

Rounding happens here and nowhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]
UNKNOWN = "–"
FEW_EVENTS = 20

STATES = {
    "exhausted": "Exhausted",
    "burning": "Burning",
    "at_risk": "At risk",
    "low_traffic": "Few events",
    "no_data": "No data",
    "healthy": "Healthy",
}
# What a state means, for a row that gives no reason of its own.
CALM = {
    "exhausted": "More failed than the objective allows",
    "burning": "The budget goes fast enough to wake somebody",
    "at_risk": "The budget goes faster than it should",
    "low_traffic": "Too few events to judge by",
    "no_data": "Nothing to judge by",
    "healthy": "Within its budget",
}
STATE_COLOURS: dict[str, Colour] = {
    "exhausted": "violet",
    "burning": "red",
    "at_risk": "orange",
    "low_traffic": "gray",
    "no_data": "gray",
    "healthy": "green",
}
STATE_ICONS = {
    "exhausted": ":material/battery_0_bar:",
    "burning": ":material/local_fire_department:",
    "at_risk": ":material/warning:",
    "low_traffic": ":material/hourglass_empty:",
    "no_data": ":material/signal_disconnected:",
    "healthy": ":material/check_circle:",
}
CALLS = {"tool": "Tool", "model": "Model"}
CERTAINTIES = {"proven": "Proven", "suspected": "Suspected"}
CERTAINTY_COLOURS: dict[str, Colour] = {"proven": "red", "suspected": "orange"}
BYPASSES = {"denied": "Denied", "unapproved": "Not approved", "hold": "On hold"}
VERDICTS = {
    "allow": "Allowed",
    "deny": "Denied",
    "modify": "Modified",
    "warn": "Warned",
    "escalate": "Escalated",
    "defer": "Deferred",
    "error": "Error",
}
VERDICT_COLOURS: dict[str, Colour] = {
    "allow": "blue",
    "deny": "red",
    "modify": "violet",
    "warn": "orange",
    "escalate": "orange",
    "defer": "gray",
    "error": "red",
}
MEASURES = {
    "state": "State",
    "budget_left": "Budget left",
    "burn_rate": "Burn rate",
    "indicator": "Indicator",
    "trust": "Trust",
}
# The toolkit's words beside ours.
TOOLKIT_STATES = {
    **STATES,
    "warning": "Warning",
    "critical": "Critical",
    "unknown": "Unknown",
}
AGREEMENTS = {"agrees": "Agree", "differs": "Differ", "missing": "One side only"}
AGREEMENT_COLOURS: dict[str, Colour] = {"agrees": "green", "differs": "orange", "missing": "gray"}
OUTCOMES = {"ok": "OK", "error": "Failed", "denied": "Denied", "unknown": "Unknown"}
OUTCOME_COLOURS: dict[str, Colour] = {
    "ok": "green",
    "error": "orange",
    "denied": "red",
    "unknown": "gray",
}
HOLDS = {
    "degrade": "Degraded",
    "require_approval": "Asks first",
    "pause": "Paused",
    "kill": "Stopped",
}
HOLD_COLOURS: dict[str, Colour] = {
    "degrade": "orange",
    "require_approval": "orange",
    "pause": "orange",
    "kill": "red",
}
KINDS = {
    "degrade": "Degrade",
    "require_approval": "Require approval for",
    "pause": "Pause",
    "kill": "Stop",
}
PHASES = {
    "requested": "Requested",
    "signed": "Signed",
    "delivered": "Delivered",
    "acked": "Acknowledged",
    "enforced": "Enforced",
    "contradicted": "Contradicted",
    "released": "Released",
    "expired": "Expired",
    "failed": "Failed",
}
PHASE_COLOURS: dict[str, Colour] = {
    "requested": "gray",
    "signed": "gray",
    "delivered": "blue",
    "acked": "orange",
    "enforced": "green",
    "contradicted": "red",
    "released": "gray",
    "expired": "gray",
    "failed": "red",
}
TIERS = {
    "verified_partner": "Verified",
    "trusted": "Trusted",
    "standard": "Standard",
    "probationary": "Probationary",
    "untrusted": "Untrusted",
}
# How grave a sequence is; the severity of an alert is another word.
GRAVITIES = {
    "critical": "Critical",
    "high": "High",
    "medium": "Medium",
    "low": "Low",
    "info": "Info",
}
GRAVITY_COLOURS: dict[str, Colour] = {
    "critical": "red",
    "high": "red",
    "medium": "orange",
    "low": "blue",
    "info": "gray",
}
SCOPES = {
    "conversation": "conversation",
    "agent": "agent",
    "trace": "trace",
    "instance": "instance",
}
# What becomes of a rule, what needs a hand first.
RULE_STATES = {"refused": "Refused", "suspended": "Suspended", "in_force": "In force"}
RULE_STATE_COLOURS: dict[str, Colour] = {
    "refused": "red",
    "suspended": "orange",
    "in_force": "green",
}
SIGNALS = {"traces": "Traces", "logs": "Logs", "metrics": "Metrics"}
# What a source's record amounts to, the worst first.
COMPLETENESS = {
    "missing": "Missing",
    "dropped": "Dropped",
    "silent": "Silent",
    "refused": "Refused",
    "clock": "Clock off",
    "complete": "No loss known",
    "not_measured": "Not measured",
}
COMPLETENESS_COLOURS: dict[str, Colour] = {
    "missing": "red",
    "dropped": "red",
    "silent": "orange",
    "refused": "orange",
    "clock": "orange",
    "complete": "green",
    "not_measured": "gray",
}
PRESENCE = {
    "silent": "Silent",
    "reporting": "Reporting",
    "gone": "Gone",
    "not_measured": "Not measured",
}
PRESENCE_COLOURS: dict[str, Colour] = {
    "silent": "orange",
    "reporting": "green",
    "gone": "gray",
    "not_measured": "gray",
}
CLOCKS = {"agrees": "Agrees", "ahead": "Ahead", "late": "Late", "not_measured": "Not measured"}
CLOCK_COLOURS: dict[str, Colour] = {
    "agrees": "green",
    "ahead": "orange",
    "late": "orange",
    "not_measured": "gray",
}
SEVERITIES = {"page": "Page", "ticket": "Ticket"}
# How a component stands to what is registered, the worst first.
STANDINGS = {
    "unregistered": "Unregistered",
    "missing": "Missing",
    "registered": "Registered",
}
STANDING_COLOURS: dict[str, Colour] = {
    "unregistered": "red",
    "missing": "orange",
    "registered": "green",
}
COMPONENTS = {
    "agent": "Agent",
    "model": "Model",
    "provider": "Provider",
    "tool": "Tool",
    "mcp_server": "MCP server",
    "plugin": "Plugin",
    "framework": "Framework",
    "instrumentation": "Instrumentation",
}
# How a budget in money stands, the worst first.
SPEND_STATES = {
    "exceeded": "Exceeded",
    "at_risk": "At risk",
    "not_measured": "Not measured",
    "within": "Within",
}
SPEND_COLOURS: dict[str, Colour] = {
    "exceeded": "red",
    "at_risk": "orange",
    "not_measured": "gray",
    "within": "green",
}
# What a budget did at one of its steps.
STEP_STATES = {
    "proposed": "Proposed",
    "pushed": "Pushed",
    "warned": "Warned",
    "accepted": "Accepted",
    "declined": "Declined",
    "rearmed": "Armed again",
}
STEP_COLOURS: dict[str, Colour] = {
    "proposed": "violet",
    "pushed": "red",
    "warned": "orange",
    "accepted": "red",
    "declined": "gray",
    "rearmed": "gray",
}


def count(value: float | None) -> str:
    """Thousands with commas; compact above 99,999."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:.3g} M"
    return f"{value / 1_000:.3g} k" if abs(value) > 99_999 else f"{value:,.0f}"


def usd(value: float | None) -> str:
    """Dollars and cents; less than a cent is said, thousands have none."""
    if value is None:
        return UNKNOWN
    if value < 0:
        return f"-{usd(-value)}"
    if 0 < value < 0.005:
        return "under $0.01"
    if value >= 1_000_000:
        return f"${value / 1_000_000:.3g} M"
    return f"${value:,.0f}" if value >= 1_000 else f"${value:.2f}"


def spent(cost_usd: float | None, calls: int, unpriced: int) -> str:
    """A sum of money that never passes a part off as the whole."""
    if cost_usd is None:
        return "not measured" if calls else usd(0)
    return f"at least {usd(cost_usd)}" if unpriced else usd(cost_usd)


def age_of_prices(prices: list[Mapping[str, Any]], now: datetime) -> str | None:
    """When the built-in list was checked, and of when its oldest prices are; None without one."""
    built_in = [price for price in prices if price["origin"] == "built-in" and price["checked"]]
    if not built_in:
        return None
    checked = date.fromisoformat(max(price["checked"] for price in built_in))
    begins = min(price["valid_from"] for price in built_in if price["valid_from"])
    days = (now.astimezone(UTC).date() - checked).days
    ago = "today" if days <= 0 else f"{plural(days, 'day')} ago"
    return (
        f"Built-in prices were checked on {checked:%d %b %Y} ({ago}); the oldest of them are of "
        f"{begins:%d %b %Y}. Newer ones belong into prices.yaml."
    )


def left(left_usd: float | None, unpriced: int) -> str:
    """What of a budget is left; calls of unknown cost can only make it less."""
    return f"at most {usd(left_usd)}" if unpriced and left_usd is not None else usd(left_usd)


def budget_told(row: Mapping[str, Any]) -> str:
    """One budget, or the month of an agent that none covers, in a sentence."""
    so_far = spent(row["cost_usd"], row["calls"], row["unpriced_calls"])
    known = {"day": "today", "week": "this week", "month": "this month"}
    period = known.get(row["period"], f"in {row['period']}")
    if row["budget"] is None:
        return f"{so_far} {period}, no budget"
    whose = row["agent"] or "all together"
    end = f", would end at {usd(row['projected_usd'])}" if row["projected_usd"] else ""
    return f"{row['budget']}, {whose}: {so_far} of {usd(row['amount_usd'])} {period}{end}"


def percent(share: float | None) -> str:
    if share is None:
        return UNKNOWN
    return "under 1%" if 0 < share < 0.005 else f"{share * 100:.0f}%"


def exact_percent(share: float | None) -> str:
    """With the digits that matter for a target: 99.5 %, 99.95 %."""
    if share is None:
        return UNKNOWN
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + " %"


def ago(value: float) -> str:
    """How long since; whole seconds are exact enough."""
    return f"{seconds(max(round(value), 0)) if value >= 1 else 'under 1 s'} ago"


def of(part: float | None, whole: float | None, noun: str) -> str:
    """Numerator and denominator, and a warning when they are few."""
    few = ", few events" if whole is not None and whole < FEW_EVENTS else ""
    return f"{count(part)} of {count(whole)} {noun}{few}"


def burn(rate: float | None) -> str:
    if rate is None:
        return UNKNOWN
    return f"{rate:,.0f}×" if rate >= 100 else f"{rate:.1f}×"


def milliseconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.0f} ms" if value < 1000 else seconds(value / 1000)


UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def seconds(value: float | None) -> str:
    """Two units at most: 42 ms, 1.07 s, 3 h 44 min, 6 d 2 h."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.3g} s"
    for (size, unit), (smaller, lesser) in itertools.pairwise(UNITS):
        if value >= size:
            rest = int(value % size // smaller)
            return f"{int(value // size)} {unit}" + (f" {rest} {lesser}" if rest else "")
    return f"{value:.0f} s"


def elapsed(since: datetime, until: datetime) -> str:
    """Time from one to the other; none when the clocks of two processes disagree."""
    return seconds(max((until - since).total_seconds(), 0))


def days(value: float) -> str:
    """A window length: 30 d, 30.4 d."""
    return f"{value:.3g} d"


def period(since: datetime, until: datetime) -> str:
    """From when to when; the day is told once when it is the same."""
    same_day = since.date() == until.date()
    return (
        f"{minute(since)} to {until.astimezone(UTC):%H:%M}"
        if same_day
        else (f"{minute(since)} to {minute(until)}")
    )


def span(window: str) -> str:
    """A window label of the collector in words: 5m is 5 min, 3d is 3 d."""
    unit = {"m": "min", "h": "h", "d": "d"}.get(window[-1:], window[-1:])
    return f"{window[:-1]} {unit}"


def clock(moment: datetime | None) -> str:
    """Time of day in UTC; the caption says UTC once."""
    return UNKNOWN if moment is None else f"{moment.astimezone(UTC):%H:%M:%S}"


def minute(moment: datetime | None) -> str:
    """Day, hour and minute in UTC, for lists of events."""
    return UNKNOWN if moment is None else f"{moment.astimezone(UTC):%d %b %H:%M}"


def day_clock(moment: datetime) -> str:
    """Day and time of day in UTC."""
    return f"{moment.astimezone(UTC):%d %b %H:%M:%S}"


def stamp(moment: datetime | None) -> str:
    """Date and time for evidence."""
    return UNKNOWN if moment is None else f"{moment.astimezone(UTC):%d %b %Y %H:%M:%S} UTC"


def moment(value: Any) -> datetime | None:
    """A time out of JSON (RFC 3339) or out of a frame."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


def change(now: float | None, before: float | None) -> str:
    """How a count compares with the same length of time before."""
    if now is None or before is None:
        return "no earlier data"
    if before == 0:
        return "none before" if now else "none before either"
    if now > 3 * before:
        return f"{now / before:.0f}× the {count(before)} before"
    grown = (now - before) / before
    return f"{grown:+.0%} against {count(before)} before"


def hook(name: str) -> str:
    """What an instance can refuse: `pre_tool_call` is tool."""
    return name.removeprefix("pre_").removesuffix("_call").replace("_", " ")


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def standing(objective: Mapping[str, Any]) -> str:
    """Why an objective is in its state, in words and numbers."""
    length, told = days(objective["window_days"]), objective["reason"] or ""
    bad, total = count(objective["bad"]), count(objective["total"])
    allowed = exact_percent(1 - objective["target"])
    counted = f"{bad} of {total} events were bad in {length}; {allowed} may be."
    match objective["state"]:
        case "no_data":
            return f"No event in {length}, so nothing was kept or broken."
        case "low_traffic":
            return f"Too few events to judge: {told or counted}. Its quiet is not proof of health."
        case "exhausted" | "burning" | "at_risk" if told:
            return f"{told[:1].upper()}{told[1:]}. {counted}"
        case _:
            return counted


def size(value: float | None) -> str:
    """Bytes: 512 B, 3.4 MB, 120 GB."""
    if value is None:
        return UNKNOWN
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def lag(milliseconds_: float | None) -> str:
    """A lag; one below zero is a clock that is ahead."""
    if milliseconds_ is None:
        return UNKNOWN
    return f"-{milliseconds(-milliseconds_)}" if milliseconds_ < 0 else milliseconds(milliseconds_)


def completeness(source: Mapping[str, Any]) -> str:
    """The worst that is known of a source's record, as a key of COMPLETENESS."""
    for state, sign in (
        ("missing", source["gaps"]),
        ("dropped", source["dropped"]),
        ("silent", source["silent"]),
        ("refused", source["refused"]),
        ("clock", source["clock"] in ("ahead", "late")),
    ):
        if sign:
            return state
    measured = (source["gaps"], source["silent"], source["dropped"])
    return "not_measured" if all(fact is None for fact in measured) else "complete"


def firing(rule: Mapping[str, Any]) -> tuple[str, Colour, str]:
    """What an alert rule says now: its word, the word's colour, and why."""
    if rule["firing"]:
        return "Firing", "red", "Both windows are over the threshold"
    if not rule["reachable"]:
        return "Cannot fire", "gray", "With this target no burn rate can reach the threshold"
    over = [rule[name] for name in ("burn_long", "burn_short")]
    if all(burned is not None and burned >= rule["threshold"] for burned in over):
        few = of(rule["bad_long"], rule["total_long"], "events bad")
        return "Held back", "orange", f"Over the threshold, but too few events to act on: {few}"
    return "Quiet", "gray", "At least one window is under the threshold"
