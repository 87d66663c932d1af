"""What is too long is cut, marked and counted, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from planting import every_place, planted

from collector.receive.caps import MARK, Caps

SMALL = Caps(value_bytes=100, body_bytes=1000, attributes=50)


def one_span() -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    return request, request.resource_spans.add().scope_spans.add().spans.add()


def marks(message: Any) -> list[str]:
    pairs = [pair for pair in message.attributes if pair.key == MARK]
    return [one.string_value for pair in pairs for one in pair.value.array_value.values]


def test_a_long_value_is_cut_with_the_number_of_bytes_that_went() -> None:
    request, span = one_span()
    span.attributes.add(key="long").value.string_value = "x" * 250
    span.attributes.add(key="short").value.string_value = "x" * 100

    assert SMALL.apply(request)
    assert span.attributes[0].value.string_value == "x" * 100 + "…[truncated 150 bytes]"
    assert span.attributes[1].value.string_value == "x" * 100
    assert marks(span) == ["long"]


def test_a_body_may_be_longer_than_a_value_and_is_marked_on_its_record() -> None:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add().log_records
    logs.add().body.string_value = "x" * 1000
    logs.add().body.kvlist_value.values.add(key="k").value.string_value = "x" * 1001

    SMALL.apply(request)

    assert logs[0].body.string_value == "x" * 1000 and marks(logs[0]) == []
    assert "truncated 1 bytes" in logs[1].body.kvlist_value.values[0].value.string_value
    assert marks(logs[1]) == ["body"]


def test_the_mark_stands_on_the_nearest_thing_that_has_attributes() -> None:
    request, span = one_span()
    event = span.events.add(name="e" * 101)
    span.status.message = "s" * 101
    nested = span.attributes.add(key="list").value.array_value.values
    nested.add(bytes_value=b"b" * 101)

    SMALL.apply(request)

    assert marks(event) == ["name"]
    assert sorted(marks(span)) == ["list", "message"]
    assert nested[0].bytes_value == b"b" * 100


def test_attributes_too_many_are_dropped_and_counted() -> None:
    request, span = one_span()
    span.dropped_attributes_count = 3
    for at in range(60):
        span.attributes.add(key=f"k{at}").value.int_value = at

    assert SMALL.apply(request)
    assert len(span.attributes) == 50 and span.dropped_attributes_count == 13


@given(st.text(min_size=20, max_size=200))
def test_no_character_is_cut_in_half_and_the_count_is_right(text: str) -> None:
    request, span = one_span()
    span.attributes.add(key="k").value.string_value = text
    Caps(20, 20, 50).apply(request)

    kept = span.attributes[0].value.string_value
    if len(text.encode()) <= 20:
        assert kept == text
    else:
        begin, _, rest = kept.rpartition("…[truncated ")
        assert text.startswith(begin) and 16 < len(begin.encode()) <= 20
        assert int(rest.split()[0]) == len(text.encode()) - len(begin.encode())


@pytest.mark.parametrize(("signal", "path"), every_place()[::7], ids=str)
def test_every_place_that_can_be_long_is_seen_at_a_glance_and_cut(
    signal: str, path: tuple[str, ...]
) -> None:
    request = planted(signal, path, "x" * 2000)
    body = request.SerializeToString()

    assert SMALL.may_exceed(body) and SMALL.apply(request)
    assert len(request.SerializeToString()) < 1400


@given(st.lists(st.text(max_size=30), max_size=40))
def test_what_is_under_every_cap_is_not_touched(values: list[str]) -> None:
    request, span = one_span()
    for at, value in enumerate(values):
        span.attributes.add(key=str(at)).value.string_value = value
    before = request.SerializeToString()

    assert not Caps(150, 150, 50).apply(request)
    assert request.SerializeToString() == before


def test_events_and_links_too_many_are_dropped_and_counted_even_empty_ones() -> None:
    request, span = one_span()
    for _ in range(12):
        span.events.add()
        span.links.add()
    few = Caps(events=10)

    assert few.may_exceed(request.SerializeToString()) and few.apply(request)
    assert (len(span.events), span.dropped_events_count) == (10, 2)
    assert (len(span.links), span.dropped_links_count) == (10, 2)
