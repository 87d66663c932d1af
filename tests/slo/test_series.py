"""Sums over stretches of time against adding one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.slo.budget import Counts
from collector.slo.series import Series

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
moments = st.integers(-50, 50).map(lambda minutes: START + timedelta(minutes=minutes))
counts = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
    lambda pair: Counts(pair[0], pair[0] + pair[1])
)


@given(buckets=st.lists(st.tuples(moments, counts)), since=moments, until=moments)
def test_a_stretch_is_the_sum_of_the_buckets_that_start_in_it(
    buckets: list[tuple[datetime, Counts]], since: datetime, until: datetime
) -> None:
    inside = [each for start, each in buckets if since <= start < until]

    summed = Series((at, each.good, each.total) for at, each in buckets).between(since, until)

    assert summed.good == sum(each.good for each in inside)
    assert summed.total == sum(each.total for each in inside)


def test_nothing_has_no_first_bucket() -> None:
    assert Series([]).first is None
