"""A request of countless tiny parts is refused before it is parsed; ordinary ones are not."""

from __future__ import annotations

import random
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.model import Signal
from collector.receive.elements import Elements, _count, _elements, _most_elements
from collector.receive.intake import Incoming, Intake
from collector.receive.limits import TooLarge
from collector.receive.parse import empty_request
from collector.store.wal import WriteAheadLog
from tests.receive.fuzzing import random_request

FEW = Elements(records=500, elements=1000)


def field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(payload)) + payload


def varint(number: int) -> bytes:
    written = b""
    while number >= 128:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def within(payload: bytes, *numbers: int) -> bytes:
    for number in reversed(numbers):
        payload = field(number, payload)
    return payload


def nested(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = field(5, field(1, value))
    return value


MANY = {
    "empty resources": (Signal.TRACES, b"\x0a\x00" * 501),
    "empty scopes": (Signal.LOGS, within(b"\x12\x00" * 501, 1)),
    "empty spans": (Signal.TRACES, within(b"\x12\x00" * 501, 1, 2)),
    "spans in numbers longer than they need be": (
        Signal.TRACES,
        within(b"\x92\x80\x00\x80\x00" * 501, 1, 2),
    ),
    "empty events": (Signal.TRACES, within(b"\x5a\x00" * 1001, 1, 2, 2)),
    "empty links": (Signal.TRACES, within(b"\x6a\x00" * 1001, 1, 2, 2)),
    "empty attributes": (Signal.LOGS, within(b"\x32\x00" * 1001, 1, 2, 2)),
    "attributes of a resource": (Signal.METRICS, within(b"\x0a\x00" * 1001, 1, 1)),
    "values in values": (Signal.LOGS, within(field(2, within(nested(40), 5)) * 30, 1, 2)),
    "points": (Signal.METRICS, within(b"\x0a\x00" * 501, 1, 2, 2, 5)),
    "exemplars": (Signal.METRICS, within(b"\x2a\x00" * 1001, 1, 2, 2, 5, 1)),
}


@pytest.mark.parametrize("shape", MANY)
def test_a_request_of_countless_parts_is_refused(shape: str) -> None:
    signal, body = MANY[shape]

    with pytest.raises(TooLarge, match="make the exporter's batches smaller"):
        FEW.refuse_more("protobuf", body, empty_request(signal).DESCRIPTOR)


@pytest.mark.parametrize("body", [b"[" + b"{}," * 1001 + b"{}]", b"[" + b"1," * 4008 + b"1]"])
def test_a_json_request_of_countless_parts_is_refused(body: bytes) -> None:
    with pytest.raises(TooLarge, match="250 objects"):
        FEW.refuse_more("json", body, empty_request(Signal.LOGS).DESCRIPTOR)


def test_texts_do_not_count_whatever_they_hold() -> None:
    request: Any = empty_request(Signal.TRACES)
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.attributes.add(key="text").value.string_value = "\n\x00*2" * 10_000

    FEW.refuse_more("protobuf", request.SerializeToString(), request.DESCRIPTOR)


def parts_of(message: Any) -> int:
    """Messages in a message, and texts in lists: counted by who parsed it."""
    found = 0
    for one, value in message.ListFields():
        if one.message_type is not None:
            for inner in value if one.is_repeated else (value,):
                found += 1 + parts_of(inner)
        elif one.is_repeated and one.type == one.TYPE_STRING:
            found += len(value)
    return found


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("seed", range(30))
def test_counting_on_the_wire_agrees_with_parsing(signal: Signal, seed: int) -> None:
    request = random_request(empty_request(signal), random.Random(seed))
    body = request.SerializeToString()

    assert _count(body, _elements(request.DESCRIPTOR), 10**9) == parts_of(request)


@pytest.mark.parametrize("shape", MANY)
def test_the_glance_never_sees_fewer_parts_than_there_are(shape: str) -> None:
    signal, body = MANY[shape]

    found = _count(body, _elements(empty_request(signal).DESCRIPTOR), 10**9)
    assert _most_elements(body) >= found - len(body) // 32


@pytest.mark.parametrize("cut", range(40))
def test_a_request_cut_off_is_left_to_the_parser(cut: int) -> None:
    body = within(Span(name="n", trace_id=b"t" * 16).SerializeToString() * 3, 1, 2, 2)

    assert _count(body[:cut], _elements(empty_request(Signal.TRACES).DESCRIPTOR), 100) < 100


async def test_the_intake_refuses_countless_spans_before_parsing(tmp_path: Any) -> None:
    log = WriteAheadLog(tmp_path)
    body = within(b"\x12\x00" * 200_001, 1, 2)

    with pytest.raises(TooLarge, match="200000 records"):
        await Intake(log).take(Incoming(Signal.TRACES, "protobuf", "otlp-grpc", body))
    log.close()
