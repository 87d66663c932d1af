"""Steps of budgets: when one is reached, and which of them is the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.costs.steps import Act, Step, StepKey, is_below, is_reached
from collector.model import HoldKind

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
KILL = Step(1.2, Act.PUSH, HoldKind.KILL)
KEY = StepKey("clerk-month", "clerk", 50.0, KILL, SINCE)
cents = st.integers(0, 10_000_000)
shares = st.integers(1, 10_000)


@given(cents, cents.filter(bool), shares)
def test_a_step_is_reached_with_the_digits_as_written(spent: int, amount: int, share: int) -> None:
    reached = is_reached(spent / 100, amount / 100, share / 1000)

    assert reached == (Fraction(spent, 100) >= Fraction(amount, 100) * Fraction(share, 1000))
    assert is_below(spent / 100, amount / 100, share / 1000) == (not reached)


def test_what_is_not_measured_reaches_nothing_and_falls_below_nothing() -> None:
    assert not is_reached(None, 10, 0.5)
    assert not is_below(None, 10, 0.5)


def test_a_key_is_that_of_the_step_and_its_period_only() -> None:
    others = [
        replace(KEY, budget="clerk"),
        replace(KEY, agent=None),
        replace(KEY, amount_usd=51.0),
        replace(KEY, since=SINCE + timedelta(days=31)),
        replace(KEY, since=None),
        replace(KEY, step=Step(1.1, Act.PUSH, HoldKind.KILL)),
        replace(KEY, step=Step(1.2, Act.PROPOSE, HoldKind.KILL)),
        replace(KEY, step=Step(1.2, Act.PUSH, HoldKind.PAUSE)),
    ]

    assert len({KEY.text, *(other.text for other in others)}) == 1 + len(others)
    shorter = Step(1.2, Act.PUSH, HoldKind.KILL, timedelta(hours=1))
    assert replace(KEY, step=shorter).text == KEY.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": 0.0},
        {"at": float("nan")},
        {"act": Act.WARN},
        {"hold": None},
        {"models": {"big": "small"}},
        {"lasts": timedelta(days=31)},
        {"again_below": 1.2},
    ],
)
def test_a_step_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(KILL, **wrong)  # type: ignore[arg-type]
