"""Load for the measurements: requests like those of an instrumented agent, and a sender.

`python benchmarks/load.py HOST:PORT SPANS_PER_REQUEST REQUESTS IN_FLIGHT [REQUESTS_PER_SECOND]`
sends and prints one JSON line: spans acknowledged, seconds, and the latency of each request.
Without a rate it sends as fast as it is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator

import grpc
import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OPERATIONS = ("chat", "execute_tool", "chat", "execute_tool", "embeddings")


def request(spans: int, chance: random.Random, agent: str | None = None) -> bytes:
    """One export request: twelve attributes a span, a new trace every eight spans.

    With an agent's name the spans carry GenAI meaning, so that runs and actions are derived.
    """
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    resource.resource.attributes.extend(
        [_text("service.name", agent or "bench"), _text("service.instance.id", "bench-1")]
    )
    scope = resource.scope_spans.add()
    scope.scope.name = "bench"
    now = time.time_ns()
    for number in range(spans):
        if number % 8 == 0:
            trace_id, parent = chance.randbytes(16), b""
        span = scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = trace_id, chance.randbytes(8), parent
        operation = "invoke_agent" if not parent else OPERATIONS[number % len(OPERATIONS)]
        span.name = f"{operation} bench"
        span.start_time_unix_nano = now + number * 1000
        span.end_time_unix_nano = now + number * 1000 + chance.randrange(1_000_000)
        span.attributes.extend(_attributes(operation, number, chance, agent))
        parent = parent or span.span_id
    return message.SerializeToString()


def _attributes(
    operation: str, number: int, chance: random.Random, agent: str | None
) -> list[KeyValue]:
    prefix = "gen_ai" if agent else "bench"
    return [
        _text(f"{prefix}.operation.name", operation),
        _text(f"{prefix}.agent.name", agent or "bench"),
        _text(f"{prefix}.request.model", "model-a"),
        _text(f"{prefix}.conversation.id", f"c-{number // 64}"),
        _text("http.request.method", "POST"),
        _text("url.full", f"http://example.invalid/orders/{chance.randrange(1_000_000)}"),
        _text("user.id", f"user-{chance.randrange(5000)}"),
        _text("server.address", "example.invalid"),
        _number(f"{prefix}.usage.input_tokens", chance.randrange(4000)),
        _number(f"{prefix}.usage.output_tokens", chance.randrange(800)),
        _number("http.response.status_code", 200),
        KeyValue(key="cost", value=AnyValue(double_value=chance.random())),
    ]


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _number(key: str, value: int) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(int_value=value))


class Template:
    """A request that becomes a new one with every call: other ids, the time of now.

    Making spans costs Python more than taking them in, so a sender for minutes changes bytes in
    place. Ids are changed alike, so that traces stay traces.
    """

    def __init__(self, spans: int, chance: random.Random, agent: str | None = None) -> None:
        body = request(spans, chance, agent)
        self._chance = chance
        self._bytes = np.frombuffer(body, np.uint8).copy()
        self._ids: dict[int, list[int]] = {16: [], 8: []}
        self._times: list[int] = []
        self._base_ns = time.time_ns()
        at = 0
        for span in (
            ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
        ):
            for value in (span.trace_id, span.span_id, span.parent_span_id):
                if value:
                    at = body.index(value, at)
                    self._ids[len(value)].append(at)
            for moment in (span.start_time_unix_nano, span.end_time_unix_nano):
                at = body.index(moment.to_bytes(8, "little"), at)
                self._times.append(at)

    def fresh(self) -> bytes:
        for size, places in self._ids.items():
            windows = np.array(places)[:, None] + np.arange(size)
            self._bytes[windows] ^= np.frombuffer(self._chance.randbytes(size), np.uint8)
        now_ns = time.time_ns()
        windows = np.array(self._times)[:, None] + np.arange(8)
        moments = self._bytes[windows].view("<u8") + np.uint64(now_ns - self._base_ns)
        self._bytes[windows] = moments.view(np.uint8)
        self._base_ns = now_ns
        return self._bytes.tobytes()


async def send(
    address: str,
    bodies: Iterator[bytes],
    in_flight: int,
    per_second: float | None = None,
    tell: Callable[[float], object] = lambda seconds: None,
) -> list[float]:
    """Send all bodies, some at a time; the seconds until each acknowledgement."""
    async with grpc.aio.insecure_channel(address) as channel:
        export = channel.unary_unary(EXPORT)
        waiting = _Paced(bodies, per_second)
        latencies: list[float] = []

        async def worker() -> None:
            async for body in waiting:
                started = time.perf_counter()
                await _patiently(export, body)
                latencies.append(time.perf_counter() - started)
                tell(latencies[-1])

        await asyncio.gather(*(worker() for _ in range(in_flight)))
    return latencies


class _Paced(AsyncIterator[bytes]):
    """The bodies, one whenever its time has come; without a rate at once."""

    def __init__(self, bodies: Iterator[bytes], per_second: float | None) -> None:
        self._bodies = bodies
        self._gap = 1 / per_second if per_second else 0.0
        self._due = time.perf_counter()

    async def __anext__(self) -> bytes:
        self._due += self._gap
        if (early := self._due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        try:
            return next(self._bodies)
        except StopIteration:
            raise StopAsyncIteration from None


async def _patiently(export: grpc.aio.UnaryUnaryMultiCallable, body: bytes) -> None:
    """As an exporter does: when told to come back later, come back later."""
    pause = 0.05
    while True:
        try:
            await export(body)
            return
        except grpc.aio.AioRpcError as error:
            if error.code() not in (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                grpc.StatusCode.UNAVAILABLE,
            ):
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


def main() -> None:
    address, spans, requests, in_flight = sys.argv[1], *map(int, sys.argv[2:5])
    per_second = float(sys.argv[5]) if len(sys.argv) > 5 else None
    agent = os.environ.get("BENCH_AGENT")
    template = Template(spans, random.Random(os.getpid()), agent)
    bodies = [template.fresh() for _ in range(requests)]
    started = time.perf_counter()
    latencies = asyncio.run(send(address, iter(bodies), in_flight, per_second))
    seconds = time.perf_counter() - started
    print(json.dumps({"spans": spans * requests, "seconds": seconds, "latencies": latencies}))


if __name__ == "__main__":
    main()
