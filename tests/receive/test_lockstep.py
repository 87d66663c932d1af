"""Read side by side or each alone, a span gives the same row; and no bytes stop the reading."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from collector.model import Signal
from collector.receive import attributes
from collector.receive import spans as decoding
from collector.receive.decode import decode
from collector.receive.lockstep import Buffer, Field, Shape, read
from collector.receive.normalise import FACT_KEYS as VERDICTS
from collector.receive.normalise.spans import KEYS
from collector.receive.parse import parse
from collector.store.batch import Batch
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000
RECORDED = Path(__file__).parents[2] / "sample_data" / "recorded"

words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["chat", "execute_tool", "LLM", "tool", "unknown", "", "deny", '"\\\n', "0.5"]),
)
scalars = st.one_of(
    st.builds(AnyValue, string_value=words),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats()),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=8)),
    st.just(AnyValue()),
    st.builds(AnyValue, string_value_strindex=st.integers(0, 9)),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda all: AnyValue(array_value=ArrayValue(values=all))),
        st.lists(st.builds(KeyValue, key=words, value=inner), max_size=3).map(
            lambda all: AnyValue(kvlist_value=KeyValueList(values=all))
        ),
    ),
    max_leaves=4,
)
keys = st.one_of(st.sampled_from(sorted({*KEYS, *VERDICTS, "http.route"})), st.text(max_size=6))
pairs = st.builds(KeyValue, key=keys, value=values)


def mostly(usual: st.SearchStrategy[Any], wild: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[usual] * 9, wild)


ids = mostly(st.binary(min_size=8, max_size=8), st.binary(max_size=9))
traces = mostly(st.binary(min_size=16, max_size=16), st.binary(max_size=17))
times = mostly(st.integers(NOON_NS, NOON_NS + 10), st.integers(0, 2**64 - 1))
counts = st.one_of(st.just(0), st.integers(0, 2**32 - 1))
spans = st.builds(
    Span,
    trace_id=traces,
    span_id=ids,
    parent_span_id=ids,
    trace_state=words,
    flags=counts,
    name=words,
    kind=st.integers(0, 9),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=st.lists(pairs, max_size=6),
    dropped_attributes_count=counts,
    events=st.lists(
        st.builds(
            Span.Event,
            name=st.sampled_from(["exception", "watchkeeper.decision", "x"]),
            time_unix_nano=times,
            attributes=st.lists(pairs, max_size=2),
        ),
        max_size=2,
    ),
    dropped_events_count=counts,
    links=st.lists(st.builds(Span.Link, trace_id=traces, span_id=ids), max_size=1),
    dropped_links_count=counts,
    status=st.builds(Status, code=st.sampled_from([0, 1, 2]), message=words),
)


def record(body: bytes, sequence: int = 1) -> Record:
    return Record(sequence, Signal.TRACES, "protobuf", "gateway", NOON_NS, body)


def request(told: Sequence[Span]) -> bytes:
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.extend(told)
    return message.SerializeToString()


def rows_of(batch: Batch) -> dict[str, list[dict[str, Any]]]:
    return {name: table.to_pylist() for name, table in batch.tables.items()}


def each_alone(bodies: Sequence[bytes]) -> Batch:
    with pytest.MonkeyPatch.context() as patch:
        everything = lambda buffer, messages: np.ones(len(messages.odd), bool)  # noqa: E731
        patch.setattr(decoding, "_is_suspect", everything)
        return decode([record(body, at) for at, body in enumerate(bodies, 1)])


def together(bodies: Sequence[bytes]) -> Batch:
    return decode([record(body, at) for at, body in enumerate(bodies, 1)])


def same(one: Batch, other: Batch) -> None:
    """Equal rows; facts may be told in another order."""
    found, expected = rows_of(one), rows_of(other)
    for table in found:
        assert sorted(found[table], key=repr) == sorted(expected[table], key=repr), table
    assert found["span"] == expected["span"]


@given(st.lists(spans, max_size=8))
@settings(max_examples=300)
def test_any_spans_give_the_same_rows_side_by_side_and_each_alone(told: list[Span]) -> None:
    body = request(told)

    same(together([body]), each_alone([body]))


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*_*.json")), ids=lambda path: path.stem)
def test_recorded_telemetry_gives_the_same_rows_side_by_side_and_each_alone(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    if "traces" not in recorded:
        return
    bodies = [
        parse(Signal.TRACES, "json", json.dumps(each).encode()).SerializeToString()
        for each in recorded["traces"]
    ]

    same(together(bodies), each_alone(bodies))


def test_a_field_of_a_later_protocol_is_left_out_and_the_span_kept() -> None:
    plain = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="plain")
    later = plain.SerializeToString() + b"\xf2\x06\x03new"  # field 110, three bytes

    [row] = rows_of(together([_one_span(later)]))["span"]

    assert row["name"] == "plain"


def test_of_two_values_in_one_attribute_the_last_counts_as_in_protobuf() -> None:
    attribute = b"\x0a\x01k\x12\x05\x0a\x01a\x18\x05"
    plain = Span(trace_id=b"t" * 16, span_id=b"s" * 8).SerializeToString()

    [row] = rows_of(together([_one_span(plain + b"\x4a\x0a" + attribute)]))["span"]

    assert json.loads(row["attributes"]) == {"k": 5}


def test_a_span_much_longer_than_the_others_is_read_whole() -> None:
    many = [KeyValue(key=f"k{n}", value=AnyValue(int_value=n)) for n in range(1000)]
    told = [Span(trace_id=b"t" * 16, span_id=bytes([n] * 8), name="short") for n in range(1, 60)]
    told.append(Span(trace_id=b"t" * 16, span_id=b"longlong", name="long", attributes=many))

    rows = rows_of(together([request(told)]))["span"]

    assert len(rows) == 60
    assert json.loads(rows[-1]["attributes"]) == {f"k{n}": n for n in range(1000)}


def test_messages_with_no_end_of_fields_are_left_to_protobuf() -> None:
    told = b"\x22\x00" * 5_000
    starts = np.arange(40) * len(told)

    messages = read(
        Buffer(told * 40), starts, starts + len(told), {"all": Field(4, Shape.REPEATED)}
    )

    assert messages.odd.all()
    assert messages.repeated["all"].counts.max() < 2_100


@given(st.lists(st.binary(max_size=40), max_size=6))
@settings(max_examples=500)
def test_no_bytes_stop_the_reading_and_none_are_taken_from_a_neighbour(
    told: list[bytes],
) -> None:
    starts = np.cumsum([0, *map(len, told)])[:-1]
    ends = starts + np.array([len(each) for each in told], np.int64)
    fields = {
        "text": Field(1, Shape.BYTES),
        "number": Field(2, Shape.VARINT),
        "long": Field(3, Shape.FIXED64),
        "short": Field(16, Shape.FIXED32),
        "all": Field(4, Shape.REPEATED),
    }

    messages = read(Buffer(b"".join(told)), starts.astype(np.int64), ends, fields)

    good = ~messages.odd
    assert (messages.starts["text"][good] >= starts[good]).all()
    assert (messages.ends["text"][good] <= ends[good]).all()
    found = messages.repeated["all"].kept(good)
    assert (found.starts >= starts[good][found.rows]).all()
    assert (found.ends <= ends[good][found.rows]).all()


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**31, 2**32, 2**63 - 1, -1, -(2**63)])
def test_a_number_of_any_length_is_read_as_protobuf_reads_it(number: int) -> None:
    value = AnyValue(int_value=number).SerializeToString()

    messages = read(
        Buffer(value),
        np.array([0]),
        np.array([len(value)]),
        {"whole": Field(3, Shape.VARINT)},
    )

    assert messages.numbers["whole"].view(np.int64).tolist() == [number]


def _one_span(span: bytes) -> bytes:
    def framed(tag: bytes, body: bytes) -> bytes:
        return tag + bytes([len(body)]) + body

    return framed(b"\x0a", framed(b"\x12", framed(b"\x12", span)))


@pytest.mark.parametrize("most", [1, 300, 2000])
def test_spans_cut_into_small_chunks_give_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    told = [Span(name="n" * at, trace_id=b"t" * 16, span_id=bytes([1, at] * 4)) for at in range(60)]
    bodies = [request(told[:25]), request([]), request(told[25:])]
    whole = together(bodies)

    monkeypatch.setattr(decoding, "CHUNK_BYTES", most)
    monkeypatch.setattr(decoding, "SPAN_BYTES", 50)

    same(together(bodies), whole)


def test_keys_of_control_characters_are_read_within_the_size_of_an_array(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    told = [Span(name=f"{at}", trace_id=b"t" * 16, span_id=bytes([1, at] * 4)) for at in range(40)]
    for at, one in enumerate(told):
        for key in range(4):
            one.attributes.add(key=f"{at}.{key}" + "\x01" * 200_000).value.int_value = key
    openings = attributes._openings

    def measured(keys: Sequence[str]) -> pa.Array:
        made = openings(keys)
        sizes.append(made.nbytes)
        return made

    monkeypatch.setattr(attributes, "_openings", measured)
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 3 * 1024 * 1024)
    table = together([request(told)]).tables["span"]

    # Together they are 8 MB of keys, and 36 times as much in one array.
    assert table.num_rows == 40 and len(sizes) >= 3
    assert max(sizes) < 150_000_000
