"""The collector's own metrics, for Prometheus: what the doors took, what became of it, how fast.

Counters begin at zero with the process, as Prometheus expects. Nothing here asks the
store, so a scrape answers while the store is busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from google.rpc.code_pb2 import Code
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.errors import WatchkeeperError
from collector.model import Signal
from collector.receive.answers import status_of
from collector.receive.check import Refusal
from collector.receive.grpc import SOURCE as GRPC
from collector.receive.http import PATHS
from collector.receive.intake import Answer, Incoming, Intake
from collector.store.applier import Applied
from collector.store.gaps import Gap
from collector.traces import Traces

__all__ = ["Instruments", "WatchedIntake", "watched_api", "watched_door"]

# fdatasync takes 0.2 ms on a good disk and seconds on one that fails.
_SYNC_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_BATCH_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ANSWER_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_GAUGES = {
    "wal_lag_records": "Acknowledged requests that cannot be queried yet.",
    "wal_lag_bytes": "Acknowledged bytes that cannot be queried yet.",
    "wal_damaged_files": "Files of damaged bytes kept beside the write-ahead log.",
    "wal_waiting_bytes": "Bytes that wait for the write-ahead log to be synced.",
    "disk_free_bytes": "Free bytes on the disk that holds the data.",
    "disk_floor_bytes": "Free bytes below which nothing is taken any more.",
    "traces_not_derived": "Stored traces whose runs and actions wait to be derived.",
}
# A second series beside each counter, which says only when the process began.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped in the library

_Done = Callable[[Scope, int, int, float], None]


class Instruments:
    """Every counter, histogram and gauge, in a registry of their own; `traces` hear of it too."""

    def __init__(self, version: str, traces: Traces | None = None) -> None:
        self._traces = traces
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("watchkeeper_build", "The version that runs.", registry=registry).info(
            {"version": version}
        )

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"watchkeeper_{name}", meaning, labels, registry=registry)

        def histogram(
            name: str, meaning: str, buckets: tuple[float, ...], *labels: str
        ) -> Histogram:
            name = f"watchkeeper_{name}_seconds"
            return Histogram(name, meaning, labels, buckets=buckets, registry=registry)

        door = ("door", "signal", "code")
        self._requests = counter("requests", "Export requests by answer.", *door)
        self._bytes = counter("request_bytes", "Bytes of export requests as sent.", *door[:2])
        self._answers = histogram(
            "request", "From an export request to its answer.", _ANSWER_S, *door[:2]
        )
        sender = ("source", "signal")
        self._fates = {
            fate: counter(f"records_{fate}", meaning, *sender)
            for fate, meaning in (
                ("received", "Records that came in."),
                ("stored", "Records that were stored."),
                ("duplicate", "Records that were stored before."),
            )
        }
        self._refused = counter("records_refused", "Records that were refused.", *sender, "reason")
        self._left_out = counter(
            "records_left_out", "Records that their sender may not send.", *sender, "reason"
        )
        self._redacted = counter("values_redacted", "Values taken out before the log.", "reason")
        self._batch = histogram("batch", "To store one batch, its transaction whole.", _BATCH_S)
        self._sync = histogram("wal_sync", "To write and sync one group of requests.", _SYNC_S)
        self._logged = counter("wal_records", "Requests written to the write-ahead log.")
        self._lost = counter("wal_records_lost", "Acknowledged requests that the disk lost.")
        self._checkpoint = histogram("checkpoint", "To checkpoint the database.", _BATCH_S)
        self._questions = counter("questions", "Questions by answer.", "question", "code")
        self._asked = histogram("question", "To answer a question.", _ANSWER_S, "question")
        self._gauges = {
            name: Gauge(f"watchkeeper_{name}", meaning, registry=registry)
            for name, meaning in _GAUGES.items()
        }

    def request(self, door: str, signal: str, code: str, size: int, seconds: float) -> None:
        """A door has answered an export request."""
        self._requests.labels(door, signal, code).inc()
        self._bytes.labels(door, signal).inc(size)
        self._answers.labels(door, signal).observe(seconds)

    def question(self, name: str, code: str, seconds: float) -> None:
        """The query API has answered."""
        self._questions.labels(name, code).inc()
        self._asked.labels(name).observe(seconds)
        if self._traces:
            self._traces.question(name, code, seconds)

    def applied(self, applied: Applied) -> None:
        """A batch has been committed."""
        self._batch.observe(applied.seconds)
        for row in applied.counts:
            for fate, counter in self._fates.items():
                counter.labels(row["source"], row["signal"]).inc(row[fate])
        for row in applied.refusals:
            labels = (row["source"], row["signal"], row["reason"])
            self._refused.labels(*labels).inc(row["records"])
        if self._traces:
            self._traces.applied(applied)

    def left_out(self, source: str, signal: str, refusals: Iterable[Refusal]) -> None:
        """Records were refused that are not stored as refused: their sender may not send them."""
        for refusal in refusals:
            self._left_out.labels(source, signal, refusal.reason.value).inc(refusal.records)

    def redacted(self, counts: Mapping[str, int]) -> None:
        """Values were taken out of a request."""
        for reason, values in counts.items():
            self._redacted.labels(reason).inc(values)

    def synced(self, records: int, seconds: float) -> None:
        """The write-ahead log has synced a group of requests."""
        self._logged.inc(records)
        self._sync.observe(seconds)

    def lost(self, gap: Gap) -> None:
        """Numbers of the write-ahead log are missing: what they stood for is damaged."""
        self._lost.inc(gap.last - gap.first + 1)

    def checkpointed(self, seconds: float) -> None:
        """The database has been checkpointed."""
        self._checkpoint.observe(seconds)
        if self._traces:
            self._traces.checkpointed(seconds)

    def page(self, accept: str, now: Mapping[str, float]) -> tuple[bytes, str]:
        """The text of a scrape and its media type; `now` is measured at the moment."""
        for name, value in now.items():
            self._gauges[name].set(value)
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class WatchedIntake(Intake):
    """An intake that counts what came through the gRPC door, whose answers it decides alone."""

    def __init__(self, instruments: Instruments, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._instruments = instruments
        if redactor := options.get("redactor"):
            redactor.on_redacted = instruments.redacted

    async def take(self, incoming: Incoming) -> Answer:
        if incoming.source != GRPC:
            return await super().take(incoming)
        began, code = monotonic(), Code.INTERNAL
        try:
            answer = await super().take(incoming)
            code = Code.OK
            return answer
        except WatchkeeperError as error:
            code = status_of(error).code
            raise
        finally:
            told, size = monotonic() - began, len(incoming.body)
            self._instruments.request("grpc", incoming.signal.value, Code.Name(code), size, told)

    def left_out(self, incoming: Incoming, refusals: Sequence[Refusal]) -> None:
        self._instruments.left_out(incoming.source, incoming.signal.value, refusals)


def watched_door(door: ASGIApp, instruments: Instruments, name: str = "http") -> ASGIApp:
    """The HTTP door, with each export request counted by its answer."""

    def done(scope: Scope, status: int, size: int, seconds: float) -> None:
        signal = PATHS.get(scope["path"])
        if isinstance(signal, Signal):
            instruments.request(name, signal.value, str(status), size, seconds)

    return _Watched(door, done)


def watched_api(api: ASGIApp, instruments: Instruments) -> ASGIApp:
    """The query API, with each question counted by its answer."""

    def done(scope: Scope, status: int, size: int, seconds: float) -> None:
        name = _question_of(scope["path"])
        if name:
            # A name that anybody may invent must not become a series.
            instruments.question(name if status != 404 else "unknown", str(status), seconds)

    return _Watched(api, done)


def _question_of(path: str) -> str | None:
    if path == "/v1/sql":
        return "sql"
    return path.removeprefix("/v1/query/") if path.startswith("/v1/query/") else None


class _Watched:
    """An application that says of each request how it ended, how large it was and how long."""

    def __init__(self, app: ASGIApp, done: _Done) -> None:
        self._app = app
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, size = monotonic(), 0, 0

        async def received() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._app(scope, received, sent)
        # Without an answer the sender hung up.
        self._done(scope, status or 499, size, monotonic() - began)
