"""What the real toolkit reported of itself, beside what the collector computes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "corpus"))

from replaying import replay
from test_agt_bridge import VERSIONS, requests_of

from collector.queries import Queries
from collector.reported_queries import register_reported
from collector.slo.objective import (
    EventSignal,
    Indicator,
    Objective,
    Ratio,
    RollingWindow,
    Selection,
)
from collector.slo.windows import standard
from collector.slo_queries import register_slo
from collector.store.reader import Reader

JUDGED = """
    insert into budget values
        ('success', 'gateway', '2026-11-25T12:00:00Z', 95, 5, 100, 0.995, -9, 'exhausted', 'spent')
"""
BURNT = """
    insert into burn values ('success', 'gateway', '2026-11-25T12:00:00Z', '1h', 3600, 95, 5, 10)
"""


SCORED = """
    insert into trust_point by name
    select
        0 as sequence, agent, reason, false as sample, epoch_ns(now()) as scored_ns,
        now() as scored_at, 700 as score, 'trusted' as tier, 700 as raw_score,
        '0-1000' as raw_scale, 'reported' as origin
    from
        (values ('silent', 'changed by reward'), ('other', 'policy violation'))
        as t (agent, reason)
"""


class Known:
    """An objective of the name that the toolkit's has, for every agent."""

    def __init__(self) -> None:
        ratio = Ratio(Selection(outcome=("ok",)), marks_bad=False)
        self._one = Objective(
            name="success",
            display_name="Success",
            service="bank",
            indicator=Indicator(EventSignal.RUNS, Selection(), ratio),
            target=0.995,
            window=RollingWindow(timedelta(days=30)),
            agents=("*",),
            pairs=standard().pairs,
            guard=standard().guard,
        )

    def all(self) -> tuple[Objective, ...]:
        return (self._one,)

    def get(self, name: str) -> Objective | None:
        return self._one if name == "success" else None


@pytest.fixture(scope="module", params=VERSIONS)
def rows(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, Any, str], dict[str, Any]]]:
    """Each comparison by agent, objective and measure."""
    folder: Path = tmp_path_factory.mktemp("reported")
    with replay(folder, [requests_of(request.param)]) as store:
        cursor = store.cursor()
        cursor.execute(JUDGED).fetchall()
        cursor.execute(BURNT).fetchall()
        cursor.execute(SCORED).fetchall()
        cursor.close()
        queries = Queries(Reader(store), lambda: datetime.now(UTC), dict)
        register_slo(queries, Known())
        register_reported(queries)
        asked = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
        told = queries.ask("reported_against_computed", asked).to_pylist()
        yield {(row["agent"], row["objective"], row["measure"]): row for row in told}


def test_the_burn_rate_of_the_toolkit_is_brought_to_our_scale(rows: Any) -> None:
    burn = rows["gateway", "success", "burn_rate"]

    assert (burn["reported"], burn["conventional"], burn["computed"]) == pytest.approx(
        (25_920_000, 10, 10)
    )
    assert burn["agrees"] is True
    assert "2,592,000 times too large" in burn["why"]


def test_what_is_spent_on_both_sides_agrees(rows: Any) -> None:
    state, left = (rows["gateway", "success", m] for m in ("state", "budget_left"))

    assert (state["reported_word"], state["computed_word"]) == ("exhausted", "exhausted")
    assert (left["reported"], left["computed"]) == (0, -9)
    assert (state["agrees"], left["agrees"]) == (True, True)


def test_gauges_that_name_no_agent_are_of_the_agent_that_an_event_names(rows: Any) -> None:
    assert {agent for agent, objective, _ in rows if objective == "success"} == {"gateway"}


def test_an_indicator_of_which_nothing_arrived_is_not_measured_here(rows: Any) -> None:
    indicator = next(row for (_, name, _), row in rows.items() if name == "task_success_rate")

    # Failed, then three good: 75 %. The toolkit averages 0, 1/2, 2/3 and 3/4.
    assert indicator["reported"] == pytest.approx((0 + 1 / 2 + 2 / 3 + 3 / 4) / 4)
    assert (indicator["computed"], indicator["agrees"]) == (None, None)
    assert indicator["why"].startswith("not measured here")


def test_trust_stands_beside_what_the_decisions_alone_would_give(rows: Any) -> None:
    trust = rows["reader", None, "trust"]

    # Half of the decisions about the reader let it go on: near the neutral 500.
    assert trust["reported"] == 400
    assert trust["computed"] == pytest.approx(500, abs=20)
    assert trust["agrees"] is False
    assert "what its host told it" in trust["why"]


def test_a_score_before_which_no_decision_came_is_not_measured_here(rows: Any) -> None:
    trust = rows["silent", None, "trust"]

    assert (trust["reported"], trust["computed"], trust["agrees"]) == (700, None, None)


def test_a_score_that_is_not_the_toolkits_is_not_compared_with_its_formula(rows: Any) -> None:
    scored = {agent for agent, _, measure in rows if measure == "trust"}

    assert scored == {"did:mesh:clerk", "reader", "silent"}
