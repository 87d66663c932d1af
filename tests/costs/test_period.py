"""Calendar periods in time zones: every moment lies in exactly one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.costs.period import Period, Rolling, period_of, zone_of

NOW = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
# Offsets of half and quarter hours, clocks that skip midnight or show it twice, and a lost day.
ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu"),
    *("America/St_Johns", "America/Goose_Bay", "America/Havana", "America/Sao_Paulo"),
    *("Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Asia/Beirut", "Africa/Cairo"),
]
moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
calendars = st.sampled_from(Period)
zones = st.sampled_from(ZONES).map(ZoneInfo)


@pytest.mark.parametrize(
    ("period", "begins", "ends"),
    [
        (Period.DAY, datetime(2026, 1, 15), datetime(2026, 1, 16)),
        (Period.WEEK, datetime(2026, 1, 12), datetime(2026, 1, 19)),
        (Period.MONTH, datetime(2026, 1, 1), datetime(2026, 2, 1)),
        (Rolling(30), datetime(2025, 12, 16, 12), datetime(2026, 1, 15, 13)),
    ],
)
def test_a_period_has_its_begin_and_end(
    period: Period | Rolling, begins: datetime, ends: datetime
) -> None:
    assert period_of(period, NOW) == (begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "now", "begins", "hours"),
    [
        # Clocks go forward, then back.
        ("Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z", 23),
        ("Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z", 25),
        ("Asia/Kolkata", "2026-01-15T12:00Z", "2026-01-14T18:30Z", 24),
        # Midnight is skipped: the day begins at one o'clock.
        ("Asia/Beirut", "2026-03-29T12:00Z", "2026-03-28T22:00Z", 23),
        # Midnight is twice: the day begins with the first.
        ("America/Havana", "2026-11-01T12:00Z", "2026-11-01T04:00Z", 25),
    ],
)
def test_a_day_begins_where_its_people_say_so(zone: str, now: str, begins: str, hours: int) -> None:
    begin = datetime.fromisoformat(begins)

    assert period_of(Period.DAY, datetime.fromisoformat(now), ZoneInfo(zone)) == (
        begin,
        begin + timedelta(hours=hours),
    )


@given(calendars, moments, zones)
def test_every_moment_lies_in_its_period_and_the_next_one_begins_where_it_ends(
    period: Period, now: datetime, zone: ZoneInfo
) -> None:
    begins, ends = period_of(period, now, zone)

    assert begins <= now < ends
    assert period_of(period, ends, zone)[0] == ends
    assert period_of(period, begins, zone) == (begins, ends)
    assert period_of(period, ends - timedelta(microseconds=1), zone) == (begins, ends)


@given(calendars, moments, zones, st.integers(0, 3600 * 24 * 40))
def test_moments_share_a_period_exactly_when_they_share_its_first_day(
    period: Period, now: datetime, zone: ZoneInfo, later_s: int
) -> None:
    begins, ends = period_of(period, now, zone)
    later = now + timedelta(seconds=later_s)

    assert (period_of(period, later, zone) == (begins, ends)) == (later < ends)


@given(st.integers(1, 366), moments)
def test_a_rolling_period_is_so_many_days_and_the_hour_under_way(days: int, now: datetime) -> None:
    begins, ends = period_of(Rolling(days), now)

    assert ends - begins == timedelta(days=days, hours=1)
    assert ends - timedelta(hours=1) <= now < ends
    assert begins.minute == begins.second == begins.microsecond == 0


@pytest.mark.parametrize("name", ["Mars/Base", "", "../UTC", "/etc/passwd", "Europe", "a\0b"])
def test_a_time_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="such as Europe/Berlin"):
        zone_of(name)
