"""The HTTP door: OTLP over POST, in protobuf or JSON, as a raw ASGI application.

OTLP 1.x, "OTLP/HTTP": an answer has the encoding of its request, errors carry a
google.rpc.Status, and 429 and 503 say with Retry-After when to come back.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import INTERNAL, INVALID_ARGUMENT
from google.rpc.status_pb2 import Status

from collector.errors import RefusedInput, WatchkeeperError
from collector.model import Signal
from collector.receive.answers import response, retry_after, status_of
from collector.receive.credentials import Unauthenticated
from collector.receive.intake import Incoming, Intake
from collector.receive.limits import TooLarge, UnknownCoding
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

_log = structlog.get_logger("collector.receive.http")


class _WrongType(RefusedInput):
    """The content type is neither protobuf nor JSON in UTF-8."""


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

    def __init__(self, intake: Intake, ready: Ready, *, is_local: bool = False) -> None:
        self._intake = intake
        self._ready = ready
        self._is_local = is_local

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
        if path not in PATHS:
            known = ", ".join(PATHS)
            return _Reply(404, f"no such path: expected one of {known}\n".encode())
        if method != "POST":
            return _wrong_method("POST")
        return await self._exported(PATHS[path], _headers(scope), _certificate(scope), receive)

    def _health(self, path: str, method: str) -> _Reply:
        if method not in ("GET", "HEAD"):
            return _wrong_method("GET, HEAD")
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
        coding = headers.get("content-encoding", "").strip().lower()
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
        limits = self._intake.limits
        if announced.isdecimal():
            limits.refuse_larger(int(announced[:20]))
        pieces, size, more = [], 0, True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _HungUp
            pieces.append(event.get("body", b""))
            size += len(pieces[-1])
            limits.refuse_larger(size)
            more = event.get("more_body", False)
        return b"".join(pieces)


def _headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


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
        case _WrongType() | UnknownCoding():
            return _message(415, Status(code=INVALID_ARGUMENT, message=str(error)), encoding)
        case _:
            return _message(400, status_of(error), encoding)


def _message(
    status: int, message: Message, encoding: Encoding, headers: tuple[tuple[str, str], ...] = ()
) -> _Reply:
    if encoding == "protobuf":
        return _Reply(status, message.SerializeToString(), PROTOBUF, headers)
    return _Reply(status, MessageToJson(message, indent=None).encode(), JSON, headers)


def _wrong_method(allowed: str) -> _Reply:
    return _Reply(405, f"expected {allowed}\n".encode(), headers=(("allow", allowed),))
