"""The sample history tells its story, the same one every time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sample_data import history, story
from sample_data.story import DAY, Instalments, Period, Run, Story

REPOSITORY = Path(__file__).resolve().parents[2]
UNTIL = story.moment("2026-01-15T12:00:00Z")
TOLD = Story(7, UNTIL)


def last(days: float) -> Period:
    return Period(UNTIL - days * DAY, UNTIL)


@pytest.fixture(scope="module")
def told() -> dict[str, list[Run]]:
    return {who.name: list(runs) for who, runs in story.fleet(TOLD, last(30))}


def failed(runs: list[Run]) -> float:
    return sum(run.fails for run in runs) / len(runs)


def within(runs: list[Run], days: float) -> list[Run]:
    return [run for run in runs if (UNTIL - run.started_at).total_seconds() < days * 86_400]


def test_the_gateway_is_healthy(told: dict[str, list[Run]]) -> None:
    assert failed(told["gateway"]) < 0.004


def test_the_clerk_burns_its_budget_in_the_last_day(told: dict[str, list[Run]]) -> None:
    spent = failed(told["clerk"]) / 0.05

    assert 0.65 < spent < 0.75
    assert failed(within(told["clerk"], 1)) == pytest.approx(0.5, abs=0.02)
    assert failed(within(told["clerk"], 0.25)) > 0.3


def test_the_courier_loses_trust_since_day_eighteen(told: dict[str, list[Run]]) -> None:
    runs = told["courier"]
    before = [run.trust for run in runs if run not in within(runs, 12)]

    assert 840 < sum(before) / len(before) < 860
    assert 430 < runs[-1].trust < 470


def test_the_rogue_is_denied_more_and_more_in_the_last_two_days(
    told: dict[str, list[Run]],
) -> None:
    recent = within(told["rogue"], 2)
    older = [run for run in told["rogue"] if run not in recent]
    shares = [sum(run.is_denied for run in runs) / len(runs) for runs in (older, recent)]

    assert shares[0] < 0.03 and shares[1] > 0.35


def test_the_archivist_has_too_few_runs_to_judge(told: dict[str, list[Run]]) -> None:
    assert 5 < len(told["archivist"]) < 10


def test_no_run_lies_in_the_future(told: dict[str, list[Run]]) -> None:
    assert max(run.started_at for runs in told.values() for run in runs) <= UNTIL


def test_the_same_seed_sends_the_same_bytes() -> None:
    first, second = (
        [request.SerializeToString(deterministic=True) for _, request in sent]
        for sent in (history.requests(TOLD, last(3)), history.requests(TOLD, last(3)))
    )

    assert first == second


def test_another_seed_has_other_ids(told: dict[str, list[Run]]) -> None:
    others = story.runs(story.CAST[0], Story(8, UNTIL), last(30))

    assert not {run.trace_id for run in others} & {run.trace_id for run in told["gateway"]}


def test_every_span_has_an_id_of_its_own() -> None:
    spans = [
        (span.trace_id, span.span_id)
        for _, request in history.requests(TOLD, last(5))
        if isinstance(request, ExportTraceServiceRequest)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]

    assert len(spans) == len(set(spans)) > 1000


def test_it_arrives_over_grpc_marked_as_a_sample(intake: Any) -> None:
    sender = history.send_history(intake.address, TOLD, last(12))

    assert sender.records == len(intake.spans) + len(intake.events) and sender.refused == 0
    for request in intake.traces:
        for resource in request.resource_spans:
            marks = {a.key: a.value.bool_value for a in resource.resource.attributes}
            assert marks["watchkeeper.sample"] is True


def test_the_past_kill_was_given_obeyed_and_released(intake: Any) -> None:
    history.send_history(intake.address, TOLD, last(12))

    told = [a for name, a in intake.events if name == "watchkeeper.command"]
    refusals = [
        a for _, a in intake.events if a.get("watchkeeper.decision.source") == "control_plane"
    ]
    phases = [one["watchkeeper.command.phase"] for one in told]
    assert phases == ["requested", "signed", "delivered", "acked", "enforced", "released"]
    assert {one["watchkeeper.hold_id"] for one in refusals} == {told[0]["watchkeeper.hold_id"]}
    assert told[4]["watchkeeper.decision.id"] in {a["watchkeeper.decision.id"] for a in refusals}


hours = st.integers(0, 24 * 20)


@settings(max_examples=25, deadline=None)
@given(st.lists(hours, min_size=3, max_size=6))
def test_periods_side_by_side_tell_what_one_period_tells(ages: list[int]) -> None:
    # The story ends within them: what follows belongs to it as well.
    moments = [UNTIL + 5 * DAY - timedelta(hours=age) for age in sorted(ages, reverse=True)]
    clerk = story.CAST[1]

    parts = [story.runs(clerk, TOLD, Period(*ends)) for ends in pairwise(moments)]

    whole = story.runs(clerk, TOLD, Period(moments[0], moments[-1]))
    assert [run for part in parts for run in part] == whole


def test_after_its_end_a_story_stays_as_it_ended() -> None:
    later = Period(UNTIL, UNTIL + 10 * DAY)
    told = {who.name: list(runs) for who, runs in story.fleet(TOLD, later)}

    trust = [run.trust for run in told["courier"]]
    assert sum(trust) / len(trust) == pytest.approx(450, abs=5)
    assert failed(told["clerk"]) == pytest.approx(0.5, abs=0.02)
    assert not any(run.is_held for run in told["rogue"])


def test_what_becomes_of_a_run_has_no_part_in_its_id() -> None:
    clerk, period = story.CAST[1], last(3)

    one, other = (
        story.runs(clerk, Story(7, end), period) for end in (UNTIL, UNTIL + timedelta(days=2))
    )

    assert [run.trace_id for run in one] == [run.trace_id for run in other]
    assert [run.fails for run in one] != [run.fails for run in other]


@given(st.floats(0, 1), st.floats(0, 0.999), st.integers(1, 500))
def test_instalments_pay_what_is_owed_and_never_more(share: float, owed: float, calls: int) -> None:
    instalments = Instalments(owed)

    paid = sum(instalments.due(share) for _ in range(calls))

    assert paid == pytest.approx(owed + share * calls, abs=1.0001)


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(UNTIL, UNTIL - DAY)


def test_an_absent_collector_is_named_with_advice() -> None:
    command = [sys.executable, "-m", "sample_data.history", "--endpoint", "127.0.0.1:9"]
    environment = {**os.environ, "GRPC_VERBOSITY": "NONE"}

    ended = subprocess.run(
        [*command, "--days", "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )

    assert ended.returncode == 1
    assert "start it with `watchkeeper collector`" in ended.stderr


def test_the_history_tells_what_happened_to_the_agents_beside_the_verdicts(intake: Any) -> None:
    history.send_history(intake.address, TOLD, last(12))

    told = [a for name, a in intake.events if name == "watchkeeper.governance"]
    kinds = {(a["gen_ai.agent.name"], a["watchkeeper.governance.kind"]) for a in told}
    assert kinds == {
        ("courier", "anomaly"),
        ("courier", "breaker"),
        ("courier", "ring"),
        ("courier", "quarantine"),
        ("rogue", "threat"),
        ("clerk", "incident"),
    }
    rings = [a for a in told if a["watchkeeper.governance.kind"] == "ring"]
    assert [a["watchkeeper.governance.to"] for a in rings] == ["2", "3"]


def test_what_happened_is_told_by_the_part_of_the_history_it_lies_in() -> None:
    def told(period: Period) -> list[bytes]:
        return sorted(
            record.SerializeToString(deterministic=True)
            for _, request in history.requests(TOLD, period)
            if isinstance(request, ExportLogsServiceRequest)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
            if record.event_name == "watchkeeper.governance"
        )

    middle = UNTIL - timedelta(days=3, hours=7)

    older, newer = Period(UNTIL - timedelta(days=12), middle), Period(middle, UNTIL)
    assert sorted(told(older) + told(newer)) == told(last(12))
    assert told(older) and told(newer)
