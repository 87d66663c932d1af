"""The HTTP door: OTLP over POST, in protobuf or JSON, as a raw ASGI application.

OTLP 1.x, "OTLP/HTTP": an answer has the encoding of its request, errors carry a
google.rpc.Status, and 429 and 503 say with Retry-After when to come back. What is not
POSTed by an exporter, as a health probe, is answered in plain text. CORS is off: no answer
lets a page in a browser send telemetry.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import DEADLINE_EXCEEDED, INTERNAL, NOT_FOUND, UNIMPLEMENTED
from google.rpc.status_pb2 import Status

from collector.errors import RefusedInput, WatchkeeperError
from collector.model import Signal
from collector.receive.answers import response, retry_after, status_of
from collector.receive.coding import UnknownCoding
from collector.receive.credentials import Unauthenticated
from collector.receive.intake import Incoming, Intake
from collector.receive.limits import MIB, TooLarge
from collector.receive.peers import CERTIFICATE
from collector.store.wal import Busy, Encoding, LogError

SOURCE = "otlp-http"
LOCAL_SOURCE = "control"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
# Some exporters post traces to the bare endpoint.
PATHS = {
    "/v1/traces": Signal.TRACES,
    "/v1/logs": Signal.LOGS,
    "/v1/metrics": Signal.METRICS,
    "/": Signal.TRACES,
}

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Ready: TypeAlias = Callable[[], "str | None"]

# 60: an exporter gives up after ten seconds.
BODY_SECONDS = 60.0
# 256 MiB: what all bodies together may hold while they arrive.
ARRIVING_BYTES = 256 * MIB

_log = structlog.get_logger("collector.receive.http")


class _WrongType(RefusedInput):
    """The content type is neither protobuf nor JSON in UTF-8."""


class _TooSlow(RefusedInput):
    """The body did not arrive in time."""


class _HungUp(Exception):
    """The sender closed the connection before the end of its request."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, send: Send) -> None:
        headers = (
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            *self.headers,
        )
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body})


class HttpDoor:
    """The ASGI application; `ready` tells why the collector cannot serve, or None.

    A local door is for the other processes of the same home.
    """

    def __init__(
        self,
        intake: Intake,
        ready: Ready,
        *,
        is_local: bool = False,
        body_seconds: float = BODY_SECONDS,
        arriving_bytes: int = ARRIVING_BYTES,
    ) -> None:
        self._intake = intake
        self._ready = ready
        self._is_local = is_local
        self._body_seconds = body_seconds
        self._most_arriving = arriving_bytes
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"expected an HTTP request, got {scope['type']}")
        try:
            reply = await self._reply(scope, receive)
        except _HungUp:
            return
        await reply.send(send)

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply:
        path, method = scope["path"], scope["method"]
        if path in ("/healthz", "/readyz"):
            return self._health(path, method)
        headers = _headers(scope)
        if path not in PATHS:
            missing = Status(
                code=NOT_FOUND, message=f"no such path: expected one of {', '.join(PATHS)}"
            )
            return _message(404, missing, _encoding_or_json(headers))
        if method != "POST":
            wrong = Status(code=UNIMPLEMENTED, message=f"expected POST, got {method[:20]}")
            return _message(405, wrong, _encoding_or_json(headers), (("allow", "POST"),))
        return await self._exported(PATHS[path], headers, _certificate(scope), receive)

    def _health(self, path: str, method: str) -> _Reply:
        if method not in ("GET", "HEAD"):
            return _Reply(405, b"expected GET or HEAD\n", headers=(("allow", "GET, HEAD"),))
        reason = self._ready() if path == "/readyz" else None
        return _Reply(503, f"{reason}\n".encode()) if reason else _Reply(200, b"ok\n")

    async def _exported(
        self, signal: Signal, headers: dict[str, str], certificate: str, receive: Receive
    ) -> _Reply:
        encoding: Encoding = "json"
        try:
            encoding = _encoding(headers.get("content-type", ""))
            incoming = await self._incoming(signal, encoding, headers, certificate, receive)
            answer = await self._intake.take(incoming)
        except (RefusedInput, LogError) as error:
            return _refusal(error, encoding)
        except _HungUp:
            raise
        except Exception:
            # The outermost place: one request that trips the code must not close the door.
            _log.exception("request_failed", signal=signal.value, encoding=encoding)
            failed = Status(code=INTERNAL, message="the collector failed on this request")
            return _message(500, failed, encoding)
        return _message(200, response(signal, answer), encoding)

    async def _incoming(
        self,
        signal: Signal,
        encoding: Encoding,
        headers: dict[str, str],
        certificate: str,
        receive: Receive,
    ) -> Incoming:
        coding = headers.get("content-encoding", "")
        body = await self._body(headers.get("content-length", ""), receive)
        return Incoming(
            signal,
            encoding,
            LOCAL_SOURCE if self._is_local else SOURCE,
            body,
            coding,
            authorization=headers.get("authorization", ""),
            certificate=certificate,
            is_local=self._is_local,
        )

    async def _body(self, announced: str, receive: Receive) -> bytes:
        if announced.isdecimal():
            self._intake.limits.refuse_larger(int(announced[:20]))
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(self._body_seconds):
                await self._collect(pieces, receive)
        except TimeoutError as error:
            raise _TooSlow(
                f"expected the whole body within {self._body_seconds:g} seconds: send it again"
            ) from error
        finally:
            self._arriving -= sum(map(len, pieces))
        return b"".join(pieces)

    async def _collect(self, pieces: list[bytes], receive: Receive) -> None:
        size, more = 0, True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _HungUp
            piece = event.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            self._arriving += len(piece)
            self._intake.limits.refuse_larger(size)
            if self._arriving > self._most_arriving:
                raise Busy("too many bodies arrive at the same time: send again in a moment")
            more = event.get("more_body", False)


def _headers(scope: Scope) -> dict[str, str]:
    """RFC 9110 §5.3: a header that came twice is one list."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _certificate(scope: Scope) -> str:
    name: str = scope.get("extensions", {}).get(CERTIFICATE, {}).get("name", "")
    return name


def _encoding(content_type: str) -> Encoding:
    media, _, parameters = content_type.lower().partition(";")
    if media.strip() == PROTOBUF:
        return "protobuf"
    if media.strip() == JSON and _is_utf8(parameters):
        return "json"
    raise _WrongType(
        f"expected Content-Type {PROTOBUF} or {JSON} in UTF-8, got {content_type[:80]!r}"
    )


def _encoding_or_json(headers: dict[str, str]) -> Encoding:
    try:
        return _encoding(headers.get("content-type", ""))
    except _WrongType:
        return "json"


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"') in ("utf-8", "utf8", "us-ascii")
    return True


def _refusal(error: WatchkeeperError, encoding: Encoding) -> _Reply:
    retry = (("retry-after", str(math.ceil(retry_after(error).total_seconds()))),)
    match error:
        case Busy():
            return _message(429, status_of(error), encoding, retry)
        case LogError():
            return _message(503, status_of(error), encoding, retry)
        case Unauthenticated():
            challenge = (("www-authenticate", 'Bearer realm="watchkeeper"'),)
            return _message(401, status_of(error), encoding, challenge)
        case TooLarge():
            # What the sender still has to say is not read.
            return _message(413, status_of(error), encoding, (("connection", "close"),))
        case _WrongType():
            types = (("accept-post", f"{PROTOBUF}, {JSON}"),)
            return _message(415, status_of(error), encoding, types)
        case UnknownCoding():
            # RFC 9110 §12.5.3: what the sender may use.
            codings = (("accept-encoding", "gzip, deflate, zstd"),)
            return _message(415, status_of(error), encoding, codings)
        case _TooSlow():
            slow = Status(code=DEADLINE_EXCEEDED, message=str(error))
            return _message(408, slow, encoding, (("connection", "close"),))
        case _:
            return _message(400, status_of(error), encoding)


def _message(
    status: int, message: Message, encoding: Encoding, headers: tuple[tuple[str, str], ...] = ()
) -> _Reply:
    if encoding == "protobuf":
        return _Reply(status, message.SerializeToString(), PROTOBUF, headers)
    return _Reply(status, MessageToJson(message, indent=None).encode(), JSON, headers)
