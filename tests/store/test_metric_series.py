"""Metric series: what a counter came to, checked against a slow reading of the data model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Sum

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from tests.store.test_applier import MemoryLog

SECOND = 1_000_000_000
NOON_NS = 1_768_478_400_000_000_000
DELTA, CUMULATIVE = 1, 2


@dataclass(frozen=True)
class Point:
    """One point: when its counter began and when it was read, in seconds, and what it said."""

    start: int
    at: int
    value: int


def request(
    points: Sequence[Point],
    *,
    temporality: int = CUMULATIVE,
    monotonic: bool = True,
    labels: Sequence[str] = ("agent", "tool"),
) -> bytes:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="decisions")
    metric.sum.CopyFrom(Sum(aggregation_temporality=temporality, is_monotonic=monotonic))
    for point in points:
        metric.sum.data_points.add(
            start_time_unix_nano=NOON_NS + point.start * SECOND,
            time_unix_nano=NOON_NS + point.at * SECOND,
            as_int=point.value,
            attributes=[KeyValue(key=key, value=AnyValue(string_value=key)) for key in labels],
        )
    return message.SerializeToString()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


def series(store: Store, *bodies: bytes) -> list[dict[str, Any]]:
    """The series after these requests, each applied on its own."""
    log = MemoryLog(at_once=1)
    for body in bodies:
        log.append(Signal.METRICS, body)
    applier = Applier(store, log, Decoder())
    while applier.position < len(log.records):
        applier.step()
    rows: list[dict[str, Any]] = (
        store.cursor().sql("select * from metric_series").to_arrow_table().to_pylist()
    )
    return rows


def test_a_counter_is_what_it_said_last(store: Store) -> None:
    [row] = series(store, request([Point(0, 1, 3)]), request([Point(0, 2, 7)]))

    assert (row["last_value"], row["total"], row["stretches"], row["points"]) == (7, 7, 1, 2)
    assert (row["temporality"], row["start_ns"]) == ("cumulative", NOON_NS)


def test_a_flush_before_the_shutdown_doubles_nothing(store: Store) -> None:
    again = request([Point(0, 2, 7)])

    [row] = series(store, request([Point(0, 1, 7)]), again, again, request([Point(0, 3, 7)]))

    assert (row["total"], row["points"]) == (7, 3)


@pytest.mark.parametrize("restarted", [Point(5, 6, 2), Point(0, 6, 2)])
def test_a_new_start_or_a_fall_begins_a_new_stretch(store: Store, restarted: Point) -> None:
    [row] = series(store, request([Point(0, 4, 10), restarted]))

    assert (row["last_value"], row["total"], row["stretches"]) == (2, 12, 2)


def test_two_starts_that_take_turns_are_two_counters(store: Store) -> None:
    [row] = series(store, request([Point(0, 2, 10), Point(1, 3, 1), Point(0, 4, 12)]))

    assert row["total"] == 13


def test_deltas_are_added(store: Store) -> None:
    body = request([Point(0, 1, 3), Point(1, 2, 4)], temporality=DELTA)

    [row] = series(store, body, body)

    assert (row["last_value"], row["total"], row["stretches"]) == (4, 7, None)


def test_a_sum_that_may_fall_is_what_it_said_last(store: Store) -> None:
    [row] = series(store, request([Point(0, 1, 9), Point(0, 2, 4)], monotonic=False))

    assert (row["total"], row["stretches"]) == (4, 1)


def test_the_order_of_attributes_makes_no_other_series(store: Store) -> None:
    [row] = series(
        store,
        request([Point(0, 1, 3)], labels=("agent", "tool")),
        request([Point(0, 2, 7)], labels=("tool", "agent")),
    )

    assert row["total"] == 7


def test_other_attributes_make_another_series(store: Store) -> None:
    rows = series(
        store,
        request([Point(0, 1, 3)], labels=("agent",)),
        request([Point(0, 2, 7)], labels=()),
    )

    assert sorted(row["total"] for row in rows) == [3, 7]


def test_a_gauge_has_a_last_value_and_no_total(store: Store) -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="load")
    for at, value in ((2, 0.5), (1, 0.9)):
        metric.gauge.data_points.add(time_unix_nano=NOON_NS + at * SECOND, as_double=value)

    [row] = series(store, message.SerializeToString())

    assert (row["last_value"], row["total"], row["stretches"]) == (0.5, None, None)


def test_a_histogram_counts_over_its_resets(store: Store) -> None:
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="seconds")
    metric.histogram.aggregation_temporality = CUMULATIVE
    for start, at, count, amount in ((0, 1, 4, 2.0), (0, 2, 6, 3.0), (5, 6, 1, 0.5)):
        metric.histogram.data_points.add(
            start_time_unix_nano=NOON_NS + start * SECOND,
            time_unix_nano=NOON_NS + at * SECOND,
            count=count,
            sum=amount,
        )

    [row] = series(store, message.SerializeToString())

    assert (row["last_count"], row["total_count"], row["total_sum"]) == (1, 7, 3.5)


def test_a_point_that_says_nothing_was_recorded_changes_nothing(store: Store) -> None:
    message = ExportMetricsServiceRequest.FromString(request([Point(0, 1, 3)]))
    points = message.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
    silent = points.add()
    silent.CopyFrom(points[0])
    silent.ClearField("as_int")
    silent.flags, silent.time_unix_nano = 1, NOON_NS + 9 * SECOND

    [row] = series(store, message.SerializeToString())

    assert (row["last_value"], row["total"]) == (3, 3)


def slow_total(points: Sequence[Point]) -> int:
    """Walk each start's readings in time; add what had been counted whenever a reading falls."""
    by_start: dict[int, list[Point]] = defaultdict(list)
    for point in sorted(points, key=lambda one: (one.at, one.value)):
        by_start[point.start].append(point)
    total = 0
    for readings in by_start.values():
        before = 0
        for reading in readings:
            if reading.value < before:
                total += before
            before = reading.value
        total += before
    return total


points = st.builds(Point, st.integers(1, 4), st.integers(5, 15), st.integers(0, 20))


@given(
    told=st.lists(points, min_size=1, max_size=12, unique_by=lambda one: (one.start, one.at)),
    again=st.lists(st.integers(0, 11), max_size=4),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_and_any_repetition_give_the_total_of_the_data_model(
    tmp_path_factory: pytest.TempPathFactory, told: list[Point], again: list[int]
) -> None:
    bodies = [request([point]) for point in told]
    bodies += [bodies[at % len(bodies)] for at in again]

    with Store(tmp_path_factory.mktemp("series") / "evidence.duckdb") as store:
        [row] = series(store, *bodies)

    last = max(told, key=lambda one: (one.at, told.index(one)))
    assert row["total"] == slow_total(told)
    assert row["last_value"] == last.value
    assert row["points"] == len(told)
