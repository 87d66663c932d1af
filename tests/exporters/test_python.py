"""The official exporters of OpenTelemetry Python, unmodified, against a real collector."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetrics,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

EXPORTERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("grpc", "traces"): GrpcSpans,
    ("grpc", "logs"): GrpcLogs,
    ("grpc", "metrics"): GrpcMetrics,
    ("http", "traces"): HttpSpans,
    ("http", "logs"): HttpLogs,
    ("http", "metrics"): HttpMetrics,
}
TRANSPORTS = ("grpc", "http")


def exporter(collector: Any, transport: str, signal: str) -> Any:
    make = EXPORTERS[transport, signal]
    if transport == "grpc":
        return make(collector.grpc, insecure=True, compression=grpc.Compression.Gzip, timeout=60)
    url = f"{collector.http}/v1/{signal}"
    return make(url, compression=Compression.Gzip, timeout=60)


def send_spans(collector: Any, transport: str, count: int, text: str = "") -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": f"python-{transport}"}))
    sending = exporter(collector, transport, "traces")
    provider.add_span_processor(BatchSpanProcessor(sending))
    for number in range(count):
        with provider.get_tracer("tests").start_as_current_span(f"step-{number}") as span:
            span.set_attribute("text", text)
    provider.force_flush(60_000)
    provider.shutdown()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_spans_of_python_are_stored(collector: Any, transport: str) -> None:
    send_spans(collector, transport, 20)

    names = collector.column(f"select name from spans where service_name = 'python-{transport}'")
    assert sorted(names) == sorted(f"step-{number}" for number in range(20))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_log_records_of_python_are_stored(collector: Any, transport: str) -> None:
    provider = LoggerProvider(resource=Resource.create({"service.name": f"python-{transport}"}))
    provider.add_log_record_processor(
        BatchLogRecordProcessor(exporter(collector, transport, "logs"))
    )
    logger = logging.getLogger(f"sent-over-{transport}")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for number in range(20):
        logger.warning("decided %d", number)
    provider.shutdown()

    bodies = collector.column(
        f"select body->>'$' from logs where service_name = 'python-{transport}'"
    )
    assert sorted(bodies) == sorted(f"decided {number}" for number in range(20))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_metrics_of_python_are_stored(collector: Any, transport: str) -> None:
    reader = PeriodicExportingMetricReader(exporter(collector, transport, "metrics"))
    resource = Resource.create({"service.name": f"python-{transport}"})
    provider = MeterProvider([reader], resource=resource)
    counter = provider.get_meter("tests").create_counter("decisions")
    for number in range(20):
        counter.add(1, {"agent": f"agent-{number % 2}"})
    provider.force_flush()
    provider.shutdown()

    points = f"from metric_points where service_name = 'python-{transport}'"
    assert collector.rows(
        "select attributes->>'agent' as agent, max(value) as value, any_value(temporality) as "
        f"temporality {points} and name = 'decisions' group by all order by agent"
    ) == [
        {"agent": "agent-0", "value": 10.0, "temporality": "cumulative"},
        {"agent": "agent-1", "value": 10.0, "temporality": "cumulative"},
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_python_waits_when_told_to_and_loses_nothing(
    collector_with_rate: Callable[[str], Any], transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    with collector_with_rate("100000") as collector:
        send_spans(collector, transport, 1500, text="x" * 100)

        assert collector.column("select count(distinct name) from spans") == [1500]
        assert collector.column("select count(*) from spans") == [1500]
    assert any("retry" in record.getMessage().lower() for record in caplog.records)
