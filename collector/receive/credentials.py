"""Credentials: who sent a request, and what that sender may send.

A token, sent as `Authorization: Bearer`, decides before a client certificate, and that before
nothing at all. Without any token a door on loopback is open; as soon as one was made, or a door
listens elsewhere, every sender must say who it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from collector.config import IngestAuth
from collector.errors import RefusedInput
from collector.receive.tokens import PREFIX, Token, TokenFile, Tokens, utc_now

__all__ = ["Credentials", "Grant", "Unauthenticated"]

# 200: the longest name of a source that a page shows in full.
SOURCE_CHARACTERS = 200


class Unauthenticated(RefusedInput):
    """The sender did not say who it is, or said so in vain."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One sender, by the name that its records are counted under, and what it may send.

    Empty `agents` or `environments` allow any; both take globs.
    """

    source: str
    agents: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    bytes_per_second: int | None = None

    @property
    def is_restricted(self) -> bool:
        return bool(self.agents or self.environments)

    @property
    def identity(self) -> str:
        """Equal for senders of one name that may send the same."""
        return repr((self.source, self.agents, self.environments))


class Credentials:
    """Names the sender of every request; `exposed` tells whether a door is not on loopback."""

    def __init__(
        self,
        file: TokenFile | None = None,
        *,
        mode: IngestAuth = IngestAuth.AUTO,
        exposed: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._file = file
        self._mode = mode
        self._exposed = exposed
        self._now = now

    def grant(self, door: str, authorization: str = "", certificate: str = "") -> Grant:
        """Raises Unauthenticated for who cannot be let in.

        certificate: the name in a client certificate that TLS has verified.
        """
        tokens = self._file.current() if self._file else Tokens()
        if authorization and tokens.all:
            return _granted(self._active(_presented(authorization), tokens))
        if certificate:
            return Grant(_printable(f"cert:{certificate}"))
        if self._is_required(tokens):
            raise Unauthenticated(
                "expected 'Authorization: Bearer' with an ingest token, got none: "
                "make one with `watchkeeper tokens add NAME`"
            )
        return Grant(door)

    def _is_required(self, tokens: Tokens) -> bool:
        if self._mode is IngestAuth.AUTO:
            return self._exposed or bool(tokens.all)
        return self._mode is IngestAuth.REQUIRED

    def _active(self, presented: str, tokens: Tokens) -> Token:
        token = tokens.holder(presented)
        if token is None:
            raise Unauthenticated(
                "the ingest token is not known here: `watchkeeper tokens list` shows the names "
                "of those that are"
            )
        if (state := token.state(self._now())) != "active":
            raise Unauthenticated(
                f"the ingest token {token.name} is {state}: make a new one with "
                "`watchkeeper tokens add`"
            )
        return token


def _presented(authorization: str) -> str:
    scheme, _, presented = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not presented.strip():
        raise Unauthenticated(f"expected 'Authorization: Bearer {PREFIX}…', got another scheme")
    return presented.strip()


def _granted(token: Token) -> Grant:
    return Grant(f"token:{token.name}", token.agents, token.environments, token.bytes_per_second)


def _printable(name: str) -> str:
    """A name of a stranger's making, fit for a column, a log and a page."""
    return "".join(one if one.isprintable() else "?" for one in name[:SOURCE_CHARACTERS])
