"""Killed in the middle of its work, the collector loses nothing it has acknowledged."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

pytestmark = pytest.mark.crash

NOON_NS = 1_768_478_400_000_000_000
SPANS = 20


class Sender(threading.Thread):
    """Sends numbered requests, each again until it is acknowledged, until told to stop."""

    def __init__(self, target: str, number: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._target = target
        self._number = number
        self._enough = threading.Event()

    def run(self) -> None:
        with grpc.insecure_channel(self._target, _RECONNECT_FAST) as channel:
            stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            turn = 0
            while not self._enough.is_set():
                request = self._request(turn)
                if self._acknowledged(stub, request):
                    spans = request.resource_spans[0].scope_spans[0].spans
                    self.acknowledged += [span.span_id.hex() for span in spans]
                    turn += 1

    def finish(self) -> None:
        self._enough.set()
        self.join()

    def _acknowledged(self, stub: TraceServiceStub, request: ExportTraceServiceRequest) -> bool:
        try:
            stub.Export(request, timeout=10)
        except grpc.RpcError:
            time.sleep(0.02)
            return False
        return True

    def _request(self, turn: int) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for place in range(SPANS):
            unique = self._number << 48 | turn << 8 | place
            scope.spans.add(
                trace_id=(unique + 1).to_bytes(16, "big"),
                span_id=(unique + 1).to_bytes(8, "big"),
                name="execute_tool refund",
                start_time_unix_nano=NOON_NS + turn,
                end_time_unix_nano=NOON_NS + turn + 1,
            )
        return request


_RECONNECT_FAST = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)


def test_after_five_kills_every_acknowledged_span_is_there_exactly_once(collector: Any) -> None:
    chance = random.Random(20260115)
    senders = [Sender(collector.grpc, number) for number in range(4)]
    collector.start()
    for sender in senders:
        sender.start()
    for _ in range(5):
        time.sleep(chance.uniform(0.3, 1.5))
        collector.kill()
        collector.start()
    time.sleep(0.5)
    for sender in senders:
        sender.finish()
    collector.wait_until_applied()

    stored = [row["span_id"] for row in collector.sql("select span_id from spans")]

    acknowledged = {span for sender in senders for span in sender.acknowledged}
    assert len(acknowledged) > 1000
    assert acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))


def test_a_kill_before_the_first_checkpoint_loses_nothing(collector: Any) -> None:
    sender = Sender(collector.grpc, 1)
    collector.start()
    sender.start()
    time.sleep(0.7)
    sender.finish()
    collector.kill()
    collector.start()
    collector.wait_until_applied()

    [count] = collector.sql("select count(*) as spans from spans")

    assert count["spans"] == len(sender.acknowledged) > 0


def test_a_clean_stop_applies_what_was_acknowledged_and_says_so(
    collector: Any, last_words: Any
) -> None:
    sender = Sender(collector.grpc, 1)
    collector.start()
    sender.start()
    time.sleep(0.5)
    sender.finish()
    status, told = collector.stop()
    collector.start()

    [count] = collector.sql("select count(*) as spans from spans")
    assert status == 0
    assert last_words(told, "drained")["left_in_log"] == 0
    assert count["spans"] == len(sender.acknowledged) > 0
