"""Tokens on a real collector, with the official exporters."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def request(*agents: str, service: str = "clerk", environment: str = "prod") -> bytes:
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    for key, text in (("service.name", service), ("deployment.environment.name", environment)):
        resource.resource.attributes.add(key=key).value.string_value = text
    spans = resource.scope_spans.add().spans
    for number, agent in enumerate(agents or ("",), start=1):
        span = spans.add(trace_id=bytes(range(16)), span_id=number.to_bytes(8, "big"), name="x")
        if agent:
            span.attributes.add(key="gen_ai.agent.name").value.string_value = agent
    return message.SerializeToString()


def post(collector: Any, body: bytes, authorization: str = "") -> httpx.Response:
    headers = {"content-type": "application/x-protobuf"}
    if authorization:
        headers["authorization"] = authorization
    return httpx.post(
        f"http://127.0.0.1:{collector.http_port}/v1/traces", content=body, headers=headers
    )


def call(collector: Any, body: bytes, authorization: str = "") -> ExportTraceServiceResponse:
    metadata = (("authorization", authorization),) if authorization else ()
    with grpc.insecure_channel(f"127.0.0.1:{collector.grpc_port}") as channel:
        answer = channel.unary_unary(EXPORT)(body, metadata=metadata, timeout=20)
    return ExportTraceServiceResponse.FromString(answer)


def finished_span(service: str) -> Any:
    seen = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(seen))
    provider.get_tracer("t").start_span("invoke_agent").end()
    return seen.get_finished_spans()[0]


def test_without_any_token_loopback_is_open(collectors: Callable[..., Any]) -> None:
    collector = collectors().start()

    assert post(collector, request()).status_code == 200


def test_official_exporters_send_with_their_token_and_are_counted_under_its_name(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors().start()
    presented = collector.new_token("billing")
    headers = {"authorization": f"Bearer {presented}"}

    over_grpc = GrpcExporter(
        f"127.0.0.1:{collector.grpc_port}", insecure=True, headers=tuple(headers.items())
    ).export([finished_span("clerk")])
    over_http = HttpExporter(
        f"http://127.0.0.1:{collector.http_port}/v1/traces", headers=headers
    ).export([finished_span("clerk")])

    assert (over_grpc, over_http) == (SpanExportResult.SUCCESS, SpanExportResult.SUCCESS)
    assert collector.sql("select source, stored from sources") == [
        {"source": "token:billing", "stored": 2}
    ]


def test_a_wrong_absent_revoked_or_expired_token_is_refused_on_both_doors(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors().start()
    revoked = collector.new_token("old")
    good = collector.new_token("good")
    assert post(collector, request(), f"Bearer {revoked}").status_code == 200
    assert collector.cli("tokens", "revoke", "old").returncode == 0
    time.sleep(0.3)

    for authorization in ("", "Bearer wk_ingest_guess", f"Bearer {revoked}", f"Basic {good}"):
        answer = post(collector, request("late"), authorization)
        with pytest.raises(grpc.RpcError) as caught:
            call(collector, request("late"), authorization)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="watchkeeper"'
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert collector.sql("select source, stored from sources") == [
        {"source": "token:old", "stored": 1}
    ]


def test_revoking_the_last_token_does_not_open_the_door(collectors: Callable[..., Any]) -> None:
    collector = collectors()
    collector.new_token("only")
    collector.cli("tokens", "revoke", "only")
    collector.start()

    assert post(collector, request()).status_code == 401


def test_losing_the_file_does_not_open_the_door(collectors: Callable[..., Any]) -> None:
    collector = collectors()
    presented = collector.new_token("only")
    collector.start()
    assert post(collector, request(), f"Bearer {presented}").status_code == 200
    (collector.home / "ingest-tokens.json").unlink()
    time.sleep(0.3)

    assert post(collector, request()).status_code == 401
    assert "tokens_not_read" in collector.words()


def test_records_of_an_agent_or_environment_that_is_not_allowed_are_kept_out_by_name(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors().start()
    presented = collector.new_token("billing", "--agents", "clerk", "--environments", "prod*")
    bearer = f"Bearer {presented}"

    mixed = call(collector, request("clerk", "rogue", ""), bearer).partial_success
    staged = call(collector, request("clerk", environment="test"), bearer).partial_success
    unnamed = call(collector, request(service="other"), bearer).partial_success

    assert mixed.rejected_spans == 1
    assert "1 agent_not_allowed (token:billing may send for clerk, got 'rogue')" in (
        mixed.error_message
    )
    assert "environment_not_allowed (token:billing may send for prod*, got 'test')" in (
        staged.error_message
    )
    assert "got 'other'" in unnamed.error_message
    rows = collector.sql("select agent_name from spans order by all nulls last")
    assert [row["agent_name"] for row in rows] == ["clerk", None]
    page = httpx.get(f"http://127.0.0.1:{collector.api_port}/metrics").text
    assert (
        'watchkeeper_records_left_out_total{reason="agent_not_allowed",signal="traces",'
        'source="token:billing"} 2.0'
    ) in page
    kept = b"".join(path.read_bytes() for path in (collector.home / "data" / "log").iterdir())
    assert b"rogue" not in kept and b"clerk" in kept


def test_a_token_is_shown_once_and_its_file_holds_no_secret_and_is_private(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors()
    presented = collector.new_token("billing", "--expires", "90d", "--rate", "5MiB")

    file = collector.home / "ingest-tokens.json"
    listing = collector.cli("tokens", "list").stdout

    assert presented.startswith("wk_ingest_") and len(presented) > 50
    assert presented not in file.read_text() and presented[10:] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert listing.startswith("billing\tactive\tagents any") and presented not in listing


def test_a_broken_file_of_tokens_ends_the_start_with_one_sentence(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors()
    collector.home.mkdir()
    (collector.home / "ingest-tokens.json").write_text("{")

    with pytest.raises(AssertionError, match="is not a list of tokens"):
        collector.start()


def test_what_is_sent_too_fast_is_told_when_to_come_back(collectors: Callable[..., Any]) -> None:
    collector = collectors().start()
    presented = collector.new_token("slow", "--rate", "100")
    other = collector.new_token("other")

    first = post(collector, request(service="x" * 480), f"Bearer {presented}")
    second = post(collector, request("b"), f"Bearer {presented}")
    with pytest.raises(grpc.RpcError) as caught:
        call(collector, request("b"), f"Bearer {presented}")
    unconcerned = post(collector, request("c"), f"Bearer {other}")

    assert (first.status_code, second.status_code, unconcerned.status_code) == (200, 429, 200)
    assert 3 <= int(second.headers["retry-after"]) <= 6
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "token:slow may send 100 bytes a second" in caught.value.details()


def test_required_credentials_hold_on_loopback_too(collectors: Callable[..., Any]) -> None:
    collector = collectors("--ingest-auth", "required").start()

    assert post(collector, request()).status_code == 401
    with pytest.raises(grpc.RpcError) as caught:
        call(collector, request())
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_control_still_tells_its_events_when_tokens_are_required(
    collectors: Callable[..., Any],
) -> None:
    from collector.config import Address
    from collector.control.events import Event, Spool
    from collector.control.events import request as events

    collector = collectors("--ingest-auth", "required").start()
    told = Event(1, {"watchkeeper.command.phase": "signed"})
    spool = Spool(
        None,  # type: ignore[arg-type]
        Address("127.0.0.1", collector.http_port),
        collector.home / "data" / "intake.sock",
    )

    spool._post(events([told]).SerializeToString())

    assert collector.sql("select source, stored from sources") == [
        {"source": "control", "stored": 1}
    ]
    mode = (collector.home / "data" / "intake.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
