"""The gRPC door, asked by the official exporter and by hostile senders."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import zlib
from concurrent.futures import Future
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector.model import Signal
from collector.receive.grpc import SERVICES
from collector.store.wal import Busy
from tests.receive.refused import REFUSED


def request(*span_ids: bytes, name: str = "invoke_agent gateway") -> bytes:
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for span_id in span_ids:
        scope.spans.add(trace_id=bytes(range(16)), span_id=span_id, name=name)
    return message.SerializeToString()


async def export(
    target: str, body: bytes, signal: Signal = Signal.TRACES, **options: Any
) -> ExportTraceServiceResponse:
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.unary_unary(f"/{SERVICES[signal]}/Export")
        return ExportTraceServiceResponse.FromString(await call(body, timeout=20, **options))


async def refused(target: str, body: bytes) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await export(target, body)
    return caught.value


def retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    trailers = dict(error.trailing_metadata())
    status, delay = Status.FromString(trailers["grpc-status-details-bin"]), RetryInfo()
    assert status.details[0].Unpack(delay)
    assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]) == delay
    return float(delay.retry_delay.ToTimedelta().total_seconds())


@pytest.mark.parametrize("compression", list(grpc.Compression))
async def test_the_official_exporter_is_understood(
    doors: Any, compression: grpc.Compression
) -> None:
    def send() -> None:
        exporter = OTLPSpanExporter(doors.grpc, insecure=True, compression=compression)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("clerk").start_as_current_span("execute_tool " + "x" * 3000):
            pass
        provider.shutdown()

    await asyncio.to_thread(send)

    [record] = doors.records()
    spans = ExportTraceServiceRequest.FromString(record.body).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["execute_tool " + "x" * 3000]
    assert (record.signal, record.encoding, record.source) == ("traces", "protobuf", "otlp-grpc")


@pytest.mark.parametrize("signal", list(Signal))
async def test_every_signal_is_taken(doors: Any, signal: Signal) -> None:
    await export(doors.grpc, b"\x0a\x00", signal)

    assert [record.signal for record in doors.records()] == [signal]


async def test_an_empty_request_is_answered_and_not_logged(doors: Any) -> None:
    assert await export(doors.grpc, b"") == ExportTraceServiceResponse()
    assert doors.records() == []


async def test_refused_spans_are_counted_and_the_request_is_kept(doors: Any) -> None:
    body = request(b"12345678", b"short", bytes(8))

    answer = await export(doors.grpc, body)

    assert answer.partial_success.rejected_spans == 2
    assert answer.partial_success.error_message.startswith("refused: 2 invalid_span_id")
    assert [record.body for record in doors.records()] == [body]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not protobuf", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x1f\x8b", grpc.StatusCode.INVALID_ARGUMENT),
        (gzip.compress(b"\x0a" * 500)[:-9], grpc.StatusCode.INVALID_ARGUMENT),
        (zlib.compress(b"nonsense"), grpc.StatusCode.INVALID_ARGUMENT),
        (bytes(300 * 1024), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (gzip.compress(bytes(50 * 1024 * 1024)), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["malformed", "cut gzip header", "cut gzip", "zlib nonsense", "oversized", "bomb"],
)
async def test_bad_requests_are_refused_for_good(
    doors: Any, body: bytes, code: grpc.StatusCode
) -> None:
    error = await refused(doors.grpc, body)

    assert error.code() == code
    assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
    assert doors.records() == []


async def test_backpressure_says_when_to_come_back(
    doors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Future[int]:
        raise Busy("too much waits for the disk: send again in a second")

    monkeypatch.setattr(doors.log, "append", full)

    error = await refused(doors.grpc, request(b"12345678"))

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_s(error) == 1.0


async def test_without_headroom_a_sender_is_told_to_come_back_and_then_taken(doors: Any) -> None:
    doors.shortage = "2 bytes are acknowledged and not stored yet"

    error = await refused(doors.grpc, request(b"12345678"))
    doors.shortage = None
    await export(doors.grpc, request(b"12345678"))

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_s(error) == 1.0
    assert len(doors.records()) == 1


async def test_a_full_disk_is_unavailable_and_the_retry_is_kept(
    doors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    body = request(b"12345678")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        error = await refused(doors.grpc, body)
    await export(doors.grpc, body)

    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert retry_delay_s(error) == 1.0
    assert [record.body for record in doors.records()] == [body]


async def test_concurrent_retries_are_all_acknowledged_and_logged_once(doors: Any) -> None:
    body = request(b"12345678", b"short")

    answers = await asyncio.gather(*(export(doors.grpc, body) for _ in range(20)))
    later = await export(doors.grpc, body, compression=grpc.Compression.Gzip)

    assert {answer.partial_success.rejected_spans for answer in [*answers, later]} == {1}
    assert len(doors.records()) == 1


async def test_a_sender_that_gives_up_does_not_take_the_record_back(doors: Any) -> None:
    bodies = [request(bytes([n]) * 8) for n in range(1, 11)]
    tasks = [asyncio.create_task(export(doors.grpc, body)) for body in bodies]
    await asyncio.sleep(0.02)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(export(doors.grpc, body) for body in bodies))

    assert sorted(record.body for record in doors.records()) == sorted(bodies)


async def test_health_is_told_for_every_service(doors: Any) -> None:
    async with grpc.aio.insecure_channel(doors.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", *SERVICES.values()):
            told = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert told.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_tells_the_services_and_their_messages(doors: Any) -> None:
    def ask() -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(doors.grpc) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = DescriptorPool(database)
            export = pool.FindServiceByName(SERVICES[Signal.LOGS]).FindMethodByName("Export")
            return list(database.get_services()), [one.name for one in export.input_type.fields]

    services, fields = await asyncio.to_thread(ask)

    assert {*SERVICES.values(), "grpc.health.v1.Health"} <= set(services)
    assert fields == ["resource_logs"]


@pytest.mark.parametrize("signal", list(Signal))
async def test_a_request_whose_every_record_is_refused_is_a_partial_success(
    doors: Any, signal: Signal
) -> None:
    bad, message_type, field = REFUSED[signal.value]
    async with grpc.aio.insecure_channel(doors.grpc) as channel:
        call = channel.unary_unary(f"/{SERVICES[signal]}/Export")
        told = message_type.FromString(await call(bad.SerializeToString(), timeout=20))

    assert getattr(told.partial_success, field) == 2
    assert told.partial_success.error_message.startswith("refused: 2 ")


async def test_bad_data_is_described_in_the_details(doors: Any) -> None:
    error = await refused(doors.grpc, b"not protobuf")

    trailers, detail = dict(error.trailing_metadata()), BadRequest()
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert status.details[0].Unpack(detail)
    assert "expected a protobuf" in detail.field_violations[0].description


@given(body=st.binary(max_size=200))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_random_bytes_never_trip_the_door(doors: Any, body: bytes) -> None:
    try:
        await export(doors.grpc, body)
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
