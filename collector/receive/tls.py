"""TLS of the two doors: their certificate, and the authority whose clients they let in.

Files that change are read again with the next connection, on both doors. A new certificate
that cannot be used is named in the log, and the last good one stays.
"""

from __future__ import annotations

import os
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from collector.errors import ConfigurationError

__all__ = ["Tls"]

_State: TypeAlias = tuple[tuple[int, int, int] | None, ...]

_log = structlog.get_logger("collector.receive.tls")


@dataclass(frozen=True)
class _Loaded:
    """Certificate, key and authority as they were read at one moment."""

    context: ssl.SSLContext
    grpc: Any
    expires_at: str


class Tls:
    """What both doors ask at every new connection."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._lock = threading.Lock()
        self._seen = self._state()
        self._loaded = self._load()
        self._door = self._context(*self._contents())
        self._door.sni_callback = self._on_hello

    @property
    def asks_clients(self) -> bool:
        """Whether a client must show a certificate."""
        return self._client_ca is not None

    def context(self) -> ssl.SSLContext:
        """For HTTP; every connection continues with what is current when it begins."""
        return self._door

    def credentials(self) -> Any:
        """For gRPC, which asks by itself."""
        return grpc.dynamic_ssl_server_credentials(
            self._loaded.grpc,
            lambda: self._current().grpc,
            require_client_authentication=self.asks_clients,
        )

    def _on_hello(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        # Called for every hello, with a server name in it or not.
        connection.context = self._current().context

    def _current(self) -> _Loaded:
        with self._lock:
            if (seen := self._state()) != self._seen:
                self._seen = seen
                try:
                    self._loaded = self._load()
                    _log.info("certificate_loaded", expires_at=self._loaded.expires_at)
                except ConfigurationError as error:
                    _log.error(
                        "certificate_not_loaded", reason=str(error), action="the last one stays"
                    )
            return self._loaded

    def _state(self) -> _State:
        return tuple(
            _file_state(file) for file in (self._certificate, self._key, self._client_ca) if file
        )

    def _load(self) -> _Loaded:
        certificate, key, client_ca = self._contents()
        expires_at = _checked(self._certificate, certificate, self._key, key)
        return _Loaded(
            self._context(certificate, key, client_ca),
            grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca),
            expires_at,
        )

    def _contents(self) -> tuple[bytes, bytes, bytes | None]:
        return (
            _read(self._certificate, "--tls-cert"),
            _read(self._key, "--tls-key"),
            _read(self._client_ca, "--tls-client-ca") if self._client_ca else None,
        )

    def _context(self, certificate: bytes, key: bytes, client_ca: bytes | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # A resumed session would outlive the authority that let it in.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
            if client_ca is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(cadata=client_ca.decode("ascii"))
        except (ssl.SSLError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"cannot use {self._certificate}, {self._key}"
                f"{f' and {self._client_ca}' if self._client_ca else ''} for TLS ({error}): "
                "expected PEM files, a key without a password that fits the certificate"
            ) from error
        return context


def _checked(certificate_file: Path, certificate: bytes, key_file: Path, key: bytes) -> str:
    """When the certificate expires; refuses a key that is not its own.

    gRPC would take any pair, and then fail every connection.
    """
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"expected a PEM certificate in {certificate_file} and a PEM key without a password "
            f"in {key_file}: {error}"
        ) from error
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if leaf.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise ConfigurationError(f"the key in {key_file} is not that of {certificate_file}")
    return leaf.not_valid_after_utc.isoformat()


def _read(file: Path, flag: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}; name a PEM file with {flag}"
        ) from error


def _file_state(file: Path) -> tuple[int, int, int] | None:
    try:
        state = os.stat(file)  # noqa: PTH116 - asked at every connection
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def _no_password() -> str:
    """OpenSSL would ask on the terminal."""
    return ""
