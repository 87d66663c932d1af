"""A step is ticked only where there is proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard import timeline
from dashboard.timeline import Proof

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
PHASES = ("requested", "signed", "delivered", "acked", "enforced")


def evidence(**times: datetime) -> dict[str, Any]:
    return {"hold_id": "h1", "command_id": "c1", "kind": "kill", "agent": "rogue", **times}


def told_until(step: int) -> dict[str, datetime]:
    return {f"{phase}_at": NOW + timedelta(seconds=n) for n, phase in enumerate(PHASES[: step + 1])}


def test_an_enforced_command_is_ticked_to_the_end() -> None:
    command = timeline.one(None, evidence(**told_until(4)))

    assert [step.proof for step in timeline.steps(command, NOW)] == [Proof.DONE] * 5


def test_acknowledged_is_not_enforced() -> None:
    command = timeline.one(None, evidence(**told_until(3)))

    assert command.phase == "acked"
    assert timeline.steps(command, NOW)[-1].proof is Proof.WAITING


def test_an_undelivered_command_needs_a_person() -> None:
    command = timeline.one(None, evidence(**told_until(1)))

    delivered = timeline.steps(command, NOW + timedelta(minutes=14))[2]
    assert delivered.proof is Proof.BROKEN
    assert "for 14 min" in delivered.detail


def journal(*instances: dict[str, Any]) -> dict[str, Any]:
    phases = [{"phase": phase, "at": NOW.isoformat(), "actor": "admin"} for phase in PHASES[:2]]
    return {"hold_id": "h1", "kind": "kill", "phases": phases, "instances": list(instances)}


def test_a_command_to_an_agent_nobody_knows_waits_calmly() -> None:
    command = timeline.one(journal(), None)

    delivered = timeline.steps(command, NOW + timedelta(minutes=14))[2]

    assert delivered.proof is Proof.WAITING
    assert "The first one that connects is restricted" in delivered.detail


@given(st.integers(-100_000, 100_000))
def test_no_step_tells_a_negative_age(seconds: int) -> None:
    told = [
        timeline.one(None, evidence(**told_until(1))),
        timeline.one(None, evidence(**told_until(2))),
        timeline.one(journal({"delivered_at": None, "acked_at": None}), None),
    ]

    steps = [timeline.steps(each, NOW + timedelta(seconds=seconds)) for each in told]

    assert not [step.detail for each in steps for step in each if "-" in step.detail]


def test_a_command_just_sent_is_on_its_way() -> None:
    command = timeline.one(journal({"delivered_at": None, "acked_at": None}), None)

    assert timeline.steps(command, NOW - timedelta(seconds=2))[2].title == "On its way"


def test_a_contradiction_outweighs_an_enforcement() -> None:
    times = told_until(4) | {"contradicted_at": NOW}

    command = timeline.one(None, evidence(**times))

    assert command.phase == "contradicted"
    assert timeline.steps(command, NOW)[4].proof is Proof.BROKEN


def test_the_journal_and_the_evidence_of_one_hold_are_one_command() -> None:
    journal = {
        "hold_id": "h1",
        "kind": "kill",
        "scope": {"agent_name": "rogue"},
        "phases": [{"phase": "requested", "at": NOW.isoformat(), "actor": "admin"}],
    }

    merged = timeline.merged([journal], [evidence(enforced_at=NOW)])

    assert len(merged) == 1
    assert merged[0].phase == "enforced"


def test_a_command_only_one_side_knows_is_not_lost() -> None:
    merged = timeline.merged([], [evidence(**told_until(0)), {**evidence(), "hold_id": "h2"}])

    assert {command.hold_id for command in merged} == {"h1", "h2"}


@given(st.integers(0, 4))
def test_no_step_after_the_last_proven_one_is_ticked(step: int) -> None:
    command = timeline.one(None, evidence(**told_until(step)))

    proofs = [each.proof for each in timeline.steps(command, NOW)]

    assert proofs[: step + 1] == [Proof.DONE] * (step + 1)
    assert Proof.DONE not in proofs[step + 1 :]


@given(st.sampled_from(["released", "expired"]))
def test_an_ended_hold_is_not_in_force(ending: str) -> None:
    command = timeline.one(None, evidence(**told_until(4), **{f"{ending}_at": NOW}))

    assert not command.in_force(NOW)
    assert command.phase == ending
