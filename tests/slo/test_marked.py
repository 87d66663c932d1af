"""YAML of people, and of people who mean no good: a line and a reason, whatever it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.costs.budgets_file import read_budgets
from collector.costs.prices_file import read_prices
from collector.inventory.inventory_file import read_inventory
from collector.sequences.read import read_rules
from collector.slo.marked import Refusal, read_documents
from collector.slo.openslo import read_file

BUDGET = """\
apiVersion: watchkeeper/v1
kind: SpendBudget
metadata: {name: @}
spec: {amount_usd: @, period: @, agents: @}
"""
PRICES = """\
apiVersion: watchkeeper/v1
kind: TokenPrices
checked: @
prices:
  - {provider: @, models: @, usd_per_million: {input: @}, valid_from: @, source: @,
     long_input: {above_tokens: @, usd_per_million: {input: 2}}}
"""
INVENTORY = """\
apiVersion: watchkeeper/v1
kind: Inventory
missing_after_days: @
tools: [@]
models: [{name: @, version: @, owner: @, sha256: @}]
"""
RULE = """\
apiVersion: watchkeeper.dev/v1
kind: SequenceRule
metadata: {name: @, displayName: @}
spec: {description: @, severity: @, scope: @, within: @, agents: @,
       steps: [{title: @, kinds: @, names: @, models: @}]}
"""
READERS: tuple[tuple[str, Callable[[str], object]], ...] = (
    (BUDGET, read_budgets),
    (PRICES, lambda text: read_prices(text, "prices.yaml")),
    (INVENTORY, read_inventory),
    (RULE, read_rules),
    ("@", read_file),
    ("@: @", read_file),
)
VALUES = (
    *("a", "1", "0", "-1", "~", "[]", "{}", "[[]]", "true", ".nan", ".inf", "1e400", "1:30:00"),
    *("2026-01-15", "2026-02-30", "0001-01-01", "9999-12-31", "2026-01-15T00:00:00Z", "tool"),
    *('!!int ""', '!!float ""', "!!bool x", "!!timestamp x", '!!binary "x"', "!!set {a}"),
    *("!!omap [a: 1]", "!!python/object:os.system x", "!<x> y", "&a [*a]", "*b", "<<", "{<<: 1}"),
    *(r'"\ud800"', r'{"\ud800": 1}', r'"\0"', "1" + "0" * 4000, "0x" + "f" * 10_000, str(2**63)),
    *("{? [a] : b}", "x" * 3000, "[" * 400, "day", "high", "agent", "1h"),
)


@pytest.mark.parametrize(("text", "read"), READERS)
@settings(max_examples=50)
@given(data=st.data())
def test_whatever_stands_in_a_file_it_is_read_or_refused_with_a_line(
    text: str, read: Callable[[str], object], data: st.DataObject
) -> None:
    head, *rest = text.split("@")
    written = head + "".join(data.draw(st.sampled_from(VALUES)) + part for part in rest)

    try:
        read(written)
    except Refusal as refusal:
        assert 1 <= refusal.line <= written.count("\n") + 1
        assert len(refusal.reason) <= 1_010
        refusal.reason.encode()


@pytest.mark.parametrize(("text", "read"), READERS[:4])
@pytest.mark.parametrize("value", VALUES)
def test_no_single_value_breaks_a_reader(
    text: str, read: Callable[[str], object], value: str
) -> None:
    head, *rest = text.split("@")
    for place in range(len(rest)):
        written = head + "".join(
            (value if at == place else "a") + part for at, part in enumerate(rest)
        )
        with pytest.raises(Refusal):
            read(written)


def test_a_wrong_value_is_refused_where_it_stands() -> None:
    with pytest.raises(Refusal) as refused:
        read_documents('a: 1\nb: !!int ""\n')
    assert (refused.value.line, refused.value.reason) == (
        2,
        "not YAML: '' is no tag:yaml.org,2002:int",
    )

    with pytest.raises(Refusal, match=r"line 2: expected whole characters, got the half .ud800"):
        read_documents('a: 1\nb: "\\ud800"\n')
