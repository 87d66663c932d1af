"""Audit records of the governance toolkit are checked again: pure, and over what was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit_queries import signing_keys
from collector.errors import ConfigurationError
from collector.reverification import (
    LEFT_OUT,
    Record,
    Result,
    Verification,
    entry_hash,
    records_of,
    verify,
)

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
KEY = b"a shared secret of at least 32 bytes"


def entry(number: int = 1, previous: str = "", **more: Any) -> dict[str, Any]:
    """An entry as the toolkit's chain holds it."""
    fields = {
        "entry_id": f"audit_{number}",
        "timestamp": "2026-01-15T12:00:00+00:00",
        "event_type": "policy_evaluation",
        "agent_did": "did:mesh:clerk",
        "action": "delete",
        "resource": None,
        "data": {"rule": "no-delete", "evaluation_ms": 0.25},
        "outcome": "deny",
        "policy_decision": "deny",
        "previous_hash": previous,
        **more,
    }
    return {**fields, "entry_hash": more.get("entry_hash") or entry_hash(fields)}


def told(fields: dict[str, Any], position: int = 1, decision: str | None = None) -> Record:
    """As the bridge tells it."""
    (record,) = records_of(
        NOON,
        {
            "watchkeeper.audit.entry": json.dumps(fields),
            "watchkeeper.audit.entry_id": fields["entry_id"],
            "watchkeeper.audit.chain": "chain",
            "watchkeeper.audit.position": position,
        },
        decision,
    )
    return record


def chain(count: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        entries.append(entry(number, entries[-1]["entry_hash"] if entries else ""))
    return entries


def results(*verified: Verification) -> list[Result]:
    return [one.result for one in verified]


def test_an_untouched_chain_is_valid_and_what_its_hash_leaves_out_is_named() -> None:
    entries = chain(3)

    verified = verify([told(one, place) for place, one in enumerate(entries, 1)])

    assert results(*verified) == [Result.VALID] * 3
    assert verified[0].left_out == ("policy_decision",)


def test_a_hash_is_the_one_of_the_specification() -> None:
    fields = entry(resource="Konto-Übersicht")
    covered = {
        name: fields[name] for name in fields if name not in ("policy_decision", "entry_hash")
    }

    expected = hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()

    assert fields["entry_hash"] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", "read"),
        ("outcome", "allow"),
        ("data", {"rule": "mind"}),
        ("agent_did", "did:mesh:other"),
        ("previous_hash", "0" * 64),
        ("timestamp", "2026-01-15T12:00:01+00:00"),
    ],
)
def test_what_the_hash_covers_cannot_be_changed(name: str, value: Any) -> None:
    (verified,) = verify([told({**entry(), name: value})])

    assert verified.result is Result.INVALID


@given(name=st.sampled_from(LEFT_OUT), value=st.text(min_size=1, max_size=20))
def test_what_the_hash_leaves_out_changes_no_hash_and_is_named(name: str, value: str) -> None:
    fields = {**entry(), name: value}

    assert entry_hash(fields) == fields["entry_hash"]
    assert all(
        name in one.left_out for one in verify([told(fields)]) if one.result is not Result.INVALID
    )


def test_a_flipped_decision_is_contradicted_by_the_outcome_that_the_hash_covers() -> None:
    (verified,) = verify([told({**entry(), "policy_decision": "allow"})])

    assert verified.result is Result.CONTRADICTED
    assert verified.reason == (
        "policy_decision says allow; outcome, which the hash covers, says deny"
    )


def test_a_record_that_lies_throughout_is_contradicted_by_the_decision_told_then() -> None:
    lie = entry(outcome="allow", policy_decision="allow")

    assert results(*verify([told(lie, decision="deny")])) == [Result.CONTRADICTED]
    assert results(*verify([told(lie, decision="allow")])) == [Result.VALID]


def test_without_evidence_a_flipped_decision_is_not_called_false() -> None:
    silent = entry(outcome="success", data={}, policy_decision="allow")

    (verified,) = verify([told(silent)])

    assert (verified.result, verified.left_out) == (Result.VALID, ("policy_decision",))


def test_a_record_told_twice_and_differently_is_contradicted_both_times() -> None:
    first, second = entry(outcome="success"), entry(outcome="success", policy_decision="allow")

    assert results(*verify([told(first), told(second)])) == [Result.CONTRADICTED] * 2


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ([0, 2], "record 2 of its chain never came"),
        ([1, 2], None),
    ],
)
def test_a_missing_record_breaks_the_chain_where_it_is_missing(
    kept: list[int], reason: str | None
) -> None:
    entries = chain(3)

    verified = verify([told(entries[place], place + 1) for place in kept])

    assert verified[-1].reason == reason


def test_a_replaced_record_breaks_the_chain_after_it() -> None:
    entries = chain(2)
    replaced = entry(1, action="read")

    verified = verify([told(replaced, 1), told(entries[1], 2)])

    assert results(*verified) == [Result.VALID, Result.CHAIN_BROKEN]


def signed(event: dict[str, Any]) -> dict[str, Any]:
    """As the toolkit signs a CloudEvent."""
    payload = {**event, "agtsignaturealg": "HMAC-SHA256"}
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hmac.new(KEY, canonical.encode(), hashlib.sha256).digest()
    return {**payload, "agtsignature": base64.b64encode(digest).decode()}


def sent(event: dict[str, Any], beside: str = "deny") -> Record:
    attributes = {"agt.audit.decision": beside, "agt.audit.meta.cloudevent": json.dumps(event)}
    (record,) = records_of(NOON, attributes, None)
    return record


EVENT = {"id": "e-1", "type": "ai.agentos.policy.check", "data": {"decision": "deny", "who": "Ö"}}


def test_a_signature_is_checked_with_every_key_that_is_known() -> None:
    record = sent(signed(EVENT))

    assert results(*verify([record], [b"x" * 32, KEY])) == [Result.VALID]
    assert results(*verify([record], [b"x" * 32])) == [Result.INVALID]


def test_without_a_key_a_signature_is_not_checkable_and_not_invalid() -> None:
    (verified,) = verify([sent(signed(EVENT))])

    assert (verified.result, verified.reason) == (
        Result.NOT_CHECKABLE,
        "the key is not known here",
    )


def test_a_signed_event_that_says_other_than_its_record_is_contradicted() -> None:
    record = sent(signed(EVENT), beside="allow")

    assert results(*verify([record], [KEY])) == [Result.CONTRADICTED]
    assert results(*verify([record])) == [Result.CONTRADICTED]


@pytest.mark.parametrize(
    "hostile",
    ["{", "[]", "7", '{"data": "\\ud800"}', "[" * 100_000, '{"a":' * 50_000, "9" * 5000, ""],
)
def test_a_record_that_cannot_be_read_is_not_checkable(hostile: str) -> None:
    attributes = {
        "watchkeeper.audit.entry": hostile,
        "watchkeeper.audit.entry_id": "audit_1",
        "watchkeeper.audit.position": "one",
    }

    assert results(*verify(list(records_of(NOON, attributes, None)))) == [Result.NOT_CHECKABLE]


def test_a_record_that_was_redacted_on_arrival_is_not_called_invalid() -> None:
    (verified,) = verify([told({**entry(), "action": "[redacted:secret]"})])

    assert verified.result is Result.NOT_CHECKABLE


def test_keys_are_read_from_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agt-signing-keys"
    assert signing_keys(file) == []

    file.write_text(
        f"# the toolkit's\ntext:{KEY.decode()}\n\nhex:{KEY.hex()}\n"
        f"base64:{base64.b64encode(KEY).decode()}\n"
    )

    assert signing_keys(file) == [KEY, KEY, KEY]


@pytest.mark.parametrize("line", ["secret-without-a-form-of-32-bytes!", "hex:zz", "text:short"])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, line: str) -> None:
    file = tmp_path / "agt-signing-keys"
    file.write_text(line)

    with pytest.raises(ConfigurationError) as refused:
        signing_keys(file)

    assert "line 1" in str(refused.value)
    assert line.partition(":")[2] not in str(refused.value) or ":" not in line
    assert "secret-without" not in str(refused.value)


@pytest.mark.parametrize("depth", [50, 95, 101, 900, 985, 989, 995, 5_000, 200_000])
@pytest.mark.parametrize(
    "told",
    [
        '{"id": "x", "type": "ai.agentmesh.tool.invoked", "agentmeshentryhash": "0", "data": @}',
        '{"id": "x", "agtsignature": "0", "agtsignaturealg": "HMAC-SHA256", "data": {"a": @}}',
        '{"entry_id": "x", "entry_hash": "0", "data": @}',
    ],
)
def test_a_record_however_deep_is_judged_by_itself(told: str, depth: int) -> None:
    """One that could not be written would leave all others unanswered."""
    text = told.replace("@", "[" * depth + "]" * depth)
    of_bridge = {"watchkeeper.audit.entry": text, "watchkeeper.audit.entry_id": "x"}
    of_event = {"agt.audit.meta.cloudevent": text}
    [record] = records_of(NOON, of_bridge if "entry_id" in told else of_event, None)

    [verified] = verify([record], [KEY])

    assert verified.result is (Result.INVALID if depth < 98 else Result.NOT_CHECKABLE)


def test_a_flood_of_tellings_of_one_record_is_looked_at_once_each() -> None:
    """Each held against each would take an hour, in which nobody else is answered."""
    honest = entry()
    flood = [told({**honest, "policy_decision": "allow"}, 2 * n) for n in range(30_000, 0, -1)]

    verified = verify([told(honest), *flood])

    assert {one.result for one in verified} == {Result.CONTRADICTED}
    assert "told twice: policy_decision says deny here and allow" in str(verified[0].reason)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["deny", "allow", "warn", None]))))
def test_tellings_contradict_each_other_exactly_where_two_differ(
    tellings: list[tuple[str, str | None]],
) -> None:
    records = [
        told(entry(outcome="odd", entry_id=name, policy_decision=decision))
        for name, decision in tellings
    ]

    for (name, decision), one in zip(tellings, verify(records), strict=True):
        others = {other for known, other in tellings if known == name and other is not None}
        differs = decision is not None and len(others) > 1
        assert (one.result is Result.CONTRADICTED) is differs
