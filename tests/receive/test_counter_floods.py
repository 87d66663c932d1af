"""Counters that claim more decisions than anybody could have taken."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.model import Signal
from collector.receive import decode as decoding
from collector.receive.credentials import Grant
from collector.receive.decode import Decoder
from collector.receive.normalise.agt import counters
from collector.receive.permission import remove_forbidden
from collector.store.wal import Record

NOON_NS = 1_768_478_400_000_000_000


def counted(*points: int, first: int = 0) -> ExportMetricsServiceRequest:
    """One series of denials for each point."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="mcp_decisions")
    metric.sum.aggregation_temporality = 2
    for number, value in enumerate(points, first):
        point = metric.sum.data_points.add(
            start_time_unix_nano=NOON_NS + number, time_unix_nano=NOON_NS + 10**9, as_int=value
        )
        point.attributes.add(key="decision").value.string_value = "deny"
        point.attributes.add(key="agent_id").value.string_value = "clerk"
    return request


def record(sequence: int, request: ExportMetricsServiceRequest) -> Record:
    body = request.SerializeToString()
    return Record(sequence, Signal.METRICS, "protobuf", "gateway", NOON_NS, body)


def test_one_counter_tells_its_last_thousand_decisions() -> None:
    batch = Decoder().decode([record(1, counted(10**9))])

    assert batch.tables["decision"].num_rows == 1000


def test_many_counters_that_claim_a_billion_each_tell_few_decisions_each() -> None:
    batch = Decoder().decode([record(1, counted(*[10**9] * 5000))])

    assert batch.tables["metric_point"].num_rows == 5000
    assert batch.tables["decision"].num_rows == 50_000


def test_a_batch_ends_where_its_decisions_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_MOST_DECISIONS", 1500)
    records = [record(number, counted(10**9, first=number)) for number in range(1, 6)]

    batch = Decoder().decode(records)

    assert (batch.sequence, batch.tables["decision"].num_rows) == (2, 2000)


def test_asking_for_permission_does_not_count_the_decisions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    make = counters.DecisionFact
    monkeypatch.setattr(
        counters, "DecisionFact", lambda **parts: told.append(parts) or make(**parts)
    )

    refused = remove_forbidden(counted(10**9, 10**9), Grant("token:t", agents=("rogue",)))

    assert [each.records for each in refused] == [2]
    assert len(told) <= 2
