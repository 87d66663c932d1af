"""Files that people write into a home, each in force in its last good version."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from collector.slo.marked import Refusal
from collector.smallfile import bytes_of, state_of

__all__ = ["FileError", "HomeFile", "text_of"]

T = TypeVar("T")

LOOK_AGAIN_S = 5.0
_MOST_BYTES = 256 * 1024
_UNREAD = (-1,)

_log = structlog.get_logger("collector.homefile")


@dataclass(frozen=True)
class FileError:
    """Why a file is not in force as it stands."""

    file: str
    line: int
    reason: str


class HomeFile(Generic[T]):
    """One file, looked at again every few seconds. A wrong one leaves its old version in force."""

    def __init__(
        self,
        path: Path,
        read: Callable[[str], T],
        without: T,
        *,
        most_bytes: int = _MOST_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._read = read
        self._without = self._value = without
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._seen: tuple[int, ...] | None = None
        self.error: FileError | None = None

    def current(self) -> T:
        """What the file says; without one what was given for that."""
        with self._lock:
            if self._monotonic() - self._looked_at >= LOOK_AGAIN_S:
                self._looked_at = self._monotonic()
                self._look()
            return self._value

    def _look(self) -> None:
        seen = state_of(self.path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._value = self._without if seen is None else self._read(self._text())
            self.error = None
        except Refusal as refusal:
            self._refuse(refusal.line, refusal.reason)
        except OSError as error:
            # What keeps it from being read may pass without a change of the file.
            self._seen = _UNREAD
            self._refuse(1, f"cannot be read: {error.strerror}")

    def _text(self) -> str:
        return text_of(self.path, self._most_bytes)

    def _refuse(self, line: int, reason: str) -> None:
        error = FileError(self.path.name, line, reason)
        if error != self.error:
            _log.warning("home_file_refused", **vars(error))
        self.error = error


def text_of(path: Path, most_bytes: int = _MOST_BYTES) -> str:
    """The text of a file that a person wrote, refused where it cannot be one."""
    raw = bytes_of(path, most_bytes)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Refusal(
            line, f"expected text in UTF-8, got the byte {raw[error.start]:#04x}: save it as UTF-8"
        ) from error
