"""Patience: how long a connection over HTTP may take to say what it wants.

A sender that trickles its headers byte by byte would else keep a connection for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["KEEP_ALIVE_S", "PatientProtocol"]

# 75: exporters of metrics send every 60 seconds on the connection they have.
KEEP_ALIVE_S = 75
_HEADERS_S = 20.0


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not arrive in time; OTLP says to try again then."""

    headers_s = _HEADERS_S
    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def on_message_begin(self) -> None:
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
        self._headers_due = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
