"""Decoding: every OTLP field finds a place, and no record can stop another."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.model import Signal
from collector.receive.decode import Decoder, decode
from collector.receive.rows import MOST_TOLD
from collector.receive.values import attributes_of, json_text, plain
from collector.store.batch import SCHEMAS, Batch
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000
REQUESTS: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}


def record(request: Message | bytes, sequence: int = 1, signal: Signal = Signal.TRACES) -> Record:
    body = request if isinstance(request, bytes) else request.SerializeToString()
    return Record(sequence, signal, "protobuf", "gateway", NOON_NS, body)


def trace_request(*spans: Span) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return request


def span(number: int = 1, **fields: Any) -> Span:
    told: dict[str, Any] = {
        "trace_id": bytes(15) + b"\x01",
        "span_id": number.to_bytes(8, "big"),
        "name": f"step {number}",
        "start_time_unix_nano": NOON_NS + number,
        "end_time_unix_nano": NOON_NS + number + 1_500,
    }
    return Span(**(told | fields))


def rows(batch: Batch, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch.tables[table].to_pylist()
    return found


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def test_a_span_becomes_a_row() -> None:
    sent = span(parent_span_id=b"parent__", kind=3, attributes=[text("colour", "green")])
    sent.status.code, sent.status.message = Status.STATUS_CODE_ERROR, "no luck"

    [row] = rows(decode([record(trace_request(sent))]), "span")

    assert row["trace_id"] == sent.trace_id
    assert row["parent_span_id"] == b"parent__"
    assert row["name"] == "step 1"
    assert row["kind"] == 3
    assert (row["status_code"], row["status_message"]) == (2, "no luck")
    assert row["start_ns"] == NOON_NS + 1
    assert row["started_at"].isoformat() == "2026-01-15T12:00:00+00:00"
    assert json.loads(row["attributes"]) == {"colour": "green"}
    assert row["op"] is None


def test_what_a_span_means_is_in_its_columns() -> None:
    sent = span(
        name="execute_tool transfer",
        attributes=[
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.tool.name", "transfer"),
            text("gen_ai.agent.name", "clerk"),
        ],
    )

    [row] = rows(decode([record(trace_request(sent))]), "span")

    assert (row["op"], row["tool_name"], row["agent_name"]) == ("tool", "transfer", "clerk")


# Every field has a home


class Distinct:
    """Fills a message with values that occur nowhere else, and remembers them by field."""

    def __init__(self) -> None:
        self.counter = 1000
        self.given: list[tuple[str, Any]] = []

    def fill(self, message: Message, avoid: frozenset[str] = frozenset(), depth: int = 0) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.full_name in avoid:
                continue
            if field.type == Field.TYPE_MESSAGE:
                self._fill_child(message, field, avoid, depth)
            else:
                self._fill_scalar(message, field)

    def _fill_child(self, message: Message, field: Any, avoid: frozenset[str], depth: int) -> None:
        if field.message_type.name == "AnyValue":
            self._fill_any(getattr(message, field.name))
        elif field.is_repeated:
            self.fill(getattr(message, field.name).add(), avoid, depth + 1)
        else:
            self.fill(getattr(message, field.name), avoid, depth + 1)

    def _fill_any(self, value: AnyValue) -> None:
        self.counter += 1
        value.string_value = f"value-{self.counter}"
        self.given.append(("AnyValue.string_value", value.string_value))

    def _fill_scalar(self, message: Message, field: Any) -> None:
        value = self._value(field)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
        self.given.append((field.full_name, value))

    def _value(self, field: Any) -> Any:
        self.counter += 1
        match field.type:
            case Field.TYPE_STRING:
                return f"{field.name}-{self.counter}"
            case Field.TYPE_BYTES:
                length = 16 if "trace" in field.name else 8
                return self.counter.to_bytes(length, "big")
            case Field.TYPE_BOOL:
                return True
            case Field.TYPE_ENUM:
                return 2
            case Field.TYPE_DOUBLE | Field.TYPE_FLOAT:
                return self.counter + 0.5
            case _ if "time" in field.name:
                return NOON_NS + self.counter * 1_000
            case _:
                return self.counter


STRING_TABLE = frozenset({"opentelemetry.proto.common.v1.KeyValue.key_strindex"})
METRIC_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
METRIC = "opentelemetry.proto.metrics.v1.Metric"


def filled(signal: Signal, avoid: frozenset[str]) -> tuple[Message, list[tuple[str, Any]]]:
    distinct = Distinct()
    request = REQUESTS[signal]()
    distinct.fill(request, avoid | STRING_TABLE)
    return request, distinct.given


def leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for key, item in value.items():
                yield key
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            yield value


def everything_in(batch: Batch) -> set[Any]:
    """Every value of every evidence column, JSON opened, ids as bytes and as hex."""
    found: set[Any] = set()
    for table in ("resource", "scope", "span", "log_record", "metric_point"):
        for row in rows(batch, table):
            for name, value in row.items():
                is_json = SCHEMAS[table].field(name).type == pa.json_()
                found.update(leaves(json.loads(value) if is_json and value else value))
    return found


def missing(batch: Batch, sent: list[tuple[str, Any]]) -> list[str]:
    found = everything_in(batch)
    return [
        name
        for name, value in sent
        if (value.hex() if isinstance(value, bytes) else value) not in found and value not in found
    ]


def assert_every_field_is_found(signal: Signal) -> None:
    request, sent = filled(signal, frozenset())

    batch = decode([record(request, signal=signal)])

    assert rows(batch, "refused_record") == []
    assert missing(batch, sent) == []


def test_every_field_of_a_trace_request_has_a_home() -> None:
    assert_every_field_is_found(Signal.TRACES)


def test_every_field_of_a_log_request_has_a_home() -> None:
    assert_every_field_is_found(Signal.LOGS)


def add_the_last_bucket(request: Any) -> None:
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.histogram.data_points[0].bucket_counts.append(7)


@pytest.mark.parametrize("kind", METRIC_KINDS)
@pytest.mark.parametrize("number", ["as_int", "as_double"])
def test_every_field_of_a_metric_request_has_a_home(kind: str, number: str) -> None:
    others = {f"{METRIC}.{other}" for other in METRIC_KINDS if other != kind}
    unset = {
        f"opentelemetry.proto.metrics.v1.{message}.{field}"
        for message in ("NumberDataPoint", "Exemplar")
        for field in ("as_int", "as_double")
        if field != number
    }

    words = {2: "cumulative"}
    request, sent = filled(Signal.METRICS, frozenset(others | unset))
    if kind == "histogram":
        add_the_last_bucket(request)
    sent = [
        (name, words[value] if name.endswith("aggregation_temporality") else value)
        for name, value in sent
    ]

    batch = decode([record(request, signal=Signal.METRICS)])

    assert rows(batch, "refused_record") == []
    assert missing(batch, sent) == []


def test_the_tables_name_every_message_of_the_protocol() -> None:
    seen: set[str] = set()

    def walk(descriptor: Any) -> None:
        if descriptor.full_name in seen:
            return
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.message_type:
                walk(field.message_type)

    for request in REQUESTS.values():
        walk(request.DESCRIPTOR)

    assert {name.rsplit(".", 1)[-1] for name in seen} == {
        "AnyValue", "ArrayValue", "Buckets", "EntityRef", "Event", "Exemplar",
        "ExponentialHistogram", "ExponentialHistogramDataPoint", "ExportLogsServiceRequest",
        "ExportMetricsServiceRequest", "ExportTraceServiceRequest", "Gauge", "Histogram",
        "HistogramDataPoint", "InstrumentationScope", "KeyValue", "KeyValueList", "Link",
        "LogRecord", "Metric", "NumberDataPoint", "Resource", "ResourceLogs",
        "ResourceMetrics", "ResourceSpans", "ScopeLogs", "ScopeMetrics", "ScopeSpans", "Span",
        "Status", "Sum", "Summary", "SummaryDataPoint", "ValueAtQuantile",
    }  # fmt: skip


# Values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AnyValue(), None),
        (AnyValue(bool_value=False), False),
        (AnyValue(int_value=-(2**63)), -(2**63)),
        (AnyValue(double_value=0.25), 0.25),
        (AnyValue(double_value=math.nan), "NaN"),
        (AnyValue(double_value=-math.inf), "-Infinity"),
        (AnyValue(bytes_value=b"\x00\xff"), {"base64": "AP8="}),
        (AnyValue(string_value='"\\\n\x00é\u2028'), '"\\\n\x00é\u2028'),
        (AnyValue(string_value_strindex=7), "#7"),
    ],
)
def test_a_value_of_any_kind_survives_as_json(value: AnyValue, expected: Any) -> None:
    assert json.loads(json_text(plain(value))) == expected


def test_an_attribute_known_by_index_only_keeps_its_index() -> None:
    pair = KeyValue(key_strindex=3, value=AnyValue(int_value=1))

    assert attributes_of([pair]) == {"#3": 1}


def _array(values: list[AnyValue]) -> AnyValue:
    value = AnyValue()
    value.array_value.values.extend(values)
    return value


any_values = st.recursive(
    st.one_of(
        st.builds(AnyValue, string_value=st.text()),
        st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bytes_value=st.binary()),
        st.just(AnyValue()),
    ),
    lambda inner: st.lists(inner, max_size=4).map(_array),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), any_values, max_size=5))
def test_attributes_are_always_json_and_read_as_the_plain_values(
    attributes: dict[str, AnyValue],
) -> None:
    pairs = [KeyValue(key=key, value=value) for key, value in attributes.items()]

    [row] = rows(decode([record(trace_request(span(attributes=pairs)))]), "span")

    assert json.loads(row["attributes"]) == attributes_of(pairs)


# Clocks


def test_a_time_of_zero_and_the_latest_time_are_kept() -> None:
    early = span(1, start_time_unix_nano=0, end_time_unix_nano=0)
    late = span(2, start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63 - 1)

    found = rows(decode([record(trace_request(early, late))]), "span")

    assert [row["start_ns"] for row in found] == [0, 2**63 - 1]
    assert [row["started_at"].year for row in found] == [1970, 2262]


def test_a_log_without_a_time_carries_the_observed_one_and_else_the_arrival() -> None:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add()
    logs.log_records.add(observed_time_unix_nano=5_000_000_000)
    logs.log_records.add()

    found = rows(decode([record(request, signal=Signal.LOGS)]), "log_record")

    assert [row["logged_at"].isoformat() for row in found] == [
        "1970-01-01T00:00:05+00:00",
        "2026-01-15T12:00:00+00:00",
    ]


# What is refused


def test_a_span_with_a_bad_id_is_refused_and_its_neighbours_are_kept() -> None:
    request = trace_request(span(1), span(2, trace_id=b"short"), span(3))

    batch = decode([record(request)])

    assert [row["name"] for row in rows(batch, "span")] == ["step 1", "step 3"]
    [refused] = rows(batch, "refused_record")
    assert refused["reason"] == "invalid_trace_id"
    [count] = rows(batch, "source_count")
    assert (count["received"], count["stored"], count["refused"]) == (3, 2, 1)


def test_of_many_records_refused_for_one_reason_the_first_are_told_and_all_are_counted() -> None:
    bad = [span(number, trace_id=b"short") for number in range(100)]
    nameless = span(7, span_id=b"")

    batch = decode([record(trace_request(*bad, nameless), 1), record(trace_request(*bad), 2)])

    told = rows(batch, "refused_record")
    of_one = [row for row in told if (row["sequence"], row["reason"]) == (1, "invalid_trace_id")]
    assert len(of_one) == MOST_TOLD
    assert sum(row["records"] for row in of_one) == 100
    assert sum(row["records"] for row in told) == 201
    [count] = rows(batch, "source_count")
    assert (count["received"], count["refused"]) == (201, 201)


def test_a_record_that_cannot_be_read_is_set_aside_and_stops_nobody() -> None:
    records = [
        record(trace_request(span(1)), 1),
        record(b"\xff\xff not protobuf", 2),
        record(trace_request(span(3)), 3),
    ]

    batch = decode(records)

    assert [row["name"] for row in rows(batch, "span")] == ["step 1", "step 3"]
    [refused] = rows(batch, "refused_record")
    assert (refused["sequence"], refused["reason"]) == (2, "undecodable")
    assert batch.sequence == 3


@given(st.binary(max_size=200), st.sampled_from(Signal), st.sampled_from(["protobuf", "json"]))
def test_no_bytes_raise(body: bytes, signal: Signal, encoding: Any) -> None:
    batch = decode([Record(7, signal, encoding, "rogue", NOON_NS, body)])

    assert batch.sequence == 7


# Repetition


def test_a_span_told_twice_in_one_batch_is_stored_once() -> None:
    request = trace_request(span(1))

    batch = decode([record(request, 1), record(request, 2)])

    assert len(rows(batch, "span")) == 1
    [count] = rows(batch, "source_count")
    assert (count["received"], count["stored"], count["duplicate"]) == (2, 1, 1)


def test_equal_logs_of_one_request_are_two_and_a_retry_adds_none() -> None:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add()
    for _ in range(2):
        logs.log_records.add(time_unix_nano=NOON_NS, severity_text="INFO")

    batch = decode([record(request, 1, Signal.LOGS), record(request, 2, Signal.LOGS)])

    assert len(rows(batch, "log_record")) == 2


def test_a_resource_is_kept_once_whatever_the_order_of_its_attributes() -> None:
    first = [text("service.name", "clerk"), text("zone", "a")]
    second = first[::-1]
    request = ExportTraceServiceRequest()
    for number, attributes in enumerate((first, second), 1):
        group = request.resource_spans.add()
        group.resource.attributes.extend(attributes)
        group.scope_spans.add().spans.append(span(number))

    batch = decode([record(request)])

    [resource] = rows(batch, "resource")
    assert resource["service_name"] == "clerk"
    assert {row["resource_hash"] for row in rows(batch, "span")} == {resource["resource_hash"]}


def test_json_and_protobuf_give_the_same_rows() -> None:
    sent = span(1, attributes=[text("gen_ai.agent.name", "clerk")])
    request = trace_request(sent)
    document = json.loads(MessageToJson(request))
    told = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    told["traceId"], told["spanId"] = sent.trace_id.hex(), sent.span_id.hex()
    body = json.dumps(document).encode()
    in_json = Record(1, Signal.TRACES, "json", "gateway", NOON_NS, body)

    assert rows(decode([in_json]), "span") == rows(decode([record(request)]), "span")


def test_a_decoder_gives_the_same_rows_when_it_has_seen_them_before() -> None:
    request = trace_request(span(1, attributes=[text("gen_ai.agent.name", "clerk")]))
    decoder = Decoder()

    first, again = decoder.decode([record(request)]), decoder.decode([record(request)])

    assert first.tables == again.tables
