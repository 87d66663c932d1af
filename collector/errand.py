"""Errands to the control process: what the collector finds out is told there until it is taken.

An errand keeps nothing of its own on disk: what it tells has a key, so telling it again after a
crash or a lost answer changes nothing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import httpx

from collector.errors import WatchkeeperError

__all__ = ["Errand"]

_LONGEST_PAUSE_S = 60.0
# Not our token, not now: the same message may be taken later.
_AWAY = (401, 403, 408, 429)


class Errand(ABC):
    """Tells control what is news, again and again; a control that is away costs longer pauses."""

    def __init__(self, control_url: str, token_path: Path, every_s: float) -> None:
        self._control = control_url.rstrip("/")
        self._token_path = token_path
        self._every_s = every_s
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failures = 0

    @abstractmethod
    async def _tell_all(self, client: httpx.AsyncClient) -> int:
        """One round; answers how much was told."""

    @abstractmethod
    def _failed(self, reason: str) -> None:
        """Say that control did not take it."""

    def notify(self) -> None:
        """Look now; may be called from any thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def run(self) -> None:
        """Tell what is new until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(timeout=5.0) as client:
            while True:
                await self.tell(client)
                await self._wait()

    async def tell(self, client: httpx.AsyncClient) -> int:
        """One round; answers how much control has accepted."""
        self._news.clear()
        try:
            accepted = await self._tell_all(client)
        except (httpx.HTTPError, OSError, WatchkeeperError) as error:
            self._failures += 1
            self._failed(str(error) or type(error).__name__)
            return 0
        self._failures = 0
        return accepted

    async def _asked(
        self, client: httpx.AsyncClient, method: str, path: str, body: Any = None
    ) -> httpx.Response:
        """Control's answer; raises where the same may be taken later."""
        token = self._token_path.read_text("utf-8").strip()
        headers = {"authorization": f"Bearer {token}"}
        answer = await client.request(method, f"{self._control}{path}", json=body, headers=headers)
        if answer.status_code >= 500 or answer.status_code in _AWAY:
            answer.raise_for_status()
        return answer

    async def _wait(self) -> None:
        pause = min(self._every_s * 2 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        try:
            await asyncio.wait_for(self._news.wait(), max(pause, self._every_s))
        except TimeoutError:
            return
