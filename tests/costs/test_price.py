"""Which price holds for a model's name, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.costs.price import BEGINNING, END, PREFIXES, Price, PriceList, Rates, spellings
from collector.costs.prices_file import built_in

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
days = st.integers(0, 20)


def price(rate: float, *models: str, begins: datetime = BEGINNING, ends: datetime = END) -> Price:
    return Price("acme", models or ("gpt-4o",), Rates(rate), begins, ends)


def rate_of(prices: PriceList, model: str, provider: str | None = None) -> float | None:
    periods = prices.periods(model, provider)
    return periods[-1].price.rates.input if periods else None


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ("gpt-4o", 1),
        ("GPT-4o", 1),
        ("gpt-4o-2024-08-06", 1),
        ("openai/gpt-4o-2024-08-06", 1),
        ("gpt-4o-2024-05-13", 2),
        ("models/gemini-2.5-pro", 3),
        ("publishers/google/models/gemini-2.5-pro", 3),
        ("claude-sonnet-4@20250514", 4),
        ("claude-sonnet-4-20250514", 4),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 5),
    ],
)
def test_a_name_is_found_with_its_prefixes_and_its_date(told: str, rate: float) -> None:
    prices = PriceList(
        (
            price(1, "gpt-4o"),
            price(2, "gpt-4o-2024-05-13"),
            price(3, "gemini-2.5-pro"),
            price(4, "claude-sonnet-4"),
            price(5, "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        )
    )

    assert rate_of(prices, told) == rate


@pytest.mark.parametrize(
    "told",
    ["gpt-4o-mini", "gpt-4", "gpt-4o-audio-preview", "my-gpt-4o", "openrouter/gpt-4o", "", "/"],
)
def test_another_model_with_a_similar_name_has_no_price(told: str) -> None:
    assert PriceList((price(1, "gpt-4o"),)).periods(told, None) == ()


def test_weights_that_anyone_may_serve_have_the_price_of_their_provider_only() -> None:
    groq = Price("groq", ("qwen/qwen3-32b",), Rates(1), BEGINNING, only_from=frozenset({"groq"}))
    prices = PriceList((groq,))

    assert rate_of(prices, "qwen/qwen3-32b", "groq") == 1
    assert rate_of(prices, "groq/qwen/qwen3-32b") == 1
    assert rate_of(prices, "qwen/qwen3-32b") is None
    assert rate_of(prices, "qwen/qwen3-32b", "ollama") is None


@given(st.text(max_size=300))
def test_spellings_end_for_any_name_and_come_longest_first(name: str) -> None:
    found = spellings(name)

    assert [len(each) for each in found] == sorted((len(each) for each in found), reverse=True)
    assert len(set(found)) == len(found)
    assert all(found)


@given(
    st.lists(st.sampled_from(PREFIXES), max_size=4),
    st.sampled_from(["", "-2026-01-02", "@20260102"]),
)
def test_any_prefixes_and_a_date_lead_to_the_same_price(prefixes: list[str], date: str) -> None:
    assert rate_of(PriceList((price(7, "gpt-4o"),)), "".join(prefixes) + "gpt-4o" + date) == 7


@given(
    upper=st.lists(st.tuples(days, days), max_size=3),
    lower=st.lists(st.tuples(days, days), max_size=3),
    day=days,
)
def test_at_every_moment_the_upper_list_decides_where_it_has_a_price(
    upper: list[tuple[int, int]], lower: list[tuple[int, int]], day: int
) -> None:
    over, under = _apart(upper, 100), _apart(lower, 200)
    at = START + day * DAY

    periods = PriceList(over, PriceList(under)).periods("gpt-4o", None)

    holding = [each for each in periods if each.begins <= at < each.ends]
    expected = next((p for p in (*over, *under) if p.valid_from <= at < p.valid_until), None)
    assert [each.price for each in holding] == ([expected] if expected else [])


def _apart(spans: list[tuple[int, int]], first: float) -> tuple[Price, ...]:
    """Prices in time without overlap, as a file must have them."""
    kept: list[Price] = []
    for number, (begin, length) in enumerate(spans):
        begins = START + begin * DAY
        ends = begins + (length + 1) * DAY
        if all(ends <= each.valid_from or each.valid_until <= begins for each in kept):
            kept.append(price(first + number, begins=begins, ends=ends))
    return tuple(kept)


def test_every_built_in_price_says_where_it_comes_from_and_is_found_by_its_names() -> None:
    prices = built_in()

    assert prices.prices
    for each in prices.prices:
        assert each.source and each.checked and each.valid_from > BEGINNING
        told = next(iter(each.only_from), None)
        assert all(
            any(period.price is each for period in prices.periods(name, told))
            for name in each.models
        )
