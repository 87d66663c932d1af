"""The file of acts: who set how long evidence is kept, each act signed, one a line.

An act counts once it is verified, obeyed by the rules, written and synced. Whoever deletes
holds `lock`, so that nothing a new legal hold covers is deleted once the hold is confirmed.
A file that cannot be read as a whole stops every deletion, because a hold may be missing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from collector.errors import RefusedInput, WatchkeeperError
from collector.keeping import Act, Rules, folded

__all__ = ["Acts"]

# An act is signed by the command that sends it; an old one is somebody else's copy.
FRESH = timedelta(minutes=5)

Verify = Callable[[str], Mapping[str, Any]]


class Acts:
    """The acts of one home; `verify` answers the claims of a token or raises RefusedInput."""

    def __init__(self, path: Path, verify: Verify) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.fault: str | None = None
        self._verify = verify
        self._signed: list[tuple[Act, str]] = []
        self.rules = Rules()
        try:
            self._read()
        except (OSError, WatchkeeperError, ValueError) as error:
            self.fault = f"{path} cannot be read ({error}): nothing is deleted until it is restored"

    def all(self) -> list[tuple[Act, str]]:
        """Every act and its token, in order."""
        with self.lock:
            return list(self._signed)

    def add(self, token: str, now: datetime) -> Act:
        """Do an act; RefusedInput when its signature, its date or its content is not right."""
        act = Act.of(self._verify(token))
        with self.lock:
            if self.fault is not None:
                raise RefusedInput(self.fault)
            if abs(now - act.at) > FRESH:
                raise RefusedInput(f"expected an act of now, got one of {act.at}: sign it again")
            if any(known.act_id == act.act_id for known, _ in self._signed):
                raise RefusedInput(f"the act {act.act_id} is done already")
            rules = self.rules.after(act)
            self._append(token)
            self._signed.append((act, token))
            self.rules = rules
        return act

    def _read(self) -> None:
        if not self.path.exists():
            return
        text = self.path.read_text("ascii")
        if text and not text.endswith("\n"):
            # The last act was never confirmed: its line was not whole when the power went.
            text = text[: text.rfind("\n") + 1]
            os.truncate(self.path, len(text))
        tokens = text.splitlines()
        self._signed = [(Act.of(self._verify(token)), token) for token in tokens]
        self.rules = folded(act for act, _ in self._signed)

    def _append(self, token: str) -> None:
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                os.write(handle, f"{token}\n".encode("ascii"))
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if is_new:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
