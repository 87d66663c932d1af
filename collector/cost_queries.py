"""The questions about money: prices in force, what calls of models cost, and how budgets stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from collector.costs.budget import (
    Period,
    Rolling,
    SpendBudget,
    Spent,
    period_of,
    stand,
)
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
    ]
)
_WITHOUT_BUDGET = Period.MONTH
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
        rows = _Spending(reader, values["now"]).rows(budgets.current())
        asked = values["agent"]
        return pa.Table.from_pylist(
            [row for row in rows if asked is None or row["agent"] in (asked, None)], schema=_SPEND
        )

    return answer


class _Spending:
    """What agents spent in each period that somebody asks about, read once."""

    def __init__(self, reader: Reader, now: datetime) -> None:
        self._reader = reader
        self._now = now
        self._samples = {row["agent"]: row["sample"] for row in reader.rows("costs/agents")}
        self._read: dict[Period | Rolling, Mapping[str, Spent]] = {}

    def rows(self, budgets: tuple[SpendBudget, ...]) -> Iterator[dict[str, Any]]:
        """Every budget, then the agents that none of them covers with their month."""
        covered: set[str] = set()
        for budget in budgets:
            agents = sorted({*budget.agents} or {*self._samples})
            if budget.together:
                yield self._together(budget, agents)
                continue
            covered |= {*agents}
            for agent in agents:
                yield self._row(budget, agent, self._spent(budget.period).get(agent, Spent()))
        for agent in sorted(self._samples.keys() - covered):
            spent = self._spent(_WITHOUT_BUDGET).get(agent, Spent())
            yield self._facts(_WITHOUT_BUDGET, agent, spent)

    def _together(self, budget: SpendBudget, agents: list[str]) -> dict[str, Any]:
        known = self._spent(budget.period)
        parts = [known[agent] for agent in agents if agent in known]
        usd = [part.usd for part in parts if part.usd is not None]
        whole = Spent(
            sum(part.calls for part in parts),
            sum(part.unpriced_calls for part in parts),
            sum(usd) if usd or not parts else None,
        )
        samples = any(self._samples.get(agent, False) for agent in agents)
        return {**self._row(budget, None, whole), "sample": samples}

    def _row(self, budget: SpendBudget, agent: str | None, spent: Spent) -> dict[str, Any]:
        since, until = period_of(budget.period, self._now)
        elapsed = None
        if not isinstance(budget.period, Rolling):
            elapsed = (self._now - since) / (until - since)
        found = stand(spent, budget.amount_usd, elapsed)
        return {
            **self._facts(budget.period, agent, spent),
            "budget": budget.name,
            "amount_usd": budget.amount_usd,
            "left_usd": found.left_usd,
            "projected_usd": found.projected_usd,
            "state": found.state.value,
        }

    def _facts(self, period: Period | Rolling, agent: str | None, spent: Spent) -> dict[str, Any]:
        since, until = period_of(period, self._now)
        return {
            "agent": agent,
            "sample": self._samples.get(agent or "", False),
            "period": f"{period.days} days" if isinstance(period, Rolling) else period.value,
            "since": since,
            "until": until,
            "calls": spent.calls,
            "unpriced_calls": spent.unpriced_calls,
            "cost_usd": spent.usd,
            "at_least": spent.unpriced_calls > 0,
        }

    def _spent(self, period: Period | Rolling) -> Mapping[str, Spent]:
        if period not in self._read:
            since, until = period_of(period, self._now)
            self._read[period] = {
                row["agent"]: Spent(row["calls"], row["unpriced_calls"], row["cost_usd"])
                for row in self._reader.rows("costs/spent", {"since": since, "until": until})
            }
        return self._read[period]
