"""Keeping: nothing younger than its floor or under a hold may go, whatever is set and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RefusedInput
from collector.keeping import FLOOR_DAYS, Act, Kind, Piece, Rules, Signal, folded

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def act(kind: Kind, number: int = 1, at: datetime = NOON, **what: object) -> Act:
    return Act(f"act-{number}", kind, "admin", at, "case 4711", **what)  # type: ignore[arg-type]


def piece(signal: Signal, at: datetime) -> Piece:
    return Piece(signal, at, at, at)


@pytest.mark.parametrize("signal", Signal)
def test_everything_is_kept_for_half_a_year_by_default(signal: Signal) -> None:
    assert not Rules().may_delete(piece(signal, NOON - 183 * DAY), NOON)
    assert Rules().may_delete(piece(signal, NOON - 183 * DAY - timedelta(seconds=1)), NOON)


def test_governance_is_not_set_below_the_floor() -> None:
    with pytest.raises(RefusedInput, match=r"at least 183 days.*override"):
        folded([act(Kind.SET, signal=Signal.GOVERNANCE, days=182)])


def test_an_override_goes_below_the_floor_until_it_ends() -> None:
    end = NOON + 10 * DAY
    rules = folded([act(Kind.OVERRIDE, signal=Signal.GOVERNANCE, days=30, until=end)])
    old = piece(Signal.GOVERNANCE, NOON - 40 * DAY)

    assert rules.may_delete(old, NOON)
    assert not rules.may_delete(old, end)
    assert not rules.may_delete(old, NOON - DAY)


@pytest.mark.parametrize(
    "what",
    [
        {"signal": Signal.GOVERNANCE, "days": 30},
        {"signal": Signal.GOVERNANCE, "days": 30, "until": NOON},
        {"signal": Signal.GOVERNANCE, "days": 30, "until": NOON + 400 * DAY},
        {"signal": Signal.GOVERNANCE, "days": 183, "until": NOON + DAY},
        {"signal": Signal.SPANS, "days": 30, "until": NOON + DAY},
    ],
)
def test_an_override_without_its_limits_is_refused(what: dict[str, object]) -> None:
    with pytest.raises(RefusedInput):
        folded([act(Kind.OVERRIDE, **what)])


def test_what_arrived_late_is_as_young_as_its_arrival() -> None:
    late = Piece(Signal.LOGS, NOON - 3000 * DAY, NOON - 3000 * DAY, NOON - DAY)

    assert not Rules().may_delete(late, NOON)


def test_a_hold_keeps_what_overlaps_it_until_it_is_released() -> None:
    hold = act(Kind.HOLD, since=NOON - 300 * DAY, until=NOON - 200 * DAY)
    held = Piece(Signal.SPANS, NOON - 201 * DAY, NOON - 199 * DAY, NOON - 199 * DAY)
    beside = piece(Signal.SPANS, NOON - 200 * DAY)
    release = act(Kind.RELEASE, 2, hold_id="act-1")

    assert not folded([hold]).may_delete(held, NOON)
    assert folded([hold]).may_delete(beside, NOON)
    assert folded([hold, release]).may_delete(held, NOON)


def test_only_a_hold_that_stands_can_be_released() -> None:
    with pytest.raises(RefusedInput, match="no legal hold"):
        folded([act(Kind.RELEASE, hold_id="act-7")])


def test_an_act_survives_its_signature() -> None:
    whole = act(Kind.HOLD, since=NOON - DAY, until=NOON, agent="rogue")

    assert Act.of(whole.claims()) == whole


@pytest.mark.parametrize("name", ["act_id", "kind", "by", "at", "reason"])
def test_an_act_without_one_of_its_parts_is_refused(name: str) -> None:
    claims = act(Kind.HOLD).claims()
    del claims[name]

    with pytest.raises(RefusedInput, match="not an act"):
        Act.of(claims)


moments = st.integers(-1000, 1000).map(lambda hours: NOON + timedelta(hours=12 * hours))
days = st.integers(-10, 400)
acts = st.one_of(
    st.builds(lambda s, d: (Kind.SET, {"signal": s, "days": d}), st.sampled_from(Signal), days),
    st.builds(
        lambda d, u: (Kind.OVERRIDE, {"signal": Signal.GOVERNANCE, "days": d, "until": u}),
        days,
        moments,
    ),
    st.builds(lambda a, b: (Kind.HOLD, {"since": min(a, b), "until": max(a, b)}), moments, moments),
    st.builds(lambda n: (Kind.RELEASE, {"hold_id": f"act-{n}"}), st.integers(0, 12)),
)


@given(st.lists(st.tuples(acts, moments), max_size=12), moments, moments, moments, moments)
def test_nothing_younger_than_its_floor_or_held_may_go(
    told: list[tuple[tuple[Kind, dict[str, object]], datetime]],
    first: datetime,
    last: datetime,
    received: datetime,
    now: datetime,
) -> None:
    """Acts, arrivals and questions come at any moment, so the clock also runs backwards."""
    first, last = min(first, last), max(first, last)
    rules, standing = Rules(), dict[str, tuple[datetime, datetime]]()
    overrides: list[tuple[datetime, datetime, int]] = []
    shortest = dict.fromkeys(Signal, FLOOR_DAYS)
    for number, ((kind, what), at) in enumerate(told):
        done = act(kind, number, at, **what)
        try:
            rules = rules.after(done)
        except RefusedInput:
            continue
        if kind is Kind.HOLD and done.since and done.until:
            standing[done.act_id] = (done.since, done.until)
        if kind is Kind.RELEASE:
            standing.pop(str(done.hold_id))
        if kind is Kind.SET and done.signal and done.days:
            shortest[done.signal] = done.days
        if kind is Kind.OVERRIDE and done.until and done.days:
            overrides.append((at, done.until, done.days))

    for signal in Signal:
        if not rules.may_delete(Piece(signal, first, last, received), now):
            continue
        age = now - max(last, received)
        if signal is Signal.GOVERNANCE and age <= FLOOR_DAYS * DAY:
            signed = [d for since, until, d in overrides if since <= now < until]
            assert signed
            assert age > min(signed) * DAY
        elif signal is not Signal.GOVERNANCE:
            assert age > shortest[signal] * DAY
        assert all(last < since or first >= until for since, until in standing.values())
