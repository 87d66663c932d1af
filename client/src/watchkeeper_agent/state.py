"""What an agent must remember over a restart, in a directory of its own.

    keys.json                 the pinned public keys of control
    slots/0/instance_uid      who this process is; a slot belongs to one process at a time
    slots/0/secret            its bearer secret, mode 0600
    slots/0/accepted.jws      the last document it accepted, as signed
    met                       there has been such a document: if none is left, one was lost

A second process of the same agent takes the next free slot, and with it its own
instance_uid, but starts from the most recently issued document of any slot.
Every write is atomic and synced: temporary file, fsync, rename, fsync of the directory.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from watchkeeper_agent.document import Document, Rejected, verify
from watchkeeper_agent.errors import StateError
from watchkeeper_agent.identifiers import uuid7

SLOTS = 256
LONGEST_FILE_NAME = 200


@dataclass(frozen=True)
class Memory:
    """The documents found on disk that still verify: that of this slot, and the newest of all."""

    own: Document | None
    latest: Document | None


class StateDirectory:
    """One agent's directory and the slot that this process holds in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: int | None
        self._slot, self._lock = _claim(root / "slots")
        try:
            self.instance_uid = UUID(self._text("instance_uid", lambda: str(uuid7())))
            self.secret = self._text("secret", lambda: secrets.token_urlsafe(32))
        except (OSError, ValueError) as error:
            self.close()
            raise StateError(
                f"cannot keep an identity in {self._slot} ({error}): make room there, remove "
                "it, or set WATCHKEEPER_AGENT_STATE to another directory"
            ) from error

    def close(self) -> None:
        """Give the slot back; the operating system does the same when the process dies."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def remember(self, document: Document) -> None:
        """On disk before it is in force."""
        write(self._slot / "accepted.jws", document.body)
        if not self.has_met():
            write(self.root / "met", b"")

    def has_met(self) -> bool:
        """Whether any process of this agent ever accepted a document."""
        return (self.root / "met").exists()

    def recall(self, keys: Sequence[Ed25519PublicKey]) -> Memory:
        """Own document and the most recently issued one; what is damaged counts as lost."""
        found: dict[Path, Document] = {}
        for path in self._accepted():
            with contextlib.suppress(Rejected, OSError):
                found[path.parent] = verify(path.read_bytes(), keys)
        latest = max(found.values(), key=lambda document: document.issued_at, default=None)
        return Memory(found.get(self._slot), latest)

    def has_memory(self) -> bool:
        return any(True for _ in self._accepted())

    def pinned_keys(self) -> list[Ed25519PublicKey]:
        path = self.root / "keys.json"
        return parse_keys(path.read_text()) if path.exists() else []

    def pin(self, keys: Sequence[Ed25519PublicKey]) -> None:
        """Trust on first use: from now on only these keys count."""
        listed = {"keys": [_jwk(key) for key in keys]}
        write(self.root / "keys.json", json.dumps(listed).encode())

    def _accepted(self) -> Iterator[Path]:
        return (self.root / "slots").glob("*/accepted.jws")

    def _text(self, name: str, make: Callable[[], str]) -> str:
        path = self._slot / name
        if not path.exists():
            write(path, make().encode())
        return path.read_text().strip()


def default_directory(agent: str) -> Path:
    """One directory an agent, below $WATCHKEEPER_AGENT_STATE or ~/.local/state."""
    named = os.environ.get("WATCHKEEPER_AGENT_STATE")
    base = Path(named) if named else Path.home() / ".local/state/watchkeeper-agent"
    return base / _file_name(agent)


def _file_name(agent: str) -> str:
    """Different agents never share a directory, whatever their names hold."""
    plain = quote(agent, safe=" ", errors="replace")
    if agent.strip(".") and len(plain) <= LONGEST_FILE_NAME:
        return plain
    return hashlib.sha256(agent.encode(errors="replace")).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Replace a file so that a power cut leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _claim(slots: Path) -> tuple[Path, int]:
    """The first slot that no living process holds."""
    for number in range(SLOTS):
        slot = slots / str(number)
        descriptor = _locked(slot)
        if descriptor is not None:
            return slot, descriptor
    raise StateError(
        f"expected a free slot below {slots}, found {SLOTS} in use: "
        "give this process a state_dir of its own"
    )


def _locked(slot: Path) -> int | None:
    try:
        slot.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(slot / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"cannot keep state in {slot}: {error.strerror}; "
            "set WATCHKEEPER_AGENT_STATE to a directory this process may write"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def parse_keys(text: str) -> list[Ed25519PublicKey]:
    """Keys from a JWK, a JWK set, or the base64url of 32 raw bytes."""
    try:
        if not text.lstrip().startswith("{"):
            return [_raw_key(text.strip())]
        value = json.loads(text)
        return [_raw_key(jwk["x"]) for jwk in value.get("keys", [value]) if _is_ed25519(jwk)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            "expected the control key as a JWK (OKP, Ed25519), a JWK set or 32 bytes in "
            f"base64url, got {text[:40]!r}: copy it from GET /v1/keys of the control process"
        ) from error


def _is_ed25519(jwk: Mapping[str, Any]) -> bool:
    return jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519"


def _raw_key(text: str) -> Ed25519PublicKey:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return Ed25519PublicKey.from_public_bytes(raw)


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
