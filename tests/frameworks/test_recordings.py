"""What real frameworks sent is told as their own scripts say it happened, less known losses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import recorded
from console import Collector, collecting
from counting import happened, told
from document import DOCUMENT, document
from expecting import differences, losses
from pairs import PAIRS, REPOSITORY, SCENARIOS, Pair

_NAMED = {pair.name: pair for pair in PAIRS}
pairs = pytest.mark.parametrize("pair", PAIRS, ids=_NAMED)


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that took every recording in twice: a retry must change nothing."""
    with collecting(tmp_path_factory.mktemp("home")) as running:
        for pair in (*PAIRS, *PAIRS):
            recorded.send(pair, running)
        running.settle()
        yield running


@pairs
def test_what_happened_is_told_less_what_the_dialect_is_known_to_lose(
    pair: Pair, collector: Collector
) -> None:
    counted = {scenario: told(collector, pair.instance(scenario)) for scenario in SCENARIOS}

    assert differences(pair.name, recorded.truths(pair), counted) == []


@pairs
def test_the_scenarios_are_what_they_are_called(pair: Pair) -> None:
    truths = recorded.truths(pair)

    assert {scenario: truths[scenario]["executed"] for scenario in SCENARIOS} == {
        "normal": ["get_balance", "transfer"],
        "degrade": ["get_balance"],
        "kill": [],
    }
    assert [len(truths[scenario]["model_calls"]) for scenario in SCENARIOS] == [3, 3, 0]


@pairs
def test_a_loss_that_is_stated_is_one(pair: Pair) -> None:
    truths = recorded.truths(pair)

    for loss in losses().get(pair.name, []):
        assert loss["because"]
        for scenario, arriving in loss["arrives"].items():
            facts = happened(truths[scenario])
            assert [fact for fact, value in arriving.items() if facts[fact] == value] == []


def test_losses_are_stated_of_pairs_that_are_run() -> None:
    assert set(losses()) <= set(_NAMED)


@pairs
def test_a_conversation_that_is_said_to_be_lost_is_nowhere_in_what_was_sent(pair: Pair) -> None:
    lost = [
        scenario
        for loss in losses().get(pair.name, [])
        for scenario, arriving in loss["arrives"].items()
        if "conversations" in arriving
    ]

    assert [scenario for scenario in lost if f"conv-{scenario}" in recorded.text(pair)] == []


@pairs
def test_a_recording_names_no_folder_of_the_machine_it_was_made_on(pair: Pair) -> None:
    assert str(REPOSITORY) not in recorded.text(pair)


def test_every_action_belongs_to_a_run_of_its_agent(collector: Collector) -> None:
    strays = collector.rows(
        """
        select a.instance, a.name
        from actions as a
        anti join runs as r
            on r.trace_id = a.trace_id and r.run_id = a.run_id and r.agent = a.agent
        """
    )

    assert strays == []


def test_no_agent_that_obeyed_is_accused_of_a_bypass(collector: Collector) -> None:
    """Not even where the span of a refused call looks like one of a call that was made."""
    assert collector.rows("select agent, instance, name, reason from bypasses") == []


def test_nothing_of_the_recordings_is_refused(collector: Collector) -> None:
    assert collector.rows("select reason, detail from refused") == []


def test_the_page_about_frameworks_is_what_the_recordings_say(collector: Collector) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(collector), (
        "run .venv/bin/python tests/frameworks/document.py"
    )
