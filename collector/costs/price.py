"""Prices of tokens, and which of them holds for a model's name at a time.

1. A name is looked up as it is told, then without known prefixes, then without a date at its end:
   the longest spelling that is known wins. Nothing else is cut off, because gpt-4o-mini is not
   gpt-4o; a name that is not found has no price.
2. A price list may be laid over another: at each moment the upper one decides where it has a
   price for the name, else the lower one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise

__all__ = ["BEGINNING", "END", "Period", "Price", "PriceList", "Rates", "spellings"]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9999, 1, 1, tzinfo=UTC)
# How gateways and consoles write whose model it is; the name itself stands behind it.
PREFIXES = (
    "publishers/anthropic/models/",
    "publishers/google/models/",
    "publishers/mistralai/models/",
    "anthropic/",
    "cohere/",
    "gemini/",
    "google/",
    "groq/",
    "litellm_proxy/",
    "mistral/",
    "mistralai/",
    "models/",
    "openai/",
    "vertex_ai/",
)
_DATE = re.compile(r"(?:[-@](?:\d{4}-\d{2}-\d{2}|20\d{6})|@latest)$")
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Rates:
    """USD per million tokens; None where the source names no price."""

    input: float
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None

    def __post_init__(self) -> None:
        for rate in (self.input, self.output, self.cache_read, self.cache_write):
            if rate is not None and not 0 <= rate <= 1_000_000:
                raise ValueError(f"expected 0 to 1,000,000 USD per million tokens, got {rate}")


@dataclass(frozen=True)
class Price:
    """What a model's tokens cost from one moment to another.

    long_input_tokens: a call with more tokens of input than this costs `long_rates` instead.
    only_from: the providers it holds for; without one the name alone decides.
    """

    provider: str
    models: tuple[str, ...]
    rates: Rates
    valid_from: datetime
    valid_until: datetime = END
    long_input_tokens: int | None = None
    long_rates: Rates | None = None
    only_from: frozenset[str] = frozenset()
    source: str = ""
    checked: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        if self.valid_until <= self.valid_from:
            raise ValueError(
                f"expected valid_until after {self.valid_from:%Y-%m-%d}, "
                f"got {self.valid_until:%Y-%m-%d}"
            )

    def holds_for(self, model: str, provider: str | None) -> bool:
        """A provider may also be told as the prefix of the name, as in groq/qwen/qwen3-32b."""
        told = {(provider or "").lower(), model.partition("/")[0].lower()}
        return not self.only_from or not told.isdisjoint(self.only_from)


@dataclass(frozen=True)
class Period:
    """A price and the part of its time in which it decides."""

    begins: datetime
    ends: datetime
    price: Price


@dataclass(frozen=True)
class PriceList:
    """Prices of one origin, over those of another."""

    prices: tuple[Price, ...] = ()
    beneath: PriceList | None = field(default=None)

    def all(self) -> tuple[Price, ...]:
        """Every price, the upper list's first."""
        return self.prices + (self.beneath.all() if self.beneath else ())

    def periods(self, model: str, provider: str | None) -> tuple[Period, ...]:
        """When which price holds for a model's name, in order, without overlap."""
        return tuple(_laid_over(self._layers(model, provider)))

    def _layers(self, model: str, provider: str | None) -> Iterator[tuple[Price, ...]]:
        layer: PriceList | None = self
        while layer is not None:
            yield layer._named(model, provider)
            layer = layer.beneath

    def _named(self, model: str, provider: str | None) -> tuple[Price, ...]:
        for name in spellings(model):
            found = tuple(p for p in self._by_name.get(name, ()) if p.holds_for(model, provider))
            if found:
                return found
        return ()

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Price, ...]]:
        index: dict[str, tuple[Price, ...]] = {}
        for price in self.prices:
            for name in price.models:
                index[name] = (*index.get(name, ()), price)
        return index


def spellings(model: str) -> tuple[str, ...]:
    """How a model's name may be written in a price list, the longest first."""
    told = model.strip().lower()
    if len(told) > _LONGEST_NAME:
        return ()
    found = {told}
    for name in _without_prefixes(told):
        found |= {name, _DATE.sub("", name)}
    return tuple(sorted(found - {""}, key=lambda name: (-len(name), name)))


def _without_prefixes(name: str) -> Iterator[str]:
    yield name
    for prefix in PREFIXES:
        if name.startswith(prefix):
            yield from _without_prefixes(name.removeprefix(prefix))


def _laid_over(layers: Iterable[tuple[Price, ...]]) -> Iterator[Period]:
    """The time cut at every bound; each piece belongs to the first layer with a price for it."""
    ordered = [price for layer in layers for price in layer]
    bounds = sorted({at for price in ordered for at in (price.valid_from, price.valid_until)})
    current: Period | None = None
    for begins, ends in pairwise(bounds):
        price = next((p for p in ordered if p.valid_from <= begins < p.valid_until), None)
        if current is not None and current.price is price and current.ends == begins:
            current = Period(current.begins, ends, current.price)
            continue
        if current is not None:
            yield current
        current = None if price is None else Period(begins, ends, price)
    if current is not None:
        yield current
