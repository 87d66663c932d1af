"""Signed documents: what they say, who may have signed them, how they follow each other."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.control.documents import HOLD_TYPE, Document, Signer, issue, verified
from collector.control.refusal import Refusal
from collector.errors import ConfigurationError
from tests.control.conftest import NOON

UID = "0199c0de-0000-7000-8000-000000000001"
signer = Signer(Ed25519PrivateKey.from_private_bytes(b"k" * 32))


def header(token: str) -> Any:
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_document_names_its_audience_place_lease_and_holds() -> None:
    document = issue(signer, UID, 3, None, [], NOON)

    claims = verified(document.body, signer.public)
    assert header(document.body) == {
        "alg": "EdDSA",
        "kid": signer.kid,
        "typ": "watchkeeper-control+jws",
    }
    assert claims["aud"] == f"fleet/default/{UID}"
    assert (claims["epoch"], claims["gen"], claims["prev"]) == (3, 1, None)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["lease"] == {"ttl_s": 30, "grace_s": 30, "on_loss": "degrade"}
    assert claims["holds"] == []


@given(st.lists(st.integers(1, 3), min_size=2, max_size=6))
def test_documents_of_one_audience_form_a_growing_chain(epochs: list[int]) -> None:
    chain: list[Document] = []
    for epoch in sorted(epochs):
        chain.append(issue(signer, UID, epoch, chain[-1] if chain else None, [], NOON))

    for before, now in itertools.pairwise(chain):
        assert (now.epoch, now.gen) > (before.epoch, before.gen)
        assert verified(now.body, signer.public)["prev"] == before.body_hash.hex()


def test_a_document_is_replaced_before_it_ends_and_when_holds_or_epoch_change() -> None:
    document = issue(signer, UID, 3, None, [], NOON)

    assert document.is_current(3, [], NOON + timedelta(minutes=44))
    assert not document.is_current(3, [], NOON + timedelta(minutes=46))
    assert not document.is_current(3, ["h"], NOON)
    assert not document.is_current(4, [], NOON)
    assert not document.is_current(3, [], NOON - timedelta(minutes=5))


@given(st.data())
def test_one_changed_bit_is_found(data: st.DataObject) -> None:
    token = bytearray(signer.sign({"holds": []}).encode())
    place = data.draw(st.integers(0, len(token) - 1))
    token[place] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(Refusal):
        verified(token.decode("latin-1"), signer.public)


def test_another_key_type_or_algorithm_is_refused() -> None:
    other = Signer(Ed25519PrivateKey.from_private_bytes(b"o" * 32))

    with pytest.raises(Refusal, match="not signed by this key"):
        verified(other.sign({}), signer.public)
    with pytest.raises(Refusal, match="its type is not"):
        verified(signer.sign({}, HOLD_TYPE), signer.public)
    with pytest.raises(Refusal):
        verified("e30.e30.", signer.public)


def test_a_signed_header_with_another_algorithm_is_refused() -> None:
    parts = [json.dumps({"alg": "none", "typ": "watchkeeper-control+jws"}), "{}"]
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    message = b".".join(base64.urlsafe_b64encode(p.encode()).rstrip(b"=") for p in parts)
    signature = base64.urlsafe_b64encode(key.sign(message)).rstrip(b"=")

    with pytest.raises(Refusal, match="algorithm"):
        verified((message + b"." + signature).decode(), signer.public)


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first, second = Signer.of(tmp_path), Signer.of(tmp_path)

    assert first.jwk == second.jwk
    assert len(first.kid) == 16
    assert (tmp_path / "signing-key.pem").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "signing-key.pem").write_text("not a key")

    with pytest.raises(ConfigurationError, match="restore it from a backup"):
        Signer.of(tmp_path)
