"""Completeness: what is missing is said, whatever the order; what is unknown is not guessed."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.completeness import (
    GONE,
    REMEDIES,
    TOLERANCE,
    Clock,
    Drop,
    Presence,
    Rhythm,
    bucket_of,
    clock_of,
    counted_drop,
    lag_ms_of,
    presence_of,
    ranges,
)
from collector.receive.check import Reason

MINUTE = timedelta(minutes=1)
numbers = st.lists(st.integers(1, 60))


def test_numbers_that_follow_each_other_are_one_range() -> None:
    assert ranges([3, 1, 2]) == [(1, 3)]


def test_one_number_that_never_came_splits_the_range() -> None:
    assert ranges([1, 2, 4]) == [(1, 2), (4, 4)]


@given(came=numbers)
def test_ranges_hold_the_numbers_that_came_and_no_others(came: list[int]) -> None:
    covered = [number for low, high in ranges(came) for number in range(low, high + 1)]

    assert covered == sorted(set(came))


@given(came=numbers)
def test_ranges_never_touch(came: list[int]) -> None:
    found = ranges(came)

    assert all(low > high + 1 for (_, high), (low, _) in pairwise(found))


def test_a_sender_that_beats_every_minute_may_be_late_but_not_miss_two_beats() -> None:
    rhythm = Rhythm.of([MINUTE] * 20)

    assert presence_of(rhythm, MINUTE * 2) is Presence.REPORTING
    assert presence_of(rhythm, MINUTE * 2.6) is Presence.SILENT


def test_a_sender_that_is_silent_for_a_day_is_gone() -> None:
    assert presence_of(Rhythm.of([MINUTE] * 20), GONE + MINUTE) is Presence.GONE


def test_the_end_of_a_burst_is_no_silence() -> None:
    loading = Rhythm.of([timedelta(milliseconds=30)] * 100)

    assert presence_of(loading, MINUTE) is Presence.NOT_MEASURED


def test_one_long_silence_does_not_change_what_is_expected() -> None:
    steady, disturbed = Rhythm.of([MINUTE] * 20), Rhythm.of([*[MINUTE] * 19, MINUTE * 600])

    assert disturbed.longest == steady.longest


def test_an_irregular_sender_is_not_measured() -> None:
    rhythm = Rhythm.of([timedelta(seconds=2**at) for at in range(12)])

    assert rhythm.longest is None
    assert presence_of(rhythm, GONE * 2) is Presence.NOT_MEASURED


def test_too_few_intervals_are_not_measured() -> None:
    assert presence_of(Rhythm.of([MINUTE] * 7), MINUTE * 100) is Presence.NOT_MEASURED
    assert presence_of(Rhythm.of([]), MINUTE) is Presence.NOT_MEASURED


@given(
    intervals=st.lists(st.floats(55, 65), min_size=8, max_size=40),
    at=st.randoms(use_true_random=False),
)
def test_the_rhythm_does_not_depend_on_the_order_of_intervals(
    intervals: list[float], at: Random
) -> None:
    one = [timedelta(seconds=interval) for interval in intervals]
    other = list(one)
    at.shuffle(other)

    assert Rhythm.of(one) == Rhythm.of(other)


def test_a_record_that_arrives_before_it_was_made_tells_of_a_clock_that_is_ahead() -> None:
    assert clock_of(timedelta(seconds=-90), 1) is Clock.AHEAD


def test_a_few_milliseconds_are_no_wrong_clock() -> None:
    assert clock_of(timedelta(milliseconds=-20), 100) is Clock.AGREES


def test_a_sender_all_of_whose_requests_are_late_is_late() -> None:
    assert clock_of(timedelta(minutes=5), 8) is Clock.LATE


def test_one_late_request_says_nothing_of_the_clock() -> None:
    assert clock_of(timedelta(minutes=5), 1) is Clock.NOT_MEASURED
    assert clock_of(None, 100) is Clock.NOT_MEASURED


@given(
    offset_s=st.integers(-600, 600),
    waits_s=st.lists(st.integers(0, 3600), min_size=8, max_size=50),
    first_wait_ms=st.integers(0, 900),
)
def test_batches_that_wait_never_make_a_clock_look_ahead(
    offset_s: int, waits_s: list[int], first_wait_ms: int
) -> None:
    """A clock that is `offset_s` ahead, one batch sent at once, the others after a while."""
    offset = timedelta(seconds=offset_s)
    lags = [timedelta(milliseconds=first_wait_ms), *(timedelta(seconds=wait) for wait in waits_s)]
    told = clock_of(min(lags) - offset, len(lags))

    assert (told is Clock.AHEAD) == (offset - min(lags) > TOLERANCE)


@given(lag_ms=st.floats(-1e12, 1e12))
def test_a_bucket_tells_a_lag_to_an_eighth_and_a_millisecond(lag_ms: float) -> None:
    told = lag_ms_of(bucket_of(lag_ms))

    assert math.isclose(told, lag_ms, rel_tol=0.125, abs_tol=1.0)


@given(one=st.floats(-1e9, 1e9), other=st.floats(-1e9, 1e9))
def test_a_longer_lag_is_never_in_a_lower_bucket(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert bucket_of(low) <= bucket_of(high)


@pytest.mark.parametrize(
    ("name", "attributes", "drop"),
    [
        (
            "otel.sdk.processor.span.processed",
            {"error.type": "queue_full"},
            Drop("traces", "queue_full"),
        ),
        ("otel.sdk.processor.log.processed", {}, Drop("logs", None)),
        (
            "otel.sdk.exporter.metric_data_point.exported",
            {"error.type": "rejected"},
            Drop("metrics", "rejected"),
        ),
        ("processedSpans", {"dropped": True}, Drop("traces", "queue_full")),
        ("processedLogs", {"dropped": "false"}, Drop("logs", None)),
        (
            "otlp.exporter.exported",
            {"type": "span", "success": False},
            Drop("traces", "export_failed"),
        ),
        ("otlp.exporter.exported", {"type": "profile", "success": False}, None),
        ("otelcol_exporter_send_failed_spans", {}, Drop("traces", "send_failed")),
        ("otelcol_exporter_enqueue_failed_log_records_total", {}, Drop("logs", "queue_full")),
        ("otelcol_receiver_refused_spans", {}, None),
        ("http.server.request.duration", {"error.type": "500"}, None),
    ],
)
def test_a_drop_counter_says_what_was_lost_and_why(
    name: str, attributes: dict[str, object], drop: Drop | None
) -> None:
    assert counted_drop(name, attributes) == drop


def test_every_reason_for_a_refusal_comes_with_what_to_do() -> None:
    reasons = {
        *(reason.value for reason in Reason),
        "undecodable",
        "not_storable",
        "damaged_in_log",
    }

    assert reasons == set(REMEDIES)
