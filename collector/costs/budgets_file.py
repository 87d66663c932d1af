"""Budget files: YAML into budgets, with a line and a reason for what is refused.

A home's `budgets.yaml` holds one document of kind SpendBudget after the other; docs/costs.md.
"""

from __future__ import annotations

from collector.costs.budget import Period, Rolling, SpendBudget
from collector.costs.prices_file import API_VERSION
from collector.slo.marked import Marked, read_documents

__all__ = ["read_budgets"]

_KIND = "SpendBudget"
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec"})
_SPEC = frozenset({"agents", "together", "amount_usd", "period", "rolling_days"})
_PERIODS = ", ".join(Period)


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
            amount_usd=float(amount.number()),
            period=_period(spec),
            agents=agents.texts() if agents else (),
            together=_flag(spec.optional("together")),
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


def _flag(said: Marked | None) -> bool:
    if said is None:
        return False
    if not isinstance(said.value, bool):
        said.refuse(f"expected true or false, got {said.shown}")
    return said.value
