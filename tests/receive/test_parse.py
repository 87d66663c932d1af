"""Parsing: both encodings say the same, and nonsense is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.limits import Malformed
from collector.receive.parse import _object, parse

TRACE_HEX = "5b8efff798038103d269b633813fc60c"
SPAN_HEX = "eee19b7ec3c1b174"

_PLACES = ("request", "resource", "span", "attribute", "value", "link")


def document(**fields: Any) -> bytes:
    span = {"traceId": TRACE_HEX, "spanId": SPAN_HEX, "name": "execute_tool"} | fields
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def parsed(body: bytes) -> Any:
    request = parse(Signal.TRACES, "json", body)
    assert isinstance(request, ExportTraceServiceRequest)
    return request.resource_spans[0].scope_spans[0].spans[0]


def test_ids_are_hex_in_either_case() -> None:
    span = parsed(document(traceId=TRACE_HEX.upper(), parentSpanId=SPAN_HEX))

    assert span.trace_id.hex() == TRACE_HEX
    assert span.span_id.hex() == SPAN_HEX
    assert span.parent_span_id.hex() == SPAN_HEX


def test_ids_of_links_are_hex_too() -> None:
    span = parsed(document(links=[{"traceId": TRACE_HEX, "spanId": SPAN_HEX}]))

    assert span.links[0].trace_id.hex() == TRACE_HEX


def test_snake_case_keys_are_read() -> None:
    span = {"trace_id": TRACE_HEX, "span_id": SPAN_HEX, "start_time_unix_nano": "7"}
    body = json.dumps({"resource_spans": [{"scope_spans": [{"spans": [span]}]}]}).encode()

    assert parsed(body).trace_id.hex() == TRACE_HEX
    assert parsed(body).start_time_unix_nano == 7


@pytest.mark.parametrize("kind", [3, "SPAN_KIND_CLIENT"])
def test_enums_are_numbers_or_names(kind: int | str) -> None:
    assert parsed(document(kind=kind)).kind == 3


@pytest.mark.parametrize("number", [12, "12"])
def test_large_integers_are_numbers_or_text(number: int | str) -> None:
    span = parsed(document(attributes=[{"key": "tokens", "value": {"intValue": number}}]))

    assert span.attributes[0].value.int_value == 12


def test_unknown_fields_are_ignored() -> None:
    assert parsed(document(fromTheFuture={"traceId": "00"})).name == "execute_tool"


@pytest.mark.parametrize(
    "unknown", [{"traceId": "not hex", "kind": "NOT_A_KIND"}, [[[[7]]]], None, 1e300]
)
@pytest.mark.parametrize("place", ["request", "resource", "span", "attribute", "value", "link"])
def test_unknown_fields_are_ignored_wherever_they_stand(place: str, unknown: Any) -> None:
    future = {"fromTheFuture": unknown}
    extra = {name: future if name == place else {} for name in _PLACES}
    value = {"stringValue": "refund"} | extra["value"]
    span = {
        "traceId": TRACE_HEX,
        "spanId": SPAN_HEX,
        "attributes": [{"key": "tool", "value": value} | extra["attribute"]],
        "links": [{"traceId": TRACE_HEX, "spanId": SPAN_HEX} | extra["link"]],
    } | extra["span"]
    spans = {"resource": extra["resource"], "scopeSpans": [{"spans": [span]}]}

    read = parsed(json.dumps({"resourceSpans": [spans]} | extra["request"]).encode())

    assert read.attributes[0].value.string_value == "refund"
    assert read.links[0].span_id.hex() == SPAN_HEX


def test_an_unknown_field_may_be_nested_deeper_than_any_message() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    body = document().replace(b'"name"', b'"fromTheFuture": ' + deep + b', "name"')

    assert parsed(body).name == "execute_tool"


def test_a_null_is_a_field_that_is_not_there() -> None:
    span = parsed(document(parentSpanId=None, attributes=None, kind=None, status=None))

    assert (span.parent_span_id, span.kind, len(span.attributes)) == (b"", 0, 0)
    assert not span.HasField("status")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_doubles_beyond_the_numbers_of_json_are_text(text: str) -> None:
    span = parsed(document(attributes=[{"key": "score", "value": {"doubleValue": text}}]))

    assert repr(span.attributes[0].value.double_value) == repr(float(text))


def test_a_number_of_an_enum_from_the_future_is_kept() -> None:
    assert parsed(document(kind=77)).kind == 77


def test_a_name_that_no_enum_has_is_refused() -> None:
    with pytest.raises(Malformed, match="expected kind as a number of SpanKind"):
        parsed(document(kind="SPAN_KIND_ORACLE"))


@pytest.mark.parametrize("odd", ["5b8", "5b 8e", "xyz", 7, ["00"]])
def test_an_id_that_is_not_hex_is_refused(odd: Any) -> None:
    with pytest.raises(Malformed, match="expected spanId in hex digits"):
        parsed(document(spanId=odd))


@pytest.mark.parametrize(
    "twice",
    [
        b'{"resourceSpans": [], "resourceSpans": [{"scopeSpans": []}]}',
        b'{"resourceSpans": [], "resource_spans": [{"scopeSpans": []}]}',
    ],
)
def test_a_field_that_comes_twice_is_refused(twice: bytes) -> None:
    with pytest.raises(Malformed):
        parse(Signal.TRACES, "json", twice)


def test_an_attribute_named_like_an_id_keeps_its_text() -> None:
    span = parsed(document(attributes=[{"key": "traceId", "value": {"stringValue": "xyz"}}]))

    assert span.attributes[0].value.string_value == "xyz"


def test_ids_in_base64_are_refused_with_the_reason() -> None:
    with pytest.raises(Malformed, match="expected traceId in hex digits"):
        parsed(document(traceId="W47/95gDgQPSabYzgT/GDA=="))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"resourceSpans": 7}',
        b'{"resourceSpans": [7]}',
        b'{"resourceSpans": {"a": 1}}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": 1e400}]}]}]}',
        b"\xff\xfe\xfd",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"resourceSpans": [{"resource": {"attributes": [{"value": '
        + b'{"arrayValue": {"values": [' * 300
        + b"]}}" * 300
        + b"}]}}]}",
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [null]}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "1.5"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"flags": NaN}]}]}]}',
    ],
)
def test_what_is_not_otlp_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(Signal.TRACES, "json", body)


def test_protobuf_nested_without_end_is_malformed() -> None:
    value = b""
    for _ in range(300):
        value = b"\x2a" + _length(b"\x0a" + _length(value))
    attribute = b"\x12" + _length(value)
    resource = b"\x0a" + _length(b"\x0a" + _length(attribute))

    with pytest.raises(Malformed, match="ExportTraceServiceRequest"):
        parse(Signal.TRACES, "protobuf", b"\x0a" + _length(resource))


def _length(body: bytes) -> bytes:
    size, digits = len(body), bytearray()
    while size > 127:
        digits.append(size & 127 | 128)
        size >>= 7
    return bytes(digits) + bytes([size]) + body


_KEYS = [
    "resourceSpans",
    "scopeSpans",
    "spans",
    "traceId",
    "kind",
    "attributes",
    "key",
    "value",
    "arrayValue",
    "values",
    "intValue",
    "bytesValue",
    "status",
    "code",
    "resource",
    "startTimeUnixNano",
    "flags",
    "doubleValue",
    "resourceMetrics",
    "scopeMetrics",
    "metrics",
    "gauge",
    "sum",
    "dataPoints",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "body",
    "severityNumber",
    "asInt",
    "asDouble",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.sampled_from(Signal), json_values)
@settings(deadline=None, max_examples=200)
def test_any_json_is_read_or_refused(signal: Signal, value: Any) -> None:
    _read_or_refuse(signal, "json", json.dumps(value).encode())


@given(st.sampled_from(Signal), st.sampled_from(["json", "protobuf"]), st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_read_or_refused(signal: Signal, encoding: Any, body: bytes) -> None:
    _read_or_refuse(signal, encoding, body)


def _read_or_refuse(signal: Signal, encoding: Any, body: bytes) -> None:
    try:
        parse(signal, encoding, body)
    except Malformed as error:
        assert "expected" in str(error) or "nested" in str(error)


class CountedName(str):
    """A name that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedName.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_many_names_and_one_of_them_twice_are_refused_in_one_look_each() -> None:
    names = [CountedName(number) for number in range(2_000)]
    CountedName.compared = 0

    with pytest.raises(Malformed, match="each name once"):
        _object([(name, None) for name in [*names, CountedName(1_999)]])

    assert CountedName.compared < 20_000


def test_a_name_with_half_a_surrogate_pair_is_malformed_or_left_out() -> None:
    body = b'{"\\ud800": 1, "resourceSpans": []}'

    try:
        parse(Signal.TRACES, "json", body)
    except Malformed as error:
        assert "expected OTLP/JSON" in str(error)
