"""Sequence rules followed as derivation tells actions, takes them back and tells them anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.model import ActionKind
from collector.sequences.rule import Rule, Scope, Severity, Step
from collector.store.connection import Store
from collector.store.sequences import Sequences
from collector.store.transaction import run, transaction

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
RULE = Rule(
    name="secret-then-send",
    display_name="A secret leaves",
    description="",
    severity=Severity.HIGH,
    scope=Scope.CONVERSATION,
    within=timedelta(minutes=10),
    steps=(
        Step("reads a secret", kinds=(ActionKind.TOOL,), names=("read_secret", "vault_*")),
        Step("sends outward", names=("http_*",)),
    ),
    unless=(Step("asked a person", names=("ask",)),),
)


class Act(NamedTuple):
    """An action as derivation tells it."""

    number: int
    minute: float
    name: str
    agent: str = "clerk"
    conversation: str | None = "c1"
    outcome: str = "ok"
    kind: str = "tool"


READ, SENT = Act(1, 1, "read_secret"), Act(2, 5, "http_post")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as store:
        yield store


@pytest.fixture
def cursor(store: Store) -> duckdb.DuckDBPyConnection:
    return store.cursor()


def _sequences(cursor: duckdb.DuckDBPyConnection, *rules: Rule, **more: Any) -> Sequences:
    sequences = Sequences(lambda: rules, **{"names_s": 0, **more})
    sequences.renew(cursor)
    return sequences


def _tell(cursor: duckdb.DuckDBPyConnection, sequences: Sequences, *acts: Act) -> None:
    """What one batch does: each action is taken back where it was told, and told anew."""
    with transaction(cursor):
        cursor.execute("create or replace temp table told_action as from action limit 0")
        for act in acts:
            cursor.execute(
                "insert into told_action by name select $trace as trace_id, $span as span_id,"
                " $agent as agent, false as sample, $conversation as conversation_id,"
                " $kind as kind, $name as name, $at as started_at, epoch_ns($at) as start_ns,"
                " $outcome as outcome",
                {
                    "trace": act.number.to_bytes(16),
                    "span": act.number.to_bytes(8),
                    "agent": act.agent,
                    "conversation": act.conversation,
                    "kind": act.kind,
                    "name": act.name,
                    "at": NOON + timedelta(minutes=act.minute),
                    "outcome": act.outcome,
                },
            )
        cursor.execute(
            "create or replace temp table forgotten_action as from action"
            " where trace_id in (select trace_id from told_action)"
        )
        cursor.execute(
            "delete from action where trace_id in (select trace_id from told_action)"
        ).fetchall()
        cursor.execute("insert into action by name from told_action").fetchall()
        sequences.follow(cursor)


def _found(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, list[str]]]:
    rows = cursor.execute(
        "select rule, key, list_transform(actions, lambda a: a.name) from sequence_matches"
        " order by all"
    ).fetchall()
    return [(rule, key, names) for rule, key, names in rows]


FOUND = [("secret-then-send", "c1", ["read_secret", "http_post"])]


def test_a_secret_sent_is_found_when_the_last_action_arrives(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)

    _tell(cursor, sequences, READ)
    assert _found(cursor) == []
    _tell(cursor, sequences, SENT)
    assert _found(cursor) == FOUND


def test_it_is_found_as_well_when_the_first_action_arrives_last(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)

    _tell(cursor, sequences, SENT)
    _tell(cursor, sequences, READ)

    assert _found(cursor) == FOUND


def test_it_is_taken_back_when_a_person_turns_out_to_have_been_asked(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)
    _tell(cursor, sequences, READ, SENT)

    _tell(cursor, sequences, Act(3, 3, "ask"))

    assert _found(cursor) == []


def test_it_is_taken_back_when_the_sending_turns_out_to_have_been_denied(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)
    _tell(cursor, sequences, READ, SENT)

    _tell(cursor, sequences, SENT._replace(outcome="denied"))

    assert _found(cursor) == []


def test_told_again_it_keeps_the_time_at_which_it_was_found(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)
    _tell(cursor, sequences, READ, SENT)
    found_at = cursor.execute(
        "select epoch_us(found_at) from sequence_match order by completed_ns"
    ).fetchall()

    _tell(cursor, sequences, READ, SENT, Act(4, 6, "http_get"))

    assert (
        cursor.execute(
            "select epoch_us(found_at) from sequence_match order by completed_ns"
        ).fetchall()[:1]
        == found_at
    )
    assert len(_found(cursor)) == 2


@pytest.mark.parametrize(
    "other",
    [
        SENT._replace(conversation="c2"),
        SENT._replace(conversation=None),
        SENT._replace(name="HTTP_POST"),
        SENT._replace(minute=12),
    ],
)
def test_what_is_in_another_conversation_unlike_or_too_late_is_none(
    cursor: duckdb.DuckDBPyConnection, other: Act
) -> None:
    sequences = _sequences(cursor, RULE)

    _tell(cursor, sequences, READ, other)

    assert _found(cursor) == []


def test_an_agent_is_followed_across_its_conversations(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, replace(RULE, scope=Scope.AGENT, agents=("cl?rk",)))

    _tell(cursor, sequences, READ, SENT._replace(conversation="c2"))
    _tell(cursor, sequences, READ._replace(number=8, agent="rogue"), SENT._replace(number=9))

    assert {key for _, key, _ in _found(cursor)} == {"clerk"}


def test_a_new_rule_is_looked_for_in_what_happened_before(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    _tell(cursor, _sequences(cursor), READ, SENT)

    _sequences(cursor, RULE)

    assert _found(cursor) == FOUND


def test_a_changed_rule_forgets_what_it_found_and_a_removed_one_too(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    _tell(cursor, _sequences(cursor, RULE), READ, SENT)

    _sequences(cursor, replace(RULE, within=timedelta(minutes=3)))
    assert _found(cursor) == []
    _sequences(cursor, RULE)
    assert _found(cursor) == FOUND
    _sequences(cursor)
    assert _found(cursor) == []


def test_a_rule_that_fits_too_much_is_suspended_and_the_others_go_on(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    broad = replace(RULE, name="anything", steps=(Step("anything", names=("*",)),), unless=())
    _tell(cursor, _sequences(cursor), READ, SENT, Act(3, 6, "x"), Act(4, 7, "y"))

    sequences = _sequences(cursor, broad, RULE, most_noted=3)

    assert list(sequences.suspended) == ["anything"]
    assert "fit more than 3 actions" in sequences.suspended["anything"]
    assert _found(cursor) == FOUND


def test_nothing_is_kept_of_actions_that_fit_no_step(cursor: duckdb.DuckDBPyConnection) -> None:
    sequences = _sequences(cursor, RULE)

    _tell(cursor, sequences, Act(1, 1, "browse"), Act(2, 2, "read_secret", kind="model"))

    assert cursor.execute("select count(*) from sequence_action").fetchall() == [(0,)]


def test_a_match_whose_first_action_is_too_old_to_be_noted_stays(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)
    _tell(cursor, sequences, READ, SENT)
    before = NOON + timedelta(minutes=3)
    for statement in ("sequences/note_thinned", "sequences/thin"):
        run(cursor, statement, {"before": before})

    # What comes late makes everything that was completed after it doubtful.
    _tell(cursor, sequences, Act(3, 4, "http_get"))
    assert _found(cursor) == FOUND

    _tell(cursor, sequences, Act(4, 4.5, "vault_read"), Act(5, 6, "http_put"))
    assert ("secret-then-send", "c1", ["vault_read", "http_put"]) in _found(cursor)


def test_times_at_the_end_of_what_can_be_told_are_followed(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, RULE)
    late = datetime(2262, 4, 11, 23, 47, tzinfo=UTC)
    minutes = (late - NOON) / timedelta(minutes=1)

    _tell(cursor, sequences, READ._replace(minute=minutes - 1), SENT._replace(minute=minutes))

    assert _found(cursor) == FOUND


BY_AGENT = replace(RULE, scope=Scope.AGENT)


def _name(cursor: duckdb.DuckDBPyConnection, **names: str) -> None:
    """Which names stand for which agent from now on."""
    cursor.execute("delete from agent_name").fetchall()
    for alias, agent in names.items():
        cursor.execute(
            "insert into agent_name by name select $alias as alias, $agent as agent",
            {"alias": alias, "agent": agent},
        ).fetchall()


def test_names_that_are_joined_are_one_agent_until_they_are_parted(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, BY_AGENT)
    _tell(cursor, sequences, READ, SENT._replace(agent="clerk-v2"))
    assert _found(cursor) == []

    _name(cursor, **{"clerk-v2": "clerk"})
    sequences.renew(cursor)
    assert _found(cursor) == [("secret-then-send", "clerk", ["read_secret", "http_post"])]

    _name(cursor)
    sequences.renew(cursor)
    assert _found(cursor) == []


def test_what_one_name_did_alone_follows_it_to_another_agent(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, BY_AGENT)
    _tell(cursor, sequences, READ._replace(agent="a"), SENT._replace(agent="a"))
    found_at = _found_at(cursor)

    for agent in ("b", "c"):
        _name(cursor, a=agent)
        sequences.renew(cursor)
        assert _found(cursor) == [("secret-then-send", agent, ["read_secret", "http_post"])]

    assert _found_at(cursor) == found_at


def test_a_rule_means_an_agent_under_each_of_its_names(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    rules = [replace(RULE, name=agent, agents=(agent,)) for agent in ("a", "b", "c")]
    sequences = _sequences(cursor, *rules)
    _tell(cursor, sequences, READ._replace(agent="a"), SENT._replace(agent="a"))

    _name(cursor, a="b")
    sequences.renew(cursor)

    assert [rule for rule, _, _ in _found(cursor)] == ["a", "b"]


def test_names_that_were_joined_before_a_rule_was_written_or_another_process_started_count(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    told = _sequences(cursor, BY_AGENT)
    _tell(cursor, told, READ, SENT._replace(agent="clerk-v2"))
    _name(cursor, **{"clerk-v2": "clerk"})

    _sequences(cursor, BY_AGENT)
    assert len(_found(cursor)) == 1
    _sequences(cursor, replace(BY_AGENT, name="written-later"), BY_AGENT)
    assert [rule for rule, _, _ in _found(cursor)] == ["secret-then-send", "written-later"]


def test_a_name_that_was_joined_and_parted_before_anybody_looked_leaves_no_trace(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    sequences = _sequences(cursor, BY_AGENT)
    _name(cursor, **{"clerk-v2": "clerk"})
    _tell(cursor, sequences, READ, SENT._replace(agent="clerk-v2"))
    _name(cursor)

    sequences.renew(cursor)

    assert _found(cursor) == []


acts = st.lists(
    st.builds(
        Act,
        st.integers(1, 8),
        st.integers(0, 15),
        st.sampled_from(["read_secret", "vault_read", "http_post", "ask", "browse"]),
        agent=st.sampled_from(["a", "b", "c"]),
        conversation=st.sampled_from(["c1", "c2", None]),
        outcome=st.sampled_from(["ok", "denied"]),
    ),
    max_size=8,
    unique_by=lambda act: act.number,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, seed=st.integers(0, 2**32))
def test_any_order_batching_and_repetition_finds_the_same(
    cursor: duckdb.DuckDBPyConnection, acts: list[Act], seed: int
) -> None:
    cursor.execute("delete from action").fetchall()
    sequences = _sequences(cursor)
    _tell(cursor, sequences, *acts)
    at_once = _kept(cursor, _sequences(cursor, RULE))
    cursor.execute("delete from action").fetchall()
    _sequences(cursor)
    one_by_one = _sequences(cursor, RULE)
    random = Random(seed)
    for act in random.sample([*acts, *acts], 2 * len(acts)):
        _tell(cursor, one_by_one, act)

    assert _kept(cursor, one_by_one) == at_once


namings = st.lists(
    st.dictionaries(st.sampled_from("ab"), st.sampled_from("cd"), max_size=2), max_size=4
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, namings=namings, seed=st.integers(0, 2**32))
def test_any_order_of_what_is_told_and_of_joining_and_parting_finds_the_same(
    cursor: duckdb.DuckDBPyConnection,
    acts: list[Act],
    namings: list[dict[str, str]],
    seed: int,
) -> None:
    cursor.execute("delete from action").fetchall()
    rules = (BY_AGENT, replace(RULE, name="of-c", agents=("c",)))
    _name(cursor, **(namings[-1] if namings else {}))
    sequences = _sequences(cursor)
    _tell(cursor, sequences, *acts)
    at_once = _kept(cursor, _sequences(cursor, *rules))
    cursor.execute("delete from action").fetchall()
    _sequences(cursor)
    _name(cursor)
    step_by_step = _sequences(cursor, *rules)
    random = Random(seed)
    steps: list[tuple[float, Any]] = [(random.random(), act) for act in acts]
    steps += [(at / 4 + 0.1, names) for at, names in enumerate(namings)]
    for _, step in sorted(steps, key=lambda each: each[0]):
        if isinstance(step, Act):
            _tell(cursor, step_by_step, step)
        else:
            _name(cursor, **step)
            if random.random() < 0.7:
                step_by_step.renew(cursor)
    step_by_step.renew(cursor)

    assert _kept(cursor, step_by_step) == at_once


def _found_at(cursor: duckdb.DuckDBPyConnection) -> list[Any]:
    return list(cursor.execute("select epoch_us(found_at) from sequence_match").fetchall())


def _kept(cursor: duckdb.DuckDBPyConnection, sequences: Sequences) -> list[Any]:
    assert not sequences.suspended
    return list(
        cursor.execute("select * exclude (found_at) from sequence_match order by all").fetchall()
    )
