"""Sends a month of sample history to a collector as real OTLP export requests.

    python -m sample_data.history --endpoint 127.0.0.1:4317 --days 30

Periods of one story may overlap: what is sent twice is stored once. To append what has
passed since the last load, name the end of that load and the end of the story:

    python -m sample_data.history --since 2026-01-15T12:00:00Z --story-end 2026-01-15T12:00:00Z
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sample_data import happenings, otlp, story
from sample_data.story import DAY, Character, Hold, Period, Run, Story

RUNS_PER_REQUEST = 100
TIMEOUT_S = 30.0
# The intake says RESOURCE_EXHAUSTED or UNAVAILABLE when it wants the sender to slow down.
RETRIED = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
ATTEMPTS = 6

Request = ExportTraceServiceRequest | ExportLogsServiceRequest


def requests(told: Story, period: Period) -> Iterator[tuple[str, Request]]:
    """Every export request of one period, each with the agent it is about."""
    hold = story.hold_of(told)
    for character, runs in story.fleet(told, period):
        for part in _parts(runs):
            yield from _requests_of(character, part, hold)
    for character, record in happenings.of_story(told, period):
        yield character.name, _logs(character, [record])
    commands = list(otlp.command_events(hold, period))
    if commands:
        yield hold.first_refusal.character.name, _from_control(commands)


def _parts(runs: Sequence[Run]) -> Iterator[Sequence[Run]]:
    for first in range(0, len(runs), RUNS_PER_REQUEST):
        yield runs[first : first + RUNS_PER_REQUEST]


def _requests_of(
    character: Character, runs: Sequence[Run], hold: Hold
) -> Iterator[tuple[str, Request]]:
    sender = otlp.resource(character.name, character.instance)
    spans = (span for run in runs for span in otlp.spans(run))
    told = otlp.resource_spans(sender, spans)
    yield character.name, ExportTraceServiceRequest(resource_spans=[told])
    records = [
        record for run in runs for record in (*otlp.events(run, hold), *happenings.of_run(run))
    ]
    if records:
        yield character.name, _logs(character, records)


def _logs(character: Character, records: Sequence[LogRecord]) -> Request:
    sender = otlp.resource(character.name, character.instance)
    logs = otlp.resource_logs(sender, "watchkeeper.agent", records)
    return ExportLogsServiceRequest(resource_logs=[logs])


def _from_control(records: Sequence[LogRecord]) -> Request:
    sender = otlp.resource("watchkeeper-control", "sample-control")
    logs = otlp.resource_logs(sender, "watchkeeper.control", records)
    return ExportLogsServiceRequest(resource_logs=[logs])


class Sender:
    """One gRPC channel; counts what was sent and what was refused."""

    def __init__(self, endpoint: str) -> None:
        self._channel = grpc.insecure_channel(endpoint)
        self._traces = TraceServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._logs = LogsServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self.records = 0
        self.refused = 0

    def close(self) -> None:
        self._channel.close()

    def send(self, request: Request) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._once(request)
                return
            except grpc.RpcError as error:
                if error.code() not in RETRIED or attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.2 * 2**attempt)

    def _once(self, request: Request) -> None:
        if isinstance(request, ExportTraceServiceRequest):
            traces = self._traces.Export(request, timeout=TIMEOUT_S)
            self.refused += traces.partial_success.rejected_spans
        else:
            logs = self._logs.Export(request, timeout=TIMEOUT_S)
            self.refused += logs.partial_success.rejected_log_records
        self.records += size(request)


def size(request: Request) -> int:
    """Spans or log records in a request."""
    if isinstance(request, ExportTraceServiceRequest):
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)


def send_history(endpoint: str, told: Story, period: Period) -> Sender:
    """Send all of it, telling each finished agent on stderr."""
    sender, started, current = Sender(endpoint), time.monotonic(), ""
    try:
        for agent, request in requests(told, period):
            if agent != current:
                current = agent
                _tell(f"{agent}: {period.since:%Y-%m-%d %H:%M} to {period.until:%Y-%m-%d %H:%M}")
            sender.send(request)
    finally:
        sender.close()
    took = time.monotonic() - started
    _tell(f"sent {sender.records} records in {took:.1f} s, {sender.refused} refused")
    return sender


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sample_data.history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--endpoint", default="127.0.0.1:4317", help="OTLP gRPC, HOST:PORT")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--days", type=int, default=30, help="length before --until (default 30)")
    start.add_argument("--since", type=story.moment, help="ISO time after which runs are sent")
    parser.add_argument("--until", type=story.moment, help="ISO time of the newest run (now)")
    parser.add_argument(
        "--story-end",
        type=story.moment,
        help="ISO time at which clerk burns and courier has lost its trust; the same for every "
        "load into one store (default: --until)",
    )
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def _asked(arguments: argparse.Namespace) -> tuple[Story, Period]:
    until = arguments.until or datetime.now(UTC)
    since = arguments.since or until - arguments.days * DAY
    return Story(arguments.seed, arguments.story_end or until), Period(since, until)


def main() -> int:
    arguments = _arguments()
    try:
        sender = send_history(arguments.endpoint, *_asked(arguments))
    except grpc.RpcError as error:
        _tell(
            f"no collector took the history at {arguments.endpoint} ({error.code().name}): "
            "start it with `watchkeeper collector`, or name it with --endpoint HOST:PORT"
        )
        return 1
    return 1 if sender.refused else 0


if __name__ == "__main__":
    sys.exit(main())
