"""The toolkit's arithmetic beside ours: the worked cases of its specification, and its own code."""

from __future__ import annotations

import pytest
from agentmesh.reward.engine import RewardEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.slo.burn import burn_rate
from collector.slo.toolkit import Measure, compared, conventional_burn, reward_score

THIRTY_DAYS_S = 30 * 86_400


@pytest.mark.parametrize(
    ("reported", "bad", "total", "target"),
    [
        # Section 20.2 of its specification, which prints 25,906,735; its code gives this.
        (25_920_000.0, 5, 100, 0.995),
        (5_184_000.0, 2, 20, 0.95),
    ],
)
def test_its_burn_rate_is_ours_once_the_window_is_taken_out(
    reported: float, bad: int, total: int, target: float
) -> None:
    assert conventional_burn(reported, THIRTY_DAYS_S) == pytest.approx(
        burn_rate(bad, total, target)
    )


def test_a_burn_rate_that_differs_by_the_scale_only_agrees_and_says_so() -> None:
    told = compared(Measure.BURN_RATE, 25_920_000.0, 10.0)

    assert (told.conventional, told.agrees) == (10.0, True)
    assert "2,592,000 times too large" in told.why


def test_another_window_than_thirty_days_is_another_scale() -> None:
    assert compared(Measure.BURN_RATE, 604_800.0, 1.0, window_s=604_800).agrees is True


@settings(max_examples=60)
@given(st.lists(st.booleans(), min_size=1, max_size=130))
def test_the_trust_formula_is_the_toolkits_own(compliant: list[bool]) -> None:
    engine = RewardEngine()
    for good in compliant:
        engine.record_policy_compliance("did:mesh:a", compliant=good)

    assert reward_score(compliant) == engine._recalculate_score("did:mesh:a").total_score


def test_a_budget_is_taken_by_the_event_there_and_by_the_share_here() -> None:
    told = compared(Measure.BUDGET_LEFT, 0.0, 0.98, total=0.005)

    assert told.agrees is False
    assert "takes 1 from a budget of 0.005" in told.why


def test_what_is_overspent_here_is_nothing_left_there() -> None:
    assert compared(Measure.BUDGET_LEFT, 0.0, -9.0).agrees is True


@pytest.mark.parametrize("measure", Measure)
def test_where_one_side_is_missing_nothing_agrees_or_differs(measure: Measure) -> None:
    reported = compared(measure, 0.5, None, reported_word="healthy")
    computed = compared(measure, None, 0.5, computed_word="healthy")

    assert (reported.agrees, computed.agrees) == (None, None)
    assert reported.why.startswith("not measured here")
    assert computed.why == "the toolkit reported nothing of it"


@pytest.mark.parametrize(
    ("theirs", "ours", "agrees"),
    [
        ("healthy", "healthy", True),
        ("healthy", "burning", False),
        ("critical", "burning", True),
        ("exhausted", "at_risk", False),
        ("surprising", "healthy", False),
    ],
)
def test_states_agree_by_what_they_mean(theirs: str, ours: str, agrees: bool) -> None:
    told = compared(Measure.STATE, None, None, reported_word=theirs, computed_word=ours)

    assert told.agrees is agrees
