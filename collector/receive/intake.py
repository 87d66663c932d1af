"""The intake: the one way from a request to a synced record, shared by both doors.

1. room?       while the store lags far behind or the disk is nearly full: come back later
2. limits      decompressed while it is measured
3. retry?      the same bytes again get the same answer, without a second record
4. parse       once
5. check       names what will be refused
6. log         the acknowledgement follows the sync
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from collector.model import Signal
from collector.receive.check import Refusal, check
from collector.receive.limits import Limits, RetryWindow, fingerprint, inflate
from collector.receive.parse import parse
from collector.store.wal import Busy, Encoding

T = TypeVar("T")

# 1 MiB: parsing more takes over 5 ms, in which the event loop could answer others.
_LARGE = 1024 * 1024
# 8: telemetry shrinks to about an eighth under gzip.
_USUAL_RATIO = 8


class Log(Protocol):
    """Where records are kept; see collector.store.wal."""

    @property
    def failure(self) -> str | None: ...

    def append(
        self, signal: Signal, encoding: Encoding, source: str, received_ns: int, body: bytes
    ) -> Future[int]: ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came through a door; `coding` is its Content-Encoding."""

    signal: Signal
    encoding: Encoding
    source: str
    body: bytes
    coding: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: how many records are refused, and why."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    synced: Future[int]
    answer: Answer

    @property
    def failed(self) -> bool:
        return self.synced.done() and self.synced.exception() is not None


class Intake:
    """Takes requests from the doors on one event loop."""

    def __init__(
        self,
        log: Log,
        *,
        limits: Limits | None = None,
        shortage: Callable[[], str | None] = lambda: None,
        clock_ns: Callable[[], int] = time.time_ns,
        retries: RetryWindow[_Kept] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._log = log
        self._shortage = shortage
        self._clock_ns = clock_ns
        self._retries: RetryWindow[_Kept] = retries or RetryWindow(time.monotonic)

    @property
    def failure(self) -> str | None:
        """Why nothing can be taken at the moment."""
        return self._log.failure

    async def take(self, incoming: Incoming) -> Answer:
        """The answer, given once the request is synced.

        Raises RefusedInput for what a retry cannot mend, LogError for what it can.
        """
        if reason := self._shortage():
            raise Busy(reason)
        size = len(incoming.body) * (_USUAL_RATIO if incoming.coding else 1)
        body = await _apart(size, inflate, incoming.body, incoming.coding, self.limits)
        if not body:
            return Answer()
        key = fingerprint(incoming.signal, incoming.source, body)
        kept = self._known(key)
        if kept is None:
            answer = await _apart(len(body), _judge, incoming.signal, incoming.encoding, body)
            kept = self._known(key) or self._keep(key, incoming, body, answer)
        await asyncio.wrap_future(kept.synced)
        return kept.answer

    def _known(self, key: bytes) -> _Kept | None:
        kept = self._retries.get(key)
        return None if kept is None or kept.failed else kept

    def _keep(self, key: bytes, incoming: Incoming, body: bytes, answer: Answer) -> _Kept:
        synced = self._log.append(
            incoming.signal, incoming.encoding, incoming.source, self._clock_ns(), body
        )
        kept = _Kept(synced, answer)
        self._retries.put(key, kept)
        return kept


async def _apart(size: int, step: Callable[..., T], *arguments: object) -> T:
    """Run a step here, or in a thread when it has much to do."""
    if size < _LARGE:
        return step(*arguments)
    return await asyncio.to_thread(step, *arguments)


def _judge(signal: Signal, encoding: Encoding, body: bytes) -> Answer:
    return answer_for(check(signal, parse(signal, encoding, body)))


def answer_for(refusals: Sequence[Refusal]) -> Answer:
    """Counts per reason, with one example of each."""
    if not refusals:
        return Answer()
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for refusal in refusals:
        counts[refusal.reason] += refusal.records
        examples.setdefault(refusal.reason, refusal.detail)
    parts = [f"{count} {reason} ({examples[reason]})" for reason, count in counts.items()]
    return Answer(counts.total(), "refused: " + ", ".join(parts))
