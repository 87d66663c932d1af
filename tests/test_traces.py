"""The collector's own traces: spans of finished work, never sent to itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from collector.config import Address, Settings
from collector.errors import ConfigurationError
from collector.instruments import Instruments
from collector.store.applier import Applied
from collector.traces import Traces, traces_from

LOCAL = Address("127.0.0.1", 4318)
SETTINGS = Settings(
    Path("home"),
    otlp_grpc=Address("127.0.0.1", 4317),
    otlp_http=LOCAL,
    api=Address("127.0.0.1", 4319),
    control=Address("127.0.0.1", 4320),
    ui=Address("127.0.0.1", 8501),
)


def test_without_an_endpoint_there_are_no_traces() -> None:
    assert traces_from(SETTINGS) is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:4318",
        "http://localhost:4318/",
        "http://127.0.0.1:4317",
        "http://[::1]:4318",
    ],
)
def test_the_collector_itself_is_refused_as_the_endpoint(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="this collector itself"):
        traces_from(replace(SETTINGS, otel_endpoint=endpoint))


@pytest.mark.parametrize("endpoint", ["otel.example.org:4318", "4318", "ftp://otel.example.org"])
def test_an_endpoint_that_is_no_address_over_http_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http://otel\.example\.org:4318"):
        traces_from(replace(SETTINGS, otel_endpoint=endpoint))


def test_another_port_of_this_machine_may_be_the_endpoint() -> None:
    traces = traces_from(replace(SETTINGS, otel_endpoint="http://127.0.0.1:9"))

    assert traces is not None
    traces.close()


def test_finished_work_becomes_spans_as_long_as_it_took() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instruments = Instruments("0.1.0", Traces(provider))

    instruments.applied(Applied(9, 2, 0, 0, 0, frozenset(), seconds=0.5))
    instruments.checkpointed(0.25)
    instruments.question("fleet", "200", 0.125)

    took = {
        span.name: (span.end_time or 0) - (span.start_time or 0)
        for span in exporter.get_finished_spans()
    }
    assert took == {
        "apply batch": 500_000_000,
        "checkpoint": 250_000_000,
        "question fleet": 125_000_000,
    }
