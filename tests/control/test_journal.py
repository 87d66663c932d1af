"""The journal: whole transactions, one winner, and what a damaged file says."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path

import pytest

from collector.control import authority
from collector.control.journal import Journal
from collector.control.moments import stamp
from collector.errors import ConfigurationError, RefusedInput
from tests.control.conftest import NOON


def test_a_transaction_that_fails_leaves_nothing(journal: Journal) -> None:
    with pytest.raises(RuntimeError), journal.transaction():
        journal.change(
            "add_operator", name="jo", role="admin", password_hash=None, created_at=stamp(NOON)
        )
        raise RuntimeError("power cut")

    assert journal.number("count_operators") == 0


def test_every_start_has_a_higher_epoch_even_with_the_clock_set_back(journal: Journal) -> None:
    epochs = [journal.rows("bump_epoch", unix_s=now)[0]["epoch"] for now in (100, 90, 90, 200)]

    assert epochs == [100, 101, 102, 200]


def test_a_code_shared_by_many_signs_in_one(tmp_path: Path, journal: Journal) -> None:
    authority.add_operator(journal, "jo", "viewer", None, NOON)
    bound = {"code_hash": authority.digest(authority.new_code(journal, "jo", NOON))}
    winners: list[int] = []

    def race() -> None:
        own = Journal.open(tmp_path / "control")
        with own.transaction():
            winners.append(len(own.rows("use_code", **bound, now=stamp(NOON))))
        own.close()

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(winners) == [0, 0, 0, 0, 0, 1]


def test_every_statement_of_the_journal_compiles_and_says_what_it_answers(
    tmp_path: Path, journal: Journal
) -> None:
    folder = Path(authority.__file__).parent / "sql"
    files = sorted(folder.glob("*.sql"))
    connection = sqlite3.connect(tmp_path / "control" / "journal.sqlite")

    for file in files:
        text = file.read_text(encoding="utf-8")
        code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
        connection.execute("explain " + code, dict.fromkeys(re.findall(r"\$(\w+)", code)))

        assert text.startswith("-- ") and "\n-- Bound: " in text, file.name
    connection.close()
    assert len(files) > 40


def test_a_damaged_journal_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database, it is a letter" * 100)

    with pytest.raises(ConfigurationError, match=r"not a usable journal .* backup"):
        Journal.open(tmp_path)


def test_operators_have_names_and_roles_that_exist(journal: Journal) -> None:
    authority.add_operator(journal, "jo", "viewer", None, NOON)

    for name, role, password in (
        ("jo", "viewer", None),
        ("", "viewer", None),
        ("mo\n", "viewer", None),
        ("mo", "emperor", None),
        ("mo", "viewer", "short"),
    ):
        with pytest.raises(RefusedInput):
            authority.add_operator(journal, name, role, password, NOON)
    with pytest.raises(ConfigurationError, match="there is no operator 'mo'"):
        authority.new_code(journal, "mo", NOON)


def test_the_spool_numbers_its_events_from_one(journal: Journal) -> None:
    for _ in range(3):
        journal.change("add_event", event="{}")
    journal.change("forget_events", last=1)

    assert [row["number"] for row in journal.rows("next_events", limit=10)] == [2, 3]


def test_a_journal_older_than_its_numbers_begins_to_count_where_it_is(tmp_path: Path) -> None:
    home = tmp_path / "old"
    old = Journal.open(home)
    for _ in range(5):
        old.change("add_event", event="{}")
    old.change("forget_events", last=5)
    old.close()
    with sqlite3.connect(home / "journal.sqlite") as file:
        file.execute("drop table spool_stream")

    journal = Journal.open(home)
    journal.change("add_event", event="{}")

    assert [row["number"] for row in journal.rows("next_events", limit=10)] == [1]
    journal.close()
