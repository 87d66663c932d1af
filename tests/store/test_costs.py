"""What calls of models cost: told, computed from a price, or not known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.costs.price import Price, PriceList, Rates
from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
PRICES = PriceList(
    (
        Price("acme", ("large",), Rates(3, 15, 0.3, 3.75), JANUARY),
        Price(
            "acme", ("long",), Rates(1, 2), JANUARY, long_input_tokens=100, long_rates=Rates(10, 20)
        ),
        Price("acme", ("embed",), Rates(1), JANUARY),
        Price("acme", ("next-year",), Rates(1, 1), datetime(2027, 1, 1, tzinfo=UTC)),
    )
)

Tell = Callable[..., None]


class MemoryLog:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def continue_after(self, sequence: int) -> None: ...

    def read(self, after: int, max_bytes: int) -> list[Record]:
        return self.records[after : after + 1]

    def wait(self, after: int, timeout: float) -> bool:
        return after < len(self.records)

    def release(self, sequence: int) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


@pytest.fixture
def tell(store: Store) -> Iterator[Tell]:
    """Sends one span a request."""
    log = MemoryLog()
    applier = Applier(store, log, Decoder(), derive=partial(derive, prices=lambda: PRICES))

    def send(*spans: dict[str, Any]) -> None:
        for span in spans:
            log.records.append(record(len(log.records) + 1, span))
            applier.step()

    yield send
    applier.stop()


def record(sequence: int, *spans: dict[str, Any]) -> Record:
    """A request with these spans."""
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [*spans]}]}]}
    body = json.dumps(request).encode()
    return Record(sequence, Signal.TRACES, "json", "gateway", NOON_NS, body)


def span(number: int, operation: str, parent: int | None = None, **told: Any) -> dict[str, Any]:
    told = {
        "gen_ai.operation.name": operation,
        **{k.replace("_", ".", 1): v for k, v in told.items()},
    }
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": operation,
        "startTimeUnixNano": str(NOON_NS + number),
        "endTimeUnixNano": str(NOON_NS + number + 1000),
        "attributes": [{"key": key, "value": _value(value)} for key, value in told.items()],
    }


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"doubleValue": value}


def chat(
    number: int, model: str, parent: int | None = 1, operation: str = "chat", **usage: Any
) -> dict[str, Any]:
    told = span(number, operation, parent)
    told["attributes"] += [
        {"key": key, "value": _value(value)}
        for key, value in {
            "gen_ai.request.model": model,
            **{f"gen_ai.usage.{name}": value for name, value in usage.items()},
        }.items()
    ]
    return told


def agent() -> dict[str, Any]:
    told = span(1, "invoke_agent")
    told["attributes"].append({"key": "gen_ai.agent.name", "value": _value("clerk")})
    return told


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    return list(store.cursor().execute(query).fetchall())


def costs(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "select cost_usd, cost_origin from actions order by start_ns")


def test_tokens_are_priced_by_what_held_when_the_call_began(store: Store, tell: Tell) -> None:
    tell(agent(), chat(2, "large", input_tokens=1_000_000, output_tokens=100_000))

    assert costs(store) == [(4.5, "computed")]


def test_a_told_cost_wins(store: Store, tell: Tell) -> None:
    tell(agent(), chat(2, "large", input_tokens=1_000_000, output_tokens=1, cost=0.25))

    assert costs(store) == [(0.25, "told")]


def test_cached_tokens_have_their_own_rates(store: Store, tell: Tell) -> None:
    usage = {"cache_read.input_tokens": 500_000, "cache_creation.input_tokens": 100_000}
    tell(
        chat(2, "large", None, input_tokens=1_000_000, output_tokens=0, **usage),
        chat(3, "large", None, input_tokens=100_000, output_tokens=0, **usage),
    )

    within, beside = 0.4 * 3 + 0.5 * 0.3 + 0.1 * 3.75, 0.1 * 3 + 0.5 * 0.3 + 0.1 * 3.75
    assert [cost for cost, _ in costs(store)] == pytest.approx([within, beside])


@pytest.mark.parametrize(
    "call",
    [
        chat(2, "unheard-of", input_tokens=10, output_tokens=10),
        chat(2, "next-year", input_tokens=10, output_tokens=10),
        chat(2, "large"),
        chat(2, "large", input_tokens=10),
        chat(2, "large", output_tokens=10),
        chat(2, "long", input_tokens=10, output_tokens=1, **{"cache_read.input_tokens": 5}),
        chat(2, "large", input_tokens=2**62, output_tokens=10),
        chat(2, "unheard-of", input_tokens=10, cost=-1.0),
        chat(2, "unheard-of", input_tokens=10, cost=1e300),
    ],
)
def test_what_is_not_known_costs_nothing_that_could_be_shown(
    call: dict[str, Any], store: Store, tell: Tell
) -> None:
    tell(agent(), call)

    assert costs(store) == [(None, None)]
    assert rows(store, "select cost_usd, cost_origin, unpriced_calls from runs") == [
        (None, None, 1)
    ]


def test_an_embedding_needs_no_output(store: Store, tell: Tell) -> None:
    tell(chat(2, "embed", None, "embeddings", input_tokens=2_000_000))

    assert costs(store) == [(2, "computed")]


def test_a_long_call_has_its_own_rates(store: Store, tell: Tell) -> None:
    tell(
        chat(2, "long", None, input_tokens=100, output_tokens=10),
        chat(3, "long", None, input_tokens=101, output_tokens=10),
    )

    assert [cost for cost, _ in costs(store)] == pytest.approx([120 / 1e6, 1210 / 1e6])


def test_a_run_says_how_many_calls_are_not_in_its_cost(store: Store, tell: Tell) -> None:
    tell(
        agent(),
        chat(2, "large", input_tokens=1_000_000, output_tokens=0),
        chat(3, "unheard-of", input_tokens=10, output_tokens=1),
        chat(4, "unheard-of", input_tokens=10, cost=0.5),
        chat(5, "embed", operation="embeddings", input_tokens=1_000_000),
    )

    assert rows(store, "select cost_usd, cost_origin, unpriced_calls from runs") == [
        (4.5, "mixed", 1)
    ]


def test_a_run_without_calls_of_models_stands_for_its_own_usage(store: Store, tell: Tell) -> None:
    told = agent()
    told["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": _value(10)})

    tell(told)

    assert rows(store, "select cost_usd, unpriced_calls from runs") == [(None, 1)]
    assert rows(store, "select agent, model, calls, cost_origin from cost_rollup") == [
        ("clerk", None, 1, None)
    ]


def test_what_derivation_takes_back_leaves_nothing_in_the_counts(store: Store, tell: Tell) -> None:
    tell(
        chat(2, "large", input_tokens=7, output_tokens=3),
        chat(3, "large", input_tokens=11, output_tokens=5),
        agent(),
    )

    counted = rows(
        store,
        "select agent, sum(calls), sum(cost_usd), sum(input_tokens) from cost_rollup"
        " group by agent having sum(calls) <> 0 or sum(cost_usd) <> 0 or sum(input_tokens) <> 0",
    )
    assert [(name, calls, float(cost), tokens) for name, calls, cost, tokens in counted] == [
        ("clerk", 2, pytest.approx((18 * 3 + 8 * 15) / 1e6), 18)
    ]


def test_a_database_from_before_costs_were_counted_is_counted_when_it_is_opened(
    tmp_path: Path,
) -> None:
    path = tmp_path / "evidence.duckdb"
    with Store(path) as store:
        store.cursor().execute(
            """
            insert into action (trace_id, span_id, agent, sample, kind, name, model, started_at,
                start_ns, outcome, cost_usd)
            values ('t', 's', 'clerk', false, 'model', 'chat', 'large', now(), 1, 'ok', 0.5)
            """
        ).fetchall()
        store.checkpoint()

    with Store(path) as store:
        assert rows(
            store, "select agent, model, cost_origin, calls, cost_usd::double from cost_rollup"
        ) == [("clerk", "large", "told", 1, 0.5)]
    with Store(path) as store:
        assert rows(store, "select count(*) from cost_rollup") == [(1,)]


rates = st.none() | st.integers(0, 1000).map(float)
tokens = st.none() | st.integers(0, 10**7)


@pytest.fixture(scope="module")
def macros(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("macros") / "evidence.duckdb") as opened:
        yield opened


@settings(deadline=None, max_examples=200)
@given(
    counts=st.tuples(tokens, tokens, tokens, tokens),
    told=st.tuples(st.integers(0, 1000).map(float), rates, rates, rates),
    above=st.none() | st.integers(1, 10**7),
)
def test_a_call_costs_what_its_tokens_cost_one_by_one(
    macros: Store,
    counts: tuple[int | None, ...],
    told: tuple[float | None, ...],
    above: int | None,
) -> None:
    names = ("input", "output", "cache_read", "cache_write")
    short = dict(zip(names, told, strict=True))
    longer = {name: None if rate is None else rate * 2 for name, rate in short.items()}

    (answer,) = rows_of(
        macros,
        f"select call_cost_usd($1, $2, $3, $4, $5::{RATES}, $6, $7::{RATES})",
        [*counts, short, above, longer],
    )

    expected = reference(counts, short, above, longer)
    assert answer == (None if expected is None else pytest.approx(float(expected), rel=1e-9))


RATES = "struct(input double, output double, cache_read double, cache_write double)"


def rows_of(store: Store, query: str, bound: list[Any]) -> tuple[Any, ...]:
    return tuple(store.cursor().execute(query, bound).fetchall()[0])


def reference(
    counts: tuple[int | None, ...],
    short: dict[str, float | None],
    above: int | None,
    longer: dict[str, float | None],
) -> Fraction | None:
    """From docs/costs.md, one kind of token after the other."""
    told, output, read, write = counts[0], counts[1], counts[2] or 0, counts[3] or 0
    if told is None:
        return None
    whole = told if read + write <= told else told + read + write
    used = longer if above is not None and whole > above else short
    if used["output"] is None:
        output = output or 0
    kinds = {
        "input": whole - read - write,
        "output": output,
        "cache_read": read,
        "cache_write": write,
    }
    total = Fraction(0)
    for kind, count in kinds.items():
        rate = used[kind]
        if count is None or (count and rate is None):
            return None
        total += Fraction(count) * Fraction(rate or 0) / 1_000_000
    return total


def test_the_server_of_an_mcp_call_is_told_of_the_tool_call_that_made_it(
    store: Store, tell: Tell
) -> None:
    tool = span(2, "execute_tool", 1)
    tool["attributes"].append({"key": "gen_ai.tool.name", "value": _value("look")})
    call = {**span(3, "tools/call look", 2), "attributes": []}
    told = {"mcp.method.name": "tools/call", "server.address": "files", "server.port": 8080}
    call["attributes"] = [{"key": key, "value": _value(value)} for key, value in told.items()]

    tell(call, tool, agent())

    assert rows(store, "select name, mcp_server from action") == [("look", "files:8080")]
    found = rows(store, "select kind, name, origin, agents from inventory order by kind, name")
    assert ("mcp_server", "files:8080", None, ["clerk"]) in found
    assert ("tool", "look", "files:8080", ["clerk"]) in found
