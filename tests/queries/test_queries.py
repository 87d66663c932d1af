"""What a question accepts, and the page of newest traces against a slow reference."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.queries import (
    BadParameter,
    Kind,
    Parameter,
    Queries,
    UnknownQuestion,
    bucket_s,
)

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
FIRST = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-15T12:00:00Z"}


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)), st.integers(-23, 23))
def test_an_instant_means_the_same_moment_in_every_zone(moment: datetime, hours: int) -> None:
    abroad = moment.replace(tzinfo=UTC).astimezone(_zone(hours))

    assert Parameter("since", Kind.INSTANT).value(abroad.isoformat()) == abroad


def _zone(hours: int) -> Any:
    return datetime.strptime(f"{hours:+03d}00", "%z").tzinfo


def test_a_plus_sign_that_was_not_escaped_is_understood() -> None:
    instant = Parameter("since", Kind.INSTANT).value("2026-01-15T13:00:00 01:00")

    assert instant == NOON


@given(st.sampled_from(Kind), st.text(max_size=50))
def test_a_value_is_accepted_or_refused_by_the_name_of_its_parameter(kind: Kind, sent: str) -> None:
    try:
        Parameter("colour", kind, required=False).value(sent)
    except BadParameter as refusal:
        assert refusal.field == "colour"
        assert str(refusal).startswith("colour: expected ")


@pytest.mark.parametrize("sent", ["-1", "0", "1.5", "\u0661", "9" * 20, "1e3", " 1"])
def test_a_number_that_is_not_a_plain_whole_one_is_refused(sent: str) -> None:
    with pytest.raises(BadParameter, match="whole number"):
        Parameter("limit", Kind.INTEGER).value(sent)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=800)))
def test_a_period_is_divided_into_at_most_120_steps(length: timedelta) -> None:
    assert length.total_seconds() / bucket_s(length) <= 120


def test_a_question_nobody_knows_is_refused(queries: Queries) -> None:
    with pytest.raises(UnknownQuestion, match="GET /v1/queries"):
        queries.ask("weather", {})


def test_every_piece_of_evidence_is_a_question_with_population_and_exceptions(
    queries: Queries,
) -> None:
    names = [each["name"] for each in queries.listing() if each["name"].startswith("evidence_")]

    assert names
    for name in names:
        columns = queries.ask(name, {**FIRST, "agent": "clerk"}).column_names
        assert columns[:2] == ["population", "exceptions"]


minutes_ago = st.integers(0, 20 * 24 * 60)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(minutes_ago, min_size=1, max_size=3), max_size=12), st.integers(1, 5))
def test_pages_of_traces_together_hold_every_trace_once_newest_first(
    queries: Queries, given: Any, store: Any, traces: list[list[int]], limit: int
) -> None:
    cursor = store.cursor()
    cursor.execute("delete from span")
    # A trace lasts less than the day that the question looks back.
    spread = [[max(age, max(ages) - 1000) for age in ages] for ages in traces]
    given({"span": [_span(n, age) for n, ages in enumerate(spread) for age in ages]})

    shown: list[str] = []
    before: dict[str, str] = {}
    while page := queries.ask("traces", {**FIRST, "limit": str(limit), **before}).to_pylist():
        shown += [row["trace_id"] for row in page]
        before = {"before_ns": str(page[-1]["start_ns"])}

    assert shown == _expected(spread)


def _span(trace: int, age: int) -> dict[str, Any]:
    # A microsecond for each trace keeps their beginnings apart.
    started_at = NOON - timedelta(minutes=age + 1, microseconds=trace)
    span_id = f"{trace:08x}{age:08x}"
    return {"trace_id": f"{trace:032x}", "span_id": span_id, "started_at": started_at}


def _expected(spread: list[list[int]]) -> list[str]:
    since = datetime.fromisoformat(FIRST["since"])
    began = {
        f"{trace:032x}": NOON - timedelta(minutes=max(ages) + 1, microseconds=trace)
        for trace, ages in enumerate(spread)
    }
    inside = [trace for trace, start in began.items() if start >= since]
    return sorted(inside, key=lambda trace: began[trace], reverse=True)


@pytest.mark.parametrize("name", ["trace", "trace_decisions"])
@pytest.mark.parametrize("near", [None, NOON, NOON - timedelta(days=300), "0001-01-01T00:00:00Z"])
def test_a_trace_is_found_whether_or_not_its_time_is_told_rightly(
    queries: Queries, given: Any, name: str, near: datetime | str | None
) -> None:
    started_at = NOON - timedelta(hours=1)
    one = {"trace_id": "0a" * 16, "span_id": "01" * 8}
    other = {"trace_id": "0b" * 16, "span_id": "02" * 8}
    given(
        {
            "span": [{**each, "started_at": started_at} for each in (one, other)],
            "decision": [{**each, "decided_at": started_at} for each in (one, other)],
        }
    )
    told = {} if near is None else {"near": str(near).replace(" ", "T")}

    rows = queries.ask(name, {"trace_id": "0a" * 16, **told}).to_pylist()

    assert [row["span_id"] for row in rows] == ["01" * 8]


printable = st.characters(exclude_categories=["Cs", "Cc"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.text(printable.filter(lambda letter: letter != "="), min_size=1, max_size=12)
    | st.text("\"'.$[]*\\%{}", min_size=1, max_size=12),
    value=st.text(printable, max_size=8),
)
def test_any_attribute_is_found_by_its_key_and_value(
    queries: Queries, given: Any, store: Any, key: str, value: str
) -> None:
    store.cursor().execute("delete from span").fetchall()
    traces = {"a" * 32: {key: value}, "b" * 32: {key: value + "s"}}
    given({"span": [_with(trace, attributes) for trace, attributes in traces.items()]})

    found = queries.ask("traces", {**FIRST, "limit": "9", "text": f"{key}={value}"})

    assert [row["trace_id"] for row in found.to_pylist()] == ["a" * 32]


def test_an_attribute_that_is_a_number_is_found_by_it(queries: Queries, given: Any) -> None:
    given({"span": [_with("a" * 32, {"n": 7}), _with("b" * 32, {"n": 70})]})

    found = queries.ask("traces", {**FIRST, "limit": "9", "text": "n=7"})

    assert [row["trace_id"] for row in found.to_pylist()] == ["a" * 32]


def _with(trace: str, attributes: dict[str, Any]) -> dict[str, Any]:
    told = json.dumps(attributes)
    started = datetime(2026, 1, 15, 11, tzinfo=UTC)
    return {"trace_id": trace, "span_id": "1" * 16, "started_at": started, "attributes": told}
