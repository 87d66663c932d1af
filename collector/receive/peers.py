"""Peers: the name in a client certificate, which TLS has verified already.

A SPIFFE id says most, then the common name, then the first DNS name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from collector.receive.patience import PatientProtocol

__all__ = ["CERTIFICATE", "CertifiedProtocol", "name_in_context", "name_in_peer"]

# Where the name stands among the extensions of an ASGI scope.
CERTIFICATE = "watchkeeper.certificate"


class CertifiedProtocol(PatientProtocol):
    """Tells the application the name in the client's certificate."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        self._certificate = name_in_peer(connection.getpeercert() if connection else None)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CERTIFICATE: {"name": self._certificate}}


def name_in_peer(peer: Mapping[str, Any] | None) -> str:
    """The name in a certificate as Python's ssl tells it: SPIFFE id, common name, DNS name."""
    if not peer:
        return ""
    alternatives = list(peer.get("subjectAltName", ()))
    common = [
        value for group in peer.get("subject", ()) for key, value in group if key == "commonName"
    ]
    return _best(
        [value for kind, value in alternatives if kind == "URI"],
        common,
        [value for kind, value in alternatives if kind == "DNS"],
    )


def name_in_context(peer: Mapping[str, Sequence[bytes]]) -> str:
    """The same name as gRPC tells it."""
    alternatives = _texts(peer, "x509_subject_alternative_name")
    return _best(
        [value for value in alternatives if value.startswith("spiffe://")],
        _texts(peer, "x509_common_name"),
        [value for value in alternatives if "://" not in value],
    )


def _best(uris: Sequence[str], common: Sequence[str], names: Sequence[str]) -> str:
    spiffe = [uri for uri in uris if uri.startswith("spiffe://")]
    return next((name for name in (*spiffe, *common, *names) if name), "")


def _texts(peer: Mapping[str, Sequence[bytes]], key: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in peer.get(key, ())]
