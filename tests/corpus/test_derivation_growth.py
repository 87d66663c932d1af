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
from telling import decision, span

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


def widest(tmp_path: Path, told: list[Request], name: str, bound: dict[str, Any]) -> int:
    """Rows that the busiest operator of a statement of derivation made."""
    found: list[int] = []

    def profiled(cursor: duckdb.DuckDBPyConnection, touched: str, known: Reach | None) -> None:
        query = f"explain (analyze, format json) {statement(f'derive/{name}')}"
        if name.endswith("copies"):
            found.append(_widest(cursor.execute(query, bound).fetchall()[0][1]))
            return
        derive(cursor, touched, known)
        found.append(_widest(cursor.execute(query, bound).fetchall()[0][1]))

    log = FakeLog()
    log.add(told, 1)
    with Store(tmp_path / "evidence.duckdb") as store:
        Applier(store, log, Decoder(), derive=profiled).step()
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
