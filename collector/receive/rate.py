"""Rates: how many bytes a second one source may send, and how many may wait for the disk.

A bucket may be overdrawn by one request, because its size is known only once it is
decompressed; what was overdrawn is waited for, and the sender is told how long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

from collector.store.wal import Busy

__all__ = ["InFlight", "Rates", "TooFast"]


class TooFast(Busy):
    """A source sends more than it may; `retry_after` is when it may again."""

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rates:
    """One bucket a source, which holds what that source may send in one second."""

    def __init__(self, clock: Callable[[], float], default: int | None = None) -> None:
        self._clock = clock
        self._default = default
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, source: str, own: int | None) -> None:
        """Raises TooFast while the source waits for what it has overdrawn."""
        rate = own or self._default
        if rate is None:
            return
        left = self._refilled(source, rate)
        if left <= 0:
            delay = timedelta(seconds=-left / rate) + timedelta(milliseconds=1)
            raise TooFast(
                f"{source} may send {rate} bytes a second and has sent more: "
                f"send again in {delay.total_seconds():.3f} s",
                delay,
            )

    def charge(self, source: str, own: int | None, size: int) -> None:
        """Take the size of a request out of its source's bucket."""
        rate = own or self._default
        if rate is not None:
            self._left[source] = (self._refilled(source, rate) - size, self._clock())

    def _refilled(self, source: str, rate: int) -> float:
        now = self._clock()
        left, at = self._left.get(source, (float(rate), now))
        return min(float(rate), left + (now - at) * rate)


class InFlight:
    """Bytes of each source on their way to the disk; no source gets more than its share.

    One thread adds and the log's thread finishes, so each counts on its own.
    """

    def __init__(self, share_bytes: int) -> None:
        self._share_bytes = share_bytes
        self._begun: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()

    def bytes_of(self, source: str) -> int:
        return self._begun[source] - self._finished[source]

    def admit(self, source: str, size: int) -> None:
        """Raises Busy when others would have to wait for this source; one request always fits."""
        waiting = self.bytes_of(source)
        if waiting and waiting + size > self._share_bytes:
            raise Busy(
                f"{waiting} bytes of {source} wait for the disk and at most {self._share_bytes} "
                "of one source may: send again in a second"
            )

    def begin(self, source: str, size: int, synced: Future[int]) -> None:
        """Count until the future is done, however it ends."""
        self._begun[source] += size

        def finish(_: Future[int]) -> None:
            self._finished[source] += size

        synced.add_done_callback(finish)
