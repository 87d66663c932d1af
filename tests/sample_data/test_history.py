"""The sample history tells its story, the same one every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sample_data import history, story
from sample_data.story import Run

REPOSITORY = Path(__file__).resolve().parents[2]
UNTIL = story.moment("2026-01-15T12:00:00Z")


@pytest.fixture(scope="module")
def told() -> dict[str, list[Run]]:
    return {who.name: runs for who, runs in story.fleet(7, 30, UNTIL)}


def failed(runs: list[Run]) -> float:
    return sum(run.fails for run in runs) / len(runs)


def within(runs: list[Run], days: float) -> list[Run]:
    return [run for run in runs if (UNTIL - run.started_at).total_seconds() < days * 86_400]


def test_the_gateway_is_healthy(told: dict[str, list[Run]]) -> None:
    assert failed(told["gateway"]) < 0.004


def test_the_clerk_burns_its_budget_in_the_last_day(told: dict[str, list[Run]]) -> None:
    spent = failed(told["clerk"]) / 0.05

    assert 0.85 < spent < 1.0
    assert failed(within(told["clerk"], 1)) > 0.3


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
    assert len(told["archivist"]) <= 62


def test_no_run_lies_in_the_future(told: dict[str, list[Run]]) -> None:
    assert max(run.started_at for runs in told.values() for run in runs) <= UNTIL


def test_the_same_seed_sends_the_same_bytes() -> None:
    first, second = (
        [request.SerializeToString(deterministic=True) for _, request in sent]
        for sent in (history.requests(7, 3, UNTIL), history.requests(7, 3, UNTIL))
    )

    assert first == second


def test_another_seed_has_other_ids(told: dict[str, list[Run]]) -> None:
    others = story.runs(story.CAST[0], 8, 30, UNTIL)

    assert not {run.trace_id for run in others} & {run.trace_id for run in told["gateway"]}


def test_every_span_has_an_id_of_its_own() -> None:
    spans = [
        (span.trace_id, span.span_id)
        for _, request in history.requests(7, 5, UNTIL)
        if isinstance(request, ExportTraceServiceRequest)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]

    assert len(spans) == len(set(spans)) > 1000


def test_it_arrives_over_grpc_marked_as_a_sample(intake: Any) -> None:
    sender = history.send_history(intake.address, 7, 12, UNTIL)

    assert sender.records == len(intake.spans) + len(intake.events) and sender.refused == 0
    for request in intake.traces:
        for resource in request.resource_spans:
            marks = {a.key: a.value.bool_value for a in resource.resource.attributes}
            assert marks["watchkeeper.sample"] is True


def test_the_past_kill_was_given_obeyed_and_released(intake: Any) -> None:
    history.send_history(intake.address, 7, 12, UNTIL)

    told = [a for name, a in intake.events if name == "watchkeeper.command"]
    refusals = [
        a for _, a in intake.events if a.get("watchkeeper.decision.source") == "control_plane"
    ]
    phases = [one["watchkeeper.command.phase"] for one in told]
    assert phases == ["requested", "signed", "delivered", "acked", "enforced", "released"]
    assert {one["watchkeeper.hold_id"] for one in refusals} == {told[0]["watchkeeper.hold_id"]}
    assert told[4]["watchkeeper.decision.id"] in {a["watchkeeper.decision.id"] for a in refusals}


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
