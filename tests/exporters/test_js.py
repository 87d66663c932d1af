"""The official exporters of OpenTelemetry JS, unmodified, against a real collector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PROTOCOLS = ("grpc", "proto", "json")
COMPRESSIONS = ("none", "gzip")


def _url(collector: Any, protocol: str, signal: str) -> str:
    return f"http://{collector.grpc}" if protocol == "grpc" else f"{collector.http}/v1/{signal}"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_spans_of_js_are_stored(
    collector: Any, send_from_js: Callable[..., str], protocol: str, compression: str
) -> None:
    told = send_from_js(protocol, "traces", _url(collector, protocol, "traces"), "20", compression)

    sent = f"from spans where service_name = 'js-{protocol}-{compression}'"
    assert sorted(collector.column(f"select name {sent}")) == sorted(
        f"{protocol}-{n}" for n in range(20)
    )
    [row] = collector.rows(
        "select min(length(trace_id)) as shortest, max(length(trace_id)) as longest, "
        "min((attributes->>'large')::bigint) as large, "
        "min((attributes->>'share')::double) as share, "
        f"min(json_array_length(events)) as events {sent}"
    )
    assert row == {"shortest": 32, "longest": 32, "large": 2**53 - 1, "share": 0.5, "events": 1}
    assert "artial" not in told


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_log_records_of_js_are_stored(
    collector: Any, send_from_js: Callable[..., str], protocol: str
) -> None:
    send_from_js(protocol, "logs", _url(collector, protocol, "logs"), "20", "gzip")

    rows = collector.rows(
        "select body->>'$' as body, event_name, severity_number from logs "
        f"where service_name = 'js-{protocol}-gzip'"
    )
    assert {row["body"] for row in rows} == {f"{protocol}-{n}" for n in range(20)}
    assert {(row["event_name"], row["severity_number"]) for row in rows} == {("decided", 9)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_metrics_of_js_are_stored(
    collector: Any, send_from_js: Callable[..., str], protocol: str
) -> None:
    send_from_js(protocol, "metrics", _url(collector, protocol, "metrics"), "20", "gzip")

    points = f"from metric_points where service_name = 'js-{protocol}-gzip'"
    assert collector.rows(
        f"select sum(value) as total, any_value(temporality) as temporality {points} "
        f"and name = '{protocol}.decisions' and time_ns = "
        f"(select max(time_ns) {points} and name = '{protocol}.decisions')"
    ) == [{"total": 20.0, "temporality": "cumulative"}]
    assert collector.column(f"select max(count) {points} and name = '{protocol}.seconds'") == [20]


@pytest.mark.parametrize("protocol", ("proto", "json"))
def test_js_waits_when_told_to_and_loses_nothing(
    collector_with_rate: Callable[[str], Any], send_from_js: Callable[..., str], protocol: str
) -> None:
    with collector_with_rate("100000") as collector:
        told = send_from_js(protocol, "traces", _url(collector, protocol, "traces"), "1500", "none")

        assert "Scheduling export retry" in told
        assert collector.column("select count(distinct name) from spans") == [1500]
        assert collector.column("select count(*) from spans") == [1500]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_js_tells_its_user_what_was_refused(
    collector: Any, send_from_js: Callable[..., str], protocol: str
) -> None:
    url = _url(collector, protocol, "traces")

    told = send_from_js(protocol, "traces", url, "2", "none", "late")

    assert "artial" in told
    assert "time_out_of_range" in told
