"""Which instances are listening, and the bell that wakes their held requests. In memory only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.control.moments import Clock

# Longer than one held request, shorter than lease and grace together.
SILENCE = timedelta(seconds=45)


@dataclass
class Listener:
    """One instance as this process has heard it."""

    instance_uid: str
    last_seen: datetime
    sequence: int | None = None
    turn: int = 0
    is_gone: bool = False
    answered: bytes | None = None
    sent: bytes | None = None
    sent_at: datetime | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def follows(self, sequence: int) -> bool:
        """Whether this is the message after the last one; OpAMP counts them."""
        last, self.sequence = self.sequence, sequence
        return last is not None and sequence == last + 1

    async def woken(self, gone: asyncio.Future[None], timeout_s: float) -> None:
        """Wait for the bell, for the other side to hang up, or for the time."""
        bell = asyncio.create_task(_rung(self.bell))
        waiting: set[asyncio.Future[None]] = {bell, gone}
        try:
            await asyncio.wait(
                waiting, timeout=max(timeout_s, 0), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            bell.cancel()


async def _rung(bell: asyncio.Event) -> None:
    await bell.wait()


class Presence:
    """All listeners by their uid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: dict[str, Listener] = {}
        self._unsaved: set[str] = set()
        self.is_closing = False

    def arrive(self, instance_uid: str) -> Listener:
        """A request has come; an older one of the same instance stops waiting."""
        now = self._clock()
        listener = self._listeners.setdefault(instance_uid, Listener(instance_uid, now))
        listener.last_seen, listener.is_gone = now, False
        listener.turn += 1
        listener.bell.set()
        listener.bell = asyncio.Event()
        self._unsaved.add(instance_uid)
        return listener

    def is_connected(self, instance_uid: str) -> bool:
        listener = self._listeners.get(instance_uid)
        if listener is None or listener.is_gone:
            return False
        return self._clock() - listener.last_seen <= SILENCE

    def last_seen(self, instance_uid: str) -> datetime | None:
        listener = self._listeners.get(instance_uid)
        return listener.last_seen if listener else None

    def wake(self, instance_uids: Iterable[str]) -> None:
        for instance_uid in instance_uids:
            if listener := self._listeners.get(instance_uid):
                listener.bell.set()

    def close(self) -> None:
        """End every held request."""
        self.is_closing = True
        self.wake(list(self._listeners))

    def unsaved(self) -> list[tuple[str, datetime]]:
        """Who was heard since the last call."""
        heard = [(uid, self._listeners[uid].last_seen) for uid in sorted(self._unsaved)]
        self._unsaved.clear()
        return heard

    def forget(self, seen_before: datetime) -> None:
        """Drop listeners that fell silent long ago."""
        for uid in [u for u, heard in self._listeners.items() if heard.last_seen < seen_before]:
            del self._listeners[uid]
            self._unsaved.discard(uid)
