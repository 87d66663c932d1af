"""What is remembered of traces: never one too few, and where their rows lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.connection import Store
from collector.store.seen import SeenTraces

traces = st.integers(0, 40).map(lambda number: number.to_bytes(16, "big"))
told = st.lists(st.tuples(traces, st.integers(0, 10_000)), min_size=1, max_size=30)


def ids(*traces: bytes) -> pa.Array:
    return pa.array(traces, pa.binary())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


def seen_of(store: Store, **options: int) -> SeenTraces:
    seen = SeenTraces(**options)
    seen.load(store.cursor())
    return seen


@given(batches=st.lists(told, min_size=1, max_size=8), chunk=st.integers(8, 64))
def test_the_rows_of_a_trace_lie_where_it_is_said(
    batches: list[list[tuple[bytes, int]]], chunk: int
) -> None:
    seen = SeenTraces(chunk_traces=chunk)
    seen._complete_from_us = 0
    for batch in batches:
        times = np.array([at for _, at in batch], np.int64)
        seen.add(ids(*[trace for trace, _ in batch]), times)

    rows = [row for batch in batches for row in batch]
    for trace in {trace for trace, _ in rows}:
        reach = seen.reach(ids(trace))
        assert reach is not None
        assert all(reach.low_us <= at <= reach.high_us for told, at in rows if told == trace)
    assert seen.may_be_known(ids(*[trace for trace, _ in rows])).all()


def test_what_is_forgotten_is_not_claimed_to_be_complete(store: Store) -> None:
    seen = seen_of(store, chunk_traces=8, most_chunks=2)
    began = seen._complete_from_us
    assert began is not None
    for number in range(40):
        seen.add(ids(number.to_bytes(16, "big")), np.array([began + number]))

    reach = seen.reach(ids((39).to_bytes(16, "big")))

    assert reach is not None
    assert reach.complete_from_us > began
    assert reach.low_us >= reach.complete_from_us


def test_a_trace_with_an_id_of_another_length_is_looked_for_everywhere(store: Store) -> None:
    seen = seen_of(store)
    seen.add(ids(b"t" * 16, b"short"), np.array([1, 2]))

    assert seen.reach(ids(b"t" * 16)) is not None
    assert seen.reach(ids(b"t" * 16, b"short")) is None


def test_most_traces_that_never_came_are_not_taken_for_known() -> None:
    seen = SeenTraces()
    chance = np.random.default_rng(20260115)
    stored, others = (ids(*[chance.bytes(16) for _ in range(20_000)]) for _ in range(2))
    seen.add(stored, np.zeros(20_000, np.int64))

    assert seen.may_be_known(others).mean() < 0.001
