"""Decisions outside of any trace are matched between batches; nothing that is owed is lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from replaying import FakeLog, Request, rows
from telling import decision, span
from test_late_binding import AGENT, TOOL

from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import rederive

TOLD: list[Request] = [
    span(1, None, 0, 60, **AGENT),
    span(2, 1, 1, **TOOL),
    decision(1, 0.9, "allow", "read_mail"),
]
_MATCHED = "select decision_id, matched_by from action"
_WAITING = "select name from unmatched_slot"


class Faulty:
    """Deriving again fails until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False
        self.tries = 0

    def __call__(
        self, cursor: duckdb.DuckDBPyConnection, touched: str, since: datetime, until: datetime
    ) -> None:
        self.tries += 1
        if not self.is_mended:
            raise duckdb.InternalException("the optimiser lost a column")
        rederive(cursor, touched, since, until)


def applier_of(store: Store, *batches: list[Request], **told: Any) -> Applier:
    log, sequence = FakeLog(), 1
    for batch in batches:
        sequence = log.add(batch, sequence)
    return Applier(store, log, Decoder(), **told)


def drained(applier: Applier) -> None:
    while applier.step():
        pass
    applier.match_all()


def test_what_could_not_be_matched_waits_and_does_not_stop_intake(tmp_path: Path) -> None:
    faulty = Faulty()
    with Store(tmp_path / "evidence.duckdb") as store:
        applier = applier_of(store, TOLD, [span(3, 1, 2, **TOOL)], rederive=faulty)
        while applier.step():
            pass

        assert faulty.tries > 0
        assert rows(store, _MATCHED) == [(None, None)] * 2
        assert rows(store, _WAITING) == [("read_mail",)]


def test_what_was_noted_before_a_restart_is_matched_after_it(tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        applier_of(store, TOLD, rederive=Faulty()).step()
    with Store(tmp_path / "evidence.duckdb") as store:
        drained(applier_of(store))

        assert rows(store, _MATCHED) == [("decision-1", "time")]
        assert rows(store, _WAITING) == []


def test_a_slot_that_fails_is_counted_and_comes_behind_the_others(tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        applier = applier_of(store, TOLD, rederive=Faulty())
        for _ in range(20):
            applier.step()

        assert rows(store, "select failures from unmatched_slot") == [(1,)]


def test_a_database_in_which_nothing_was_noted_is_matched_when_it_is_opened(tmp_path: Path) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        applier_of(store, TOLD, rederive=Faulty()).step()
        for table in ("unmatched_slot", "loose_name"):
            store.cursor().execute(f"delete from {table}").fetchall()
    with Store(tmp_path / "evidence.duckdb") as store:
        drained(applier_of(store))

        assert rows(store, _MATCHED) == [("decision-1", "time")]


def test_calls_that_share_a_time_and_name_leave_other_agents_alone(tmp_path: Path) -> None:
    other = {**AGENT, "gen_ai__agent__name": "courier"}
    trace = "1af7651916cd43dd8448eb211c80319c"
    calls = [span(1, None, 0, 60, trace=trace, **other), span(2, 1, 1, trace=trace, **TOOL)]
    with Store(tmp_path / "evidence.duckdb") as store:
        drained(applier_of(store, TOLD, calls))

        found = rows(store, "select agent, decision_id from action order by agent")
        assert found == [("clerk", "decision-1"), ("courier", None)]
