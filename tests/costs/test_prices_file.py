"""Price files: what is read, and with which line and reason a wrong one is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from collector.costs.prices_file import read_prices
from collector.slo.marked import Refusal

HEAD = "apiVersion: watchkeeper/v1\nkind: TokenPrices\nvalid_from: 2026-01-01\nprices:\n"


def test_a_price_has_its_own_dates_or_those_of_the_file() -> None:
    first, second = read_prices(
        HEAD
        + "- {provider: acme, models: [Small, small-2], usd_per_million: {input: 1}}\n"
        + "- {provider: acme, models: large, usd_per_million: {input: 2, output: 4},"
        + " valid_from: 2026-02-01, valid_until: 2026-03-01, source: contract 7}\n",
        "prices.yaml",
    )

    assert first.models == ("small", "small-2")
    assert first.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert (second.valid_from.month, second.valid_until.month) == (2, 3)
    assert (second.source, second.origin) == ("contract 7", "prices.yaml")


def test_a_price_may_follow_another_of_the_same_model() -> None:
    prices = read_prices(
        HEAD
        + "- {provider: a, models: [m], usd_per_million: {input: 1}, valid_until: 2026-02-01}\n"
        + "- {provider: a, models: [m], usd_per_million: {input: 2}, valid_from: 2026-02-01}\n",
        "prices.yaml",
    )

    assert [each.rates.input for each in prices] == [1, 2]


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, "", "expected one document"),
        (1, "apiVersion: openslo/v1\nkind: TokenPrices\nprices: []", "expected watchkeeper/v1"),
        (2, "apiVersion: watchkeeper/v1\nkind: SLO\nprices: []", "expected TokenPrices"),
        (5, HEAD + "- {models: [m], usd_per_million: {input: 1}}", "provider is missing"),
        (5, HEAD + "- {provider: a, models: [m]}", "usd_per_million is missing"),
        (
            5,
            HEAD + "- {provider: a, models: [m], usd_per_million: {output: 1}}",
            "input is missing",
        ),
        (5, HEAD + "- {provider: a, models: [m], usd_per_million: {input: -1}}", "0 to 1,000,000"),
        (
            5,
            HEAD + "- {provider: a, models: [m], usd_per_million: {input: .nan}}",
            "0 to 1,000,000",
        ),
        (5, HEAD + "- {provider: a, models: [m], usd_per_million: {input: '3'}}", "a number"),
        (5, HEAD + "- {provider: a, models: [], usd_per_million: {input: 1}}", "at least one"),
        (5, HEAD + "- {provider: a, models: [m], usd_per_token: 1}", "not a known field"),
        (6, HEAD + "- provider: a\n  valid_from: soon\n  models: [m]\n", "a date such as"),
        (
            5,
            HEAD
            + "- {provider: a, models: [m], usd_per_million: {input: 1}, valid_until: 2025-01-01}",
            "valid_until after",
        ),
        (
            6,
            HEAD + 2 * "- {provider: a, models: [m], usd_per_million: {input: 1}}\n",
            "m has another price at the same time",
        ),
        (2, "apiVersion: [\n", "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_the_reason(
    line: int, text: str, reason: str
) -> None:
    with pytest.raises(Refusal) as refused:
        read_prices(text, "prices.yaml")

    assert reason in refused.value.reason
    assert refused.value.line == line
