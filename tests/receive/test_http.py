"""The HTTP door, asked by the official exporter and by hostile senders."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import json
import os
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import Parse
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector.receive.http import HttpDoor
from collector.receive.patience import PatientProtocol
from collector.store.wal import Busy
from tests.receive.conftest import served
from tests.receive.refused import REFUSED, otlp_json

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
GOOD_JSON = json.dumps(
    {
        "resourceSpans": [
            {"scopeSpans": [{"spans": [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "run"}]}]}
        ]
    }
).encode()


def request(*span_ids: bytes) -> bytes:
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for span_id in span_ids:
        scope.spans.add(trace_id=bytes(range(16)), span_id=span_id, name="execute_tool refund")
    return message.SerializeToString()


@pytest.fixture
async def sender(doors: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=doors.http, timeout=20) as client:
        yield client


@pytest.mark.parametrize("path", ["/v1/traces", "/"])
@pytest.mark.parametrize("compression", list(Compression))
async def test_the_official_exporter_is_understood(
    doors: Any, path: str, compression: Compression
) -> None:
    def send() -> None:
        exporter = OTLPSpanExporter(endpoint=doors.http + path, compression=compression)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("clerk").start_as_current_span("execute_tool refund"):
            pass
        provider.shutdown()

    await asyncio.to_thread(send)

    [record] = doors.records()
    spans = ExportTraceServiceRequest.FromString(record.body).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["execute_tool refund"]
    assert (record.signal, record.encoding, record.source) == ("traces", "protobuf", "otlp-http")


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
async def test_every_signal_has_its_path(
    doors: Any, sender: httpx.AsyncClient, signal: str
) -> None:
    answer = await sender.post(f"/v1/{signal}", content=b"\x0a\x00", headers=PROTOBUF)

    assert (answer.status_code, answer.headers["content-type"]) == (200, PROTOBUF["content-type"])
    assert [record.signal for record in doors.records()] == [signal]


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"; x=y'])
async def test_json_is_answered_in_json(
    doors: Any, sender: httpx.AsyncClient, charset: str
) -> None:
    headers = {"content-type": "application/json" + charset}
    answer = await sender.post("/v1/traces", content=GOOD_JSON, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {})
    assert [(record.encoding, record.body) for record in doors.records()] == [("json", GOOD_JSON)]


@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
async def test_an_empty_request_is_fine(
    doors: Any, sender: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await sender.post("/v1/traces", content=b"", headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstd.compress),
        ("zstd, gzip", lambda body: gzip.compress(zstd.compress(body))),
        ("identity", bytes),
    ],
)
async def test_the_bytes_are_logged_as_they_were_before_compression(
    doors: Any, sender: httpx.AsyncClient, coding: str, pack: Any
) -> None:
    body = request(b"12345678")
    headers = PROTOBUF | {"content-encoding": coding}
    answer = await sender.post("/v1/traces", content=pack(body), headers=headers)

    assert answer.status_code == 200
    assert [record.body for record in doors.records()] == [body]


async def test_refused_spans_are_counted_in_either_encoding(
    doors: Any, sender: httpx.AsyncClient
) -> None:
    body = request(b"12345678", b"short", b"")
    answer = await sender.post("/v1/traces", content=body, headers=PROTOBUF)
    bad = GOOD_JSON.replace(b"cd" * 8, b"cd")
    in_json = await sender.post("/v1/traces", content=bad, headers=JSON)

    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (told.rejected_spans, "2 invalid_span_id" in told.error_message) == (2, True)
    assert in_json.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert len(doors.records()) == 2


BAD: list[tuple[str, dict[str, str], bytes, int]] = [
    ("malformed protobuf", PROTOBUF, b"not protobuf", 400),
    ("malformed JSON", JSON, b"{", 400),
    ("ids in base64", JSON, GOOD_JSON.replace(b"ab" * 16, b"q6urq6urq6urq6urq6urqw=="), 400),
    ("wrong type", {"content-type": "text/plain"}, GOOD_JSON, 415),
    ("no type", {}, GOOD_JSON, 415),
    ("wrong charset", {"content-type": "application/json; charset=utf-16"}, GOOD_JSON, 415),
    ("unknown coding", PROTOBUF | {"content-encoding": "br"}, b"x", 415),
    ("cut gzip", PROTOBUF | {"content-encoding": "gzip"}, gzip.compress(request())[:-5], 400),
    ("not gzip", PROTOBUF | {"content-encoding": "gzip"}, b"plain", 400),
    ("oversized", PROTOBUF, bytes(300 * 1024), 413),
    ("bomb", PROTOBUF | {"content-encoding": "gzip"}, gzip.compress(bytes(50_000_000)), 413),
    (
        "zlib bomb",
        PROTOBUF | {"content-encoding": "deflate"},
        zlib.compress(bytes(50_000_000)),
        413,
    ),
    ("zstd bomb", PROTOBUF | {"content-encoding": "zstd"}, zstd.compress(bytes(50_000_000)), 413),
    ("three codings", PROTOBUF | {"content-encoding": "gzip, gzip, zstd"}, b"x", 415),
]


@pytest.mark.parametrize(
    ("headers", "body", "status"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
async def test_bad_requests_are_refused_in_their_own_encoding(
    doors: Any, sender: httpx.AsyncClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await sender.post("/v1/traces", content=body, headers=headers)

    assert answer.status_code == status
    if headers.get("content-type") == PROTOBUF["content-type"]:
        assert Status.FromString(answer.content).message
    else:
        assert answer.json()["message"]
    assert doors.records() == []


async def test_an_oversized_body_of_unknown_length_is_cut_off(
    doors: Any, sender: httpx.AsyncClient
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 65536
            yield bytes(65536)

    try:
        answer = await sender.post("/v1/traces", content=endless(), headers=PROTOBUF)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass

    assert sent < 50_000_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "/v1/traces") for method in ("GET", "PUT", "OPTIONS", "HEAD")),
        *((method, "/v2/traces") for method in ("GET", "PUT", "OPTIONS", "HEAD", "POST")),
    ],
)
async def test_a_wrong_path_or_method_is_told_the_right_one(
    sender: httpx.AsyncClient, method: str, path: str
) -> None:
    answers = [
        await sender.request(method, path, headers=headers) for headers in (PROTOBUF, JSON, {})
    ]

    status = 404 if path == "/v2/traces" else 405
    assert {answer.status_code for answer in answers} == {status}
    assert {answer.headers.get("allow") for answer in answers} == {
        None if status == 404 else "POST"
    }
    if method != "HEAD":
        told = "/v1/traces" if status == 404 else "expected POST"
        assert told in Status.FromString(answers[0].content).message
        assert all(told in answer.json()["message"] for answer in answers[1:])


async def test_a_page_in_a_browser_may_not_send(sender: httpx.AsyncClient) -> None:
    asked = {"origin": "https://rogue.example", "access-control-request-method": "POST"}
    preflight = await sender.options("/v1/traces", headers=asked)

    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


async def test_a_wrong_method_on_a_probe_is_told_the_right_one(sender: httpx.AsyncClient) -> None:
    answer = await sender.put("/readyz")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_bad_data_is_described_in_the_details(sender: httpx.AsyncClient) -> None:
    answer = await sender.post("/v1/traces", content=b"not protobuf", headers=PROTOBUF)

    detail = BadRequest()
    assert Status.FromString(answer.content).details[0].Unpack(detail)
    assert "expected a protobuf" in detail.field_violations[0].description


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        (JSON | {"content-encoding": "br"}, ("accept-encoding", "gzip, deflate, zstd")),
        ({"content-type": "text/plain"}, ("accept-post", "application/x-protobuf")),
    ],
)
async def test_what_is_not_understood_is_answered_with_what_is(
    sender: httpx.AsyncClient, headers: dict[str, str], named: tuple[str, str]
) -> None:
    answer = await sender.post("/v1/traces", content=b"{}", headers=headers)

    assert answer.headers[named[0]].startswith(named[1])


async def test_a_chunked_body_is_put_together(doors: Any, sender: httpx.AsyncClient) -> None:
    body = request(b"12345678")

    async def pieces() -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])

    answer = await sender.post("/v1/traces", content=pieces(), headers=PROTOBUF)

    assert answer.status_code == 200
    assert [record.body for record in doors.records()] == [body]


async def _trickle(url: str, first: bytes, drop: bytes) -> bytes:
    """Send the beginning, then a byte now and then; everything the server says to it."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(first)
    answer = asyncio.create_task(reader.read())
    with contextlib.suppress(ConnectionError):
        while not answer.done():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)
    writer.close()
    return await answer


async def test_a_body_that_trickles_is_told_so_and_the_connection_closed(doors: Any) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    app = HttpDoor(doors.intake, lambda: None, body_seconds=0.3)
    async with served(app) as url:
        answer = await _trickle(url, head + b"content-length: 99999\r\n\r\n", b" ")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert b"expected the whole body within 0.3 seconds" in answer
    assert doors.records() == []


@pytest.mark.parametrize(
    "first", [b"POST /v1/traces HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nPOST / "]
)
async def test_headers_that_trickle_end_the_connection(
    doors: Any, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(PatientProtocol, "headers_s", 0.3)
    async with served(HttpDoor(doors.intake, lambda: None)) as url:
        answer = await _trickle(url, first, b"x")

    assert answer.count(b"HTTP/1.1") == (1 if b"healthz" in first else 0)


@pytest.mark.parametrize(
    "flood",
    [
        b"x: " + b"y" * 3000 + b"\r\n",
        b"z" * 3000,
    ],
    ids=["many headers", "one without an end"],
)
async def test_headers_without_end_are_refused(doors: Any, flood: bytes) -> None:
    answer = await _trickle(doors.http, b"GET /healthz HTTP/1.1\r\nx: ", flood)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"expected at most 65536 bytes of headers" in answer


async def test_trailers_without_end_close_the_connection_and_store_nothing(doors: Any) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    chunked = head + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"

    answer = await _trickle(doors.http, chunked, b"x: " + b"y" * 3000 + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert doors.records() == []


async def test_an_upgrade_to_web_sockets_is_passed_over(doors: Any) -> None:
    upgrade = {
        "upgrade": "websocket",
        "connection": "upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
    }
    async with httpx.AsyncClient(base_url=doors.http) as client:
        answer = await client.get("/v1/traces", headers=upgrade)

    assert answer.status_code == 405


async def test_an_answer_does_not_quote_a_long_value_whole(doors: Any) -> None:
    time = "9" * 200_000
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": time}]}]}]}
    async with httpx.AsyncClient(base_url=doors.http) as client:
        answer = await client.post("/v1/traces", json=body)

    assert answer.status_code == 400 and len(answer.content) < 3000


async def test_a_connection_that_says_nothing_is_closed(
    doors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "headers_s", 0.2)
    async with served(HttpDoor(doors.intake, lambda: None)) as url:
        assert await _trickle(url, b"", b"") == b""


async def test_bodies_that_arrive_together_are_bounded(doors: Any) -> None:
    app = HttpDoor(doors.intake, lambda: None, arriving_bytes=1000)
    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        large = await client.post("/v1/traces", content=bytes(2000), headers=PROTOBUF)
        after = await client.post("/v1/traces", content=request(b"12345678"), headers=PROTOBUF)

    assert (large.status_code, large.headers["retry-after"]) == (429, "1")
    assert after.status_code == 200


@pytest.mark.parametrize("signal", list(REFUSED))
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
async def test_a_request_whose_every_record_is_refused_is_a_partial_success(
    doors: Any, sender: httpx.AsyncClient, signal: str, encoding: str
) -> None:
    bad, message_type, field = REFUSED[signal]
    body = bad.SerializeToString() if encoding == "protobuf" else otlp_json(bad)
    headers = PROTOBUF if encoding == "protobuf" else JSON
    answer = await sender.post(f"/v1/{signal}", content=body, headers=headers)

    told = message_type()
    if encoding == "protobuf":
        told.ParseFromString(answer.content)
    else:
        Parse(answer.content, told)
    assert answer.status_code == 200
    assert getattr(told.partial_success, field) == 2
    assert told.partial_success.error_message.startswith("refused: 2 ")


async def test_readiness_follows_the_collector(doors: Any, sender: httpx.AsyncClient) -> None:
    ready = await sender.get("/readyz")
    doors.reason = "the disk is full"
    unready, alive = await sender.get("/readyz"), await sender.get("/healthz")

    assert (ready.status_code, alive.status_code) == (200, 200)
    assert (unready.status_code, unready.text) == (503, "the disk is full\n")


async def test_a_full_disk_is_503_and_the_retry_is_kept(
    doors: Any, sender: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    body = request(b"12345678")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        failed = await sender.post("/v1/traces", content=body, headers=PROTOBUF)
    again = await sender.post("/v1/traces", content=body, headers=PROTOBUF)

    assert (failed.status_code, failed.headers["retry-after"]) == (503, "1")
    assert "No space left" in Status.FromString(failed.content).message
    assert again.status_code == 200
    assert [record.body for record in doors.records()] == [body]


async def test_backpressure_is_429_and_says_when_to_come_back(
    doors: Any, sender: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Busy("too much waits for the disk: send again in a second")

    monkeypatch.setattr(doors.log, "append", full)
    answer = await sender.post("/v1/traces", content=GOOD_JSON, headers=JSON)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["details"][0]["retryDelay"] == "1s"


async def test_without_headroom_a_sender_is_told_to_come_back_and_then_taken(
    doors: Any, sender: httpx.AsyncClient
) -> None:
    doors.shortage = "the disk has 2 bytes left"
    refused = await sender.post("/v1/traces", content=GOOD_JSON, headers=JSON)
    doors.shortage = None
    taken = await sender.post("/v1/traces", content=GOOD_JSON, headers=JSON)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "the disk has 2 bytes left" in refused.text
    assert taken.status_code == 200
    assert len(doors.records()) == 1


async def test_concurrent_retries_are_logged_once(doors: Any, sender: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(sender.post("/v1/traces", content=GOOD_JSON, headers=JSON) for _ in range(20))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len(doors.records()) == 1


@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["application/x-protobuf", "application/json"]),
    coding=st.sampled_from(["", "gzip", "deflate"]),
    path=st.sampled_from(["/", "/v1/traces", "/v1/logs", "/v1/metrics"]),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_random_bytes_never_trip_the_door(
    sender: httpx.AsyncClient, body: bytes, content_type: str, coding: str, path: str
) -> None:
    headers = {"content-type": content_type, "content-encoding": coding}
    answer = await sender.post(path, content=body, headers=headers)

    assert answer.status_code in (200, 400)
