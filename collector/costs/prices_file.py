"""Price files: YAML into prices, with a line and a reason for what is refused.

The list that comes with the package and a home's own `prices.yaml` have the same shape; see
docs/costs.md.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.resources import files

from collector.costs.price import BEGINNING, END, Price, PriceList, Rates
from collector.slo.marked import Marked, Refusal, read_documents

__all__ = ["API_VERSION", "built_in", "only_document", "read_prices"]

API_VERSION = "watchkeeper/v1"
_KIND = "TokenPrices"
_DATES = ("valid_from", "valid_until")
_SAID = ("source", "checked")
_TOP = frozenset({"apiVersion", "kind", "prices", *_DATES, *_SAID})
_PRICE = frozenset(
    {"provider", "models", "usd_per_million", "long_input", "only_from", *_DATES, *_SAID}
)
_RATES = frozenset({"input", "output", "cache_read", "cache_write"})
_LONG = frozenset({"above_tokens", "usd_per_million"})


@lru_cache(maxsize=1)
def built_in() -> PriceList:
    """The prices that come with the package."""
    text = files("collector.costs").joinpath("prices.yaml").read_text("utf-8")
    return PriceList(read_prices(text, "built-in"))


def read_prices(text: str, origin: str) -> tuple[Price, ...]:
    """The prices of one file, the first wrong place refused."""
    body = only_document(text, _KIND, _TOP)
    prices: list[Price] = []
    for entry in body.field("prices").items():
        price = _price(entry, body, origin)
        _refuse_overlap(price, prices, entry)
        prices.append(price)
    return tuple(prices)


def only_document(text: str, kind: str, allowed: frozenset[str]) -> Marked:
    """The one document of a file of ours."""
    documents = read_documents(text)
    if len(documents) != 1:
        raise Refusal(1, f"expected one document of kind {kind}, got {len(documents)}")
    body = documents[0]
    for name, expected in (("apiVersion", API_VERSION), ("kind", kind)):
        if body.field(name).value != expected:
            body.field(name).refuse(f"expected {expected}, got {body.field(name).shown}")
    body.fields(allowed)
    return body


def _price(entry: Marked, defaults: Marked, origin: str) -> Price:
    entry.fields(_PRICE)
    begins, ends = (_day(_said(entry, defaults, name)) for name in _DATES)
    above, long_rates = _long(entry.optional("long_input"))
    only_from = entry.optional("only_from")
    source, checked = (_shown(_said(entry, defaults, name)) for name in _SAID)
    try:
        return Price(
            provider=entry.field("provider").text(),
            models=tuple(name.strip().lower() for name in entry.field("models").texts()),
            rates=_rates(entry.field("usd_per_million")),
            valid_from=begins or BEGINNING,
            valid_until=ends or END,
            long_input_tokens=above,
            long_rates=long_rates,
            only_from=frozenset(name.lower() for name in (only_from.texts() if only_from else ())),
            source=source,
            checked=checked,
            origin=origin,
        )
    except ValueError as error:
        entry.refuse(str(error))


def _said(entry: Marked, defaults: Marked, name: str) -> Marked | None:
    return entry.optional(name) or defaults.optional(name)


def _shown(said: Marked | None) -> str:
    """A text; a bare date reads as one."""
    if said is None:
        return ""
    return said.value.isoformat() if isinstance(said.value, date) else said.text()


def _day(said: Marked | None) -> datetime | None:
    """The begin of a day, UTC; YAML reads a bare date as one."""
    if said is None:
        return None
    if not isinstance(said.value, date) or isinstance(said.value, datetime):
        said.refuse(f"expected a date such as 2026-01-15, got {said.shown}")
    return datetime.combine(said.value, time(), UTC)


def _rates(said: Marked) -> Rates:
    told = {name: entry.number() for name, entry in said.fields(_RATES).items()}
    said.field("input")
    try:
        return Rates(**told)
    except ValueError as error:
        said.refuse(str(error))


def _long(said: Marked | None) -> tuple[int | None, Rates | None]:
    if said is None:
        return None, None
    said.fields(_LONG)
    above = said.field("above_tokens")
    tokens = above.value
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 1 <= tokens < 2**63:
        above.refuse(f"expected a number of tokens such as 200000, got {above.shown}")
    return tokens, _rates(said.field("usd_per_million"))


def _refuse_overlap(price: Price, others: list[Price], entry: Marked) -> None:
    for other in others:
        both = set(price.models) & set(other.models)
        apart = price.valid_until <= other.valid_from or other.valid_until <= price.valid_from
        elsewhere = price.only_from and other.only_from and not price.only_from & other.only_from
        if both and not apart and not elsewhere:
            entry.refuse(
                f"{min(both)} has another price at the same time; end that one with valid_until"
            )
