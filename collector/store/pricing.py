"""What the models of a batch cost: the rows by which derivation multiplies their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from collector.costs.price import PriceList
from collector.store.transaction import registered, run

__all__ = ["Prices", "no_prices", "price_models"]

Prices: TypeAlias = Callable[[], PriceList]

_TIME = pa.timestamp("us", tz="UTC")
_RATES = pa.struct(
    [(name, pa.float64()) for name in ("input", "output", "cache_read", "cache_write")]
)
_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("provider", pa.string()),
        ("begins", _TIME),
        ("ends", _TIME),
        ("rates", _RATES),
        ("long_input_tokens", pa.int64()),
        ("long_rates", _RATES),
    ]
)
_NONE = PriceList()


def no_prices() -> PriceList:
    """Nothing has a price."""
    return _NONE


def price_models(cursor: duckdb.DuckDBPyConnection, prices: PriceList) -> None:
    """Fill the temporary table model_price for what the temporary table called holds."""
    rows = [
        row
        for model, provider in run(cursor, "derive/models")
        for row in _rows(prices, model, provider)
    ]
    with registered(cursor, "priced", pa.Table.from_pylist(rows, schema=_SCHEMA)):
        run(cursor, "derive/model_price")


def _rows(prices: PriceList, model: str, provider: str | None) -> Iterator[dict[str, Any]]:
    for period in prices.periods(model, provider):
        price = period.price
        yield {
            "model": model,
            "provider": provider,
            "begins": period.begins,
            "ends": period.ends,
            "rates": asdict(price.rates),
            "long_input_tokens": price.long_input_tokens,
            "long_rates": asdict(price.long_rates) if price.long_rates else None,
        }
