"""A value that is too long is cut on a real collector, and SQL finds it by its mark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

DOCUMENT = Path(__file__).parents[2] / "docs" / "intake-security.md"


def statement() -> str:
    """The one of the documentation."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("watchkeeper sql ")]
    return line.removeprefix('watchkeeper sql "').removesuffix('"')


def test_the_documented_question_finds_what_was_cut(collectors: Callable[..., Any]) -> None:
    collector = collectors("--max-value", "6000").start()
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for at, length in enumerate((6000, 6001), start=1):
        span = spans.add(trace_id=bytes(range(16)), span_id=at.to_bytes(8, "big"), name=f"s{at}")
        span.attributes.add(key="input.value").value.string_value = "ü" + "x" * (length - 2)

    answer = httpx.post(
        f"http://127.0.0.1:{collector.http_port}/v1/traces",
        content=request.SerializeToString(),
        headers={"content-type": "application/x-protobuf"},
    )

    assert answer.status_code == 200
    [row] = collector.sql(statement())
    assert list(row.values()) == ["s2", '["input.value"]']
    log = b"".join(path.read_bytes() for path in (collector.home / "data" / "log").iterdir())
    assert "…[truncated 1 bytes]".encode() in log
