"""Ingest tokens: who may send telemetry, kept as hashes in one file of the home.

A token carries 256 random bits, so its SHA-256 cannot be turned back and needs no salt and no
slow hash: argon2 protects what people choose, and would cost every request what it costs a thief.
A running collector sees a change of the file with the next request.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

import structlog

from collector.errors import ConfigurationError, RefusedInput

__all__ = ["PREFIX", "Token", "TokenFile", "Tokens", "utc_now"]

PREFIX = "wk_ingest_"
VERSION = 1
# 0.2 s: a revoked token works that long at most; a look at the file takes 2 microseconds.
LOOK_AGAIN_S = 0.2

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_log = structlog.get_logger("collector.receive.tokens")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret. Empty `agents` or `environments` allow any; both take globs."""

    name: str
    sha256: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    agents: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    bytes_per_second: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a token's name has 1 to 64 letters, digits, '.', '_' or '-', got {self.name!r}"
            )
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"expected a SHA-256 in 64 hex digits for {self.name}")
        if self.bytes_per_second is not None and self.bytes_per_second < 1:
            raise ValueError(f"expected a rate above 0 bytes a second, got {self.bytes_per_second}")

    def state(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


@dataclass(frozen=True)
class Tokens:
    """Every token there ever was; the revoked ones stay, so that a door never falls open."""

    all: tuple[Token, ...] = ()

    def holder(self, presented: str) -> Token | None:
        """The token that was presented, in whatever state it is.

        Found by its digest, which a guesser cannot steer without knowing the token.
        """
        digest = _digest(presented)
        known = self._by_digest.get(digest)
        return known if known is not None and compare_digest(known.sha256, digest) else None

    @property
    def _by_digest(self) -> Mapping[str, Token]:
        index: dict[str, Token] | None = self.__dict__.get("_index")
        if index is None:
            index = {token.sha256: token for token in self.all}
            object.__setattr__(self, "_index", index)
        return index


class TokenFile:
    """The tokens on disk; written whole, by one process at a time, readable by its owner."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._path = path
        self._text_path = str(path)
        self._now = now
        self._monotonic = monotonic
        self._look_again_s = look_again_s
        self._looked_at = float("-inf")
        self._seen: tuple[int, ...] | None = None
        self._tokens = Tokens()

    def read(self) -> Tokens:
        """The tokens of the file, none without a file; ConfigurationError if it is broken."""
        try:
            document = json.loads(self._path.read_bytes())
            return Tokens(tuple(_token(entry) for entry in document["tokens"]))
        except FileNotFoundError:
            return Tokens()
        except OSError as error:
            raise ConfigurationError(f"cannot read {self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{self._path} is not a list of tokens ({error}): restore it from a backup, or "
                "move it away and make new tokens with `watchkeeper tokens add`"
            ) from error

    def current(self) -> Tokens:
        """The tokens in force. What a running collector cannot read any more stays in force."""
        if self._monotonic() - self._looked_at < self._look_again_s:
            return self._tokens
        self._looked_at = self._monotonic()
        seen = self._state()
        if seen == self._seen:
            return self._tokens
        try:
            if seen is None:
                raise ConfigurationError(f"{self._path} is gone")
            self._tokens = self.read()
        except ConfigurationError as error:
            _log.error("tokens_not_read", reason=str(error), action="the last ones stay in force")
        self._seen = seen
        return self._tokens

    def _state(self) -> tuple[int, ...] | None:
        try:
            state = os.stat(self._text_path)  # noqa: PTH116 - asked often, and a Path costs more
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def add(
        self,
        name: str,
        *,
        agents: tuple[str, ...] = (),
        environments: tuple[str, ...] = (),
        expires_at: datetime | None = None,
        bytes_per_second: int | None = None,
    ) -> str:
        """A new token, told this once."""
        presented = PREFIX + secrets.token_urlsafe(32)
        try:
            token = Token(
                name=name,
                sha256=_digest(presented),
                created_at=self._now(),
                expires_at=expires_at,
                agents=agents,
                environments=environments,
                bytes_per_second=bytes_per_second,
            )
        except ValueError as error:
            raise RefusedInput(str(error)) from error
        with self._locked():
            tokens = self.read()
            if any(one.name == name and one.state(self._now()) == "active" for one in tokens.all):
                raise RefusedInput(
                    f"there is an active token {name} already: choose another name, "
                    f"or revoke that one with `watchkeeper tokens revoke {name}`"
                )
            self._write((*tokens.all, token))
        return presented

    def revoke(self, name: str) -> None:
        """Refuse this token from now on."""
        with self._locked():
            tokens = self.read()
            if not any(one.name == name and one.revoked_at is None for one in tokens.all):
                raise RefusedInput(
                    f"there is no token {name} to revoke: `watchkeeper tokens list` shows them"
                )
            self._write(tuple(self._revoked(one, name) for one in tokens.all))

    def _revoked(self, token: Token, name: str) -> Token:
        if token.name != name or token.revoked_at is not None:
            return token
        return replace(token, revoked_at=self._now())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write to {self._path.parent}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, tokens: tuple[Token, ...]) -> None:
        document = {"version": VERSION, "tokens": [_entry(token) for token in tokens]}
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        _sync(self._path.parent)


def _digest(presented: str) -> str:
    return sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()


def _entry(token: Token) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(token).items()
    }


def _token(entry: Mapping[str, Any]) -> Token:
    moments = {
        name: datetime.fromisoformat(entry[name]) if entry.get(name) else None
        for name in ("expires_at", "revoked_at")
    }
    return Token(
        name=entry["name"],
        sha256=entry["sha256"],
        created_at=datetime.fromisoformat(entry["created_at"]),
        agents=tuple(entry.get("agents", ())),
        environments=tuple(entry.get("environments", ())),
        bytes_per_second=entry.get("bytes_per_second"),
        **moments,
    )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
