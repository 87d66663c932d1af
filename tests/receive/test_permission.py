"""Whose record it is, by every name that normalisation would read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.check import Refusal
from collector.receive.credentials import Credentials, Grant
from collector.receive.intake import Incoming, Intake
from collector.receive.permission import remove_forbidden
from collector.receive.tokens import TokenFile
from collector.store.wal import WriteAheadLog

CLERK = Grant("token:t", agents=("clerk",))


def put(attributes: Any, **values: str) -> None:
    for key, text in values.items():
        attributes.add(key=key.replace("__", ".")).value.string_value = text


def spans(service: str, *records: dict[str, str]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put(resource.resource.attributes, service__name=service)
    group = resource.scope_spans.add()
    for record in records:
        put(group.spans.add(name="x").attributes, **record)
    return request


@pytest.mark.parametrize(
    "record",
    [
        {"gen_ai__agent__name": "rogue", "gen_ai__operation__name": "invoke_agent"},
        {"crewai__agent__role": "rogue", "gen_ai__agent__name": "clerk"},
        {"agent__name": "rogue", "openinference__span__kind": "AGENT"},
        {"gen_ai__agent__id": "rogue"},
        {"agent__did": "rogue", "agent__policy__decision": "deny"},
    ],
    ids=["otel", "crewai", "openinference", "only an id", "governance"],
)
def test_each_dialects_name_for_an_agent_is_seen(record: dict[str, str]) -> None:
    request = spans("clerk", record, {"gen_ai__agent__name": "clerk"})

    [refused] = remove_forbidden(request, CLERK)

    assert refused.reason == "agent_not_allowed" and "'rogue'" in refused.detail
    assert len(request.resource_spans[0].scope_spans[0].spans) == 1


@pytest.mark.parametrize("other", ["did:mesh:rogue", "spiffe://bank/rogue"])
def test_an_identifier_beside_a_name_is_claimed_too(other: str) -> None:
    named = {"gen_ai__agent__name": "clerk", "gen_ai__operation__name": "invoke_agent"}
    request = spans("clerk", {**named, "gen_ai__agent__id": other}, named)

    [refused] = remove_forbidden(request, CLERK)

    assert refused.reason == "agent_not_allowed" and other in refused.detail
    assert remove_forbidden(request, Grant("token:t", agents=("clerk", other))) == []


def test_an_id_that_is_no_identifier_stands_for_nobody() -> None:
    request = spans("clerk", {"gen_ai__agent__name": "clerk", "gen_ai__agent__id": "asst_5"})

    assert remove_forbidden(request, CLERK) == []


def logged(name: str, **told: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    put(resource.resource.attributes, service__name="clerk")
    put(resource.scope_logs.add().log_records.add(event_name=name).attributes, **told)
    return request


def test_a_decision_under_the_identifier_of_another_is_refused() -> None:
    told = logged(
        "watchkeeper.decision",
        watchkeeper__decision__verdict="deny",
        watchkeeper__policy__engine="agt",
        gen_ai__agent__name="clerk",
        gen_ai__agent__id="did:mesh:rogue",
    )

    [refused] = remove_forbidden(told, CLERK)

    assert "'did:mesh:rogue'" in refused.detail


def test_what_became_of_a_command_is_the_word_of_control() -> None:
    def told() -> ExportLogsServiceRequest:
        return logged(
            "watchkeeper.command",
            watchkeeper__command__id="command-1",
            watchkeeper__command__kind="kill",
            watchkeeper__command__phase="released",
        )

    [refused] = remove_forbidden(told(), CLERK)

    assert "'watchkeeper-control'" in refused.detail
    assert remove_forbidden(told(), Grant("token:c", agents=("watchkeeper-control", "*"))) == []


def test_a_nameless_span_speaks_for_its_service() -> None:
    request = spans("rogue", {}, {"gen_ai__agent__name": "clerk"})

    assert len(remove_forbidden(request, CLERK)) == 1
    assert remove_forbidden(spans("clerk", {}), CLERK) == []


def test_a_resource_whose_every_record_is_refused_leaves_nothing_behind() -> None:
    request = spans("rogue", {}, {})

    assert len(remove_forbidden(request, CLERK)) == 2
    assert request == ExportTraceServiceRequest()


def test_a_decision_told_by_an_event_on_a_span_is_a_claim() -> None:
    request = spans("clerk", {"gen_ai__agent__name": "clerk"})
    event = request.resource_spans[0].scope_spans[0].spans[0].events.add()
    event.name = "watchkeeper.decision"
    put(event.attributes, gen_ai__agent__name="rogue", watchkeeper__decision__verdict="deny")

    assert [one.detail for one in remove_forbidden(request, CLERK)] == [
        "token:t may send for clerk, got 'rogue'"
    ]


def test_a_log_may_neither_decide_nor_rename_for_another_agent() -> None:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    put(resource.resource.attributes, service__name="clerk")
    group = resource.scope_logs.add()
    put(
        group.log_records.add(event_name="watchkeeper.decision").attributes,
        gen_ai__agent__name="rogue",
        watchkeeper__decision__verdict="allow",
    )
    renaming = group.log_records.add(event_name="audit_entry").attributes
    put(renaming, agt__agent__id="clerk", agt__audit__meta__agent_did="did:mesh:rogue")
    group.log_records.add()

    refused = remove_forbidden(request, CLERK)

    assert len(refused) == 2
    assert "did:mesh:rogue" in refused[1].detail
    assert len(request.resource_logs[0].scope_logs[0].log_records) == 1


def test_a_refused_metric_counts_as_its_points() -> None:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    put(resource.resource.attributes, service__name="clerk")
    metric = resource.scope_metrics.add().metrics.add(name="agent.trust_score")
    for agent in ("clerk", "rogue"):
        point = metric.gauge.data_points.add(as_double=0.5)
        put(point.attributes, gen_ai__agent__name=agent)

    [refused] = remove_forbidden(request, CLERK)

    assert refused.records == 2 and request == ExportMetricsServiceRequest()


def test_the_environment_is_compared_in_either_spelling_and_must_be_told() -> None:
    grant = Grant("token:t", environments=("prod-*",))

    def refused(**resource: str) -> int:
        request = spans("clerk", {})
        put(request.resource_spans[0].resource.attributes, **resource)
        return len(remove_forbidden(request, grant))

    assert refused(deployment__environment__name="prod-eu") == 0
    assert refused(deployment__environment="prod-eu") == 0
    assert refused(deployment__environment__name="test") == 1
    assert refused() == 1


class Told(Intake):
    """An intake that remembers what was left out."""

    counted = 0

    def left_out(self, incoming: Incoming, refusals: Sequence[Refusal]) -> None:
        self.counted += sum(refusal.records for refusal in refusals)


async def test_a_retry_is_judged_anew_once_its_token_may_send_less(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path / "wal")
    file = TokenFile(tmp_path / "tokens.json", look_again_s=0)
    wide = file.add("billing")
    intake = Told(log, credentials=Credentials(file))
    body = spans("rogue", {}, {}).SerializeToString()
    incoming = Incoming(
        Signal.TRACES, "protobuf", "otlp-grpc", body, authorization=f"Bearer {wide}"
    )
    assert "not_allowed" not in (await intake.take(incoming)).message
    path = tmp_path / "tokens.json"
    document = json.loads(path.read_text())
    document["tokens"][0]["agents"] = ["clerk"]
    path.write_text(json.dumps(document))

    assert "2 agent_not_allowed" in (await intake.take(incoming)).message
    log.close()


async def test_a_request_refused_whole_counts_once_however_often_it_is_sent(
    tmp_path: Path,
) -> None:
    log = WriteAheadLog(tmp_path / "wal")
    file = TokenFile(tmp_path / "tokens.json", look_again_s=0)
    token = file.add("billing", agents=("clerk",))
    intake = Told(log, credentials=Credentials(file))
    body = spans("rogue", {}, {}).SerializeToString()
    incoming = Incoming(
        Signal.TRACES, "protobuf", "otlp-grpc", body, authorization=f"Bearer {token}"
    )

    answers = await asyncio.gather(*(intake.take(incoming) for _ in range(3)))

    assert {answer.rejected for answer in answers} == {2}
    assert intake.counted == 2
    log.close()
