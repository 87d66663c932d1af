"""Counts from the rollups are the counts of the events themselves, at every boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.queries import Queries, bucket_s
from collector.slo.budget import Counts
from collector.slo.objective import EventSignal, Indicator, Limit, Ratio, Selection
from collector.store.connection import Store
from collector.store.counting import (
    bucket_counts,
    indicator_parameters,
    is_rolled_up,
    window_counts,
)
from collector.store.identities import renew_names
from collector.store.reader import Reader, bound_names, rows_of
from collector.store.rollup import recount
from collector.store.steps import step_before

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
EVERYTHING = Selection()
OK = Ratio(Selection(outcome=("ok",)), marks_bad=False)
INDICATORS = (
    Indicator(EventSignal.RUNS, EVERYTHING, OK),
    Indicator(EventSignal.RUNS, Selection(environment=("production",)), OK),
    Indicator(EventSignal.RUNS, Selection(agent=("clerk",)), OK),
    Indicator(EventSignal.ACTIONS, Selection(kind=("tool",)), OK),
    Indicator(EventSignal.ACTIONS, Selection(outcome=("ok", "error")), OK),
    Indicator(EventSignal.ACTIONS, Selection(name=("refund",)), OK),
    Indicator(EventSignal.ACTIONS, EVERYTHING, Limit(5000, inclusive=True)),
    Indicator(
        EventSignal.DECISIONS, EVERYTHING, Ratio(Selection(verdict=("deny",)), marks_bad=True)
    ),
)

# Every third time lies on the boundary of a step; some last for hours, some were not measured.
_EVENTS = """
    select
        encode('t' || n) as trace_id,
        encode('s' || n) as span_id,
        ['clerk', 'gateway', 'did:mesh:1', 'rogue'][(hash(n, 1) % 4)::int + 1] as agent,
        ['production', null, 'staging'][(hash(n, 2) % 3)::int + 1] as environment,
        false as sample,
        case n % 3
            when 0 then $noon - to_seconds(300 * (hash(n, 3) % 700)::bigint)
            else $noon - to_microseconds((hash(n, 3) % 200000000000)::bigint)
        end as started_at,
        n as start_ns,
        case hash(n, 4) % 8
            when 0 then null
            when 1 then 0
            when 2 then 300000
            when 3 then 40000000
            else (hash(n, 5) % 9000000) / 1000
        end as duration_ms,
        ['ok', 'ok', 'error', 'denied', 'unknown'][(hash(n, 6) % 5)::int + 1] as outcome,
        {more}
    from range(3000) as numbers(n)
"""
_DECISIONS = """
    insert into decision by name
    select
        n as sequence, 'd' || n as decision_id, started_at as decided_at, n as decided_ns, agent,
        environment, false as sample, 'refund' as action,
        ['allow', 'deny', 'warn'][(n % 3)::int + 1] as verdict, 'executed' as effect,
        ['policy', 'control_plane', null][(n % 3)::int + 1] as source, 'watchkeeper' as dialect
    from ({events})
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("counts") / "evidence.duckdb") as store:
        cursor = store.cursor()
        noon = {"noon": NOON}
        tool = "if(n % 2 = 0, 'tool', 'model') as kind, if(n % 4 = 0, 'refund', 'browse') as name"
        cursor.execute(f"insert into run by name {_EVENTS.format(more='')}", noon).fetchall()
        cursor.execute(f"insert into action by name {_EVENTS.format(more=tool)}", noon).fetchall()
        cursor.execute(_DECISIONS.format(events=_EVENTS.format(more="n")), noon).fetchall()
        cursor.execute(
            "insert into agent_alias values ('did:mesh:1', 'clerk', 'audit_entry', now())"
        ).fetchall()
        renew_names(cursor)
        recount(cursor)
        yield store


@pytest.fixture(scope="module")
def cursor(store: Store) -> duckdb.DuckDBPyConnection:
    return store.cursor()


moments = st.one_of(
    st.integers(0, 600).map(lambda steps: NOON - timedelta(minutes=5) * steps),
    st.integers(0, 200_000_000_000).map(lambda us: NOON - timedelta(microseconds=us)),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    indicator=st.sampled_from(INDICATORS),
    starts=st.lists(moments, min_size=1, max_size=4),
    until=moments,
)
def test_windows_count_the_same_either_way(
    cursor: duckdb.DuckDBPyConnection, indicator: Indicator, starts: list[datetime], until: datetime
) -> None:
    bound = {
        **indicator_parameters(indicator),
        "starts": starts,
        "until": until,
        "started_from": LONG_AGO,
        "agent": None,
    }
    expected: dict[str, dict[int, Counts]] = {}
    for row in rows_of(cursor, "slo/window_counts", bound):
        counts = Counts(row["good"], row["total"])
        expected.setdefault(row["agent"], {})[row["place"]] = counts

    assert window_counts(partial(rows_of, cursor), indicator, starts, until) == expected


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    indicator=st.sampled_from(INDICATORS),
    since=moments,
    until=moments,
    bucket_s=st.sampled_from([60, 300, 3600]),
    is_anchored=st.booleans(),
)
def test_steps_of_time_count_the_same_either_way(
    cursor: duckdb.DuckDBPyConnection,
    indicator: Indicator,
    since: datetime,
    until: datetime,
    bucket_s: int,
    is_anchored: bool,
) -> None:
    # Between two steps of five minutes rollups know no order.
    origin = step_before(since) if is_anchored else LONG_AGO
    events = {
        **indicator_parameters(indicator),
        "since": since,
        "until": until,
        "started_from": LONG_AGO,
        "bucket_s": bucket_s,
        "origin": origin,
        "agent": None,
    }
    expected: dict[tuple[str, int], Counts] = {}
    for row in rows_of(cursor, "slo/bucket_counts", events):
        key = row["agent"], (row["bucket"] - origin) // timedelta(seconds=bucket_s)
        _count(expected, key, row["good"], row["total"])

    counted: dict[tuple[str, int], Counts] = {}
    ask = partial(rows_of, cursor)
    for each in bucket_counts(ask, indicator, since, until, bucket_s, origin=origin):
        key = each.agent, (each.starts_at - origin) // timedelta(seconds=bucket_s)
        _count(counted, key, each.good, each.total)

    assert counted == expected


def _count(counts: dict[Any, Counts], key: Any, good: int, total: int) -> None:
    known = counts.get(key, Counts(0, 0))
    counts[key] = Counts(known.good + good, known.total + total)


_PERIOD = "{0} >= $since and {0} < $until"
_BY_ROWS = {
    "decisions_over_time": f"""
        select time_bucket(to_seconds($bucket_s), decided_at) as bucket, verdict,
            count(*) as decisions
        from named_decision where {_PERIOD.format("decided_at")}
        group by all order by bucket, verdict
    """,
    "denied_by_agent_hour": f"""
        select agent, date_trunc('hour', decided_at) as hour, count(*) as decisions,
            count(*) filter (where verdict = 'deny') as denied
        from named_decision where {_PERIOD.format("decided_at")}
        group by all order by agent, hour
    """,
    "decision_reasons": f"""
        select verdict, coalesce(rule, reason_code, policy) as reason, count(*) as decisions
        from named_decision where {_PERIOD.format("decided_at")}
        group by all order by decisions desc, verdict, reason
    """,
    "activity": f"""
        select bucket, actions, errors, denied
        from (
            select time_bucket(to_seconds($bucket_s), started_at) as bucket, count(*) as actions,
                count(*) filter (where outcome = 'error') as errors
            from named_action where agent = 'clerk' and {_PERIOD.format("started_at")}
            group by all
        )
        full join (
            select time_bucket(to_seconds($bucket_s), decided_at) as bucket,
                count(*) filter (where verdict = 'deny') as denied
            from named_decision where agent = 'clerk' and {_PERIOD.format("decided_at")}
            group by all
        ) using (bucket)
        order by bucket
    """,
}
_FLEET = """
    select
        count(*) filter (where signal = 'run' and at_since) as runs,
        count(*) filter (where signal = 'run' and at_since and outcome = 'error') as run_errors,
        count(*) filter (where signal = 'action' and at_since) as actions,
        count(*) filter (where signal = 'decision' and at_since) as decisions,
        count(*) filter (where signal = 'decision' and at_since and outcome = 'deny') as denied,
        count(*) filter (
            where signal = 'decision' and outcome = 'deny' and told_at < $since
            and told_at >= $since - ($until::timestamptz - $since::timestamptz)
        ) as denied_before,
        bool_or(signal = 'run') as ran,
        bool_or(signal = 'action') as acted,
        bool_or(signal = 'decision') as judged
    from (
        select *, told_at >= $since as at_since
        from (
            select 'run' as signal, agent, started_at as told_at, outcome from named_run
            union all
            select 'action', agent, started_at, outcome from named_action
            union all
            select 'decision', agent, decided_at, verdict from named_decision
        )
        where told_at < $until
    )
    group by agent
    order by agent
"""


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(_BY_ROWS)), one=moments, other=moments)
def test_questions_answer_from_rollups_what_the_rows_say(
    store: Store, name: str, one: datetime, other: datetime
) -> None:
    since, until = min(one, other), max(one, other) + timedelta(microseconds=1)
    sent = {"since": since.isoformat(), "until": until.isoformat()}
    if name == "activity":
        sent["agent"] = "clerk"
    bound = {"since": since, "until": until, "bucket_s": bucket_s(until - since)}

    answer = Queries(Reader(store), lambda: NOON).ask(name, sent).to_pylist()

    assert answer == rows_by_text(store, _BY_ROWS[name], bound)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=moments, other=moments)
def test_the_fleet_counts_from_rollups_what_the_rows_say(
    store: Store, one: datetime, other: datetime
) -> None:
    since, until = min(one, other), max(one, other) + timedelta(microseconds=1)
    sent = {"since": since.isoformat(), "until": until.isoformat()}

    fleet = Queries(Reader(store), lambda: NOON).ask("fleet", sent).to_pylist()

    told = ("runs", "run_errors", "actions", "decisions", "denied", "denied_before")
    answer = [
        {name: row[name] for name in told} for row in sorted(fleet, key=lambda row: row["agent"])
    ]
    assert answer == [
        _not_measured(row) for row in rows_by_text(store, _FLEET, {"since": since, "until": until})
    ]


def _not_measured(row: dict[str, Any]) -> dict[str, Any]:
    """What an agent never told is null, as on the page."""
    never = [
        name
        for told, names in (
            ("ran", ("runs", "run_errors")),
            ("acted", ("actions",)),
            ("judged", ("decisions", "denied", "denied_before")),
        )
        if not row.pop(told)
        for name in names
    ]
    return row | dict.fromkeys(never)


def rows_by_text(store: Store, sql: str, bound: dict[str, Any]) -> list[dict[str, Any]]:
    used = {name: bound[name] for name in bound_names(sql)}
    rows: list[dict[str, Any]] = store.cursor().sql(sql, params=used).to_arrow_table().to_pylist()
    return rows


def test_the_rollups_answer_what_they_know_and_nothing_else() -> None:
    rolled = [indicator for indicator in INDICATORS if is_rolled_up(indicator)]

    assert len(rolled) == len(INDICATORS) - 2
    by_model = replace(OK, marked=Selection(model=("model-large",)))
    assert not is_rolled_up(Indicator(EventSignal.ACTIONS, EVERYTHING, by_model))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=moments, other=moments)
def test_percentiles_are_within_their_error_of_the_durations_themselves(
    store: Store, one: datetime, other: datetime
) -> None:
    since, until = min(one, other), max(one, other) + timedelta(microseconds=1)
    exactly = """
        select agent, signal, count(*) as measured,
            quantile_disc(duration_ms, 0.5) as p50_ms, quantile_disc(duration_ms, 0.95) as p95_ms,
            quantile_disc(duration_ms, 0.99) as p99_ms
        from (
            select 'runs' as signal, * from named_run
            union all by name
            select 'actions' as signal, * from named_action
        )
        where duration_ms is not null and started_at >= $since and started_at < $until
        group by all
        order by agent, signal
    """
    sent = {"since": since.isoformat(), "until": until.isoformat()}

    answer = Queries(Reader(store), lambda: NOON).ask("latency", sent).to_pylist()

    for row in answer:
        for name in ("p50_ms", "p95_ms", "p99_ms"):
            row[name] = pytest.approx(row[name], rel=0.0125, abs=0.001)
    assert rows_by_text(store, exactly, {"since": since, "until": until}) == answer
