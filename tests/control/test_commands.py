"""What an operator may ask, how a command advances, and which hold wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collector.control import commands
from collector.control.commands import Effective, Profile, Restriction, after, effective, has_ended
from collector.control.moments import stamp
from collector.control.refusal import Refusal
from collector.model import CommandPhase, HoldKind
from tests.control.conftest import NOON, order

names = st.sampled_from(["read", "search", "transfer", "delete"])
sets = st.frozensets(names, max_size=3)
profiles = st.builds(Profile, read_only=st.booleans(), allow=sets, deny=sets)
kinds = st.sampled_from(HoldKind)
restrictions = st.builds(
    Restriction,
    kinds,
    st.integers(-5, 5).map(lambda hours: NOON + timedelta(hours=hours)),
    st.none() | profiles,
)


def test_a_complete_order_is_understood() -> None:
    asked = commands.order(order("degrade", "clerk"), NOON)

    assert asked.target.kind is HoldKind.DEGRADE
    assert asked.target.scope == commands.Scope("clerk")
    assert asked.target.profile == Profile(read_only=True)
    assert asked.expires_at == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("reason", {"reason": None}),
        ("reason", {"reason": " no "}),
        ("reason", {"reason": "x" * 1001}),
        ("reason", {"reason": "bell \a rings"}),
        ("reason", {"reason": "half a \ud800 pair"}),
        ("expires_in_s", {"expires_in_s": None}),
        ("expires_in_s", {"expires_in_s": 59}),
        ("expires_in_s", {"expires_in_s": 2_592_001}),
        ("expires_in_s", {"expires_in_s": True}),
        ("expires_in_s", {"expires_in_s": 1e3}),
        ("expires_in_s", {"expires_in_s": 10**400}),
        ("expires_at", {"expires_in_s": None, "expires_at": "soon"}),
        ("expires_at", {"expires_in_s": None, "expires_at": "2026-01-15T13:00:00"}),
        ("expires_at", {"expires_in_s": None, "expires_at": "2026-01-15T12:00:59Z"}),
        ("expires_at", {"expires_at": "2026-01-15T13:00:00Z"}),
        ("kind", {"kind": "annihilate"}),
        ("kind", {"kind": ["kill"]}),
        ("scope", {"scope": "rogue"}),
        ("scope.agent_name", {"scope": {}}),
        ("scope.agent_name", {"scope": {"agent_name": "x" * 257}}),
        ("scope.instance", {"scope": {"agent_name": "rogue", "instance": 7}}),
        ("scope.everyone", {"scope": {"agent_name": "rogue", "everyone": True}}),
        ("profile", {"profile": {"tools": {}}}),
        ("idempotency_key", {"idempotency_key": "short"}),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(field: str, change: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        commands.order(order() | change, NOON)

    assert refused.value.field == field
    assert refused.value.status == 400
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize(
    "profile",
    [
        [],
        {"unknown": 1},
        {"tools": []},
        {"tools": {"class": "write"}},
        {"tools": {"deny": "transfer"}},
        {"tools": {"deny": [1]}},
        {"model_map": {"big": 1}},
        {"model_map": []},
    ],
)
def test_a_profile_that_agents_would_not_understand_is_refused(profile: Any) -> None:
    with pytest.raises(Refusal, match=r"^profile"):
        commands.order(order("degrade", profile=profile), NOON)


@given(profiles)
def test_a_profile_survives_its_json(profile: Profile) -> None:
    restored = commands.profile_of(profile.claims)

    for tool in ("read", "transfer"):
        if profile.read_only or profile.allow or profile.deny:
            assert restored.allows(tool, True) == profile.allows(tool, True)
            assert restored.allows(tool, False) == profile.allows(tool, False)


@given(st.integers(60, 2_592_000))
def test_an_end_may_be_given_as_a_time_or_as_a_length(seconds: int) -> None:
    end = stamp(NOON + timedelta(seconds=seconds))

    by_length = commands.order(order(expires_in_s=seconds), NOON)
    by_time = commands.order(order(expires_in_s=None, expires_at=end), NOON)

    assert by_length.expires_at == by_time.expires_at


@given(
    st.dictionaries(
        st.sampled_from(["kind", "scope", "reason", "expires_in_s", "expires_at", "profile"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
    )
)
def test_whatever_is_sent_it_is_an_order_or_a_refusal(body: dict[str, Any]) -> None:
    try:
        asked = commands.order(order() | body, NOON)
    except Refusal as refusal:
        assert refusal.field
    else:
        assert timedelta(seconds=60) <= asked.expires_at - NOON <= timedelta(days=30)


def test_without_holds_an_agent_is_free() -> None:
    assert effective([], NOON) == Effective("normal")


@given(st.lists(restrictions, max_size=6))
def test_the_strictest_unexpired_hold_wins(held: list[Restriction]) -> None:
    strictness = ["normal", "degrade", "require_approval", "pause", "kill"]
    standing = [one.kind.value for one in held if one.expires_at > NOON]

    assert effective(held, NOON).mode == max(["normal", *standing], key=strictness.index)


@given(st.lists(restrictions, max_size=6), restrictions, names, st.booleans())
def test_a_further_hold_never_permits_more(
    held: list[Restriction], further: Restriction, tool: str, only_reads: bool
) -> None:
    before, now = effective(held, NOON), effective([*held, further], NOON)

    assert before.allows(tool, only_reads) or not now.allows(tool, only_reads)


@given(st.permutations(list(HoldKind)), st.data())
def test_the_order_of_holds_does_not_matter(order_: list[HoldKind], data: st.DataObject) -> None:
    held = [Restriction(kind, NOON + timedelta(hours=1), data.draw(profiles)) for kind in order_]
    tool, only_reads = data.draw(names), data.draw(st.booleans())

    one, other = effective(held, NOON), effective(held[::-1], NOON)

    assert one.mode == other.mode
    assert one.allows(tool, only_reads) == other.allows(tool, only_reads)


class CommandLife(RuleBasedStateMachine):
    """Any sequence of reached phases; the machine alone decides what they mean."""

    def __init__(self) -> None:
        super().__init__()
        self.state = CommandPhase.REQUESTED
        self.was = [CommandPhase.REQUESTED]
        self.evidence = False

    @rule(phase=st.sampled_from([p for p in CommandPhase if p is not CommandPhase.ENFORCED]))
    def reach(self, phase: CommandPhase) -> None:
        self._step(phase)

    @rule()
    def first_refused_call(self) -> None:
        self.evidence = True
        self._step(CommandPhase.ENFORCED)

    @precondition(lambda self: has_ended(self.state))
    @rule(phase=st.sampled_from(CommandPhase))
    def nothing_moves_what_has_ended(self, phase: CommandPhase) -> None:
        assert after(self.state, phase) is self.state

    def _step(self, phase: CommandPhase) -> None:
        self.state = after(self.state, phase)
        if self.state is not self.was[-1]:
            self.was.append(self.state)

    @invariant()
    def signing_is_never_skipped(self) -> None:
        assert self.was[1:2] in ([], [CommandPhase.SIGNED])

    @invariant()
    def no_state_comes_twice(self) -> None:
        assert len(set(self.was)) == len(self.was)

    @invariant()
    def enforced_needs_evidence(self) -> None:
        assert self.evidence or CommandPhase.ENFORCED not in self.was

    @invariant()
    def only_documented_states_are_reached(self) -> None:
        assert not {CommandPhase.FAILED, CommandPhase.CONTRADICTED} & set(self.was)


TestCommandLife = CommandLife.TestCase
