"""Sequences among actions, against a slow search through every combination."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sequences.match import Acted, matches
from collector.sequences.rule import CLEARED, LONGEST, Rule, Scope, Severity, Step

SECOND = 1_000_000_000


def _rule(steps: int, within_s: float = 60, unless: bool = True) -> Rule:
    return Rule(
        name="secret-then-send",
        display_name="Secret, then send",
        description="",
        severity=Severity.HIGH,
        scope=Scope.AGENT,
        within=timedelta(seconds=within_s),
        steps=tuple(Step(f"step {at}", names=("*",)) for at in range(steps)),
        unless=(Step("asked", names=("ask",)),) if unless else (),
    )


def _acted(second: float, name: str, *fits: int) -> Acted:
    return Acted(int(second * SECOND), name, frozenset(fits))


def test_a_secret_that_is_read_and_then_sent_is_a_match() -> None:
    read, sent = _acted(1, "a", 1), _acted(5, "b", 2)

    assert [match.actions for match in matches(_rule(2), [sent, read])] == [(read, sent)]


def test_sending_first_is_none() -> None:
    assert not matches(_rule(2), [_acted(1, "a", 2), _acted(5, "b", 1)])


def test_too_long_after_is_none_and_just_in_time_is_one() -> None:
    read = _acted(1, "a", 1)

    assert matches(_rule(2), [read, _acted(61, "b", 2)])
    assert not matches(_rule(2), [read, _acted(61.001, "b", 2)])


def test_what_clears_counts_only_between_the_first_and_the_last() -> None:
    read, sent = _acted(1, "a", 1), _acted(5, "b", 2)

    assert not matches(_rule(2), [read, _acted(3, "c", CLEARED), sent])
    assert matches(_rule(2), [_acted(0, "c", CLEARED), read, sent, _acted(6, "d", CLEARED)])


def test_each_sending_after_one_reading_is_a_match_of_its_own() -> None:
    read, once, again = _acted(1, "a", 1), _acted(5, "b", 2), _acted(6, "c", 2)

    found = [match.actions for match in matches(_rule(2), [read, once, again])]

    assert found == [(read, once), (read, again)]


def test_one_action_is_not_two_steps_of_one_sequence() -> None:
    assert not matches(_rule(2), [_acted(1, "a", 1, 2)])


def test_a_rule_of_one_step_matches_each_action() -> None:
    assert len(matches(_rule(1), [_acted(1, "a", 1), _acted(1, "b", 1)])) == 2


actions = st.lists(
    st.builds(
        _acted,
        st.integers(0, 12),
        st.sampled_from("abcd"),
        st.sampled_from([CLEARED, 1, 2, 3]),
    ),
    max_size=9,
    unique_by=lambda acted: (acted.start_ns, acted.action_id),
)


@given(actions=actions, steps=st.integers(1, 3), within_s=st.integers(1, 12))
def test_every_completion_that_some_combination_explains_is_found_and_no_other(
    actions: list[Acted], steps: int, within_s: int
) -> None:
    rule = _rule(steps, within_s)

    found = [match.completed for match in matches(rule, actions)]

    assert found == _slowly(rule, actions)


@given(data=st.data(), actions=actions)
def test_the_order_of_arrival_and_repetition_change_nothing(
    data: Any, actions: list[Acted]
) -> None:
    shuffled = data.draw(st.permutations(actions + actions[:2]))

    assert matches(_rule(2), shuffled) == matches(_rule(2), actions)


def _slowly(rule: Rule, actions: list[Acted]) -> list[Acted]:
    ordered = sorted(actions)
    fitting = [[a for a in ordered if step in a.fits] for step in range(1, len(rule.steps) + 1)]
    completed = {chain[-1] for chain in product(*fitting) if _counts(rule, ordered, chain)}
    return sorted(completed)


def _counts(rule: Rule, ordered: list[Acted], chain: tuple[Acted, ...]) -> bool:
    places = [(each.start_ns, each.action_id) for each in chain]
    rises = all(one < other for one, other in pairwise(places))
    lasted = timedelta(microseconds=(chain[-1].start_ns - chain[0].start_ns) // 1000)
    between = [a for a in ordered if places[0] < (a.start_ns, a.action_id) < places[-1]]
    return rises and lasted <= rule.within and not any(CLEARED in a.fits for a in between)


@pytest.mark.parametrize("within", [timedelta(0), LONGEST + timedelta(seconds=1)])
def test_a_length_that_is_none_is_refused(within: timedelta) -> None:
    with pytest.raises(ValueError, match="lasts at most"):
        _rule(2, within.total_seconds())
