"""Retention: what is past its time leaves as whole files and rows, and it is said what left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house import DAY, NOON, House, logs, ns, points, spans, text
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from collector.keeping import Act, Kind, Rules, folded
from collector.keeping import Signal as Kept
from collector.model import Signal
from collector.store.retention import Retention

# Everything of the fifteenth of January has been kept for more than half a year.
HALF_A_YEAR_ON = NOON + 190 * DAY


def act(kind: Kind, number: int = 1, **what: Any) -> Act:
    return Act(f"act-{number}", kind, "admin", NOON, "case 4711", **what)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    there = House(tmp_path / "data")
    there.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    there.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    there.take(Signal.LOGS, logs(NOON, 3, 4, 5), NOON)
    there.take(Signal.METRICS, points(NOON, *range(4)), NOON)
    yield there
    there.store.close()


@pytest.fixture
def retention(house: House) -> Iterator[Retention]:
    made = Retention(house.store, house.archive)
    made.delete_due(Rules(), NOON + timedelta(hours=1))
    yield made
    made.close()


def counts(house: House) -> dict[str, int]:
    views = ("spans", "logs", "metric_points", "runs", "actions", "decisions", "sources")
    return {view: count for view in views if (count := house.count(view))}


ALL = {"spans": 6, "logs": 5, "metric_points": 4, "actions": 6, "decisions": 2, "sources": 3}


def test_nothing_leaves_before_its_time(house: House, retention: Retention) -> None:
    house.seal()

    assert retention.delete_due(Rules(), NOON + 183 * DAY) == []
    assert counts(house) == ALL


def test_what_is_past_its_time_leaves_and_is_told(house: House, retention: Retention) -> None:
    house.seal()
    files = {row["path"] for row in house.ask("select path from archive_files")}

    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert counts(house) == {}
    told = house.ask("select table_name, sum(rows)::int as rows from retention_runs group by all")
    assert {row["table_name"]: row["rows"] for row in told} == {
        "span": 6,
        "log_record": 5,
        "metric_point": 4,
        "action": 6,
        "decision": 2,
        "source_count": 4,
        "sender_count": 4,
    }
    assert {row["path"] for row in house.ask("select path from retention_runs")} == {*files, None}


def test_files_leave_the_disk_only_after_a_checkpoint(house: House, retention: Retention) -> None:
    house.seal()
    retention.delete_due(Rules(), HALF_A_YEAR_ON)
    house.archive.unlink_due(at_once=True)
    before = len(list(house.store.archive.rglob("*.parquet")))

    house.store.checkpoint()
    retention.unlink_left()
    with house.archive.kept_readable():
        house.archive.unlink_due()
        assert len(list(house.store.archive.rglob("*.parquet"))) == before == 4
    house.archive.unlink_due(at_once=True)

    assert list(house.store.archive.rglob("*.parquet")) == []


def test_rows_that_no_file_holds_leave_too(house: House, retention: Retention) -> None:
    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert counts(house) == {}


def test_telemetry_may_go_sooner_than_the_governance_it_carries(
    house: House, retention: Retention
) -> None:
    rules = folded([act(Kind.SET, n, signal=s, days=30) for n, s in enumerate(Kept) if n < 3])
    house.seal()

    retention.delete_due(rules, NOON + 40 * DAY)

    assert counts(house) == {"logs": 2, "actions": 6, "decisions": 2, "sources": 3}


def happening(at: datetime) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    told = {"watchkeeper.governance.kind": "kill", "gen_ai.agent.name": "rogue"}
    records.add(time_unix_nano=ns(at), event_name="watchkeeper.governance").attributes.extend(
        text(*pair) for pair in told.items()
    )
    return request.SerializeToString()


def test_what_happened_to_an_agent_is_kept_as_governance_and_leaves_with_its_record(
    house: House, retention: Retention
) -> None:
    house.take(Signal.LOGS, happening(NOON), NOON)
    retention.delete_due(Rules(), NOON + timedelta(hours=25))
    rules = folded([act(Kind.SET, n, signal=s, days=30) for n, s in enumerate(Kept) if n < 3])
    house.seal()

    retention.delete_due(rules, NOON + 40 * DAY)
    before = (house.count("logs"), house.count("governance_events"))
    retention.delete_due(folded([act(Kind.HOLD, agent="rogue")]), HALF_A_YEAR_ON)
    held = house.count("governance_events")
    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert (before, held) == ((3, 1), 1)
    assert (house.count("logs"), house.count("governance_events")) == (0, 0)


def asked(at: datetime) -> bytes:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add()
    logs.scope.name = "com.anthropic.claude_code.events"
    told = {"session.id": "s-1", "prompt.id": "p-1", "model": "m", "duration_ms": "250"}
    logs.log_records.add(time_unix_nano=ns(at), event_name="api_request").attributes.extend(
        text(*pair) for pair in told.items()
    )
    return request.SerializeToString()


def test_a_call_that_a_log_record_told_leaves_with_its_action(
    house: House, retention: Retention
) -> None:
    house.take(Signal.LOGS, asked(NOON), NOON)
    retention.delete_due(Rules(), NOON + timedelta(hours=25))
    kept = (house.count("logged_call"), house.count("actions"))
    rules = folded([act(Kind.SET, n, signal=s, days=30) for n, s in enumerate(Kept) if n < 3])

    retention.delete_due(rules, NOON + 40 * DAY)
    before = (house.count("logged_call"), house.count("actions"))
    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert kept == before == (1, 7)
    assert (house.count("logged_call"), house.count("actions")) == (0, 0)


def test_a_hold_keeps_everything_of_its_days(house: House, retention: Retention) -> None:
    house.seal()
    rules = folded([act(Kind.HOLD, since=NOON - DAY, until=NOON + DAY)])

    assert retention.delete_due(rules, HALF_A_YEAR_ON) == []
    assert counts(house) == ALL


def test_a_hold_on_one_agent_keeps_its_rows_and_every_file_of_its_days(
    house: House, retention: Retention
) -> None:
    house.seal()

    retention.delete_due(folded([act(Kind.HOLD, agent="rogue")]), HALF_A_YEAR_ON)

    kept = {name: ALL[name] for name in ("spans", "logs", "metric_points", "decisions", "sources")}
    assert counts(house) == kept


def test_a_decision_that_came_late_is_as_young_as_its_arrival(
    house: House, retention: Retention
) -> None:
    late = NOON + 100 * DAY
    retention.delete_due(Rules(), late - timedelta(hours=1))
    house.take(Signal.LOGS, logs(NOON, 9, decision=True), late)
    retention.delete_due(Rules(), late + timedelta(hours=25))

    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert (house.count("decisions"), house.count("logs")) == (1, 1)
    retention.delete_due(Rules(), late + 185 * DAY)
    assert (house.count("decisions"), house.count("logs")) == (0, 0)


def test_a_clock_that_runs_backwards_makes_nothing_older(
    house: House, retention: Retention
) -> None:
    for hours in (300, 20, 310, 5):
        retention.delete_due(Rules(), NOON + timedelta(hours=hours))
    house.take(Signal.LOGS, logs(NOON, 9, decision=True), NOON + timedelta(hours=311))

    retention.delete_due(Rules(), NOON + 184 * DAY)

    assert house.count("decisions") == 1


def test_a_late_span_of_a_deleted_trace_takes_no_action_with_it(
    house: House, retention: Retention
) -> None:
    rules = folded([act(Kind.SET, signal=Kept.SPANS, days=30)])
    house.seal()
    retention.delete_due(rules, NOON + 40 * DAY)

    house.take(Signal.TRACES, spans(NOON, 1, 5, tool="transfer"), NOON + 41 * DAY)

    assert house.ask("select name, count(*)::int as n from actions group by name") == [
        {"name": "refund", "n": 6}
    ]


COUNTED = {
    "event_rollup": "started_in",
    "latency_rollup": "started_in",
    "decision_rollup": "decided_in",
    "cost_rollup": "started_in",
    "call_rollup": "started_in",
    "agent_rollup": "seen_in",
    "component_rollup": "seen_in",
    "sender_count": "last_at",
}
YOUNG = NOON + 150 * DAY


@pytest.fixture
def aged(house: House, retention: Retention) -> House:
    """A month of today beside a day of half a year ago."""
    house.take(Signal.TRACES, spans(YOUNG, *range(10, 16), tool="refund"), YOUNG)
    house.take(Signal.LOGS, logs(YOUNG, 11, 12, decision=True), YOUNG)
    # Time passes for the retention's clock as well, which knows a row by its arrival.
    retention.delete_due(Rules(), YOUNG + DAY)
    return house


def older(house: House, young: bool) -> dict[str, list[dict[str, Any]]]:
    """What is counted of one of the two days, of tables that have anything."""
    sign = ">=" if young else "<"
    rows = {
        table: house.ask(
            f"select * from {table} where {at} {sign} '2026-04-01' order by all limit 1000"
        )
        for table, at in COUNTED.items()
    }
    return {table: found for table, found in rows.items() if found}


def test_counts_leave_with_what_they_count_and_no_later_one_changes(
    aged: House, retention: Retention
) -> None:
    before, seen = older(aged, young=True), aged.ask("from agents order by agent")
    assert older(aged, young=False).keys() >= {"event_rollup", "decision_rollup", "sender_count"}

    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert older(aged, young=True) == before
    # Whoever was seen since keeps the day it was seen first.
    assert older(aged, young=False).keys() == {"agent_rollup", "component_rollup"}
    assert aged.ask("from agents order by agent") == seen


def test_agents_and_components_that_nobody_saw_since_leave(
    house: House, retention: Retention
) -> None:
    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert older(house, young=False) == {}
    assert house.count("agents") == house.count("inventory") == 0


def test_a_hold_keeps_the_counts_of_what_it_keeps(aged: House, retention: Retention) -> None:
    retention.delete_due(folded([act(Kind.HOLD, agent="rogue")]), HALF_A_YEAR_ON)

    kept = older(aged, young=False)
    assert {row["agent"] for row in kept["decision_rollup"]} == {"rogue"}
    assert "event_rollup" not in kept


def test_an_override_lets_evidence_go_and_no_counts(aged: House, retention: Retention) -> None:
    before = older(aged, young=False)
    until = NOON + 200 * DAY
    rules = folded([act(Kind.OVERRIDE, signal=Kept.GOVERNANCE, days=30, until=until)])

    retention.delete_due(rules, NOON + 100 * DAY)

    assert aged.ask("select count(*)::int as n from decisions where decided_at < '2026-04-01'") == [
        {"n": 0}
    ]
    del before["sender_count"]
    assert older(aged, young=False) == before


def test_the_first_numbers_of_a_stream_that_still_tells_stay(
    house: House, retention: Retention
) -> None:
    cursor = house.store.cursor()
    for stream, at, low, high in (("a", NOON, 1, 5), ("a", YOUNG, 6, 9), ("b", NOON, 1, 3)):
        cursor.execute(
            "insert into sequence_range values"
            " ($1, $1, 'x', 'logs', 'bank', 'i', false, $2, $3, $4)",
            [at, stream, low, high],
        ).fetchall()

    retention.delete_due(Rules(), HALF_A_YEAR_ON)

    assert house.ask("select stream, low::int as low from sequence_range order by all") == [
        {"stream": "a", "low": 1},
        {"stream": "a", "low": 6},
    ]
    assert house.ask("from sequence_gaps") == []


def sequence_of(house: House, *number: int) -> None:
    """A match of these actions of the house, and what is noted of them."""
    cursor = house.store.cursor()
    traces = [(one // 3 + 1).to_bytes(16, "big") for one in number]
    acted = [(one + 1).to_bytes(8, "big") for one in number]
    cursor.execute(
        "insert into sequence_match"
        " select 'rule', 'clerk', min(start_ns), max(started_at), max(start_ns), $1, $2, now()"
        " from action where list_contains($2, span_id)",
        [traces, acted],
    ).fetchall()
    cursor.execute(
        "insert into sequence_action"
        " select 'rule', 'clerk', 1, trace_id, span_id, started_at, start_ns"
        " from action where list_contains($1, span_id)",
        [acted],
    ).fetchall()


def test_a_sequence_leaves_with_the_last_of_its_actions(aged: House, retention: Retention) -> None:
    sequence_of(aged, 0, 1)
    sequence_of(aged, 2, 10)

    retention.delete_due(folded([act(Kind.HOLD, agent="clerk")]), HALF_A_YEAR_ON)
    assert (aged.count("sequence_match"), aged.count("sequence_action")) == (2, 4)
    retention.delete_due(Rules(), HALF_A_YEAR_ON)
    assert (aged.count("sequence_match"), aged.count("sequence_action")) == (1, 1)
    retention.delete_due(Rules(), YOUNG + 190 * DAY)
    assert (aged.count("sequence_match"), aged.count("sequence_action")) == (0, 0)


def test_acts_are_shown_with_who_why_and_signature(house: House, retention: Retention) -> None:
    hold = act(Kind.HOLD, 1, since=NOON, agent="rogue")
    release = act(Kind.RELEASE, 2, hold_id="act-1")

    retention.tell_acts([(hold, "token-1"), (release, "token-2")])

    [shown] = house.ask("select placed_by, reason, agent, released_by from legal_holds")
    assert shown == {
        "placed_by": "admin",
        "reason": "case 4711",
        "agent": "rogue",
        "released_by": "admin",
    }
    signatures = house.ask("select signature from retention_acts order by signature")
    assert [row["signature"] for row in signatures] == ["token-1", "token-2"]
