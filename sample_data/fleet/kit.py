"""What every sample agent needs: its guard, its exporters, its seed and its working day."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from watchkeeper_agent import Guard, Refused, attach

SAMPLE = "watchkeeper.sample"
# Short, so that the console shows a refusal within a second of the click.
EXPORT_EVERY_MS = 200
FLUSH_S = 2.0

_log = logging.getLogger("sample_fleet")


@dataclass(frozen=True)
class Pace:
    """How an agent behaves in time: its seed and the mean wait between runs."""

    seed: int
    interval_s: float

    @classmethod
    def from_environment(cls) -> Pace:
        return cls(
            seed=int(os.environ.get("SAMPLE_SEED", "7")),
            interval_s=float(os.environ.get("SAMPLE_INTERVAL_S", "2")),
        )

    def random(self, agent: str) -> random.Random:
        return random.Random(f"{self.seed}:{agent}")


class Worker:
    """One agent: attached to control, exporting, and working until it is told to stop."""

    def __init__(
        self,
        agent: str,
        framework: str,
        read_only_tools: Iterable[str],
        times_slower: float = 1,
    ) -> None:
        logging.basicConfig(level=logging.WARNING, format=f"{agent}: %(message)s")
        self.agent = agent
        pace = Pace.from_environment()
        self._interval_s = pace.interval_s * times_slower
        self.random = pace.random(agent)
        self.guard = attach(
            agent,
            framework=framework,
            read_only_tools=read_only_tools,
            attributes={SAMPLE: True},
        )
        self._tracing, self._logging = _export(agent, self.guard)
        self._stopped = threading.Event()

    def work(self, run: Callable[[int], object]) -> None:
        """Run after run. A refused or failed run is followed by the next attempt."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self._stopped.set())
        print(f"ready {self.agent} {self.guard.instance_uid}", flush=True)
        number = 0
        while not self._stopped.is_set():
            _attempt(run, number)
            number += 1
            self._stopped.wait(self._interval_s * self.random.uniform(0.7, 1.3))
        self.close()

    def close(self) -> None:
        """Send what is left, for at most two seconds: an absent collector must not hold us."""
        flushes = [
            threading.Thread(target=provider.force_flush, daemon=True)
            for provider in (self._tracing, self._logging)
        ]
        for flush in flushes:
            flush.start()
        self.guard.close()
        for flush in flushes:
            flush.join(FLUSH_S / len(flushes))


def _attempt(run: Callable[[int], object], number: int) -> None:
    try:
        run(number)
    except Refused as refused:
        _log.warning("run %d: %s", number, refused)
    except Exception as error:
        # The outermost loop of a demonstration: its tools fail on purpose.
        _log.info("run %d failed: %s", number, error)


def _export(agent: str, guard: Guard) -> tuple[TracerProvider, LoggerProvider]:
    resource = Resource.create(
        {
            "service.name": agent,
            "service.instance.id": guard.instance_uid,
            "deployment.environment.name": "demo",
            SAMPLE: True,
        }
    )
    spans, logs = _exporters()
    # Not at exit: close() flushes, and knows when to stop.
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
    logs_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    tracing.add_span_processor(BatchSpanProcessor(spans, schedule_delay_millis=EXPORT_EVERY_MS))
    logs_provider.add_log_record_processor(
        BatchLogRecordProcessor(logs, schedule_delay_millis=EXPORT_EVERY_MS)
    )
    trace.set_tracer_provider(tracing)
    _logs.set_logger_provider(logs_provider)
    return tracing, logs_provider


def _exporters() -> tuple[SpanExporter, LogRecordExporter]:
    """As OTEL_EXPORTER_OTLP_PROTOCOL says; the endpoint is read by the exporters."""
    if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import _log_exporter, trace_exporter

        return trace_exporter.OTLPSpanExporter(), _log_exporter.OTLPLogExporter()
    from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces

    return http_traces.OTLPSpanExporter(), http_logs.OTLPLogExporter()
