"""Whatever order records arrive in, the rollups are what counting all kept rows would give."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from replaying import Request, one_by_one, replay, requests_of, rows

from collector.store.connection import Store
from collector.store.rollup import compact, recount

# To shrink a hundred batches takes minutes and tells nothing more.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# Sums of the partial counts, beside a count of the rows themselves that shares nothing with them.
_ENDED = "started_at + to_microseconds(cast(coalesce(duration_ms, 0) * 1000 as bigint))"
_EVENTS = f"""
    select 'runs' as signal, time_bucket(interval 5 minutes, started_at) as started_in,
        time_bucket(interval 5 minutes, {_ENDED}) as ended_in, agent, environment, null as kind,
        outcome
    from run
    union all
    select 'actions', time_bucket(interval 5 minutes, started_at),
        time_bucket(interval 5 minutes, {_ENDED}), agent, environment, kind, outcome
    from action
"""
_LATENCIES = """
    select 'runs' as signal, date_trunc('hour', started_at) as started_in, agent, duration_ms
    from run where duration_ms is not null
    union all
    select 'actions', date_trunc('hour', started_at), agent, duration_ms
    from action where duration_ms is not null
"""
_AGENTS = """
    select agent, agent_id, framework, environment, instance, sample, started_at as seen_at from run
    union all
    select agent, agent_id, framework, environment, instance, sample, started_at from action
    union all
    select agent, agent_id, case when starts_with(dialect, 'agt') then 'agt' end, environment,
        instance, sample, decided_at as seen_at
    from decision
"""
_PAIRS = {
    "event": (
        """select * exclude (events, longest_us), sum(events)::bigint as n from event_rollup
        group by all having n <> 0""",
        f"select *, count(*) as n from ({_EVENTS}) group by all",
    ),
    "latency": (
        """select * exclude (bucket, events), sum(events)::bigint as n from latency_rollup
        group by all having n <> 0""",
        f"select * exclude (duration_ms), count(*) as n from ({_LATENCIES}) group by all",
    ),
    "decision": (
        """select * exclude (decisions), sum(decisions)::bigint as n from decision_rollup
        group by all having n <> 0""",
        """select time_bucket(interval 5 minutes, decided_at) as decided_in, agent, environment,
            source, policy, coalesce(rule, reason_code, policy) as reason, verdict, count(*) as n
        from decision group by all""",
    ),
    "agent": (
        """select * exclude (events, first_seen, last_seen), sum(events)::bigint as n
        from agent_rollup group by all having n <> 0""",
        f"""select date_trunc('hour', seen_at) as seen_in, * exclude (seen_at), count(*) as n
        from ({_AGENTS}) group by all""",
    ),
    "component": (
        """select seen_in, agent, kind, name, sum(events)::bigint as n from component_rollup
        where kind in ('model', 'tool', 'framework', 'instrumentation')
        group by all having n <> 0""",
        """select date_trunc('hour', started_at) as seen_in, agent, what as kind, part as name,
            count(*) as n
        from (
            select started_at, agent, 'model' as what, model as part from action
            union all select started_at, agent, 'tool', name from action where kind = 'tool'
            union all select started_at, agent, 'framework', framework from action
            union all select started_at, agent, 'framework', framework from run
            union all
            select started_at, agent, 'instrumentation', s.name
            from action join scope as s using (scope_hash)
            union all
            select started_at, agent, 'instrumentation', s.name
            from run join scope as s using (scope_hash)
        ) where part is not null group by all""",
    ),
    "call": (
        """select * exclude (calls), sum(calls)::bigint as n from call_rollup
        group by all having n <> 0""",
        """select date_trunc('hour', started_at) as started_in, agent, framework, sample, kind,
            name, if(decision_id is null, null, matched_by) as matched_by,
            if(decision_id is null, null, decision_mode) as decision_mode, count(*) as n
        from action where kind in ('tool', 'model') group by all""",
    ),
    "cost": (
        """select * exclude (calls, cost_usd, input_tokens, output_tokens, cache_read_tokens,
            cache_write_tokens), sum(calls)::bigint as n, sum(cost_usd) as cost,
            sum(input_tokens)::bigint as input, sum(output_tokens)::bigint as output
        from cost_rollup group by all having n <> 0""",
        """select date_trunc('hour', started_at) as started_in, agent, environment, sample, model,
            provider, cost_origin, count(*) as n,
            sum(coalesce(cost_usd, 0)::decimal(25, 12)) as cost,
            coalesce(sum(input_tokens), 0)::bigint as input,
            coalesce(sum(output_tokens), 0)::bigint as output
        from (
            select * from action where kind in ('model', 'embedding') and outcome <> 'denied'
            union all by name
            select * from run where tells_usage and outcome <> 'denied'
        ) group by all""",
    ),
}
_SEEN = """
    select agent, min(first_seen), max(last_seen)
    from agent_rollup where events > 0 group by all
"""
_REALLY_SEEN = f"select agent, min(seen_at), max(seen_at) from ({_AGENTS}) group by agent"


def counted(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {name: _texts(store, rollup) for name, (rollup, _) in _PAIRS.items()}


def recounted(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {name: _texts(store, base) for name, (_, base) in _PAIRS.items()}


def _texts(store: Store, query: str) -> list[tuple[Any, ...]]:
    return rows(store, f"select columns(*)::varchar from ({query}) order by all")


@pytest.mark.parametrize(
    "name", ["langchain_otel", "openai_agents_otel", "crewai_openllmetry", "semantic_kernel_native"]
)
@settings(max_examples=2, deadline=None, phases=_PHASES)
@given(seed=st.integers(0, 2**32), size=st.integers(5, 40), repeated=st.integers(0, 10))
def test_partial_counts_of_spans_in_any_order_add_up_to_a_recount(
    name: str, seed: int, size: int, repeated: int
) -> None:
    with _replayed(name, seed, size, repeated) as store:
        assert recounted(store)["event"]
        assert counted(store) == recounted(store)


@settings(max_examples=2, deadline=None, phases=_PHASES)
@given(seed=st.integers(0, 2**32), size=st.integers(20, 200), repeated=st.integers(0, 50))
def test_partial_counts_of_governance_records_add_up_to_a_recount(
    seed: int, size: int, repeated: int
) -> None:
    with _replayed("agt_5.0.0", seed, size, repeated) as store:
        assert recounted(store)["decision"]
        assert counted(store) == recounted(store)


@settings(max_examples=2, deadline=None, phases=_PHASES)
@given(seed=st.integers(0, 2**32), size=st.integers(10, 30))
def test_adding_up_what_is_partial_changes_no_count(seed: int, size: int) -> None:
    with _replayed("langchain_otel", seed, size, 5) as store:
        before = counted(store)
        assert before["cost"]
        partial = _rows_of(store)

        compact(store.cursor())

        assert counted(store) == before == recounted(store)
        # Some orders leave nothing partial.
        assert _rows_of(store) <= partial
        assert _texts(store, _REALLY_SEEN) == _texts(store, _SEEN)


def test_a_database_from_before_the_rollups_is_counted_when_it_is_opened(tmp_path: Path) -> None:
    with _replay(tmp_path, "agt_5.0.0") as store:
        for table in ("event", "latency", "decision", "agent", "cost", "component", "call"):
            store.cursor().execute(f"delete from {table}_rollup").fetchall()
        store.cursor().execute("update position set counted = null").fetchall()

    with Store(tmp_path / "evidence.duckdb") as store:
        assert counted(store) == recounted(store)
        assert counted(store)["decision"]


def test_counting_all_again_gives_the_same(tmp_path: Path) -> None:
    with _replay(tmp_path, "langchain_otel") as store:
        before = counted(store)

        recount(store.cursor())

        assert counted(store) == before


def _rows_of(store: Store) -> int:
    return int(rows(store, "select count(*) from event_rollup")[0][0])


def _replay(folder: Path, name: str) -> Store:
    return replay(folder, [requests_of(name)])


class _replayed:
    """A store that a recording arrived in, in any order and batches, some of it twice."""

    def __init__(self, name: str, seed: int, size: int, repeated: int) -> None:
        random = Random(seed)
        requests: list[Request] = [
            single for request in requests_of(name) for single in one_by_one(request)
        ]
        requests += random.choices(requests, k=repeated)
        random.shuffle(requests)
        self._batches = [requests[n : n + size] for n in range(0, len(requests), size)]
        self._folder = TemporaryDirectory()

    def __enter__(self) -> Store:
        self._store = replay(Path(self._folder.name), self._batches)
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._folder.cleanup()
