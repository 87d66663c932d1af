"""A way in without sockets: any bytes through the real HTTP application, decoder and store.

`send` raises AssertionError when an answer is none that OTLP allows for bad data, or when the
decoder drops or trips over what was acknowledged. `store_all` does the same for the store.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from collector.model import Signal
from collector.receive.check import check
from collector.receive.decode import Decoder
from collector.receive.http import HttpDoor
from collector.receive.intake import Intake
from collector.receive.limits import Limits
from collector.receive.parse import parse
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.wal import Encoding, Record

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["PACKERS", "Harness", "random_request"]

NOON_NS = 1_768_478_400_000_000_000
TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}
TABLES = {Signal.TRACES: "span", Signal.LOGS: "log_record", Signal.METRICS: "metric_point"}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}
# Nothing is busy and nothing is broken here, so nothing else may be said.
ANSWERS = {200, 400, 413, 415}


class _Log:
    """The records that the door acknowledged, in memory."""

    failure = None

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(
        self, signal: Signal, encoding: Encoding, source: str, received_ns: int, body: bytes
    ) -> Future[int]:
        sequence = len(self.records) + 1
        self.records.append(Record(sequence, signal, encoding, source, received_ns, body))
        synced: Future[int] = Future()
        synced.set_result(sequence)
        return synced

    def continue_after(self, sequence: int) -> None:
        pass

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self.records[after : after + 50]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self.records)

    def release(self, sequence: int) -> None:
        pass


class Harness:
    """One door and one decoder; close it."""

    def __init__(self) -> None:
        self.log = _Log()
        limits = Limits(message_bytes=64 * 1024, inflated_bytes=256 * 1024)
        intake = Intake(self.log, limits=limits, clock_ns=lambda: NOON_NS)
        self._door = HttpDoor(intake, lambda: None)
        self._decoder = Decoder()
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._loop.close()

    def send(self, signal: Signal, encoding: Encoding, body: bytes, coding: str = "") -> int:
        """The status of the answer; what was acknowledged has been accounted for."""
        before = len(self.log.records)
        status = self._loop.run_until_complete(self._post(signal, encoding, body, coding))
        assert status in ANSWERS, f"the door answered {status}"
        for record in self.log.records[before:]:
            self._account_for(record)
        return status

    async def _post(self, signal: Signal, encoding: Encoding, body: bytes, coding: str) -> int:
        headers = [(b"content-type", TYPES[encoding].encode())]
        if coding:
            headers.append((b"content-encoding", coding.encode()))
        scope = {"type": "http", "method": "POST", "path": f"/v1/{signal}", "headers": headers}
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def answer(event: Any) -> None:
            told.append(event)

        await self._door(scope, receive, answer)
        return int(told[0]["status"])

    def _account_for(self, record: Record) -> None:
        """Every record of the request is in its table or refused with its reason."""
        request = parse(record.signal, record.encoding, record.body)
        batch = self._decoder.decode([record])
        refused = batch.tables["refused_record"].to_pylist()
        assert [row for row in refused if row["reason"] == "undecodable"] == [], refused
        assert len(refused) == len(check(record.signal, request))
        kept = batch.tables[TABLES[record.signal]].num_rows
        [count] = batch.tables["source_count"].to_pylist()
        assert kept + _twice(record.signal, request) + sum(
            one.records for one in check(record.signal, request)
        ) == told(record.signal, request), count

    def store_all(self, home: Path) -> None:
        """Put all that was acknowledged into a store; the same numbers must come out."""
        with Store(home / "evidence.duckdb") as store:
            applier = Applier(store, self.log, Decoder())  # type: ignore[arg-type]
            while applier.position < len(self.log.records):
                applier.step()
            lost = store.cursor().sql("""
                select * from sources where received <> stored + refused + duplicate
            """)
            assert lost.fetchall() == []
            broken = store.cursor().sql("""
                select * from refused where reason in ('undecodable', 'unstorable')
            """)
            assert broken.fetchall() == []


def told(signal: Signal, request: Any) -> int:
    """How many spans, log records or points a request has; a metric without data is one."""
    if signal is Signal.TRACES:
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    if signal is Signal.LOGS:
        return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)
    metrics = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
    kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
    return sum(len(getattr(metric, kind).data_points) if kind else 1 for metric, kind in kinds)


def _twice(signal: Signal, request: Any) -> int:
    """Spans that one request tells more than once are stored once."""
    if signal is not Signal.TRACES:
        return 0
    refused = {refusal.path for refusal in check(signal, request)}
    ids = [
        (span.trace_id, span.span_id)
        for r, group in enumerate(request.resource_spans)
        for s, scope in enumerate(group.scope_spans)
        for n, span in enumerate(scope.spans)
        if (r, s, n) not in refused
    ]
    return len(ids) - len(set(ids))


def random_request(message: Message, rng: random.Random, depth: int = 0) -> Message:
    """Fill a message with values from the edges of what its fields can hold."""
    for field in message.DESCRIPTOR.fields:
        if field.type != Field.TYPE_BYTES and rng.random() < (0.15 if depth < 4 else 0.5):
            continue
        for _ in range(rng.choice((1, 1, 2)) if field.is_repeated else 1):
            _fill(message, field, rng, depth)
    return message


def _fill(message: Any, field: Any, rng: random.Random, depth: int) -> None:
    place = getattr(message, field.name)
    if field.type != Field.TYPE_MESSAGE:
        value = _value(field, rng)
        place.append(value) if field.is_repeated else setattr(message, field.name, value)
    elif depth < 12:
        child = place.add() if field.is_repeated else place
        child.SetInParent()
        random_request(child, rng, depth + 1)


_TEXTS = (
    "",
    "a",
    "\0",
    "'; drop table span; --",
    "\U0001f916" * 3,
    "{}",
    "gen_ai.agent.name",
    "x" * 300,
)
_DOUBLES = (0.0, -0.0, 1e308, -1e-308, float("inf"), float("-inf"), float("nan"))


def _value(field: Any, rng: random.Random) -> Any:
    match field.type:
        case Field.TYPE_STRING:
            return rng.choice(_TEXTS)
        case Field.TYPE_BYTES:
            length = 16 if "trace" in field.name else 8
            return rng.randbytes(length if rng.random() < 0.9 else rng.choice((0, 3)))
        case Field.TYPE_BOOL:
            return rng.random() < 0.5
        case Field.TYPE_ENUM:
            return rng.choice((0, 1, 2, 99))
        case Field.TYPE_DOUBLE:
            return rng.choice(_DOUBLES)
        case Field.TYPE_INT64 | Field.TYPE_SFIXED64:
            return rng.choice((0, -1, 2**63 - 1, -(2**63)))
        case Field.TYPE_UINT64 | Field.TYPE_FIXED64:
            usual = rng.random() < 0.9
            return rng.choice((0, 1, NOON_NS, 2**63 - 1) if usual else (2**63, 2**64 - 1))
        case Field.TYPE_INT32 | Field.TYPE_SINT32:
            return rng.choice((0, -1, 2**31 - 1, -(2**31)))
        case _:
            return rng.choice((0, 1, 2**32 - 1))
