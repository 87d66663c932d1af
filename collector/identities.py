"""Which names are one agent: what operators decided, a line each in a file that only grows.

1. Telemetry tells that an identifier (a DID, a SPIFFE id) belongs to a name; that is learnt.
2. An operator may join any name to an agent, or part two that telemetry or an operator joined.
   The latest decision about a name counts, and it counts more than what was learnt.
3. Nothing stored is changed: names are joined when they are read, so every decision can be undone.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from collector.errors import RefusedInput
from collector.smallfile import bytes_of, state_of

__all__ = ["MOST_BYTES", "Identities", "IdentityAct", "Verb", "WrongLine", "acts_of", "joined"]

# 16 MiB: tens of thousands of decisions.
MOST_BYTES = 16 * 1024 * 1024
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
        names = {"name": self.alias, "operator": self.actor, "agent": self.agent or "-"}
        for field, text in names.items():
            if not text.strip() or len(text) > _LONGEST or not _is_whole(text):
                raise RefusedInput(
                    f"expected the {field} in 1 to {_LONGEST} characters in UTF-8, "
                    f"got {text[:_LONGEST]!r}"
                )
        if not self.reason.strip():
            raise RefusedInput('say why, as in --reason "the same program since its move"')
        if len(self.reason) > _LONGEST or not _is_whole(self.reason):
            raise RefusedInput(f"expected a reason of at most {_LONGEST} characters in UTF-8")
        if (self.verb is Verb.JOIN) != bool(self.agent):
            raise RefusedInput(f"a name is joined to an agent, got {self.verb} and {self.agent!r}")
        if self.alias == self.agent:
            raise RefusedInput(f"{self.alias!r} is that agent already")


class WrongLine(RefusedInput):
    """A line of the file is no decision; `line` counts from 1."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.line = line
        self.reason = reason


def _is_whole(text: str) -> bool:
    """Whether it can be written: an argument that is no UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def joined(acts: Iterable[IdentityAct]) -> dict[str, IdentityAct]:
    """The decision that counts for each name."""
    latest = {act.alias: act for act in acts}
    return {alias: act for alias, act in latest.items() if act.verb is not Verb.FORGET}


def acts_of(path: Path, raw: bytes) -> tuple[IdentityAct, ...]:
    """The decisions in the bytes of this file; WrongLine names the line that is none."""
    # A last line without an end was never confirmed.
    lines = raw[: raw.rfind(b"\n") + 1].split(b"\n")[:-1]
    return tuple(_act(path, number, line) for number, line in enumerate(lines, 1))


class Identities:
    """The file of decisions, read and added to by commands and read by the collector."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> tuple[IdentityAct, ...]:
        """Every decision, in order; WrongLine names the line that cannot be read."""
        try:
            raw = bytes_of(self.path, MOST_BYTES)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise RefusedInput(f"{self.path} cannot be read: {error.strerror}") from error
        return acts_of(self.path, raw)

    def add(self, act: IdentityAct) -> None:
        """Write a decision; RefusedInput when it would chain names or cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as handle:
                self._append(handle, act)
        except OSError as error:
            raise RefusedInput(
                f"{self.path} cannot be written: {error.strerror}; nothing was decided"
            ) from error

    def _append(self, handle: int, act: IdentityAct) -> None:
        _refuse_chains(joined(self.all()), act)
        line = f"{_line(act)}\n".encode()
        os.ftruncate(handle, bytes_of(self.path, MOST_BYTES).rfind(b"\n") + 1)
        if os.write(handle, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Two operators at once: the second is judged by what the first decided."""
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                # An editor or a restore may have put another file there meanwhile.
                if os.path.samestat(os.fstat(handle), self.path.stat()):
                    yield handle
                    return
            finally:
                os.close(handle)

    def stamp(self) -> tuple[int, ...] | None:
        """Changes whenever the file does."""
        return state_of(self.path)


def _line(act: IdentityAct) -> str:
    return json.dumps({**asdict(act), "at": act.at.isoformat()}, ensure_ascii=False)


def _act(path: Path, number: int, line: bytes) -> IdentityAct:
    try:
        told = json.loads(line)
        texts = {name: told[name] for name in ("alias", "agent", "actor", "reason")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise TypeError("a value that is no text")
        at = datetime.fromisoformat(told["at"]).astimezone(UTC)
        return IdentityAct(verb=Verb(told["verb"]), at=at, **texts)
    except KeyError as error:
        reason = f"expected a decision, the field {error} is missing"
    except (ValueError, TypeError, OverflowError, RecursionError, RefusedInput) as error:
        reason = f"expected a decision, got {str(error)[:_LONGEST]}"
    raise WrongLine(path, number, f"{reason}: mend or remove the line")


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
