"""The public views: every OTLP field of the three signals can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.store.applier import Applier
from collector.store.connection import Store
from tests.receive.test_decode import METRIC, METRIC_KINDS, add_the_last_bucket, filled, leaves
from tests.store.test_applier import MemoryLog

VIEWS = {Signal.TRACES: "spans", Signal.LOGS: "logs", Signal.METRICS: "metric_points"}
POINTS = "opentelemetry.proto.metrics.v1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


def asked(store: Store, signal: Signal, request: Message) -> set[Any]:
    """Every value in the view of the signal once the request is stored, JSON opened."""
    log = MemoryLog()
    log.append(signal, request.SerializeToString())
    Applier(store, log, Decoder()).step()
    table: pa.Table = store.cursor().sql(f"from {VIEWS[signal]}").to_arrow_table()
    [row] = table.to_pylist()
    return {leaf for value in row.values() for leaf in leaves(_opened(value))}


def _opened(value: Any) -> Any:
    """Columns of JSON come as text; text that is no JSON is itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _looked_for(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if name.endswith("aggregation_temporality"):
        return "cumulative"
    return value


def missing(found: set[Any], sent: list[tuple[str, Any]]) -> list[str]:
    return [name for name, value in sent if _looked_for(name, value) not in found]


@pytest.mark.parametrize("signal", [Signal.TRACES, Signal.LOGS])
def test_every_field_can_be_asked_for(store: Store, signal: Signal) -> None:
    request, sent = filled(signal, frozenset())

    assert missing(asked(store, signal, request), sent) == []


@pytest.mark.parametrize("kind", METRIC_KINDS)
@pytest.mark.parametrize("number", ["as_int", "as_double"])
def test_every_field_of_a_metric_can_be_asked_for(store: Store, kind: str, number: str) -> None:
    others = {f"{METRIC}.{other}" for other in METRIC_KINDS if other != kind}
    unset = {
        f"{POINTS}.{message}.{field}"
        for message in ("NumberDataPoint", "Exemplar")
        for field in {"as_int", "as_double"} - {number}
    }
    request, sent = filled(Signal.METRICS, frozenset(others | unset))
    if kind == "histogram":
        add_the_last_bucket(request)

    assert missing(asked(store, Signal.METRICS, request), sent) == []


def test_a_field_that_has_no_place_would_be_named(store: Store) -> None:
    request, sent = filled(Signal.LOGS, frozenset())
    found = asked(store, Signal.LOGS, request)

    name, value = next(pair for pair in sent if pair[0].endswith("LogRecord.event_name"))

    assert missing(found - {value}, sent) == [name]
