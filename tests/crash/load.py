"""Load that can be told apart: every record carries a key and what follows from it.

Each record is sent until it is acknowledged, with the same bytes, over both doors and as all
three signals. What a store holds afterwards is judged by content: each acknowledged record
exactly once, none twice, none that was never sent, none with another content.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

NOON_NS = 1_768_478_400_000_000_000
SIGNALS = ("traces", "logs", "metrics")
VIEWS = {"traces": "spans", "logs": "logs", "metrics": "metric_points"}
STUBS = {"traces": TraceServiceStub, "logs": LogsServiceStub, "metrics": MetricsServiceStub}
STORED = " union all ".join(
    f"""select '{signal}' as signal, attributes::varchar as told from {view}"""
    for signal, view in VIEWS.items()
)
FAST = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)


def told_by(key: str, size: int) -> str:
    """What a record with this key says: long, and not the same anywhere else."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return (digest * (size // 64 + 1))[:size]


def request_of(signal: str, sender: int, turn: int, records: int, size: int) -> Any:
    """One export request; each of its records carries a key."""
    keys = [f"{signal}-{sender}-{turn}-{place}-{size}" for place in range(records)]
    return {"traces": _traces, "logs": _logs, "metrics": _metrics}[signal](keys, size)


def _attributes(key: str, size: int) -> list[KeyValue]:
    pairs = {"load.key": key, "load.told": told_by(key, size)}
    return [KeyValue(key=name, value=AnyValue(string_value=text)) for name, text in pairs.items()]


def _traces(keys: list[str], size: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for key in keys:
        unique = hashlib.sha256(key.encode()).digest()
        spans.add(
            trace_id=unique[:16],
            span_id=unique[16:24],
            name="execute_tool refund",
            start_time_unix_nano=NOON_NS,
            end_time_unix_nano=NOON_NS + 5,
            attributes=_attributes(key, size),
        )
    return request


def _logs(keys: list[str], size: int) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for key in keys:
        records.add(time_unix_nano=NOON_NS, attributes=_attributes(key, size))
    return request


def _metrics(keys: list[str], size: int) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="load")
    for key in keys:
        metric.gauge.data_points.add(
            time_unix_nano=NOON_NS, as_int=1, attributes=_attributes(key, size)
        )
    return request


@dataclass
class Ledger:
    """What was sent, and when what was acknowledged, by the clock of this machine."""

    sent: dict[str, int] = field(default_factory=dict)
    acknowledged: list[tuple[float, str]] = field(default_factory=list)

    def acknowledged_by(self, moment: float = float("inf")) -> set[str]:
        return {batch for at, batch in self.acknowledged if at <= moment}


class Sender(threading.Thread):
    """Sends one signal through one door, each request until it is acknowledged."""

    def __init__(
        self,
        collector: Any,
        number: int,
        *,
        records: int = 20,
        size: int = 200,
        pause_s: float = 0.0,
    ) -> None:
        super().__init__(daemon=True)
        self.ledger = Ledger()
        self.statuses: Counter[str] = Counter()
        self.signal = SIGNALS[number % 3]
        self._collector = collector
        self._number = number
        self._records, self._size, self._pause_s = records, size, pause_s
        self._enough = threading.Event()

    def run(self) -> None:
        send, close = self._over_grpc() if self._number % 2 else self._over_http()
        turn = 0
        while not self._enough.is_set():
            request = request_of(self.signal, self._number, turn, self._records, self._size)
            batch = f"{self.signal}-{self._number}-{turn}"
            self.ledger.sent[batch] = self._records
            status = send(request)
            self.statuses[status] += 1
            if status == "ok":
                self.ledger.acknowledged.append((time.time(), batch))
                turn += 1
            self._enough.wait(self._pause_s if status == "ok" else 0.02)
        close()

    def finish(self) -> None:
        self._enough.set()
        self.join()

    def _over_grpc(self) -> tuple[Callable[[Any], str], Callable[[], None]]:
        channel = grpc.insecure_channel(self._collector.grpc, FAST)
        stub = STUBS[self.signal](channel)  # type: ignore[no-untyped-call]

        def send(request: Any) -> str:
            try:
                stub.Export(request, timeout=20)
            except grpc.RpcError as error:
                return str(error.code().name)
            return "ok"

        return send, channel.close

    def _over_http(self) -> tuple[Callable[[Any], str], Callable[[], None]]:
        client = httpx.Client(timeout=20)
        url = f"http://{self._collector.http}/v1/{self.signal}"
        headers = {"content-type": "application/x-protobuf"}

        def send(request: Any) -> str:
            try:
                answer = client.post(url, content=request.SerializeToString(), headers=headers)
            except httpx.TransportError as error:
                return type(error).__name__
            if answer.status_code in (429, 503):
                assert int(answer.headers["retry-after"]) > 0
            return "ok" if answer.status_code == 200 else str(answer.status_code)

        return send, client.close


@dataclass(frozen=True)
class Verdict:
    """How what is stored differs from what was sent; all empty when nothing does."""

    lost: set[str]
    doubled: set[str]
    foreign: set[str]
    records: int

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.doubled or self.foreign)


def judged(stored: Iterable[tuple[str, str]], acknowledged: set[str], sent: set[str]) -> Verdict:
    """Compare rows of STORED with batches (signal-sender-turn); a batch is whole or not there."""
    seen: Counter[str] = Counter()
    foreign = set()
    for signal, told in stored:
        key = _key_in(told)
        if key is None or not key.startswith(signal) or _batch_of(key) not in sent:
            foreign.add(told[:120])
        else:
            seen[key] += 1
    doubled = {key for key, times in seen.items() if times > 1}
    whole = Counter(_batch_of(key) for key in seen)
    return Verdict(
        {batch for batch in acknowledged if batch not in whole}, doubled, foreign, len(seen)
    )


def short(stored: Iterable[tuple[str, str]], sent: dict[str, int]) -> set[str]:
    """Batches of which some records are there and others not."""
    whole = Counter(_batch_of(key) for _, told in stored if (key := _key_in(told)))
    return {batch for batch, count in whole.items() if count != sent.get(batch)}


def _batch_of(key: str) -> str:
    return "-".join(key.split("-")[:3])


def _key_in(told: str) -> str | None:
    """The key in a row's attributes, if what it tells follows from it."""
    _, found, rest = told.partition('"load.key"')
    key = next((part for part in rest.split('"') if part.count("-") == 4), None) if found else None
    return key if key and told_by(key, int(key.rsplit("-", 1)[1])) in told else None
