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

from collector.errand import Errand
from collector.store.reader import Reader

_MOST_AT_ONCE = 100
# The event of a message that was accepted takes its own way back; until then do not repeat it.
_ROUNDS_BEFORE_REPEAT = 6
_log = structlog.get_logger("collector.proof")

Refusal = Mapping[str, Any]


class ProofNotifier(Errand):
    """Carries the first refused call of each hold to the control process."""

    def __init__(
        self, reader: Reader, control_url: str, token_path: Path, every_s: float = 5.0
    ) -> None:
        super().__init__(control_url, token_path, every_s)
        self._reader = reader
        self._told: dict[tuple[str, str | None], int] = {}

    def _failed(self, reason: str) -> None:
        _log.warning("proof_not_told", reason=reason)

    async def _tell_all(self, client: httpx.AsyncClient) -> int:
        refusals = await asyncio.to_thread(
            self._reader.rows, "queries/unproven_holds", {"limit": _MOST_AT_ONCE}
        )
        self._told = {key: rounds - 1 for key, rounds in self._told.items() if rounds > 1}
        news = [refusal for refusal in refusals if _key(refusal) not in self._told]
        for refusal in news:
            # 4xx: control does not know this hold, or it has ended; the others go on.
            answer = await self._asked(client, "POST", "/v1/evidence", _evidence(refusal))
            _log.info("proof_told", hold_id=refusal["hold_id"], status=answer.status_code)
            self._told[_key(refusal)] = _ROUNDS_BEFORE_REPEAT
        return len(news)


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
