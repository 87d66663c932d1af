"""A small house of evidence: a store with its applier and archive, and OTLP to fill it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.archive import Archive
from collector.store.connection import Store
from collector.store.reader import Reader
from collector.store.set_aside import SetAside
from collector.store.wal import Record

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# Twelve days on, the fifteenth of January is closed and everything of it has settled.
LATER = NOON + 12 * DAY


def ns(at: datetime) -> int:
    return round(at.timestamp()) * 1_000_000_000


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def spans(at: datetime, *numbers: int, tool: str | None = None) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(text("service.name", "gateway"))
    for number in numbers:
        span = group.scope_spans.add().spans.add(
            trace_id=(number // 3 + 1).to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            name=f"step {number}",
            start_time_unix_nano=ns(at) + number * 1000 + 7,
            end_time_unix_nano=ns(at) + number * 1000 + 5000,
        )
        if tool:
            span.attributes.extend(
                [
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", tool),
                    text("gen_ai.agent.name", "clerk"),
                ]
            )
    return request.SerializeToString()


def logs(at: datetime, *numbers: int, decision: bool = False) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in numbers:
        record = records.add(time_unix_nano=ns(at) + number, severity_text="INFO")
        if decision:
            record.event_name = "watchkeeper.decision"
            told = {
                "watchkeeper.decision.id": f"decision-{number}",
                "watchkeeper.decision.verdict": "deny",
                "watchkeeper.decision.effect": "blocked",
                "watchkeeper.decision.stage": "pre_tool_call",
                "watchkeeper.decision.mode": "enforce",
                "watchkeeper.decision.source": "policy",
                "gen_ai.agent.name": "rogue",
            }
            record.attributes.extend(text(*pair) for pair in told.items())
    return request.SerializeToString()


def points(at: datetime, *numbers: int) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="budget")
    for number in numbers:
        metric.gauge.data_points.add(time_unix_nano=ns(at) + number, as_int=number)
    return request.SerializeToString()


class MemoryLog:
    """A write-ahead log in memory; a record arrives at the time it is appended with."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, signal: Signal, body: bytes, at: datetime) -> None:
        sequence = len(self.records) + 1
        self.records.append(Record(sequence, signal, "protobuf", "gateway", ns(at), body))

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self.records[after:]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self.records)

    def release(self, sequence: int) -> None:
        pass


class House:
    """A store with its applier and archive."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "watchkeeper.duckdb")
        self.log = MemoryLog()
        self.applier = Applier(self.store, self.log, Decoder(SetAside(folder / "aside").keep))
        self.archive = Archive(
            self.store.cursor(), self.store.archive, self.store.checkpoints_paused
        )
        self.reader = Reader(self.store)

    def take(self, signal: Signal, body: bytes, at: datetime) -> None:
        self.log.append(signal, body, at)
        self.applier.step()

    def seal(self, now: datetime = LATER) -> int:
        rows = 0
        while sealed := self.archive.seal_next(now):
            rows += sealed.rows
        return rows

    def ask(self, sql: str) -> list[dict[str, Any]]:
        return self.reader.text(sql).to_pylist()

    def count(self, relation: str) -> int:
        return int(self.ask(f"select count(*) as n from {relation}")[0]["n"])
