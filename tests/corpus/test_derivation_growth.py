"""What derivation costs grows with what was told, not with its square.

Counted in rows between the operators of a statement, which no machine makes slower or faster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from replaying import FakeLog, Request
from telling import command, decision, event, span

from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from collector.store.schema import statement
from collector.store.seen import Reach

MANY = 300
# Every record is read, joined and sorted a few times; the square would be 300 for each.
MOST_EACH = 60
TOOL: dict[str, Any] = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "pay"}
PERIOD = {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": datetime(2026, 2, 1, tzinfo=UTC)}
NANOSECONDS = {"since_ns": 0, "until_ns": 2**62}


def widest(
    tmp_path: Path,
    told: list[Request],
    name: str,
    bound: dict[str, Any],
    later: list[Request] | None = None,
) -> int:
    """Rows that the busiest operator of a statement of derivation made."""
    found: list[int] = []

    def profiled(cursor: duckdb.DuckDBPyConnection, touched: str, known: Reach | None) -> None:
        query = f"explain (analyze, format json) {statement(f'derive/{name}')}"
        if name == "judged" or (not found and later):
            derive(cursor, touched, known)
        found.append(_widest(cursor.execute(query, bound).fetchall()[0][1]))

    log = FakeLog()
    log.add(later or [], log.add(told, 1))
    with Store(tmp_path / "evidence.duckdb") as store:
        applier = Applier(store, log, Decoder(), derive=profiled)
        while applier.step():
            pass
    return max(found)


def _widest(profile: str) -> int:
    return max(_rows(json.loads(profile)["operator"]))


def _rows(operators: list[dict[str, Any]]) -> Iterator[int]:
    for operator in operators:
        yield operator["intermediate_rows"]
        yield from _rows(operator.get("children", []))


def left_over(number: int) -> Iterator[Request]:
    """A call, and a decision about a call of its name that came long before."""
    yield span(number + 2, 1, number * 0.001, 0.0001, **TOOL)
    yield decision(number, 100 + number * 0.001, "allow", "pay", in_span=9999)


def one_id(number: int) -> Iterator[Request]:
    """A call and a decision that tell the same id as all others."""
    yield span(number + 2, 1, number * 0.001, 0.0001, gen_ai__tool__call__id="c", **TOOL)
    yield decision(number, 100, "allow", "pay", in_span=9999, gen_ai__tool__call__id="c")


@pytest.mark.parametrize("pair", [left_over, one_id])
def test_a_flood_of_calls_and_decisions_alike_is_matched_without_comparing_each(
    tmp_path: Path, pair: Callable[[int], Iterator[Request]]
) -> None:
    told = [request for number in range(MANY) for request in pair(number)]

    assert widest(tmp_path, told, "judged", PERIOD) < MOST_EACH * len(told)


def bridged(number: int) -> Iterator[Request]:
    """A verdict that the bridge tells, and one in the same second that is not the same."""
    at_s = number * 0.001
    yield decision(number, at_s, "deny", "pay", watchkeeper__policy__engine="agt")
    yield event(
        "audit_entry",
        at_s,
        agt__agent__id="clerk",
        agt__audit__event_type="check",
        agt__audit__decision="deny",
        agt__audit__action="read",
        agt__audit__meta__event_id=number,
    )


def scored(number: int) -> Iterator[Request]:
    """A score that changed, and the same one verified."""
    at_s = number * 0.001
    told = {"agt__agent_id": "clerk", "op__name": "x"}
    yield span(number * 2 + 1, None, at_s, agt__new_score=500, **told)
    yield span(
        number * 2 + 2, None, at_s, agt__trust_score=500, governance__trust__decision="x", **told
    )


@pytest.mark.parametrize(
    ("statement", "pair"), [("decision_copies", bridged), ("trust_copies", scored)]
)
def test_a_flood_of_copies_is_compared_once_a_second(
    tmp_path: Path, statement: str, pair: Callable[[int], Iterator[Request]]
) -> None:
    told = [request for number in range(MANY) for request in pair(number)]

    assert widest(tmp_path, told, statement, NANOSECONDS) < MOST_EACH * len(told)


def test_a_flood_of_kills_touches_each_run_once(tmp_path: Path) -> None:
    open_runs = [
        span(
            n + 1,
            None,
            0,
            None,
            gen_ai__operation__name="invoke_agent",
            gen_ai__agent__name="clerk",
        )
        for n in range(MANY)
    ]
    kills = [
        command(1, "kill", "acked", watchkeeper__command__id=f"command-{n}") for n in range(MANY)
    ]

    assert widest(tmp_path, open_runs, "further", {}, kills) < MOST_EACH * MANY
