"""The collector's own traces, off unless an endpoint is named: batches, checkpoints, questions.

A span is made once its work is done, from how long it took, so nothing is measured twice
and nothing costs anything while traces are off. They never go to this collector itself:
each batch of spans would make another.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from collector.config import VERSION, Address, Settings
from collector.errors import ConfigurationError
from collector.store.applier import Applied

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["Traces", "traces_from"]

_SCOPE = "watchkeeper.collector"
_ANYWHERE = frozenset({"0.0.0.0", "::"})


class Traces:
    """Spans of finished work."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(_SCOPE, VERSION)

    def applied(self, applied: Applied) -> None:
        """A batch has been committed."""
        rows = {"spans": applied.spans, "logs": applied.logs, "points": applied.points}
        self._span("apply batch", applied.seconds, {"position": applied.position, **rows})

    def checkpointed(self, seconds: float) -> None:
        """The database has been checkpointed."""
        self._span("checkpoint", seconds, {})

    def question(self, name: str, code: str, seconds: float) -> None:
        """The query API has answered."""
        self._span(f"question {name}", seconds, {"question": name, "code": code})

    def close(self) -> None:
        """Send what waits, and end."""
        self._provider.shutdown()

    def _span(self, name: str, seconds: float, facts: dict[str, str | int]) -> None:
        end_ns = time.time_ns()
        attributes = {f"watchkeeper.{key}": value for key, value in facts.items()}
        start_ns = end_ns - int(seconds * 1e9)
        span = self._tracer.start_span(name, attributes=attributes, start_time=start_ns)
        span.end(end_ns)


def traces_from(settings: Settings) -> Traces | None:
    """Traces to the endpoint that was named; None when there is none."""
    if not settings.otel_endpoint:
        return None
    _refuse_own(settings)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            "--otel-endpoint needs the OpenTelemetry SDK: install watchkeeper[otel]"
        ) from error
    resource = Resource.create(
        {"service.name": "watchkeeper-collector", "service.version": VERSION}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otel_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


def _refuse_own(settings: Settings) -> None:
    url = urlsplit(settings.otel_endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigurationError(
            "--otel-endpoint is an OTLP address over HTTP such as http://otel.example.org:4318, "
            f"got {settings.otel_endpoint!r}"
        )
    port = url.port or (443 if url.scheme == "https" else 80)
    for own in (settings.otlp_http, settings.otlp_grpc):
        if port == own.port and _is_own_host(url.hostname, own):
            raise ConfigurationError(
                f"--otel-endpoint {settings.otel_endpoint} is this collector itself, whose spans "
                "would make spans without end: name another collector"
            )


def _is_own_host(host: str, own: Address) -> bool:
    if host == own.host:
        return True
    is_here = Address(host, 0).is_loopback or host == socket.gethostname()
    return is_here and (own.is_loopback or own.host in _ANYWHERE)
