"""The intake: the one way from a request to a synced record, shared by both doors.

1. room?       while the store lags far behind or the disk is nearly full: come back later
2. who?        a token, a client certificate, or nobody in particular
3. rate        what this source has overdrawn is waited for
4. limits      decompressed while it is measured
5. retry?      the same bytes again get the same answer, without a second record
6. elements    what would take too much memory is refused before it is parsed
7. parse       once; what the sender may not send is taken out
8. redact      what must not reach the disk is taken out as well
9. caps        what is too long is cut, and marked
10. check      names what will be refused
11. log        the acknowledgement follows the sync
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import structlog

from collector.errors import RefusedInput
from collector.model import Signal
from collector.receive.caps import Caps
from collector.receive.check import Refusal, check
from collector.receive.coding import inflate
from collector.receive.credentials import Credentials, Grant
from collector.receive.elements import Elements
from collector.receive.limits import MIB, Limits, Malformed, RetryWindow, fingerprint
from collector.receive.parse import ExportRequest, empty_request, parse
from collector.receive.permission import remove_forbidden
from collector.receive.rate import InFlight, Rates
from collector.receive.redaction import Redactor
from collector.store.wal import Busy, Encoding

T = TypeVar("T")

_log = structlog.get_logger("collector.receive.intake")

# 1 MiB: parsing more takes over 5 ms, in which the event loop could answer others.
_LARGE = MIB
# 8: telemetry shrinks to about an eighth under gzip.
_USUAL_RATIO = 8
# 32 MiB: half of what may wait for the disk, so that one source's flood leaves room for others.
_SHARE_BYTES = 32 * MIB
# 256 MiB: what all large requests may hold while they wait to be read, one after the other.
_UNREAD_BYTES = 256 * MIB


class Log(Protocol):
    """Where records are kept; see collector.store.wal."""

    @property
    def failure(self) -> str | None: ...

    def append(
        self, signal: Signal, encoding: Encoding, source: str, received_ns: int, body: bytes
    ) -> Future[int]: ...


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came through a door.

    source: the door, under whose name an anonymous sender is counted
    coding: its Content-Encoding
    authorization: the header or metadata of that name
    certificate: the name in a client certificate that TLS has verified
    is_local: it came through the socket in the home, which only its owner can open
    """

    signal: Signal
    encoding: Encoding
    source: str
    body: bytes
    coding: str = ""
    authorization: str = ""
    certificate: str = ""
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: how many records are refused, and why."""

    rejected: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What goes to the log, and what the sender is told; no body, nothing to log."""

    encoding: Encoding
    body: bytes
    answer: Answer
    forbidden: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    synced: Future[int]
    answer: Answer

    @property
    def failed(self) -> bool:
        return self.synced.done() and self.synced.exception() is not None


@dataclass(frozen=True, slots=True)
class _Changes:
    """What may be changed in a request before it is logged."""

    redactor: Redactor | None
    caps: Caps
    elements: Elements = field(default_factory=Elements)


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
        credentials: Credentials | None = None,
        rates: Rates | None = None,
        redactor: Redactor | None = None,
        caps: Caps | None = None,
        share_bytes: int = _SHARE_BYTES,
    ) -> None:
        self.limits = limits or Limits()
        self._log = log
        self._shortage = shortage
        self._clock_ns = clock_ns
        self._retries: RetryWindow[_Kept] = retries or RetryWindow(time.monotonic)
        self._credentials = credentials or Credentials()
        self._rates = rates or Rates(time.monotonic)
        self._changes = _Changes(redactor, caps or Caps())
        self._in_flight = InFlight(share_bytes)
        # Large requests are read one at a time: each takes many times its own size.
        self._large = asyncio.Lock()
        self._unread_bytes = 0

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
        grant = self._granted(incoming)
        self._rates.admit(grant.source, grant.bytes_per_second)
        size = len(incoming.body) * (_USUAL_RATIO if incoming.coding else 1)
        body = await _apart(size, inflate, incoming.body, incoming.coding, self.limits)
        self._rates.charge(grant.source, grant.bytes_per_second, len(body))
        if not body:
            return Answer()
        return await self._once(replace(incoming, body=body, source=grant.source), grant)

    def left_out(self, incoming: Incoming, refusals: Sequence[Refusal]) -> None:
        """For who watches: records that their sender may not send are not stored."""

    def _granted(self, incoming: Incoming) -> Grant:
        if incoming.is_local:
            return Grant(incoming.source)
        return self._credentials.grant(
            incoming.source, incoming.authorization, incoming.certificate
        )

    async def _once(self, incoming: Incoming, grant: Grant) -> Answer:
        """The answer to a request that is decompressed and whose sender is known."""
        key = fingerprint(incoming.signal, grant.identity, incoming.body)
        kept = self._known(key)
        if kept is None:
            self._in_flight.admit(grant.source, len(incoming.body))
            judged = await self._judged(incoming, grant)
            kept = self._known(key) or self._keep(key, incoming, judged)
        await asyncio.wrap_future(kept.synced)
        return kept.answer

    async def _judged(self, incoming: Incoming, grant: Grant) -> _Judged:
        size = len(incoming.body)
        if size < _LARGE:
            return _judge(incoming, grant, self._changes)
        if self._unread_bytes + size > _UNREAD_BYTES:
            raise Busy("too many large requests at the same time: send again in a moment")
        self._unread_bytes += size
        try:
            async with self._large:
                return await asyncio.to_thread(_judge, incoming, grant, self._changes)
        finally:
            self._unread_bytes -= size

    def _known(self, key: bytes) -> _Kept | None:
        kept = self._retries.get(key)
        return None if kept is None or kept.failed else kept

    def _keep(self, key: bytes, incoming: Incoming, judged: _Judged) -> _Kept:
        kept = _Kept(self._logged(incoming, judged), judged.answer)
        self._retries.put(key, kept)
        # Here, so that a retry does not count them again.
        if judged.forbidden:
            self.left_out(incoming, judged.forbidden)
        return kept

    def _logged(self, incoming: Incoming, judged: _Judged) -> Future[int]:
        """Done once the request is synced; at once where nothing of it is left."""
        if not judged.body:
            nothing: Future[int] = Future()
            nothing.set_result(0)
            return nothing
        synced = self._log.append(
            incoming.signal, judged.encoding, incoming.source, self._clock_ns(), judged.body
        )
        self._in_flight.begin(incoming.source, len(judged.body), synced)
        return synced


async def _apart(size: int, step: Callable[..., T], *arguments: object) -> T:
    """Run a step here, or in a thread when it has much to do."""
    if size < _LARGE:
        return step(*arguments)
    return await asyncio.to_thread(step, *arguments)


def _judge(incoming: Incoming, grant: Grant, changes: _Changes) -> _Judged:
    """What of a request is logged: the very bytes that came, unless something is taken out."""
    descriptor = empty_request(incoming.signal).DESCRIPTOR
    changes.elements.refuse_more(incoming.encoding, incoming.body, descriptor)
    if changes.redactor is not None:
        return _judge_unseen(incoming, grant, changes.redactor, changes.caps)
    request = parse(incoming.signal, incoming.encoding, incoming.body)
    forbidden = remove_forbidden(request, grant) if grant.is_restricted else []
    encoding, body = incoming.encoding, incoming.body
    if forbidden:
        encoding, body = "protobuf", request.SerializeToString(deterministic=True)
    if (capped := _capped(request, encoding, body, changes.caps)) is not None:
        encoding, body = "protobuf", capped
    answer = answer_for([*forbidden, *check(incoming.signal, request)])
    return _Judged(encoding, body, answer, forbidden)


def _capped(request: ExportRequest, encoding: Encoding, body: bytes, caps: Caps) -> bytes | None:
    """The request after something in it was cut; None when nothing had to be."""
    if encoding == "json":
        body = request.SerializeToString()
    if not caps.may_exceed(body) or not caps.apply(request):
        return None
    return bytes(request.SerializeToString(deterministic=True))


def _judge_unseen(incoming: Incoming, grant: Grant, redactor: Redactor, caps: Caps) -> _Judged:
    """The same while redaction is on: no error and no answer may quote what was sent."""
    try:
        request = parse(incoming.signal, incoming.encoding, incoming.body)
        forbidden = remove_forbidden(request, grant) if grant.is_restricted else []
        # Before the caps, because half a secret has no shape.
        body = redactor.redacted(request)
        body = _capped(request, "protobuf", body, caps) or body
        answer = answer_for([*forbidden, *check(incoming.signal, request)])
    except RefusedInput:
        raise Malformed(
            f"expected an OTLP {incoming.signal} request in {incoming.encoding}: it cannot be "
            "read, and nothing of it is quoted because redaction is on"
        ) from None
    # Whatever a request does to our code, a traceback could quote it.
    except Exception as error:
        _log.error("request_not_redacted", error=type(error).__name__, signal=incoming.signal)
        raise Malformed("the request cannot be redacted, so nothing of it was kept") from None
    answer = replace(answer, message=redactor.text(answer.message))
    return _Judged("protobuf", body, answer, forbidden)


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
