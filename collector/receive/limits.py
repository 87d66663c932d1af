"""Limits: how much one sender may ask of the collector before anything is parsed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

from collector.errors import RefusedInput
from collector.model import Signal

MIB = 1024 * 1024
# 512 MiB: for questions that spill, the archive and whoever else writes to this disk. What the
# store still owes comes on top.
FLOOR_BYTES = 512 * MIB
# 20: on a disk of a few GiB the floor is a twentieth of it.
FLOOR_SHARE = 20

T = TypeVar("T")


class Malformed(RefusedInput):
    """The request is not what its content type says; a retry would fail again."""


class TooLarge(RefusedInput):
    """The request is larger than a stated limit; a retry would fail again."""


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes of one request, as sent and after decompression."""

    message_bytes: int = 16 * MIB
    inflated_bytes: int = 64 * MIB

    def __post_init__(self) -> None:
        if not 0 < self.message_bytes <= self.inflated_bytes:
            raise ValueError(
                "expected 0 < message_bytes <= inflated_bytes, "
                f"got {self.message_bytes} and {self.inflated_bytes}"
            )

    def refuse_larger(self, size: int) -> None:
        if size > self.message_bytes:
            raise TooLarge(
                f"a request may have {self.message_bytes} bytes as sent, this one has more: "
                "make the exporter's batches smaller"
            )


@dataclass(frozen=True)
class Headroom:
    """How much may be acknowledged before the store has it, and how much disk stays free.

    Without it a flood would fill the disk with the log, and nothing could be stored any more.
    """

    unapplied_bytes: Callable[[], int]
    free_bytes: Callable[[], int]
    most_unapplied_bytes: int = 1024 * MIB
    least_free_bytes: int = FLOOR_BYTES
    # What is acknowledged and must still find its place on the disk.
    owed_bytes: Callable[[], int] = lambda: 0

    def shortage(self) -> str | None:
        """Why nothing more may be taken at the moment."""
        behind = self.unapplied_bytes()
        if behind > self.most_unapplied_bytes:
            return (
                f"{behind} bytes are acknowledged and not stored yet, at most "
                f"{self.most_unapplied_bytes} may be: send again in a moment"
            )
        free, needed = self.free_bytes(), self.least_free_bytes + self.owed_bytes()
        if free < needed:
            return (
                f"the disk has {free} bytes left, and {needed} must stay free: "
                "make room on the collector's disk, then send again"
            )
        return None


def floor_bytes(directory: Path) -> int:
    """How much of the disk that holds the directory must stay free."""
    disk = os.statvfs(directory)
    return min(FLOOR_BYTES, disk.f_blocks * disk.f_frsize // FLOOR_SHARE)


def fingerprint(signal: Signal, sender: str, body: bytes) -> bytes:
    """Equal for a request and its retry, different for anything else."""
    # SHA-256: processors have instructions for it, which makes it twice as fast as BLAKE2.
    digest = sha256(f"{signal}\0{sender}\0".encode())
    digest.update(body)
    return digest.digest()


class RetryWindow(Generic[T]):
    """What was answered lately, by fingerprint; forgets the oldest first."""

    def __init__(
        self, clock: Callable[[], float], *, seconds: float = 600, entries: int = 65_536
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._entries = entries
        self._known: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> T | None:
        self._forget_old()
        known = self._known.get(key)
        return None if known is None else known[1]

    def put(self, key: bytes, value: T) -> None:
        self._known.pop(key, None)
        self._known[key] = (self._clock(), value)
        self._forget_old()

    def _forget_old(self) -> None:
        horizon = self._clock() - self._seconds
        while self._known:
            put_at, _ = next(iter(self._known.values()))
            if put_at > horizon and len(self._known) <= self._entries:
                return
            self._known.popitem(last=False)
