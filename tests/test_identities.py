"""Decisions about names: written once, read by all, undone by another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from collector.errors import RefusedInput
from collector.identities import Identities, IdentityAct, Verb
from collector.store.connection import Store
from collector.store.identities import NameKeeper, renew_names

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def _act(verb: Verb, alias: str, agent: str = "") -> IdentityAct:
    return IdentityAct(verb, alias, agent, "admin", "because", NOON)


class Clock:
    """Seconds that pass when asked to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(tmp_path / "identities.jsonl")


@pytest.fixture
def cursor(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with Store(tmp_path / "evidence.duckdb") as store:
        yield store.cursor()


def _names(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return list(cursor.execute("select alias, agent from agent_names order by all").fetchall())


def _learn(cursor: duckdb.DuckDBPyConnection, alias: str, agent: str) -> None:
    cursor.execute("insert into agent_alias values ($1, $2, 'span', $3)", [alias, agent, NOON])
    renew_names(cursor)


def _decide(cursor: duckdb.DuckDBPyConnection, identities: Identities, *acts: IdentityAct) -> None:
    for act in acts:
        identities.add(act)
    NameKeeper(identities, Clock()).renew(cursor)


def test_a_name_is_joined_and_forgotten_again(
    cursor: duckdb.DuckDBPyConnection, identities: Identities
) -> None:
    _decide(cursor, identities, _act(Verb.JOIN, "billing-v2", "billing"))
    assert _names(cursor) == [("billing-v2", "billing")]

    _decide(cursor, identities, _act(Verb.FORGET, "billing-v2"))
    assert _names(cursor) == []
    assert [act.verb for act in identities.all()] == [Verb.JOIN, Verb.FORGET]


def test_a_did_and_its_hash_are_one_agent_until_they_are_parted(
    cursor: duckdb.DuckDBPyConnection, identities: Identities
) -> None:
    did = "did:mesh:0c1e"
    [(hashed,)] = cursor.execute("select sha256($1)", [did]).fetchall()
    _learn(cursor, did, "clerk")
    assert _names(cursor) == sorted([(did, "clerk"), (hashed, "clerk")])

    _decide(cursor, identities, _act(Verb.PART, did))

    assert _names(cursor) == [(hashed, "clerk")]


def test_an_identifier_that_two_agents_claim_waits_for_an_operator(
    cursor: duckdb.DuckDBPyConnection, identities: Identities
) -> None:
    spiffe = "spiffe://bank/clerk"
    _learn(cursor, spiffe, "clerk")
    _learn(cursor, spiffe, "rogue")
    assert _names(cursor) == []
    state = cursor.execute("select state, claimed_by from identities").fetchall()
    assert state == [("contested", ["clerk", "rogue"])]

    _decide(cursor, identities, _act(Verb.JOIN, spiffe, "clerk"))

    assert _names(cursor) == [(spiffe, "clerk")]


def test_telemetry_renames_nobody_by_a_plain_name(cursor: duckdb.DuckDBPyConnection) -> None:
    _learn(cursor, "gateway", "rogue")

    assert _names(cursor) == []


@pytest.mark.parametrize(("alias", "agent"), [("c", "b"), ("a", "c")])
def test_a_name_of_an_agent_is_no_agent_that_others_are_joined_to(
    identities: Identities, alias: str, agent: str
) -> None:
    identities.add(_act(Verb.JOIN, "b", "a"))

    with pytest.raises(RefusedInput, match="is a name of 'a'"):
        identities.add(_act(Verb.JOIN, alias, agent))


def test_a_decision_needs_a_reason_and_another_name() -> None:
    with pytest.raises(RefusedInput, match="say why"):
        IdentityAct(Verb.PART, "a", "", "admin", " ", NOON)
    with pytest.raises(RefusedInput, match="is that agent already"):
        _act(Verb.JOIN, "a", "a")


def test_a_line_that_was_cut_off_never_counted_and_the_next_one_stands_alone(
    identities: Identities,
) -> None:
    identities.add(_act(Verb.PART, "a"))
    with identities.path.open("a") as file:
        file.write('{"verb": "pa')

    assert [act.alias for act in identities.all()] == ["a"]
    identities.add(_act(Verb.PART, "b"))
    assert [act.alias for act in identities.all()] == ["a", "b"]


def test_a_line_that_is_no_decision_is_named_and_what_stood_before_stays(
    cursor: duckdb.DuckDBPyConnection, identities: Identities
) -> None:
    keeper = NameKeeper(identities, Clock())
    identities.add(_act(Verb.JOIN, "b", "a"))
    keeper.renew(cursor)
    with identities.path.open("a") as file:
        file.write('{"verb": "marry"}\n')

    keeper.renew(cursor)

    assert _names(cursor) == [("b", "a")]
    with pytest.raises(RefusedInput, match="line 2: expected a decision"):
        identities.all()


def test_operators_at_the_same_time_lose_no_decision(identities: Identities) -> None:
    threads = [
        Thread(target=identities.add, args=(_act(Verb.PART, f"name-{at}"),)) for at in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({act.alias for act in identities.all()}) == 20
