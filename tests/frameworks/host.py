"""What every framework's script shares: a bank with two tools, what its fake model wants, and
the log of what really happened.

The script runs in an environment of its own, so this module needs only the OpenTelemetry SDK
and our client.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from watchkeeper_agent import Guard, attach

SCENARIOS = ("normal", "degrade", "kill")
LARGE, SMALL = "fake-large", "fake-small"
PROMPT = "Pay 250 from account A-1 if its balance allows it."
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Wish:
    """What the model answers: the tool it wants next, or its last words."""

    tool: str | None
    arguments: dict[str, Any]
    input_tokens: int
    output_tokens: int
    text: str = ""

    @property
    def call_id(self) -> str:
        return f"call_{self.tool}"

    @property
    def words(self) -> str:
        """The arguments as a model writes them."""
        return json.dumps(self.arguments)


# Every call uses tokens of its own, so that none can be taken for another.
WISHES = (
    Wish("get_balance", {"account": "A-1"}, 11, 3),
    Wish("transfer", {"account": "A-1", "amount": 250}, 17, 5),
    Wish(None, {}, 23, 7, "done"),
)


@dataclass
class Host:
    """One scenario of one agent: its tools, its model's wishes, its guard, its own log."""

    framework: str
    agent: str
    instrumentation: str
    scenario: str
    guard: Guard
    truth_file: Path
    truth: dict[str, Any] = field(default_factory=dict)

    @property
    def conversation(self) -> str:
        return f"conv-{self.scenario}"

    def wish(self, model: str, answered: int) -> Wish:
        """What the fake model wants after that many answers of tools; logged as a model call."""
        wish = WISHES[answered]
        self.truth["model_calls"].append(
            {
                "model": model,
                "input_tokens": wish.input_tokens,
                "output_tokens": wish.output_tokens,
                "wanted": wish.tool,
            }
        )
        return wish

    def get_balance(self, account: str) -> str:
        """Read the balance of an account."""
        self.truth["executed"].append("get_balance")
        return f"account {account} holds 310"

    def transfer(self, account: str, amount: int) -> str:
        """Pay an amount from an account."""
        self.truth["executed"].append("transfer")
        return f"paid {amount} from {account}"

    @contextmanager
    def run(self) -> Iterator[None]:
        """One run of the agent; what ends it is logged, and ends nothing else."""
        try:
            yield
            self.truth["runs"].append({"ended_by": None})
        except Exception as error:
            self.truth["runs"].append({"ended_by": type(error).__name__, "told": str(error)[:200]})


@contextmanager
def hosted(framework: str, agent: str) -> Iterator[Host]:
    """The host that the command line names, exporting; its log is written in the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("instrumentation")
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("truth_file", type=Path)
    asked = parser.parse_args()
    providers = exporting(f"{framework}_{asked.instrumentation}-{asked.scenario}")
    guard = _guard(framework, agent, asked.scenario)
    host = Host(framework, agent, asked.instrumentation, asked.scenario, guard, asked.truth_file)
    host.truth = {
        "agent": agent,
        "conversation": host.conversation,
        "runs": [],
        "model_calls": [],
        "executed": [],
    }
    yield host
    for provider in providers:
        provider.force_flush()
        provider.shutdown()
    guard.close()
    host.truth_file.write_text(json.dumps(host.truth, indent=1), encoding="utf-8")


def _guard(framework: str, agent: str, scenario: str) -> Guard:
    """Our client, once it has heard from control what is in force."""
    guard = attach(agent, framework=framework, read_only_tools=("get_balance",))
    until = time.monotonic() + PATIENCE_S
    guard.wait_until_heard(PATIENCE_S)
    while guard.effective_mode != scenario:
        if time.monotonic() > until:
            raise SystemExit(f"expected the mode {scenario}, control sent {guard.effective_mode}")
        time.sleep(0.05)
    return guard


def exporting(instance: str) -> list[Any]:
    """Providers that send to $OTEL_EXPORTER_OTLP_ENDPOINT, as an application would make them."""
    resource = Resource.create(
        {
            "service.name": "bank",
            "service.instance.id": instance,
            "deployment.environment.name": "test",
        }
    )
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracing)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(logs)
    measuring = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource
    )
    metrics.set_meter_provider(measuring)
    return [tracing, logs, measuring]
