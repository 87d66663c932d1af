"""Load for the measurements: requests like those of an instrumented agent, and a sender.

`python benchmarks/load.py HOST:PORT SPANS_PER_REQUEST REQUESTS IN_FLIGHT` sends and prints one
JSON line: requests acknowledged, seconds, and the latency of each request.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time

import grpc
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


async def send(address: str, bodies: list[bytes], in_flight: int) -> list[float]:
    """Send all bodies, some at a time; the seconds until each acknowledgement."""
    async with grpc.aio.insecure_channel(address) as channel:
        export = channel.unary_unary(EXPORT)
        waiting = iter(bodies)
        latencies: list[float] = []

        async def worker() -> None:
            for body in waiting:
                started = time.perf_counter()
                await _patiently(export, body)
                latencies.append(time.perf_counter() - started)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
    return latencies


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
    agent = os.environ.get("BENCH_AGENT")
    chance = random.Random(os.getpid())
    bodies = [request(spans, chance, agent) for _ in range(requests)]
    started = time.perf_counter()
    latencies = asyncio.run(send(address, bodies, in_flight))
    seconds = time.perf_counter() - started
    print(json.dumps({"spans": spans * requests, "seconds": seconds, "latencies": latencies}))


if __name__ == "__main__":
    main()
