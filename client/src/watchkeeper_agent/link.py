"""The line to control: one daemon thread that long-polls OpAMP over HTTP.

The agent always dials out. The server holds each answer until it has something new, so
a document arrives within milliseconds; a lost line is dialled again after a random wait
that doubles up to ten seconds. Nothing is enforced here: hooks decide on their own.
"""

from __future__ import annotations

import http.client
import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from google.protobuf.message import DecodeError

from watchkeeper_agent import messages
from watchkeeper_agent.errors import StateError

HELD_S = 20.0
TIMEOUT_S = HELD_S + 15.0
# A server that does not hold its answers is asked twice a second, not in a tight loop.
PAUSE_S = 0.5
BACKOFF_S = (0.2, 10.0)
MAX_ANSWER = 4 * 1024 * 1024

_log = logging.getLogger("watchkeeper_agent")


class LinkError(Exception):
    """The server could not be asked, or answered something unusable."""


class Link:
    """Keeps asking control for this agent's document.

    `take` gets every offer and answers with what became of it; `heard` is called on
    every good answer; `prepare` runs before the first question and may raise LinkError.
    """

    def __init__(
        self,
        control: str,
        who: Callable[[], messages.Self],
        secret: str,
        take: Callable[[messages.Offer], messages.Ack],
        heard: Callable[[], None],
        prepare: Callable[[Link], None],
    ) -> None:
        self._address = _address(control)
        self._who = who
        self._secret = secret
        self._take = take
        self._heard = heard
        self._prepare = prepare
        self._ended = threading.Event()
        self._reintroduce = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._sequence = 0
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="watchkeeper-link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def describe_again(self) -> None:
        """The next message carries the full description."""
        self._reintroduce.set()

    def close(self) -> None:
        """Say goodbye if the line is up; never raises, waits two seconds at most."""
        self._ended.set()
        self._interrupt()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def get(self, path: str) -> bytes:
        """A plain GET on the same server."""
        return self._exchange("GET", path, None, timeout=5.0)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._prepare(self)
                self._converse()
            except (LinkError, OSError, http.client.HTTPException, DecodeError) as error:
                self._failed(error)
            except Exception as error:
                # The outermost loop of the thread: an agent must not lose its line to our bug.
                _log.exception("link_broken control=%s", self._address.geturl())
                self._failed(error)
        self._say_goodbye()

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._hang_up()
        if self._failures in (1, 10) and not self._ended.is_set():
            _log.warning("link_lost control=%s error=%s", self._address.geturl(), error)
        self._ended.wait(_backoff(self._failures))

    def _converse(self) -> None:
        """Introduce, then ask until the line breaks or the agent ends."""
        introduce, ack = True, None
        while not self._ended.is_set():
            if self._reintroduce.is_set():
                self._reintroduce.clear()
                introduce = True
            asked = time.monotonic()
            answer = self._ask(introduce, ack)
            introduce, was_ack = answer.wants_introduction, ack is not None
            ack = self._take(answer.offer) if answer.offer else None
            busy = introduce or was_ack or ack is not None
            if not busy and time.monotonic() - asked < PAUSE_S:
                self._ended.wait(PAUSE_S * random.uniform(0.5, 1.0))

    def _ask(self, introduce: bool, ack: messages.Ack | None) -> messages.Answer:
        write = messages.introduction if introduce else messages.heartbeat
        body = write(self._who(), self._next(), ack)
        answer = messages.parse(self._exchange("POST", "/v1/opamp", body, TIMEOUT_S))
        if answer.error:
            raise LinkError(f"control answered: {answer.error}")
        self._failures = 0
        self._heard()
        return answer

    def _exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> bytes:
        connection = self._connected(timeout)
        headers = {
            "Authorization": f"Bearer {self._secret}",
            "Content-Type": "application/x-protobuf",
        }
        connection.request(method, self._address.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        content = response.read(MAX_ANSWER + 1)
        if response.status != 200:
            text = content[:200].decode(errors="replace")
            raise LinkError(f"expected 200 from {method} {path}, got {response.status}: {text}")
        if len(content) > MAX_ANSWER:
            raise LinkError(f"expected at most {MAX_ANSWER} bytes from {path}, got more")
        return content

    def _connected(self, timeout: float) -> http.client.HTTPConnection:
        connection = self._connection
        if connection is None:
            kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
            if self._address.scheme == "https":
                kind = http.client.HTTPSConnection
            connection = kind(self._address.hostname or "", self._address.port, timeout=timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _say_goodbye(self) -> None:
        self._hang_up()
        try:
            body = messages.farewell(self._who(), self._next())
            self._exchange("POST", "/v1/opamp", body, timeout=1.0)
        except (LinkError, OSError, http.client.HTTPException) as error:
            _log.debug("goodbye_not_heard error=%s", error)
        self._hang_up()

    def _interrupt(self) -> None:
        connection = self._connection
        if connection is not None and connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                _log.debug("line_was_down error=%s", error)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _backoff(failures: int) -> float:
    """Full jitter: agents that lost one server do not all come back at once."""
    shortest, longest = BACKOFF_S
    return random.uniform(shortest / 2, min(longest, shortest * 2 ** min(failures, 10)))


def _address(control: str) -> SplitResult:
    address = urlsplit(control)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise StateError(
            f"expected the control address as http://HOST:PORT, got {control!r}: "
            "set WATCHKEEPER_CONTROL, for example to http://127.0.0.1:4320"
        )
    return address
