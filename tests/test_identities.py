"""Decisions about names: written once, read by all, undone by another."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RefusedInput
from collector.identities import Identities, IdentityAct, Verb, acts_of
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


KILLED = """
import os, signal, sys
from collector.__main__ import main
written = os.write

def half(handle, line):
    written(handle, line[:len(line) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

os.write = half
main(sys.argv[1:])
"""


def test_an_operator_killed_while_writing_leaves_what_was_decided_before(
    identities: Identities,
) -> None:
    identities.add(_act(Verb.PART, "first"))
    words = ["identities", "part", "second", "--reason", "r", "--home", str(identities.path.parent)]

    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert not identities.path.read_bytes().endswith(b"\n")
    assert [act.alias for act in identities.all()] == ["first"]
    identities.add(_act(Verb.PART, "third"))
    assert [act.alias for act in identities.all()] == ["first", "third"]


def test_processes_that_decide_at_the_same_time_lose_no_decision(identities: Identities) -> None:
    words = ["--reason", "r", "--home", str(identities.path.parent)]
    deciding = [
        subprocess.Popen(
            [sys.executable, "-m", "collector", "identities", verb, f"name-{at}", *words, *more]
        )
        for at in range(3)
        for verb, more in (("join", ["--agent", "clerk"]), ("part", []))
    ]

    assert [each.wait() for each in deciding] == [0] * 6

    assert sorted(act.alias for act in identities.all()) == sorted(
        f"name-{at // 2}" for at in range(6)
    )


def test_operators_at_the_same_time_lose_no_decision(identities: Identities) -> None:
    threads = [
        Thread(target=identities.add, args=(_act(Verb.PART, f"name-{at}"),)) for at in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({act.alias for act in identities.all()}) == 20


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip))
def test_whatever_a_name_is_made_of_its_line_can_be_read_again(name: str) -> None:
    """Unicode knows a dozen ends of a line; the file knows one."""
    act = IdentityAct(Verb.PART, name, "", name, name, NOON)

    assert acts_of(Path("identities.jsonl"), _line(act)) == (act,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"alias": 5}, "a value that is no text"),
        ({"alias": "\ud800"}, "characters in UTF-8"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "date value out of range"),
        ({"at": None}, "must be str"),
        ({"verb": "marry"}, "'marry' is not a valid Verb"),
        ({"agent": "x" * 2000}, "expected the agent in 1 to 1000"),
    ],
)
def test_a_line_of_odd_values_is_named_and_storing_goes_on(
    cursor: duckdb.DuckDBPyConnection,
    identities: Identities,
    change: dict[str, object],
    reason: str,
) -> None:
    identities.add(_act(Verb.JOIN, "b", "a"))
    told = json.loads(identities.path.read_text())
    with identities.path.open("a") as file:
        file.write(json.dumps({**told, "alias": "c", **change}) + "\n")

    NameKeeper(identities, Clock()).renew(cursor)

    with pytest.raises(RefusedInput, match="line 2: expected a decision") as refused:
        identities.all()
    assert reason in str(refused.value)


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5_000, '"a"', "null", "{}", "\x00"])
def test_a_line_that_is_another_thing_is_named(identities: Identities, line: str) -> None:
    identities.path.write_text(line + "\n")

    with pytest.raises(RefusedInput, match="line 1: expected a decision"):
        identities.all()


def test_what_is_no_file_is_refused_and_stops_nobody(
    cursor: duckdb.DuckDBPyConnection, identities: Identities
) -> None:
    keeper = NameKeeper(identities, Clock())
    os.mkfifo(identities.path)

    keeper.renew(cursor)
    with pytest.raises(RefusedInput, match="expected a file, got a directory, a pipe or a device"):
        identities.add(_act(Verb.PART, "a"))

    identities.path.unlink()
    identities.path.mkdir()
    with pytest.raises(RefusedInput, match="Is a directory; nothing was decided"):
        identities.add(_act(Verb.PART, "a"))


def test_a_file_that_is_replaced_while_an_operator_waits_keeps_the_decision(
    identities: Identities,
) -> None:
    """The one who waits holds the old file, which nobody will read."""
    identities.add(_act(Verb.PART, "first"))
    fresh = identities.path.with_suffix(".new")
    fresh.write_bytes(identities.path.read_bytes())
    with identities.path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = Thread(target=identities.add, args=(_act(Verb.PART, "second"),))
        waiting.start()
        while not _is_open_twice(identities.path):
            waiting.join(0.01)
        fresh.replace(identities.path)
    waiting.join()

    assert [act.alias for act in identities.all()] == ["first", "second"]


def _line(act: IdentityAct) -> bytes:
    with TemporaryDirectory() as folder:
        identities = Identities(Path(folder) / "identities.jsonl")
        identities.add(act)
        return identities.path.read_bytes()


def _is_open_twice(path: Path) -> bool:
    found = path.stat()
    opened = 0
    for handle in Path("/proc/self/fd").iterdir():
        try:
            opened += os.path.samestat(handle.stat(), found)
        except FileNotFoundError:
            continue
    return opened == 2
