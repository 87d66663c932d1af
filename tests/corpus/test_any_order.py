"""Order of arrival, batching and repetition change nothing of what is known in the end."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from replaying import FRAMEWORKS, Request, one_by_one, replay, requests_of, rows

from collector.store.seen import SeenTraces

# What is learnt; only the sequence, the place in the log, depends on the order.
_KNOWN = {
    "run": "select * from run order by all",
    "action": "select * from action order by all",
    "decision": "select * exclude (sequence) from decision order by all",
    "trust_point": "select * exclude (sequence) from trust_point order by all",
    "command_event": "select * exclude (sequence) from command_event order by all",
    "governance_event": "select * exclude (sequence) from governance_event order by all",
    "governance_events": "select * from governance_events order by all",
    "loose_match": "select * from loose_match order by all",
    "loose_refusal": "select * from loose_refusal order by all",
    "agent_alias": "select alias, agent from agent_alias order by all",
}


@pytest.mark.parametrize(
    "name",
    [
        "langchain_otel",
        "langchain_openllmetry",
        "openai_agents_otel",
        "openai_agents_openinference",
        "google_adk_native",
        "crewai_openllmetry",
        "semantic_kernel_native",
    ],
)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(2, 40), repeated=st.integers(0, 10))
def test_any_order_batching_and_repetition_of_spans_tells_the_same(
    name: str, seed: int, size: int, repeated: int
) -> None:
    in_order = _known([requests_of(name)])

    shuffled = _known(_shuffled(requests_of(name), seed, size, repeated), _near_sighted())

    assert shuffled == in_order


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(20, 200), repeated=st.integers(0, 50))
def test_any_order_of_governance_records_tells_the_same(
    seed: int, size: int, repeated: int
) -> None:
    in_order = _known([requests_of("agt_5.0.0")])

    shuffled = _known(_shuffled(requests_of("agt_5.0.0"), seed, size, repeated), _near_sighted())

    assert shuffled == in_order


# To shrink a thousand records takes minutes and tells nothing more.
@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(seed=st.integers(0, 2**32), size=st.integers(100, 500), repeated=st.integers(0, 100))
def test_any_order_of_all_frameworks_at_once_tells_the_same(
    seed: int, size: int, repeated: int
) -> None:
    sent = [request for name in _frameworks() for request in requests_of(name, FRAMEWORKS)]

    shuffled = _known(_shuffled(sent, seed, size, repeated), _near_sighted())

    assert shuffled == _all_frameworks_in_order()


@cache
def _all_frameworks_in_order() -> dict[str, list[tuple[Any, ...]]]:
    return _known([requests_of(name, FRAMEWORKS) for name in _frameworks()])


def _frameworks() -> list[str]:
    return sorted(path.name.removesuffix(".truth.json") for path in FRAMEWORKS.glob("*.truth.json"))


def _shuffled(sent: list[Request], seed: int, size: int, repeated: int) -> list[list[Request]]:
    random = Random(seed)
    requests = [single for request in sent for single in one_by_one(request)]
    requests += random.choices(requests, k=repeated)
    random.shuffle(requests)
    return [requests[n : n + size] for n in range(0, len(requests), size)]


def _known(
    batches: list[list[Request]], seen: SeenTraces | None = None
) -> dict[str, list[tuple[Any, ...]]]:
    with TemporaryDirectory() as folder, replay(Path(folder), batches, seen) as store:
        return {table: rows(store, _plain(query)) for table, query in _KNOWN.items()}


def _near_sighted() -> SeenTraces:
    """Looks no further than it must, in chunks so small that a recording fills several."""
    return SeenTraces(since=datetime(1970, 1, 2, tzinfo=UTC), chunk_traces=4)


def _plain(query: str) -> str:
    """Rows as texts: a time zone in Python would need one more package."""
    return f"select columns(*)::varchar from ({query}) order by all"
