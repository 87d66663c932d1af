"""The questions about money: prices in force, what calls of models cost, and how budgets stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa

from collector.costs.budget import SpendBudget
from collector.costs.period import Rolling
from collector.costs.price import BEGINNING, END, Price, PriceList
from collector.homefile import HomeFile
from collector.queries import (
    ANY_AGENT,
    SINCE,
    UNTIL,
    Kind,
    Parameter,
    Question,
    Registry,
    Values,
)
from collector.spending import Spending, Standing
from collector.store.reader import Reader

__all__ = ["register_costs"]

ANY_SINCE = Parameter("since", Kind.INSTANT, required=False)
_WHEN = pa.timestamp("us", tz="UTC")
_RATES = ("input", "output", "cache_read", "cache_write")
_PRICES = pa.schema(
    [
        ("provider", pa.string()),
        ("model", pa.string()),
        *[(f"{name}_usd", pa.float64()) for name in _RATES],
        ("long_input_tokens", pa.int64()),
        *[(f"long_{name}_usd", pa.float64()) for name in _RATES],
        ("valid_from", _WHEN),
        ("valid_until", _WHEN),
        ("only_from", pa.list_(pa.string())),
        ("origin", pa.string()),
        ("source", pa.string()),
        ("checked", pa.string()),
    ]
)
_MODELS = (
    *("model", "provider", "calls", "unpriced_calls", "cost_usd", "input_tokens", "output_tokens"),
    *("first_hour", "last_hour", "sample"),
)
_COSTS = (
    *("bucket", "agent", "model", "provider", "sample", "calls", "unpriced_calls", "told_calls"),
    *("cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
)
_SPEND = pa.schema(
    [
        ("budget", pa.string()),
        ("agent", pa.string()),
        ("sample", pa.bool_()),
        ("period", pa.string()),
        ("since", _WHEN),
        ("until", _WHEN),
        ("calls", pa.int64()),
        ("unpriced_calls", pa.int64()),
        ("cost_usd", pa.float64()),
        ("at_least", pa.bool_()),
        ("amount_usd", pa.float64()),
        ("left_usd", pa.float64()),
        ("projected_usd", pa.float64()),
        ("state", pa.string()),
        ("time_zone", pa.string()),
    ]
)
_FILES = pa.schema(
    [("file", pa.string()), ("state", pa.string()), ("line", pa.int64()), ("reason", pa.string())]
)


def register_costs(
    queries: Registry,
    prices: HomeFile[PriceList],
    budgets: HomeFile[tuple[SpendBudget, ...]],
    *others: HomeFile[Any],
) -> None:
    """Add the questions about money to those that are known."""

    def all_prices(reader: Reader, values: Values) -> pa.Table:
        listed = [row for price in prices.current().all() for row in _listed(price)]
        return pa.Table.from_pylist(listed, schema=_PRICES)

    for question in (
        Question("prices", (), tuple(_PRICES.names), all_prices),
        Question(
            "models",
            (ANY_SINCE,),
            _MODELS,
            "costs/models",
        ),
        Question("costs", (SINCE, UNTIL, ANY_AGENT), _COSTS, "queries/costs"),
        Question("spend", (ANY_AGENT,), tuple(_SPEND.names), _spending(budgets)),
        Question("home_files", (), tuple(_FILES.names), _files(prices, budgets, *others)),
    ):
        queries.register(question)


def _listed(price: Price) -> list[dict[str, Any]]:
    facts = {
        "provider": price.provider,
        **{f"{name}_usd": getattr(price.rates, name) for name in _RATES},
        "long_input_tokens": price.long_input_tokens,
        **{f"long_{name}_usd": getattr(price.long_rates, name, None) for name in _RATES},
        "valid_from": None if price.valid_from == BEGINNING else price.valid_from,
        "valid_until": None if price.valid_until == END else price.valid_until,
        "only_from": sorted(price.only_from),
        "origin": price.origin,
        "source": price.source,
        "checked": price.checked,
    }
    return [{**facts, "model": model} for model in price.models]


def _files(*files: HomeFile[Any]) -> Callable[[Reader, Values], pa.Table]:
    def answer(reader: Reader, values: Values) -> pa.Table:
        return pa.Table.from_pylist([_state(file) for file in files], schema=_FILES)

    return answer


def _state(file: HomeFile[Any]) -> dict[str, Any]:
    file.current()
    error = file.error
    if error is not None:
        return {"file": error.file, "state": "refused", "line": error.line, "reason": error.reason}
    return {"file": file.path.name, "state": "in_force" if file.path.exists() else "absent"}


def _spending(
    budgets: HomeFile[tuple[SpendBudget, ...]],
) -> Callable[[Reader, Values], pa.Table]:
    def answer(reader: Reader, values: Values) -> pa.Table:
        now, asked = values["now"], values["agent"]
        found = Spending(reader, now).of(budgets.current())
        return pa.Table.from_pylist(
            [_spent(one, now) for one in found if asked is None or one.agent in (asked, None)],
            schema=_SPEND,
        )

    return answer


def _spent(one: Standing, now: datetime) -> dict[str, Any]:
    facts = {
        "agent": one.agent,
        "sample": one.sample,
        "period": f"{one.period.days} days"
        if isinstance(one.period, Rolling)
        else one.period.value,
        "since": one.since,
        "until": one.until,
        "calls": one.spent.calls,
        "unpriced_calls": one.spent.unpriced_calls,
        "cost_usd": one.spent.usd,
        "at_least": one.spent.unpriced_calls > 0,
    }
    stands = one.stands(now)
    if one.budget is None or stands is None:
        return facts
    return {
        **facts,
        "budget": one.budget.name,
        "amount_usd": one.budget.amount_usd,
        "time_zone": None if isinstance(one.period, Rolling) else one.budget.time_zone,
        "left_usd": stands.left_usd,
        "projected_usd": stands.projected_usd,
        "state": stands.state.value,
    }
