"""Patience: how long a connection over HTTP may take to say what it wants, and in how much.

A sender that trickles its headers byte by byte would else keep a connection for ever, and one
whose headers have no end would fill the memory.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["KEEP_ALIVE_S", "PatientProtocol"]

# 75: exporters of metrics send every 60 seconds on the connection they have.
KEEP_ALIVE_S = 75
_HEADERS_S = 20.0
# 64 KiB: what other servers allow, and several times what tokens and trace contexts take.
_HEADERS_BYTES = 64 * 1024


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not arrive in time; OTLP says to try again then.

    Headers that are too large, or trailers, end it with a 400.
    """

    headers_s = _HEADERS_S
    headers_bytes = _HEADERS_BYTES
    _header_bytes = 0
    _undone_bytes = 0
    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        waited = self._headers_due is not None
        super().data_received(data)
        # The parser tells nobody of a single header before its end.
        if waited and self._headers_due is not None and not self.transport.is_closing():
            self._undone_bytes += len(data)
            if self._undone_bytes > self.headers_bytes:
                self.send_400_response("")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.headers_bytes:
            # Ends the parsing, which the protocol answers with a 400.
            raise ValueError("too many bytes of headers")
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        if max(self._header_bytes, self._undone_bytes) > self.headers_bytes:
            msg = f"expected at most {self.headers_bytes} bytes of headers, got more."
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._undone_bytes = 0
        self._headers_due = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
