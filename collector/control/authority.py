"""Who may act: operators, one-time sign-in codes, sessions and roles.

Secrets are random 256 bits and kept only as SHA-256; passwords as argon2id.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.control.documents import write_private
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, moment, stamp
from collector.control.refusal import Refusal, wrong
from collector.errors import ConfigurationError, RefusedInput

TOKEN = "collector.token"
CODE_LIFE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=8)
SESSION_IDLE = timedelta(minutes=30)
# Writing every use down would sync the disk for every read of a page.
TOUCH_EVERY = timedelta(minutes=1)
FAILURES = 10
FAILURE_WINDOW = timedelta(minutes=5)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
MOST_NAMES = 10_000


class Role(StrEnum):
    """What an operator may do; operator and admin may command, all may read."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def may_command(self) -> bool:
        return self in (Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True)
class Session:
    """An operator who has signed in."""

    operator: str
    role: Role
    token_hash: str
    expires_at: datetime


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(left: str, right: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def add_operator(
    journal: Journal, name: str, role: str, password: str | None, now: datetime
) -> None:
    """A new operator; refuses a name that is taken and a role that is unknown."""
    if not 1 <= len(name) <= 128 or not name.isprintable():
        raise RefusedInput(f"a name has 1 to 128 printable characters, got {name!r:.140}")
    if role not in set(Role):
        raise RefusedInput(f"expected a role out of {', '.join(Role)}, got {role!r}")
    hashed = None if password is None else _hashed(password)
    with journal.transaction():
        added = journal.change(
            "add_operator", name=name, role=role, password_hash=hashed, created_at=stamp(now)
        )
    if not added:
        raise RefusedInput(f"there is already an operator {name}: choose another name")


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise RefusedInput(f"a password has at least {SHORTEST_PASSWORD} characters")
    return PasswordHasher().hash(password)


def new_code(journal: Journal, operator: str, now: datetime) -> str:
    """A code that signs this operator in once, within an hour."""
    if journal.row("find_operator", name=operator) is None:
        raise ConfigurationError(
            f"there is no operator {operator!r}: "
            "add one with `watchkeeper users add NAME --role operator`"
        )
    code = secrets.token_urlsafe(32)
    with journal.transaction():
        journal.change(
            "add_code", code_hash=digest(code), operator=operator, expires_at=stamp(now + CODE_LIFE)
        )
    return code


def collector_token(home: Path) -> str:
    """The secret by which the collector brings evidence; made at the first start."""
    file = home / TOKEN
    try:
        if not file.exists():
            write_private(file, secrets.token_urlsafe(32).encode())
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{file} is not a readable token ({error}): delete it, a new one is made at the start"
        ) from error


class Attempts:
    """Wrong passwords per user name: ten in five minutes, then no more for a while."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()

    def check(self, name: str, now: datetime) -> None:
        failures = self._failures.get(name, deque())
        while failures and failures[0] <= now - FAILURE_WINDOW:
            failures.popleft()
        if len(failures) >= FAILURES:
            raise Refusal(429, "too_many_attempts", "too many wrong passwords: wait five minutes")

    def forget(self, name: str) -> None:
        self._failures.pop(name, None)

    def note(self, name: str, now: datetime) -> None:
        self._failures.setdefault(name, deque()).append(now)
        self._failures.move_to_end(name)
        if len(self._failures) > MOST_NAMES:
            self._failures.popitem(last=False)


class Authority:
    """Signs operators in and out, and says who a session token belongs to."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._attempts = Attempts()
        self._hasher = PasswordHasher()
        # 2: one verification takes 64 MiB and a core for about 50 ms.
        self._verifications = asyncio.Semaphore(2)

    def sign_in_by_code(self, code: str) -> tuple[str, Session]:
        """A token and its session for a code that is then spent."""
        now = self._clock()
        with self._journal.transaction():
            used = self._journal.rows("use_code", code_hash=digest(code), now=stamp(now))
        if not used:
            raise _refused(
                "this sign-in link is unknown, used or over an hour old: ask for another"
            )
        return self._open(str(used[0]["operator"]))

    async def sign_in_by_password(self, name: str, password: str) -> tuple[str, Session]:
        """A token and its session for a password; unknown names take as long as wrong passwords."""
        self._attempts.check(name, self._clock())
        # Noted before the slow part, or parallel guesses would all pass the check.
        self._attempts.note(name, self._clock())
        operator = self._journal.row("find_operator", name=name)
        hashed = operator["password_hash"] if operator else None
        async with self._verifications:
            matches = await asyncio.to_thread(self._verify, hashed, password)
        if not matches or hashed is None:
            raise _refused("user or password is wrong")
        self._attempts.forget(name)
        return self._open(name)

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))

    def _verify(self, hashed: str | None, password: str) -> bool:
        # Unknown names get a decoy, so that time does not tell which names exist.
        try:
            return self._hasher.verify(hashed or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False

    def _open(self, operator: str) -> tuple[str, Session]:
        token = secrets.token_urlsafe(32)
        with self._journal.transaction():
            self._journal.change(
                "add_session",
                token_hash=digest(token),
                operator=operator,
                now=stamp(self._clock()),
            )
        return token, self.session(token)

    def session(self, token: str) -> Session:
        """The session of a token; 401 when there is none or it has ended."""
        now = self._clock()
        found = self._journal.row(
            "find_session",
            token_hash=digest(token),
            created_after=stamp(now - SESSION_LIFE),
            used_after=stamp(now - SESSION_IDLE),
        )
        if found is None:
            raise Refusal(401, "no_session", "no open session: sign in again")
        self._touch(found, now)
        expires_at = min(moment(found["created_at"]) + SESSION_LIFE, now + SESSION_IDLE)
        role = Role(found["role"])
        return Session(str(found["operator"]), role, str(found["token_hash"]), expires_at)

    def _touch(self, session: Row, now: datetime) -> None:
        if now - moment(session["used_at"]) > TOUCH_EVERY:
            with self._journal.transaction():
                self._journal.change(
                    "touch_session", token_hash=session["token_hash"], now=stamp(now)
                )

    def end(self, session: Session) -> None:
        with self._journal.transaction():
            self._journal.change(
                "end_session", token_hash=session.token_hash, now=stamp(self._clock())
            )

    def forget(self) -> None:
        """Drop what can never be used again."""
        now = self._clock()
        with self._journal.transaction():
            self._journal.change("forget_sessions", created_before=stamp(now - SESSION_LIFE))
            self._journal.change("forget_codes", now=stamp(now))


def _refused(message: str) -> Refusal:
    return Refusal(401, "not_signed_in", message)


def credentials(body: Row) -> str | tuple[str, str]:
    """The code, or the user and the password, of a sign-in body."""
    if "code" in body:
        return _text(body, "code")
    return _text(body, "user"), _text(body, "password")


def _text(body: Row, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_PASSWORD:
        raise wrong(name, f"expected 1 to {LONGEST_PASSWORD} characters")
    return value
