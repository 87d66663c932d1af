"""Trust in a control document is a state machine; these are its rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper_agent.document import Position, Reject, receive

NOW = 1_768_478_400.0  # 2026-01-15T12:00:00Z
UID = "019bc1b4-0000-7000-8000-000000000001"
LAST = Position(1, 5)


@pytest.fixture
def signed(words: dict[str, Any]) -> Any:
    signer = words["Signer"]()

    def make(header: dict[str, Any] | None = None, **others: Any) -> tuple[bytes, list[Any]]:
        document = words["claims"](now=NOW, **{"gen": 6, **others})
        return signer.sign(document, **(header or {})), [signer.public]

    return make


def test_a_newer_document_applies(signed: Any) -> None:
    body, keys = signed()

    reception = receive(body, keys, UID, NOW, LAST)

    assert reception.applies
    assert reception.document and reception.document.position == (1, 6)


@pytest.mark.parametrize(
    ("change", "reject"),
    [
        ({"header": {"alg": "none"}}, Reject.ALG),
        ({"header": {"typ": "JWT"}}, Reject.SCHEMA),
        ({"ver": 2}, Reject.UNSUPPORTED),
        ({"epoch": None}, Reject.SCHEMA),
        ({"holds": [{"hold_id": "h"}]}, Reject.SCHEMA),
        ({"aud": "default/default/019bc1b4-0000-7000-8000-00000000ffff"}, Reject.AUDIENCE),
        ({"exp": NOW}, Reject.EXPIRED),
        ({"iat": NOW - 301}, Reject.SKEW),
        ({"iat": NOW + 301}, Reject.SKEW),
        ({"gen": 4}, Reject.STALE),
        ({"epoch": 0, "gen": 99}, Reject.STALE),
    ],
)
def test_each_step_has_its_own_refusal(signed: Any, change: dict[str, Any], reject: Reject) -> None:
    body, keys = signed(**change)

    assert receive(body, keys, UID, NOW, LAST).reject is reject


def test_the_same_document_again_changes_nothing(signed: Any) -> None:
    body, keys = signed(gen=5)

    reception = receive(body, keys, UID, NOW, LAST)

    assert reception.is_duplicate and not reception.applies and reception.reject is None


def test_a_restored_controller_wins_by_its_epoch(signed: Any) -> None:
    body, keys = signed(epoch=2, gen=0)

    assert receive(body, keys, UID, NOW, LAST).applies


def test_an_audience_may_name_the_instance_without_hyphens(signed: Any) -> None:
    body, keys = signed(aud=f"acme/prod/{UID.replace('-', '').upper()}")

    assert receive(body, keys, UID, NOW, LAST).applies


def test_another_key_signs_nothing(signed: Any, words: dict[str, Any]) -> None:
    body, _ = signed()

    stranger = words["Signer"]()

    assert receive(body, [stranger.public], UID, NOW, LAST).reject is Reject.SIGNATURE


positions = st.tuples(st.integers(0, 3), st.integers(0, 6))


@given(order=st.lists(positions, max_size=25))
def test_any_order_and_repetition_ends_with_the_newest(order: list[tuple[int, int]]) -> None:
    signer, last = _signer(), None
    for epoch, gen in order:
        reception = receive(_body(signer, epoch, gen), [signer.public], UID, NOW, last)
        last = reception.document.position if reception.applies and reception.document else last

    assert last == (max(order) if order else None)


@given(data=st.data())
def test_one_changed_byte_never_applies(data: st.DataObject) -> None:
    signer = _signer()
    body = bytearray(_body(signer, 1, 1))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))

    reception = receive(bytes(body), [signer.public], UID, NOW, None)

    assert not reception.applies


@given(noise=st.binary(max_size=300))
def test_noise_is_refused_without_an_exception(noise: bytes) -> None:
    assert receive(noise, [_signer().public], UID, NOW, None).reject is Reject.SIGNATURE


_KEPT: list[Any] = []


def _signer() -> Any:
    return _KEPT[0]


@pytest.fixture(scope="module", autouse=True)
def keep_one_signer() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    class Minimal:
        key = Ed25519PrivateKey.generate()
        public = key.public_key()

    _KEPT.append(Minimal())


def _body(signer: Any, epoch: int, gen: int) -> bytes:
    import base64
    import json

    def encoded(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    header = {"alg": "EdDSA", "typ": "watchkeeper-control+jws"}
    payload = {"ver": 1, "aud": "a/b/*", "jti": "j", "iat": NOW, "exp": NOW + 60}
    message = b".".join(
        encoded(json.dumps(part).encode())
        for part in (header, {**payload, "epoch": epoch, "gen": gen})
    )
    return message + b"." + encoded(signer.key.sign(message))
