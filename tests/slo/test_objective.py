"""Calendar windows against a slow walk along the local clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slo.duration import Duration
from collector.slo.objective import CalendarWindow

BERLIN = ZoneInfo("Europe/Berlin")
moments = st.datetimes(datetime(2026, 1, 2), datetime(2029, 1, 1), timezones=st.just(UTC))
steps = st.sampled_from(["1d", "7d", "1w", "2w", "1M", "1Q", "1Y"])


def window(step: str, start: datetime = datetime(2026, 1, 1)) -> CalendarWindow:
    return CalendarWindow(start, BERLIN, Duration.parse(step))


def slow_bounds(step: Duration, moment: datetime) -> tuple[datetime, datetime]:
    """Walk from the start, one local step at a time."""
    local = datetime(2026, 1, 1)
    while True:
        following = local
        if step.months:
            for _ in range(step.months):
                following = (following + timedelta(days=31)).replace(day=1)
        else:
            following += step.length or timedelta(0)
        since, until = (each.replace(tzinfo=BERLIN).astimezone(UTC) for each in (local, following))
        if since <= moment < until:
            return since, until
        local = following


@given(step=steps, moment=moments)
def test_a_period_is_the_one_a_calendar_shows(step: str, moment: datetime) -> None:
    assert window(step).bounds(moment) == slow_bounds(Duration.parse(step), moment)


def test_a_day_on_which_the_clock_changes_has_23_or_25_hours() -> None:
    spring = window("1d").bounds(datetime(2026, 3, 29, 12, tzinfo=UTC))
    autumn = window("1d").bounds(datetime(2026, 10, 25, 12, tzinfo=UTC))

    assert spring[1] - spring[0] == timedelta(hours=23)
    assert autumn[1] - autumn[0] == timedelta(hours=25)


def test_before_the_first_period_it_has_not_begun() -> None:
    since, _ = window("1M").bounds(datetime(2025, 6, 1, tzinfo=UTC))

    assert since == datetime(2025, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("step", "start"), [("1h", datetime(2026, 1, 1)), ("1M", datetime(2026, 1, 31))]
)
def test_periods_that_the_calendar_cannot_keep_are_refused(step: str, start: datetime) -> None:
    with pytest.raises(ValueError, match=r"calendar window steps by|start on day 1 to 28"):
        window(step, start)
