"""Costs computed anew are what deriving with the new prices would have given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.costs.price import Price, PriceList, Rates
from collector.receive.decode import Decoder
from collector.store import reprice
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from collector.store.reprice import Job, changes, reprice_part
from collector.store.rollup import recount
from tests.store.test_costs import JANUARY, NOON_NS, MemoryLog, agent, chat, record, rows

WHOLE = Job("job", 0, 2**62)
RUNS = """
    select span_id, cost_usd, cost_origin, unpriced_calls, tells_usage from run order by span_id
"""
ACTIONS = "select span_id, cost_usd, cost_origin from action order by span_id"
COSTS = """
    select epoch_us(started_in), agent, model, cost_origin, sum(calls), sum(cost_usd),
        sum(input_tokens)
    from cost_rollup group by all having sum(calls) <> 0 or sum(cost_usd) <> 0 order by all
"""
rates = st.none() | st.builds(
    Rates,
    st.floats(0, 100).map(lambda usd: round(usd, 2)),
    st.none() | st.floats(0, 100).map(lambda usd: round(usd, 2)),
)
lists = st.fixed_dictionaries({"large": rates, "small": rates, "embed": rates})
calls = st.lists(
    st.fixed_dictionaries(
        {
            "model": st.sampled_from(["large", "small", "unheard-of"]),
            "input_tokens": st.integers(0, 10_000_000),
            "output_tokens": st.integers(0, 10_000_000),
        },
        optional={"cost": st.floats(0, 10).map(lambda usd: round(usd, 3))},
    ),
    max_size=6,
)


def price_list(told: dict[str, Rates | None]) -> PriceList:
    return PriceList(
        tuple(Price("acme", (model,), each, JANUARY) for model, each in told.items() if each)
    )


@contextmanager
def stored(spans: list[dict[str, Any]], prices: PriceList) -> Iterator[Store]:
    with TemporaryDirectory() as folder, Store(Path(folder) / "evidence.duckdb") as store:
        log = MemoryLog()
        applier = Applier(store, log, Decoder(), derive=partial(derive, prices=lambda: prices))
        log.records.append(record(1, *spans))
        applier.step()
        yield store
        applier.stop()


def facts(store: Store) -> list[list[tuple[Any, ...]]]:
    return [rows(store, query) for query in (ACTIONS, RUNS, COSTS)]


def repriced(cursor: duckdb.DuckDBPyConnection, prices: PriceList, most: int = 20_000) -> int:
    parts = 0
    while reprice_part(cursor, WHOLE, prices, most) is not None:
        parts += 1
    return parts


@given(lists, lists, calls, st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_costs_computed_anew_are_those_of_telling_all_anew(
    old: dict[str, Rates | None],
    new: dict[str, Rates | None],
    told: list[dict[str, Any]],
    most: int,
) -> None:
    spans = [agent(), *(chat(number, **each) for number, each in enumerate(told, 2))]
    with stored(spans, price_list(new)) as afresh:
        expected = facts(afresh)

    with stored(spans, price_list(old)) as store:
        cursor = store.cursor()
        repriced(cursor, price_list(new), most)

        assert facts(store) == expected
        recount(cursor)
        assert rows(store, COSTS) == expected[2], "the counts are those of a recount"
        cursor.close()


DEARER = price_list({"large": Rates(2, 2)})


def test_told_costs_stay_and_what_changed_is_noted_by_model() -> None:
    spans = [
        agent(),
        chat(2, "large", input_tokens=1_000_000, output_tokens=0),
        chat(3, "large", input_tokens=1_000_000, output_tokens=0, cost=7.0),
        chat(4, "new", input_tokens=1_000_000, output_tokens=0),
    ]
    both = price_list({"large": Rates(2, 2), "new": Rates(5, 5)})
    with stored(spans, price_list({"large": Rates(1, 1)})) as store:
        cursor = store.cursor()
        repriced(cursor, both)

        told = {each["model"]: each for each in changes(cursor, "job")}
        assert rows(store, "select cost_usd from action order by start_ns") == [
            (2.0,),
            (7.0,),
            (5.0,),
        ]
        assert rows(store, "select cost_usd, unpriced_calls from run") == [(14.0, 0)]
        assert (told["large"]["usd_before"], told["large"]["usd_after"]) == (1.0, 2.0)
        assert (told["new"]["unpriced_before"], told["new"]["unpriced_after"]) == (1, 0)
        cursor.close()


def test_a_part_that_fails_halfway_changes_nothing_and_is_done_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spans = [agent(), *(chat(n, "large", input_tokens=10**6, output_tokens=0) for n in (2, 3, 4))]
    with stored(spans, price_list({"large": Rates(1, 1)})) as store:
        cursor = store.cursor()
        reprice_part(cursor, WHOLE, DEARER, 1)
        before = facts(store)
        real = reprice.run

        def broken(*told: Any) -> Any:
            if told[1] == "rollup/insert_costs":
                raise duckdb.IOException("the disk is gone")
            return real(*told)

        monkeypatch.setattr(reprice, "run", broken)
        with pytest.raises(duckdb.IOException):
            reprice_part(cursor, WHOLE, DEARER, 1)
        monkeypatch.setattr(reprice, "run", real)

        assert facts(store) == before
        assert repriced(cursor, DEARER, 1) == 2
        assert rows(store, "select cost_usd from run") == [(6.0,)]
        assert changes(cursor, "job")[0]["calls"] == 3
        cursor.close()


def test_only_calls_of_the_period_are_computed_anew() -> None:
    spans = [agent(), *(chat(n, "large", input_tokens=10**6, output_tokens=0) for n in (2, 3, 4))]
    with stored(spans, price_list({"large": Rates(1, 1)})) as store:
        cursor = store.cursor()
        job = Job("part", NOON_NS + 3, NOON_NS + 4)
        while reprice_part(cursor, job, DEARER) is not None:
            pass

        assert [
            cost for (cost,) in rows(store, "select cost_usd from action order by start_ns")
        ] == [
            1.0,
            2.0,
            1.0,
        ]
        cursor.close()


def test_a_price_that_is_gone_leaves_calls_without_a_cost() -> None:
    spans = [agent(), chat(2, "large", input_tokens=10**6, output_tokens=0)]
    with stored(spans, price_list({"large": Rates(1, 1)})) as store:
        cursor = store.cursor()
        repriced(cursor, PriceList())

        assert rows(store, "select cost_usd, cost_origin from action") == [(None, None)]
        assert rows(store, "select cost_usd, unpriced_calls from run") == [(None, 1)]
        cursor.close()
