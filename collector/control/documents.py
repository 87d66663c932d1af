"""Control documents: the holds of one instance as a signed statement (JWS, RFC 7515, Ed25519)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from collector.control.moments import new_id
from collector.control.refusal import Refusal
from collector.errors import ConfigurationError

TYPE = "watchkeeper-control+jws"
# A signed hold on its own, kept with its command; agents accept only TYPE.
HOLD_TYPE = "watchkeeper-hold+jws"
ISSUER = "watchkeeper"
LIFE = timedelta(hours=1)
RENEWAL = timedelta(minutes=15)
# Agents refuse what was issued more than 300 s from their clock, so nothing old is handed out.
FRESH = timedelta(seconds=60)
LEASE: Mapping[str, Any] = {"ttl_s": 30, "grace_s": 30, "on_loss": "degrade"}


class Signer:
    """The Ed25519 key of control; `kid` is the start of the SHA-256 of its public half."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key()
        raw = self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.kid = hashlib.sha256(raw).hexdigest()[:16]
        self.jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _encoded(raw).decode(),
            "kid": self.kid,
            "alg": "EdDSA",
            "use": "sig",
        }

    @classmethod
    def of(cls, home: Path) -> Signer:
        """The key in a control home, made at the first start, readable by its owner alone."""
        file = home / "signing-key.pem"
        if not file.exists():
            _write_key(file)
        try:
            key = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{file} is not a readable PEM key ({error}): restore it from a backup; "
                "agents trust no other key"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(f"{file} must hold an Ed25519 key: restore it from a backup")
        return cls(key)

    def sign(self, claims: Mapping[str, Any], typ: str = TYPE) -> str:
        """Claims as a compact JWS."""
        header = {"alg": "EdDSA", "kid": self.kid, "typ": typ}
        message = b".".join(_encoded(_json(part)) for part in (header, claims))
        return (message + b"." + _encoded(self._key.sign(message))).decode()


def _write_key(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    write_private(file, pem)


def write_private(file: Path, content: bytes) -> None:
    """A file for its owner alone (0600), whole and synced before it gets its name."""
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def verified(token: str, key: Ed25519PublicKey, typ: str = TYPE) -> dict[str, Any]:
    """The claims of a token that `key` signed as `typ`; refuses any other algorithm or type."""
    try:
        header, payload, signature = token.encode("ascii").split(b".")
        key.verify(_decoded(signature), header + b"." + payload)
        named = json.loads(_decoded(header))
        claims = json.loads(_decoded(payload))
    except (ValueError, InvalidSignature) as error:
        raise _unbelieved("it is not signed by this key") from error
    if not isinstance(named, dict) or named.get("alg") != "EdDSA":
        raise _unbelieved("its algorithm is not EdDSA")
    if named.get("typ") != typ or not isinstance(claims, dict):
        raise _unbelieved(f"its type is not {typ}")
    return claims


def _unbelieved(why: str) -> Refusal:
    return Refusal(400, "signature", f"not a control document: {why}")


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decoded(segment: bytes) -> bytes:
    """Only the one canonical spelling (RFC 7515 §2: URL-safe, no padding)."""
    try:
        raw = base64.b64decode(segment + b"=" * (-len(segment) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    if _encoded(raw) != segment:
        raise ValueError("not canonical base64url")
    return raw


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Document:
    """A signed document as the journal keeps it; `holds` are the ids of its holds."""

    instance_uid: str
    epoch: int
    gen: int
    jti: str
    body: str
    holds: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime

    @property
    def body_hash(self) -> bytes:
        return hashlib.sha256(self.body.encode()).digest()

    def is_current(self, epoch: int, holds: Sequence[str], now: datetime) -> bool:
        """Whether it still says what there is to say, for long enough."""
        return (
            self.epoch == epoch
            and self.holds == tuple(holds)
            and now < self.expires_at - RENEWAL
            and self.issued_at <= now + FRESH
        )

    def is_fresh(self, now: datetime) -> bool:
        """Whether an agent that has not seen it yet will believe its date."""
        return abs(now - self.issued_at) <= FRESH


def issue(
    signer: Signer,
    instance_uid: str,
    epoch: int,
    previous: Document | None,
    holds: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Document:
    """The next document of one audience: gen grows, inside an epoch and beyond it."""
    gen = previous.gen + 1 if previous else 1
    jti = new_id(now)
    claims = {
        "ver": 1,
        "iss": ISSUER,
        "aud": f"fleet/default/{instance_uid}",
        "jti": jti,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "epoch": epoch,
        "gen": gen,
        "prev": previous.body_hash.hex() if previous else None,
        "lease": dict(LEASE),
        "holds": [_for_instance(hold, instance_uid) for hold in holds],
    }
    ids = tuple(str(hold["hold_id"]) for hold in holds)
    return Document(instance_uid, epoch, gen, jti, signer.sign(claims), ids, now, now + LIFE)


def _for_instance(hold: Mapping[str, Any], instance_uid: str) -> dict[str, Any]:
    """A hold on one instance names it by the uid that the instance knows itself by."""
    scope = dict(hold["scope"])
    if scope["instance"] is not None:
        scope["instance"] = instance_uid
    return {**hold, "scope": scope}
