"""The dashboard as a server: warmed up before the first visitor, with strict headers."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.routes import ROUTES

ENTRY = Path(__file__).with_name("app.py")
INDEX = Path(st.__file__).parent / "static" / "index.html"
CLOSED_PATHS = ("/_stcore/metrics", "/_stcore/agent")


@cache
def inline_script_hashes() -> str:
    """What index.html itself runs inline; all else inline is refused."""
    scripts = re.findall(r"<script>(.*?)</script>", INDEX.read_text("utf-8"), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


@cache
def security_headers() -> list[tuple[bytes, bytes]]:
    """Nothing from elsewhere, in no frame, no sniffing."""
    policy = (
        f"default-src 'self'; script-src 'self' {inline_script_hashes()}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; "
        "base-uri 'self'; object-src 'none'; form-action 'self'"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cross-origin-opener-policy": "same-origin",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class SecurityHeaders:
    """Adds the headers to every answer and closes what visitors need not reach."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(CLOSED_PATHS):
            await self._closed(send)
            return
        await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)

    async def _closed(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": security_headers()})
        await send({"type": "http.response.body", "body": b"not found"})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *security_headers()]
        await send(message)

    return sending


@asynccontextmanager
async def warmed(_: Any) -> AsyncIterator[None]:
    """Import and build what the first page would otherwise wait for.

    What lives for ever is frozen out of the garbage collector: it would be
    walked again after every rerun.
    """
    await asyncio.to_thread(warm_up)
    gc.collect()
    gc.freeze()
    yield


def warm_up() -> None:
    """Everything heavy once; needs neither collector nor control."""
    from dashboard import charts
    from dashboard.components import dialogs, draw, filters, proof, tables  # noqa: F401

    charts.build_all()


app = st.App(ENTRY, lifespan=warmed, routes=ROUTES, middleware=[Middleware(SecurityHeaders)])
