"""The questions about money: prices in force and what calls of models cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

from collector.costs.price import BEGINNING, END, Price, PriceList
from collector.homefile import HomeFile
from collector.queries import Kind, Parameter, Question, Values
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
_FILES = pa.schema(
    [("file", pa.string()), ("state", pa.string()), ("line", pa.int64()), ("reason", pa.string())]
)


class Registry(Protocol):
    """Where questions are registered."""

    def register(self, question: Question) -> None: ...


def register_costs(queries: Registry, prices: HomeFile[PriceList], *others: HomeFile[Any]) -> None:
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
        Question("home_files", (), tuple(_FILES.names), _files(prices, *others)),
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
