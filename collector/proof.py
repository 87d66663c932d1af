"""Tells the control process that a hold is enforced: evidence, not acknowledgement.

The first call that an agent refused because of a hold is stored here as a decision.
Control learns of it once per hold and instance. It keeps nothing of its own: what
control has recorded comes back as a command event, and only what is missing there is
told again. So a restart on either side costs one repeated message, which control
treats as the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import structlog

from collector.errors import WatchkeeperError
from collector.store.reader import Reader

_MOST_AT_ONCE = 100
_LONGEST_PAUSE_S = 60.0
# The event of a message that was accepted takes its own way back; until then do not repeat it.
_ROUNDS_BEFORE_REPEAT = 6
# Not our token, not now: the same message may be taken later.
_AWAY = (401, 403, 408, 429)
_log = structlog.get_logger("collector.proof")

Refusal = Mapping[str, Any]


class ProofNotifier:
    """Carries the first refused call of each hold to the control process."""

    def __init__(
        self, reader: Reader, control_url: str, token_path: Path, every_s: float = 5.0
    ) -> None:
        self._reader = reader
        self._url = f"{control_url.rstrip('/')}/v1/evidence"
        self._token_path = token_path
        self._every_s = every_s
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: dict[tuple[str, str | None], int] = {}
        self._failures = 0

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
        """One round; returns how many refusals control has accepted."""
        self._news.clear()
        try:
            accepted = await self._tell_all(client)
        except (httpx.HTTPError, OSError, WatchkeeperError) as error:
            self._failures += 1
            _log.warning("proof_not_told", reason=str(error) or type(error).__name__)
            return 0
        self._failures = 0
        return accepted

    async def _tell_all(self, client: httpx.AsyncClient) -> int:
        refusals = await asyncio.to_thread(
            self._reader.rows, "queries/unproven_holds", {"limit": _MOST_AT_ONCE}
        )
        self._told = {key: rounds - 1 for key, rounds in self._told.items() if rounds > 1}
        news = [refusal for refusal in refusals if _key(refusal) not in self._told]
        for refusal in news:
            await self._post(client, refusal)
            self._told[_key(refusal)] = _ROUNDS_BEFORE_REPEAT
        return len(news)

    async def _post(self, client: httpx.AsyncClient, refusal: Refusal) -> None:
        token = self._token_path.read_text("utf-8").strip()
        answer = await client.post(
            self._url, json=_evidence(refusal), headers={"authorization": f"Bearer {token}"}
        )
        # Other 4xx: control does not know this hold, or it has ended; the others go on.
        if answer.status_code >= 500 or answer.status_code in _AWAY:
            answer.raise_for_status()
        _log.info("proof_told", hold_id=refusal["hold_id"], status=answer.status_code)

    async def _wait(self) -> None:
        pause = min(self._every_s * 2 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        try:
            await asyncio.wait_for(self._news.wait(), max(pause, self._every_s))
        except TimeoutError:
            return


def _key(refusal: Refusal) -> tuple[str, str | None]:
    return refusal["hold_id"], refusal["instance"]


def _evidence(refusal: Refusal) -> dict[str, Any]:
    return {
        "hold_id": refusal["hold_id"],
        "decision_id": refusal["decision_id"],
        "instance_uid": refusal["instance"],
        "agent": refusal["agent"],
        "at": refusal["decided_at"].isoformat(),
        "stage": refusal["stage"],
    }
