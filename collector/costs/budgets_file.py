"""Budget files: YAML into budgets, with a line and a reason for what is refused.

A home's `budgets.yaml` holds one document of kind SpendBudget after the other; docs/costs.md.
"""

from __future__ import annotations

from datetime import timedelta

from collector.costs.budget import SpendBudget
from collector.costs.period import Period, Rolling, zone_of
from collector.costs.prices_file import API_VERSION
from collector.costs.steps import LONGEST, Act, Step
from collector.model import HoldKind
from collector.slo.duration import fixed_length
from collector.slo.marked import Marked, read_documents

__all__ = ["read_budgets"]

_KIND = "SpendBudget"
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec"})
_SPEC = frozenset(
    {"agents", "together", "amount_usd", "period", "rolling_days", "time_zone", "steps"}
)
_STEP = frozenset({"at", "act", "hold", "lasts", "models", "again_below"})
_PERIODS = ", ".join(Period)
_HOLDS = (HoldKind.DEGRADE, HoldKind.PAUSE, HoldKind.KILL)
_MOST_STEPS = 10
_LONGEST_NAME = 256


def read_budgets(text: str) -> tuple[SpendBudget, ...]:
    """The budgets of one file, the first wrong place refused."""
    budgets: dict[str, SpendBudget] = {}
    for body in read_documents(text):
        budget = _budget(body)
        if budget.name in budgets:
            body.field("metadata").field("name").refuse(f"{budget.name!r} is taken; choose another")
        budgets[budget.name] = budget
    return tuple(budgets.values())


def _budget(body: Marked) -> SpendBudget:
    body.fields(_TOP)
    for name, expected in (("apiVersion", API_VERSION), ("kind", _KIND)):
        if body.field(name).value != expected:
            body.field(name).refuse(f"expected {expected}, got {body.field(name).shown}")
    spec = body.field("spec")
    spec.fields(_SPEC)
    amount, agents = spec.field("amount_usd"), spec.optional("agents")
    try:
        return SpendBudget(
            name=body.field("metadata").field("name").text(),
            amount_usd=amount.number(),
            period=_period(spec),
            agents=agents.texts() if agents else (),
            together=_flag(spec.optional("together")),
            time_zone=_zone(spec),
            steps=_steps(spec),
        )
    except ValueError as error:
        amount.refuse(str(error))


def _period(spec: Marked) -> Period | Rolling:
    named, days = spec.optional("period"), spec.optional("rolling_days")
    if (named is None) == (days is None):
        spec.refuse(f"expected either period ({_PERIODS}) or rolling_days")
    if named is not None:
        if named.value not in tuple(Period):
            named.refuse(f"expected one of {_PERIODS}, got {named.shown}")
        return Period(str(named.value))
    return _rolling(days or spec)


def _rolling(days: Marked) -> Rolling:
    if not isinstance(days.value, int) or isinstance(days.value, bool):
        days.refuse(f"expected a number of days such as 30, got {days.shown}")
    try:
        return Rolling(days.value)
    except ValueError as error:
        days.refuse(str(error))


def _zone(spec: Marked) -> str:
    said = spec.optional("time_zone")
    if said is None:
        return "UTC"
    if spec.optional("rolling_days") is not None:
        said.refuse("belongs to a calendar period, which rolling_days is not")
    try:
        return zone_of(said.text()).key
    except ValueError as error:
        said.refuse(str(error))


def _steps(spec: Marked) -> tuple[Step, ...]:
    """The steps of a budget, the lowest first; each act and hold once at a share."""
    said = spec.optional("steps")
    if said is None:
        return ()
    steps: list[Step] = []
    for entry in said.items():
        step = _step(entry, spec)
        if any((step.at, step.act, step.hold) == (had.at, had.act, had.hold) for had in steps):
            entry.refuse("the same step is given twice; keep one")
        steps.append(step)
    if len(steps) > _MOST_STEPS:
        said.refuse(f"expected at most {_MOST_STEPS} steps, got {len(steps)}")
    return tuple(sorted(steps, key=lambda step: step.at))


def _step(entry: Marked, spec: Marked) -> Step:
    entry.fields(_STEP)
    again = entry.optional("again_below")
    if again is not None and spec.optional("rolling_days") is None:
        again.refuse("belongs to rolling_days: a calendar period takes each step once")
    step_hold = _hold(entry.optional("hold"))
    if step_hold is not None and _flag(spec.optional("together")) and not spec.optional("agents"):
        entry.refuse("would hold every agent there is; name the agents, or only warn")
    try:
        return Step(
            at=float(entry.field("at").number()),
            act=_act(entry.field("act")),
            hold=step_hold,
            lasts=_lasts(entry),
            models=_models(entry.optional("models")),
            again_below=None if again is None else float(again.number()),
        )
    except ValueError as error:
        entry.refuse(str(error))


def _act(said: Marked) -> Act:
    if said.value not in tuple(Act):
        said.refuse(f"expected one of {', '.join(Act)}, got {said.shown}")
    return Act(str(said.value))


def _hold(said: Marked | None) -> HoldKind | None:
    if said is None:
        return None
    if said.value not in _HOLDS:
        said.refuse(f"expected one of {', '.join(_HOLDS)}, got {said.shown}")
    return HoldKind(str(said.value))


def _lasts(entry: Marked) -> timedelta:
    said = entry.optional("lasts")
    if said is None:
        return LONGEST
    if entry.optional("hold") is None:
        said.refuse("belongs to a hold, and this step has none")
    try:
        return fixed_length(said.text())
    except ValueError as error:
        said.refuse(str(error))


def _models(said: Marked | None) -> dict[str, str]:
    if said is None:
        return {}
    models = {name: entry.text() for name, entry in said.fields().items()}
    if not models or any(
        not 1 <= len(name) <= _LONGEST_NAME for pair in models.items() for name in pair
    ):
        said.refuse("expected models such as {gpt-5: gpt-5-mini}")
    return models


def _flag(said: Marked | None) -> bool:
    if said is None:
        return False
    if not isinstance(said.value, bool):
        said.refuse(f"expected true or false, got {said.shown}")
    return said.value
