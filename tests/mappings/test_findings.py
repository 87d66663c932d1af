"""Evidence becomes a finding, and nothing unmeasured is ever satisfied."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import lint, load
from mappings.model import (
    Control,
    Determination,
    Evidence,
    EvidenceMode,
    EvidenceQuery,
    Requirement,
    find,
)

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
QUERY = EvidenceQuery("stops_obeyed", "Stops hold", "stops", "were not obeyed", "select 1", "00")


def requirement(mode: EvidenceMode) -> Requirement:
    return Requirement(
        id="aia-14.4.e",
        ref="Art 14(4)(e)",
        title="Stop button to a safe state",
        paraphrase="People can stop the system.",
        roles=("deployer",),
        applies_from=date(2027, 12, 2),
        mode=mode,
        can=(),
        cannot=("that the halted state was safe",),
        events=(),
        source="",
    )


def control(*, allowed: float = 0.0, minimum: int = 1) -> Control:
    return Control("aia-14.4.e", "stops_obeyed", allowed, minimum, "because", "A", date(2026, 1, 1))


def test_enough_cases_without_exception_satisfy() -> None:
    finding = find(requirement(EvidenceMode.TELEMETRY), ((control(), Evidence(QUERY, 12, 0)),))

    assert finding.determination is Determination.SATISFIED
    assert finding.because == "0 of 12 stops were not obeyed"


@given(exceptions=st.integers(0, 50), modes=st.sampled_from(EvidenceMode))
def test_an_empty_population_never_satisfies(exceptions: int, modes: EvidenceMode) -> None:
    finding = find(requirement(modes), ((control(), Evidence(QUERY, 0, 0)),))

    assert finding.determination is Determination.NO_EVIDENCE


@given(population=st.integers(0, 1000), exceptions=st.integers(0, 1000))
def test_telemetry_alone_never_satisfies_what_people_must_state(
    population: int, exceptions: int
) -> None:
    answer = Evidence(QUERY, population, min(population, exceptions))

    for mode in (EvidenceMode.HYBRID, EvidenceMode.ATTESTED, EvidenceMode.REFERENCE):
        found = find(requirement(mode), ((control(), answer),)).determination
        assert found not in (Determination.SATISFIED, Determination.ATTESTED)


@given(population=st.integers(1, 10_000), share=st.floats(0, 0.5), more=st.integers(0, 10_000))
def test_more_exceptions_never_make_a_finding_better(
    population: int, share: float, more: int
) -> None:
    order = [Determination.NOT_SATISFIED, Determination.SATISFIED]
    rule = control(allowed=share)
    few = min(population, more // 2)
    many = min(population, more)

    better = find(requirement(EvidenceMode.TELEMETRY), ((rule, Evidence(QUERY, population, few)),))
    worse = find(requirement(EvidenceMode.TELEMETRY), ((rule, Evidence(QUERY, population, many)),))

    assert order.index(worse.determination) <= order.index(better.determination)


def test_a_provision_without_a_query_has_no_evidence() -> None:
    finding = find(requirement(EvidenceMode.TELEMETRY), ())

    assert finding.determination is Determination.NO_EVIDENCE


def test_a_control_that_an_empty_set_could_satisfy_is_refused() -> None:
    with pytest.raises(ValueError, match="minimum_population is at least 1"):
        control(minimum=0)


@pytest.mark.parametrize("framework_id", load.framework_ids())
def test_every_citation_and_every_query_exists(framework_id: str) -> None:
    assert lint.problems(framework_id) == []


@pytest.mark.parametrize("query", load.evidence_queries().values(), ids=lambda query: query.id)
def test_every_query_runs_and_an_empty_database_gives_an_empty_population(
    query: EvidenceQuery,
) -> None:
    """An empty database satisfies nothing, whatever the threshold."""
    database = duckdb.connect()
    schema = files("collector.store") / "sql" / "schema"
    for name in sorted(entry.name for entry in schema.iterdir()):
        database.execute((schema / name).read_text(encoding="utf-8"))

    period = {"since": NOON - timedelta(days=30), "until": NOON, "agent": None}
    row = database.sql(query.sql, params=period).fetchall()

    assert row == [(0, 0, None)]
