"""Which names are one agent: what operators decided, a line each in a file that only grows.

1. Telemetry tells that an identifier (a DID, a SPIFFE id) belongs to a name; that is learnt.
2. An operator may join any name to an agent, or part two that telemetry or an operator joined.
   The latest decision about a name counts, and it counts more than what was learnt.
3. Nothing stored is changed: names are joined when they are read, so every decision can be undone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from collector.errors import RefusedInput

__all__ = ["Identities", "IdentityAct", "Verb", "joined"]

_LONGEST = 1000


class Verb(StrEnum):
    """What an operator decided about a name."""

    JOIN = "join"
    PART = "part"
    FORGET = "forget"


@dataclass(frozen=True)
class IdentityAct:
    """One decision. `forget` leaves a name to what is learnt; `agent` is empty unless joined."""

    verb: Verb
    alias: str
    agent: str
    actor: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        for field, text in (("name", self.alias), ("operator", self.actor)):
            if not text.strip() or len(text) > _LONGEST:
                raise RefusedInput(
                    f"expected a {field} of 1 to {_LONGEST} characters, got {text!r}"
                )
        if not self.reason.strip() or len(self.reason) > _LONGEST:
            raise RefusedInput('say why, as in --reason "the same program since its move"')
        if (self.verb is Verb.JOIN) != bool(self.agent):
            raise RefusedInput(f"a name is joined to an agent, got {self.verb} and {self.agent!r}")
        if self.alias == self.agent:
            raise RefusedInput(f"{self.alias!r} is that agent already")


def joined(acts: Iterable[IdentityAct]) -> dict[str, IdentityAct]:
    """The decision that counts for each name."""
    latest = {act.alias: act for act in acts}
    return {alias: act for alias, act in latest.items() if act.verb is not Verb.FORGET}


class Identities:
    """The file of decisions, read and added to by commands and read by the collector."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> tuple[IdentityAct, ...]:
        """Every decision, in order; RefusedInput names the line that cannot be read."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedInput(f"{self.path} cannot be read: {error}") from error
        # A last line without an end was never confirmed.
        lines = text[: text.rfind("\n") + 1].splitlines()
        return tuple(_act(self.path, number, line) for number, line in enumerate(lines, 1))

    def add(self, act: IdentityAct) -> None:
        """Write a decision; RefusedInput when it would chain names."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # Two operators at once: the second is judged by what the first decided.
            fcntl.flock(handle, fcntl.LOCK_EX)
            acts = self.all()
            _refuse_chains(joined(acts), act)
            os.ftruncate(handle, _whole(self.path))
            os.write(handle, f"{_line(act)}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def stamp(self) -> tuple[int, int]:
        """Changes whenever the file does."""
        try:
            stat = self.path.stat()
        except OSError:
            return 0, 0
        return stat.st_mtime_ns, stat.st_size


def _whole(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1


def _line(act: IdentityAct) -> str:
    return json.dumps({**asdict(act), "at": act.at.isoformat()}, ensure_ascii=False)


def _act(path: Path, number: int, line: str) -> IdentityAct:
    try:
        told = json.loads(line)
        return IdentityAct(
            Verb(told["verb"]),
            str(told["alias"]),
            str(told["agent"]),
            str(told["actor"]),
            str(told["reason"]),
            datetime.fromisoformat(told["at"]),
        )
    except (ValueError, KeyError, TypeError, RefusedInput) as error:
        raise RefusedInput(f"{path}, line {number}: expected a decision, got {error}") from error


def _refuse_chains(known: Mapping[str, IdentityAct], act: IdentityAct) -> None:
    """A name of an agent is no agent itself: whom it meant would depend on the order."""
    if act.verb is not Verb.JOIN:
        return
    other = known.get(act.agent)
    if other is not None and other.verb is Verb.JOIN:
        raise RefusedInput(
            f"{act.agent!r} is a name of {other.agent!r}: join {act.alias!r} to that, "
            f"or forget the other first"
        )
    for each in known.values():
        if each.verb is Verb.JOIN and each.agent == act.alias:
            raise RefusedInput(
                f"{each.alias!r} is a name of {act.alias!r}: join it to {act.agent!r} first"
            )
