"""Numbers as readers see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Bypass, Certainty, Outcome, Verdict
from dashboard import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.042, "42 ms"),
        (1.07, "1.07 s"),
        (94, "1 min 34 s"),
        (120, "2 min"),
        (13_440, "3 h 44 min"),
        (525_600, "6 d 2 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert words.seconds(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (2933, "2,933"), (99_999, "99,999"), (128_400, "128 k")]
)
def test_a_count_is_compact_only_when_large(number: int, text: str) -> None:
    assert words.count(number) == text


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    unknown = (
        words.count(None),
        words.percent(None),
        words.burn(None),
        words.seconds(None),
        words.milliseconds(None),
        words.clock(None),
    )
    assert set(unknown) == {"–"}


def test_an_overspent_budget_is_below_zero() -> None:
    assert words.percent(-0.08) == "-8%"


def test_a_target_keeps_the_digits_that_matter() -> None:
    assert words.exact_percent(0.995) == "99.5 %"
    assert words.exact_percent(0.9995) == "99.95 %"


def test_few_events_are_said_to_be_few() -> None:
    assert words.of(3, 12, "runs") == "3 of 12 runs, few events"


@given(st.floats(0, 1e9))
def test_a_duration_never_has_three_units(seconds: float) -> None:
    assert len(words.seconds(seconds).split()) in (2, 4)


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_change_names_what_it_is_measured_against(now: int, before: int) -> None:
    assert "before" in words.change(now, before)


RULE = {"firing": False, "reachable": True, "threshold": 14.4, "burn_long": 20.0}


def test_a_rule_over_its_threshold_with_too_few_events_is_held_back() -> None:
    rule = RULE | {"burn_short": 20.0, "bad_long": 1, "total_long": 1}

    word, _, why = words.firing(rule)

    assert (word, why.endswith("1 of 1 events bad, few events")) == ("Held back", True)


def test_a_rule_of_which_one_window_is_calm_is_quiet() -> None:
    assert words.firing(RULE | {"burn_short": None})[0] == "Quiet"


def test_time_between_two_clocks_is_never_negative() -> None:
    later = datetime(2026, 1, 15, 12, tzinfo=UTC)

    assert words.elapsed(later, later - timedelta(seconds=2)) == "0 ms"


def test_a_lag_below_zero_keeps_its_sign() -> None:
    assert words.lag(-90_400) == "-1 min 30 s"
    assert words.lag(38.2) == "38 ms"
    assert words.lag(None) == "–"


def test_bytes_have_three_digits() -> None:
    assert [words.size(size) for size in (0, 512, 81_920, 118e9, None)] == [
        "0 B",
        "512 B",
        "81.9 kB",
        "118 GB",
        "–",
    ]


NOTHING_KNOWN = {"gaps": None, "dropped": None, "silent": None, "refused": 0, "clock": "agrees"}


def test_the_worst_that_is_known_names_the_record() -> None:
    known = NOTHING_KNOWN | {"gaps": 1, "silent": 1, "refused": 4}

    assert words.completeness(known) == "missing"


def test_a_record_of_which_nothing_is_measured_is_not_called_complete() -> None:
    assert words.completeness(NOTHING_KNOWN) == "not_measured"
    assert words.completeness(NOTHING_KNOWN | {"silent": 0}) == "complete"


@pytest.mark.parametrize(
    ("cost", "calls", "unpriced", "told"),
    [
        (None, 0, 0, "$0.00"),
        (None, 3, 3, "not measured"),
        (1.5, 3, 1, "at least $1.50"),
        (1.5, 3, 0, "$1.50"),
        (0.001, 1, 0, "under $0.01"),
        (12_345.6, 1, 0, "$12,346"),
        (2_500_000.0, 1, 0, "$2.5 M"),
    ],
)
def test_money_says_what_is_missing(
    cost: float | None, calls: int, unpriced: int, told: str
) -> None:
    assert words.spent(cost, calls, unpriced) == told


@pytest.mark.parametrize(
    ("spoken", "known"),
    [
        (words.VERDICTS, Verdict),
        (words.OUTCOMES, Outcome),
        (words.BYPASSES, Bypass),
        (words.CERTAINTIES, Certainty),
        (words.CERTAINTY_COLOURS, Certainty),
    ],
)
def test_pages_have_a_word_for_each_of_the_models_and_no_other(
    spoken: Mapping[str, str], known: Iterable[str]
) -> None:
    assert set(spoken) == set(known)
