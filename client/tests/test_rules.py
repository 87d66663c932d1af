"""What holds mean for one call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper_agent.document import Hold, Kind, Profile, Scope
from watchkeeper_agent.rules import Call, Identity, Stage, effective_mode, reason_code, rule

NOW = 1_768_478_400.0
CLERK = Identity("clerk", "clerk", "019bc1b4-0000-7000-8000-000000000001")
READ_ONLY = frozenset({"get_balance"})


def hold(kind: str, **others: Any) -> Hold:
    return Hold(f"hold-{kind}", None, Kind(kind), **others)


def ask(name: str, *holds: Hold, stage: Stage = Stage.TOOL, **others: Any) -> Any:
    return rule(Call(stage, name, **others), holds, CLERK, READ_ONLY, NOW)


@pytest.mark.parametrize("kind", ["kill", "pause"])
@pytest.mark.parametrize("stage", list(Stage))
def test_a_killed_or_paused_agent_may_do_nothing(kind: str, stage: Stage) -> None:
    assert ask("get_balance", hold(kind), stage=stage).refused


@pytest.mark.parametrize(
    ("profile", "allowed", "refused"),
    [
        (Profile(), "get_balance", "transfer"),
        (Profile(read_only=False, deny=frozenset({"transfer"})), "post", "transfer"),
        (Profile(read_only=False, allow=frozenset({"post"})), "post", "transfer"),
        (Profile(allow=frozenset({"post"})), "post", "transfer"),
        (Profile(deny=frozenset({"get_balance"})), None, "get_balance"),
    ],
)
def test_a_degraded_agent_keeps_the_tools_of_its_profile(
    profile: Profile, allowed: str | None, refused: str
) -> None:
    degraded = hold("degrade", profile=profile)

    assert allowed is None or not ask(allowed, degraded).refused
    assert ask(refused, degraded).refused


def test_a_degraded_agent_thinks_with_the_model_it_is_given() -> None:
    degraded = hold("degrade", profile=Profile(model_map={"big": "small"}))

    assert ask("big", degraded, stage=Stage.MODEL).replacement == "small"
    assert ask("other", degraded, stage=Stage.MODEL).replacement is None


def test_approval_is_needed_for_what_is_not_read_only() -> None:
    assert ask("transfer", hold("require_approval")).refused
    assert not ask("get_balance", hold("require_approval")).refused


def test_an_expired_hold_is_no_hold() -> None:
    assert ask("transfer", hold("kill", expires_at=NOW + 1)).refused
    assert not ask("transfer", hold("kill", expires_at=NOW)).refused
    assert not ask("transfer", hold("kill", not_before=NOW + 1)).refused


@pytest.mark.parametrize(
    "scope",
    [
        Scope(agent_name="gateway"),
        Scope(service="bank"),
        Scope(instance="019bc1b4-0000-7000-8000-00000000ffff"),
        Scope(tool="post"),
        Scope(model="transfer"),
        Scope(conversation="c-2"),
        Scope(run_trace_id="00"),
    ],
)
def test_a_hold_on_somebody_else_does_not_concern_us(scope: Scope) -> None:
    narrowed = hold("kill", scope=scope)

    assert not ask("transfer", narrowed, conversation="c-1", trace_id="11").refused


def test_a_hold_on_one_tool_leaves_the_rest_and_reads_as_degraded() -> None:
    narrow = hold("kill", scope=Scope(tool="transfer"))

    assert ask("transfer", narrow).refused
    assert not ask("post", narrow).refused
    assert effective_mode([narrow], CLERK, NOW) == "degrade"


kinds = st.lists(st.sampled_from([kind.value for kind in Kind]), max_size=5)


@given(some=kinds, more=kinds)
def test_one_more_hold_never_frees_a_call(some: list[str], more: list[str]) -> None:
    before = ask("transfer", *map(hold, some)).refused

    assert ask("transfer", *map(hold, some + more)).refused >= before


@given(names=kinds)
def test_the_strictest_hold_answers(names: list[str]) -> None:
    ruling = ask("transfer", *map(hold, names))

    strictest = max((Kind(name) for name in names), key=lambda k: k.strictness, default=None)
    assert (ruling.hold.kind if ruling.hold else None) == strictest
    assert effective_mode(map(hold, names), CLERK, NOW) == (strictest or "normal")


def test_a_reason_code_fits_the_event_whatever_the_operator_wrote() -> None:
    assert reason_code(hold("kill", reason_code="sends data <b>out</b>")) == "sends_data__b_out_/b_"
    assert reason_code(hold("kill")) == "hold.kill"
