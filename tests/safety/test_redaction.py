"""With redaction on, a secret sent to a real collector is in no file of its home."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from planting import REQUESTS, every_place, planted

SECRET = "alice.secret@example.com"
POLICY = "patterns: all\nmessage_content: none\nattributes: [{key: user.id, action: hash}]\n"
SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


def with_policy(collector: Any, policy: str = POLICY) -> Any:
    collector.home.mkdir()
    (collector.home / "redaction.yaml").write_text(policy)
    return collector.start()


def requests_with(secret: str) -> Iterator[tuple[str, Message]]:
    """The secret in every field of OTLP, in records that would be stored and some that are not."""
    for signal, path in every_place():
        request = planted(signal, path, secret)
        make_storable(request)
        yield signal, request


def make_storable(request: Any) -> None:
    """Fill in the ids that a span must have, unless the secret stands there."""
    for resource in getattr(request, "resource_spans", ()):
        for scope in resource.scope_spans or [resource.scope_spans.add()]:
            for span in scope.spans or [scope.spans.add()]:
                span.trace_id = span.trace_id or bytes(range(16))
                span.span_id = (
                    span.span_id
                    or hash(request.SerializeToString()).to_bytes(9, "big", signed=True)[-8:]
                )


def send(collector: Any, signal: str, request: Message, client: httpx.Client) -> str:
    """Over both doors and in every encoding; answers with what the sender was told."""
    told = ""
    with grpc.insecure_channel(f"127.0.0.1:{collector.grpc_port}") as channel:
        export = channel.unary_unary(f"/{SERVICES[signal]}/Export")
        told += repr(export(request.SerializeToString(), timeout=20))
    url = f"http://127.0.0.1:{collector.http_port}/v1/{signal}"
    for kind, body in (
        ("application/x-protobuf", request.SerializeToString()),
        ("application/json", as_json(request)),
    ):
        answer = client.post(url, content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 400), answer.text
        told += answer.text
    return told


def as_json(request: Message) -> bytes:
    return json.dumps(MessageToDict(request)).encode()


def files_with(home: Path, *secrets: bytes) -> list[str]:
    found = []
    for file in [*home.parent.rglob("*")]:
        if file.is_file() and any(secret in file.read_bytes() for secret in secrets):
            found.append(str(file.relative_to(home.parent)))
    return found


def everything_stored(collector: Any) -> str:
    names = ("spans", "logs", "metric_points", "refused", "sources", "decisions", "runs", "actions")
    return repr([collector.sql(f"select * from {name}") for name in names])


@pytest.mark.slow
def test_a_secret_in_any_field_over_any_door_reaches_no_file_and_no_answer(
    collectors: Callable[..., Any],
) -> None:
    collector = with_policy(collectors())
    told = ""

    with httpx.Client() as client:
        for signal, request in requests_with(SECRET):
            assert SECRET.encode() in request.SerializeToString()
            told += send(collector, signal, request, client)

    assert SECRET not in told
    stored = everything_stored(collector)
    assert SECRET not in stored and "[redacted:email]" in stored
    assert files_with(collector.home, SECRET.encode()) == []
    collector.stop()
    assert files_with(collector.home, SECRET.encode()) == []


def test_without_redaction_the_same_search_finds_the_secret(collectors: Callable[..., Any]) -> None:
    collector = collectors().start()
    request = REQUESTS["logs"]()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = SECRET

    with httpx.Client() as client:
        send(collector, "logs", request, client)

    assert SECRET in everything_stored(collector)
    assert any("log" in name for name in files_with(collector.home, SECRET.encode()))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-protobuf", b"\x0a\xff" + SECRET.encode()),
        ("application/json", f'{{"resourceSpans": "{SECRET}"}}'.encode()),
        ("application/json", f'{{"resourceSpans": [{{"{SECRET}'.encode()),
        (
            "application/json",
            f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{SECRET}"}}]}}]}}]}}'.encode(),
        ),
    ],
)
def test_what_cannot_be_read_is_refused_and_quoted_nowhere(
    collectors: Callable[..., Any], kind: str, body: bytes
) -> None:
    collector = with_policy(collectors())

    answer = httpx.post(
        f"http://127.0.0.1:{collector.http_port}/v1/traces",
        content=body,
        headers={"content-type": kind},
    )

    assert answer.status_code == 400 and SECRET not in answer.text
    assert "redaction is on" in answer.text
    collector.stop()
    assert files_with(collector.home, SECRET.encode()) == []
    assert not (collector.home / "data" / "set-aside").exists()


def test_a_retry_is_recognised_and_hashes_join_over_a_restart(
    collectors: Callable[..., Any],
) -> None:
    collector = with_policy(collectors())
    request = REQUESTS["traces"]()
    spans = request.resource_spans.add().scope_spans.add().spans
    span = spans.add(trace_id=bytes(range(16)), span_id=b"12345678", name=SECRET)
    span.attributes.add(key="user.id").value.string_value = "seven"

    def post() -> None:
        url = f"http://127.0.0.1:{collector.http_port}/v1/traces"
        headers = {"content-type": "application/x-protobuf"}
        assert httpx.post(url, content=request.SerializeToString(), headers=headers).is_success

    post(), post()
    assert collector.sql("select received, stored from sources") == [{"received": 1, "stored": 1}]
    collector.stop()
    collector.start()
    post()
    span.span_id = b"another1"
    post()

    page = httpx.get(f"http://127.0.0.1:{collector.api_port}/metrics").text
    assert 'watchkeeper_values_redacted_total{reason="email"} 2.0' in page
    counted = "select stored, duplicate from sources"
    assert collector.sql(counted) == [{"stored": 2, "duplicate": 1}]
    hashed = collector.sql("select distinct attributes::json->>'$.\"user.id\"' as id from spans")
    assert len(hashed) == 1 and hashed[0]["id"].startswith("[redacted:hash:")
    assert files_with(collector.home, b"seven", SECRET.encode()) == []


def test_a_mistake_in_the_policy_ends_the_start_and_is_found_before(
    collectors: Callable[..., Any],
) -> None:
    collector = collectors()
    with pytest.raises(AssertionError, match="patterns are private_key"):
        with_policy(collector, "patterns: [emial]")

    checked = collector.cli("redaction", "check")
    (collector.home / "redaction.yaml").write_text(POLICY)
    mended = collector.cli("redaction", "check")

    assert checked.returncode == 1 and "got 'emial'" in checked.stderr
    assert mended.returncode == 0 and "email" in mended.stdout
