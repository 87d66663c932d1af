"""How fast bytes become rows: parsing alone, decoding, and decoding with storing.

Prints spans per second on one machine; compare the lines of one run with each other only.
Requests hold 512 spans of an ordinary web service, 12 attributes each, three of them
different in every span.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from collector.store.wal import Record

SPANS = 512
START_NS = 1_768_478_400_000_000_000


def requests(count: int, *, agents: bool) -> list[bytes]:
    """Serialised requests, the same in every run."""
    chance = random.Random(20260115)
    return [_request(chance, at, agents) for at in range(count)]


def _request(chance: random.Random, at: int, agents: bool) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(
        [_text("service.name", "gateway"), _text("service.instance.id", f"gateway-{at % 4}")]
    )
    spans_of = group.scope_spans.add()
    spans_of.scope.name = "benchmark"
    trace_id = b""
    for span_at in range(SPANS):
        if span_at % 8 == 0:
            trace_id = chance.randbytes(16)
        span = spans_of.spans.add(
            trace_id=trace_id,
            span_id=chance.randbytes(8),
            parent_span_id=chance.randbytes(8),
            name=f"GET /orders/{span_at % 20}",
            kind="SPAN_KIND_SERVER",
            start_time_unix_nano=START_NS + (at * SPANS + span_at) * 20_000,
            end_time_unix_nano=START_NS + (at * SPANS + span_at) * 20_000 + 5_000_000,
        )
        span.status.code = Status.STATUS_CODE_OK
        span.attributes.extend(_attributes(chance, agents))
    return request.SerializeToString()


def _attributes(chance: random.Random, agents: bool) -> list[KeyValue]:
    web = [
        _text("http.request.method", "GET"),
        _text("url.scheme", "https"),
        _text("server.address", "orders.internal"),
        _number("server.port", 8443),
        _text("http.route", f"/orders/{chance.randrange(20)}"),
        _number("http.response.status_code", 200),
        _text("network.protocol.version", "1.1"),
        _text("user_agent.original", "benchmark/1.0"),
        _text("code.function.name", f"orders.handler_{chance.randrange(50)}"),
        _text("client.address", f"10.0.{chance.randrange(256)}.{chance.randrange(256)}"),
        _number("http.response.body.size", chance.randrange(100_000)),
        _text("enduser.id", f"user-{chance.randrange(1_000_000)}"),
    ]
    if not agents:
        return web
    return [
        _text("gen_ai.operation.name", chance.choice(["chat", "execute_tool"])),
        _text("gen_ai.agent.name", chance.choice(["gateway", "clerk", "courier"])),
        _number("gen_ai.usage.input_tokens", chance.randrange(10_000)),
        _number("gen_ai.usage.output_tokens", chance.randrange(1_000)),
        *web[4:],
    ]


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _number(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))


def parsed(bodies: Sequence[bytes]) -> None:
    for body in bodies:
        ExportTraceServiceRequest.FromString(body)


def decoded(bodies: Sequence[bytes]) -> None:
    Decoder().decode(_records(bodies))


def applied(bodies: Sequence[bytes], per_batch: int = 64) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "bench.duckdb") as store:
        applier = Applier(store, _Log(_records(bodies), per_batch), Decoder(), derive=derive)
        while applier.step():
            pass


class _Log:
    """Records in memory, handed out so many at a time."""

    def __init__(self, records: Sequence[Record], per_batch: int) -> None:
        self._records = records
        self._per_batch = per_batch

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return list(self._records[after : after + self._per_batch])

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self._records)

    def release(self, sequence: int) -> None:
        pass


def _records(bodies: Sequence[bytes]) -> list[Record]:
    return [
        Record(sequence, Signal.TRACES, "protobuf", "benchmark", START_NS, body)
        for sequence, body in enumerate(bodies, 1)
    ]


def rate(work: Callable[[Sequence[bytes]], None], bodies: Sequence[bytes]) -> float:
    """Spans per second, the best of three runs."""
    fastest = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        work(bodies)
        fastest = min(fastest, time.perf_counter() - began)
    return len(bodies) * SPANS / fastest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200, help="requests of 512 spans")
    arguments = parser.parse_args()
    for label, agents in (("web service", False), ("agents", True)):
        bodies = requests(arguments.requests, agents=agents)
        for name, work in (("parse", parsed), ("decode", decoded), ("decode+apply", applied)):
            print(f"{label:12} {name:13} {rate(work, bodies):>12,.0f} spans/s")


if __name__ == "__main__":
    main()
