"""The control document: what an operator wants of this agent, signed and ordered.

A document arrives as a JWS (RFC 7515, compact, Ed25519). `receive` is the whole
trust decision and reads no clock, file or network. Its steps, in this order:

 1. the signature verifies under a pinned key      else reject "signature"
 2. the header says alg EdDSA                      else reject "alg"
 3. the header says our typ, the claims parse      else reject "schema" or "unsupported"
 4. the audience is this instance, or every one    else reject "audience"
 5. it has not expired                             else reject "expired"
 6. it was issued within 300 s of our clock        else reject "skew"
 7. (epoch, gen) is older than ours                then reject "stale"
    it is equal                                    then a duplicate: nothing to do
    it is newer                                    then it applies

Only a document that applies changes anything, so order and repetition do no harm.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, assert_never
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TYPE = "watchkeeper-control+jws"
VERSION = 1
SKEW_S = 300
# `iat` counts whole seconds, `not_before` does not.
ROUNDING_S = 1.0


class Reject(StrEnum):
    """Why a document was not believed."""

    SIGNATURE = "signature"
    ALG = "alg"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    SKEW = "skew"
    STALE = "stale"
    SCHEMA = "schema"
    UNSUPPORTED = "unsupported"


class Kind(StrEnum):
    """A standing restriction, mildest first."""

    DEGRADE = "degrade"
    REQUIRE_APPROVAL = "require_approval"
    PAUSE = "pause"
    KILL = "kill"

    @property
    def strictness(self) -> int:
        return list(Kind).index(self)


class OnLoss(StrEnum):
    """What an agent does when it has not heard from control for too long."""

    CONTINUE = "continue"
    DEGRADE = "degrade"
    KILL = "kill"


class Position(NamedTuple):
    """Where a document stands in the order of documents for one instance."""

    epoch: int
    gen: int


@dataclass(frozen=True)
class Scope:
    """Whom and what a hold concerns; None means every one.

    A narrowing this library does not know is ignored: the hold then reaches
    further than it had to, never less far.
    """

    service: str | None = None
    agent_name: str | None = None
    instance: str | None = None
    conversation: str | None = None
    run_trace_id: str | None = None
    tool: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Profile:
    """What remains allowed while degraded; read-only tools when nothing is said."""

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    read_only: bool = True
    model_map: Mapping[str, str] = field(default_factory=dict)
    approve: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hold:
    """One restriction, in force from `not_before` until `expires_at` (Unix seconds).

    `not_before` is None once it has begun by the clock of control, so that an agent whose
    own clock is behind, or is set back, is not free for the difference.
    """

    hold_id: str | None
    command_id: str | None
    kind: Kind
    scope: Scope = Scope()
    profile: Profile = Profile()
    dry_run: bool = False
    reason_code: str = ""
    source: str = "control_plane"
    known: bool = True
    not_before: float | None = None
    expires_at: float | None = None

    def in_force(self, now: float) -> bool:
        started = self.not_before is None or self.not_before <= now
        return started and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class Lease:
    """How long the agent may go on unheard; `on_loss` None leaves the choice to the agent."""

    ttl_s: float = 30.0
    grace_s: float = 30.0
    on_loss: OnLoss | None = None
    profile: Profile = Profile()


@dataclass(frozen=True)
class Document:
    """A verified document."""

    body: bytes
    jti: str
    audience: str
    issued_at: float
    expires_at: float
    position: Position
    lease: Lease
    holds: tuple[Hold, ...]


@dataclass(frozen=True)
class Reception:
    """What became of one arrival: applied, duplicate or rejected."""

    document: Document | None = None
    reject: Reject | None = None
    is_duplicate: bool = False

    @property
    def applies(self) -> bool:
        return self.document is not None and self.reject is None and not self.is_duplicate


class Rejected(Exception):
    """Stops verification at the first step that fails."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(reject.value)
        self.reject = reject


def receive(
    body: bytes,
    keys: Sequence[Ed25519PublicKey],
    instance_uid: str,
    now: float,
    last: Position | None,
) -> Reception:
    """Believe an arrival, or say at which step it fell."""
    try:
        document = verify(body, keys)
        _check_audience(document, instance_uid)
        _check_time(document, now)
    except Rejected as error:
        return Reception(reject=error.reject)
    return _ordered(document, last)


def verify(body: bytes, keys: Sequence[Ed25519PublicKey]) -> Document:
    """Steps 1 to 3: authentic and understood, whenever it was issued and for whomever."""
    header, payload = _authentic(body, keys)
    if header.get("alg") != "EdDSA":
        raise Rejected(Reject.ALG)
    if header.get("typ") != TYPE:
        raise Rejected(Reject.SCHEMA)
    return _document(body, _object(payload))


def _authentic(body: bytes, keys: Sequence[Ed25519PublicKey]) -> tuple[Mapping[str, Any], bytes]:
    try:
        header, payload, signature = body.split(b".")
        raw_signature = _decoded(signature)
    except ValueError as error:
        raise Rejected(Reject.SIGNATURE) from error
    if not any(_signed_by(key, raw_signature, header + b"." + payload) for key in keys):
        raise Rejected(Reject.SIGNATURE)
    try:
        return _object(_decoded(header)), _decoded(payload)
    except ValueError as error:
        raise Rejected(Reject.SCHEMA) from error


def _signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _check_audience(document: Document, instance_uid: str) -> None:
    """`tenant/environment/instance`; the pinned key already binds tenant and environment."""
    instance = document.audience.rpartition("/")[2]
    if instance != "*" and _canonical(instance) != _canonical(instance_uid):
        raise Rejected(Reject.AUDIENCE)


def _check_time(document: Document, now: float) -> None:
    if document.expires_at <= now:
        raise Rejected(Reject.EXPIRED)
    if abs(document.issued_at - now) > SKEW_S:
        raise Rejected(Reject.SKEW)


def _ordered(document: Document, last: Position | None) -> Reception:
    if last is None or document.position > last:
        return Reception(document)
    if document.position == last:
        return Reception(document, is_duplicate=True)
    return Reception(document, reject=Reject.STALE)


def _document(body: bytes, claims: Mapping[str, Any]) -> Document:
    if claims.get("ver") != VERSION:
        raise Rejected(Reject.UNSUPPORTED)
    try:
        issued_at = _required_moment(claims["iat"])
        return Document(
            body=body,
            jti=str(claims["jti"]),
            audience=str(claims["aud"]),
            issued_at=issued_at,
            expires_at=_required_moment(claims["exp"]),
            position=Position(int(claims["epoch"]), int(claims["gen"])),
            lease=_lease(claims.get("lease") or {}),
            holds=tuple(_hold(hold, issued_at) for hold in claims.get("holds") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Rejected(Reject.SCHEMA) from error


def _lease(claims: Mapping[str, Any]) -> Lease:
    named = claims.get("on_loss")
    return Lease(
        ttl_s=float(claims.get("ttl_s", Lease.ttl_s)),
        grace_s=float(claims.get("grace_s", Lease.grace_s)),
        on_loss=OnLoss(named) if named else None,
        profile=_profile(claims.get("profile") or {}),
    )


def _hold(claims: Mapping[str, Any], issued_at: float) -> Hold:
    """A kind from a newer control is obeyed as a pause and reported as unsupported."""
    known = claims["kind"] in set(Kind)
    return Hold(
        hold_id=str(claims["hold_id"]),
        command_id=_text(claims.get("command_id")),
        kind=Kind(claims["kind"]) if known else Kind.PAUSE,
        scope=_scope(claims.get("scope") or {}),
        profile=_profile(claims.get("profile") or {}),
        dry_run=claims.get("mode") == "dry_run",
        reason_code=str(claims.get("reason_code") or ""),
        known=known,
        not_before=_still_to_come(_moment(claims.get("not_before")), issued_at),
        expires_at=_moment(claims.get("expires_at")),
    )


def _scope(claims: Mapping[str, Any]) -> Scope:
    names = Scope.__dataclass_fields__
    return Scope(**{name: _text(claims.get(name)) for name in names})


_UNDERSTOOD = {"tools", "model_map", "approve"}


def _profile(claims: Mapping[str, Any]) -> Profile:
    tools = claims.get("tools") or {}
    named = bool(tools.get("allow") or tools.get("deny") or claims.get("model_map"))
    return Profile(
        allow=frozenset(tools.get("allow") or ()),
        deny=frozenset(tools.get("deny") or ()),
        read_only=tools.get("class") == "read_only" or not named,
        model_map=dict(claims.get("model_map") or {}),
        approve=frozenset(claims.get("approve") or ()),
        unsupported=frozenset(key for key in claims if claims[key] and key not in _UNDERSTOOD),
    )


def kind_on_loss(on_loss: OnLoss) -> Kind | None:
    """The restriction that a lapsed lease puts on the agent."""
    match on_loss:
        case OnLoss.CONTINUE:
            return None
        case OnLoss.DEGRADE:
            return Kind.DEGRADE
        case OnLoss.KILL:
            return Kind.KILL
        case _:
            assert_never(on_loss)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise Rejected(Reject.SCHEMA) from error
    if not isinstance(value, dict):
        raise Rejected(Reject.SCHEMA)
    return value


def _decoded(segment: bytes) -> bytes:
    """Only the one canonical spelling (RFC 7515 §2), so that a document has one form."""
    raw = base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment:
        raise ValueError("expected base64url without padding (RFC 7515 §2)")
    return raw


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _moment(value: object) -> float | None:
    return None if value is None else _required_moment(value)


def _still_to_come(not_before: float | None, issued_at: float) -> float | None:
    begun = not_before is None or not_before <= issued_at + ROUNDING_S
    return None if begun else not_before


def _required_moment(value: object) -> float:
    """Unix seconds from a number (RFC 7519) or an RFC 3339 text."""
    if isinstance(value, bool):
        raise TypeError("a moment is a number or an RFC 3339 text, got a boolean")
    if isinstance(value, int | float):
        return float(value)
    return datetime.fromisoformat(str(value)).timestamp()


def _canonical(instance: str) -> str:
    """Hyphens and case in a UUID do not matter."""
    try:
        return UUID(instance).hex
    except ValueError:
        return instance
