"""The collector's own metrics, as Prometheus reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from collector.errors import RefusedInput
from collector.instruments import Instruments, WatchedIntake, watched_api, watched_door
from collector.model import Signal
from collector.receive.intake import Incoming
from collector.store.applier import Applied
from collector.store.wal import Encoding

NOW = {
    "wal_lag_records": 7,
    "wal_lag_bytes": 4096,
    "wal_damaged_files": 0,
    "wal_waiting_bytes": 0,
    "disk_free_bytes": 10**11,
    "disk_floor_bytes": 5 * 10**8,
    "traces_not_derived": 0,
}
APPLIED = Applied(
    position=9,
    spans=2,
    logs=0,
    points=0,
    decisions=0,
    hold_ids=frozenset(),
    counts=[
        {
            "source": 'ro"gue',
            "signal": "traces",
            "received": 4,
            "stored": 2,
            "refused": 1,
            "duplicate": 1,
        }
    ],
    refusals=[{"source": 'ro"gue', "signal": "traces", "reason": "invalid_span_id", "records": 1}],
    seconds=0.04,
)


@pytest.fixture
def instruments() -> Instruments:
    """With every metric used once, because a metric without labels in use is not told."""
    used = Instruments("0.1.0")
    used.applied(APPLIED)
    used.synced(12, 0.0004)
    used.checkpointed(0.3)
    used.request("http", "traces", "200", 512, 0.002)
    used.question("fleet", "200", 0.02)
    return used


def told(instruments: Instruments) -> Callable[..., float | None]:
    """The value of one sample in a scrape."""
    page = instruments.page("text/plain", NOW)[0].decode()
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    return lambda name, **labels: samples.get((f"watchkeeper_{name}", frozenset(labels.items())))


def test_what_became_of_a_batch_is_counted(instruments: Instruments) -> None:
    value = told(instruments)

    assert value("records_stored_total", source='ro"gue', signal="traces") == 2
    assert value("records_duplicate_total", source='ro"gue', signal="traces") == 1
    refused = {"source": 'ro"gue', "signal": "traces", "reason": "invalid_span_id"}
    assert value("records_refused_total", **refused) == 1
    assert value("batch_seconds_count") == 1
    assert value("wal_records_total") == 12
    assert value("wal_lag_records") == 7


def test_every_metric_of_ours_follows_the_conventions(instruments: Instruments) -> None:
    """prometheus.io/docs/practices/naming: a prefix, base units, _total only on counters."""
    page = instruments.page("application/openmetrics-text; version=1.0.0", NOW)[0].decode()
    ours = [
        family
        for family in openmetrics.text_string_to_metric_families(page)
        if not family.name.startswith("process_")
    ]

    assert len(ours) > 15
    for family in ours:
        assert family.name.startswith("watchkeeper_")
        assert family.documentation.endswith("."), family.name
        names = {sample.name for sample in family.samples}
        if names:
            assert any(name.endswith("_total") for name in names) == (family.type == "counter")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        assert not any(unit in family.name for unit in ("_ms", "_kb", "_mib", "millis"))


def test_a_scrape_gets_openmetrics_only_when_it_asks_for_it(instruments: Instruments) -> None:
    page, media_type = instruments.page("application/openmetrics-text; version=1.0.0", NOW)
    assert media_type.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")

    assert instruments.page("", NOW)[1].startswith("text/plain")


def _answer(request: Request) -> Response:
    return PlainTextResponse("", status_code=int(request.query_params.get("status", "200")))


ANYTHING = Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST"])])


def test_the_http_door_counts_each_export_request_by_its_answer() -> None:
    instruments = Instruments("0.1.0")
    client = TestClient(watched_door(ANYTHING, instruments))

    client.post("/v1/traces", content=b"12345")
    client.post("/v1/logs?status=429")
    client.get("/healthz")

    value = told(instruments)
    assert value("requests_total", door="http", signal="traces", code="200") == 1
    assert value("requests_total", door="http", signal="logs", code="429") == 1


def test_a_question_nobody_knows_makes_no_series_of_its_own() -> None:
    instruments = Instruments("0.1.0")
    client = TestClient(watched_api(ANYTHING, instruments))

    client.get("/v1/query/fleet")
    client.get("/v1/query/guess-1?status=404")
    client.get("/v1/query/guess-2?status=404")
    client.get("/v1/meta")

    value = told(instruments)
    assert value("questions_total", question="fleet", code="200") == 1
    assert value("questions_total", question="unknown", code="404") == 2


class Log:
    """A log that syncs at once."""

    failure = None

    def append(
        self, signal: Signal, encoding: Encoding, source: str, received_ns: int, body: bytes
    ) -> Future[int]:
        synced: Future[int] = Future()
        synced.set_result(1)
        return synced


def taken(instruments: Instruments, source: str, body: bytes) -> None:
    intake = WatchedIntake(instruments, Log())
    asyncio.run(intake.take(Incoming(Signal.TRACES, "protobuf", source, body)))


def test_the_grpc_door_counts_each_request_by_its_code() -> None:
    instruments = Instruments("0.1.0")

    taken(instruments, "otlp-grpc", b"")
    with pytest.raises(RefusedInput):
        taken(instruments, "otlp-grpc", b"\xff\xff")
    taken(instruments, "otlp-http", b"")

    value = told(instruments)
    grpc: dict[str, Any] = {"door": "grpc", "signal": "traces"}
    assert value("requests_total", **grpc, code="OK") == 1
    assert value("requests_total", **grpc, code="INVALID_ARGUMENT") == 1
    assert value("request_bytes_total", **grpc) == 2
