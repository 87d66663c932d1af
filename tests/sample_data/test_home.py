"""The files that the demonstration gives a fresh home."""

from __future__ import annotations

from pathlib import Path

from collector.cli.demo import provide
from collector.costs.budgets_file import read_budgets
from collector.costs.price import PriceList
from collector.costs.prices_file import read_prices
from collector.inventory.inventory_file import read_inventory
from sample_data.story import CAST

HOME = Path(__file__).parents[2] / "sample_data" / "home"


def test_one_sample_model_has_a_price_and_the_other_is_not_measured() -> None:
    prices = PriceList(read_prices((HOME / "prices.yaml").read_text(), "prices.yaml"))

    assert prices.periods("fake-large", "fake")
    assert not prices.periods("fake-small", "fake")


def test_the_budgets_are_of_agents_of_the_story() -> None:
    budgets = read_budgets((HOME / "budgets.yaml").read_text())

    named = {agent for budget in budgets for agent in budget.agents}
    assert named and named <= {character.name for character in CAST}


def test_what_agents_are_tempted_to_use_is_not_registered() -> None:
    registered = read_inventory((HOME / "inventory.yaml").read_text())

    for character in CAST:
        is_known = registered.find("agent", character.name, None) is not None
        assert is_known == (character.name != "rogue")
        assert all(registered.find("tool", tool, None) for tool in character.tools)
        assert registered.find("tool", character.temptation, None) is None


def test_a_home_that_has_such_a_file_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("mine")

    provide(HOME, tmp_path)

    assert (tmp_path / "prices.yaml").read_text() == "mine"
    assert (tmp_path / "budgets.yaml").read_text() == (HOME / "budgets.yaml").read_text()
