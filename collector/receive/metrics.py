"""Metric points become columns: numbers as numbers, buckets and quantiles as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
    SummaryDataPoint,
)

from collector.model import Signal
from collector.receive.facts import add_facts
from collector.receive.logs import Paths, fingerprint
from collector.receive.normalise import facts_of_metric, units_each
from collector.receive.rows import Rows
from collector.receive.senders import KnownResource, KnownScope, Senders
from collector.receive.values import attributes_of, json_text, number
from collector.store.wal import Record

__all__ = ["MetricDecoder"]

Point: TypeAlias = (
    NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint
)

_TEMPORALITIES = {
    AggregationTemporality.AGGREGATION_TEMPORALITY_UNSPECIFIED: "unspecified",
    AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA: "delta",
    AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE: "cumulative",
}


class MetricDecoder:
    """Turns metric requests into rows of metric_point and of the facts that points tell."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders

    def add(
        self, record: Record, request: ExportMetricsServiceRequest, refused: Paths, rows: Rows
    ) -> None:
        """Append the points of one request, without those at the refused paths."""
        received_us = record.received_ns // 1000
        equals: Counter[bytes] = Counter()
        received, most_units = 0, units_each(_sizes(request))
        for resource_at, group in enumerate(request.resource_metrics):
            data = group.resource.SerializeToString(deterministic=True)
            resource = self._senders.resource(data, group.schema_url, received_us, rows)
            for scope_at, metrics in enumerate(group.scope_metrics):
                scope = self._scope(metrics, rows)
                for metric_at, metric in enumerate(metrics.metrics):
                    path = (resource_at, scope_at, metric_at)
                    received += _points_told(metric)
                    _add_metric(
                        record, resource, scope, metric, path, refused, equals, rows, most_units
                    )
        rows.count(record.source, Signal.METRICS, received_us, received)

    def _scope(self, metrics: ScopeMetrics, rows: Rows) -> KnownScope:
        data = metrics.scope.SerializeToString(deterministic=True)
        return self._senders.scope(data, metrics.schema_url, rows)


def _sizes(request: ExportMetricsServiceRequest) -> Iterator[tuple[str, int]]:
    for group in request.resource_metrics:
        for metrics in group.scope_metrics:
            for metric in metrics.metrics:
                yield metric.name, _points_told(metric)


def _points_told(metric: Metric) -> int:
    """A metric without any data counts as one record: the one that is refused."""
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 1


def _add_metric(
    record: Record,
    resource: KnownResource,
    scope: KnownScope,
    metric: Metric,
    path: tuple[int, ...],
    refused: Paths,
    equals: Counter[bytes],
    rows: Rows,
    most_units: int,
) -> None:
    if path in refused:
        return
    described = _description(metric)
    identity = json_text(described).encode()
    shared = {
        "sequence": record.sequence,
        "received_at": record.received_ns // 1000,
        "source": record.source,
        "resource_hash": resource.hash,
        "scope_hash": scope.hash,
        **described,
    }
    for point_at, point in enumerate(getattr(metric, described["type"]).data_points):
        if (*path, point_at) in refused:
            continue
        content = point.SerializeToString(deterministic=True)
        row = shared | _point(point, record.received_ns)
        row["fingerprint"] = fingerprint(equals, resource.hash, scope.hash, identity, content)
        rows.add("metric_point", row)
        _add_facts(record, resource, scope, row, point, rows, most_units)


def _add_facts(
    record: Record,
    resource: KnownResource,
    scope: KnownScope,
    row: dict[str, Any],
    point: Point,
    rows: Rows,
    most_units: int,
) -> None:
    if not isinstance(point, NumberDataPoint):
        return
    facts = facts_of_metric(
        scope.name,
        row["name"],
        attributes_of(point.attributes),
        resource.attributes,
        row["value"],
        row["temporality"],
        point.start_time_unix_nano,
        point.time_unix_nano or record.received_ns,
        most_units,
    )
    add_facts(rows, record, facts)


def _description(metric: Metric) -> dict[str, Any]:
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind or "gauge")
    told = getattr(data, "aggregation_temporality", None)
    return {
        "name": metric.name,
        "description": metric.description,
        "unit": metric.unit,
        "metadata": json_text(attributes_of(metric.metadata)),
        "type": kind,
        "temporality": None if told is None else _TEMPORALITIES.get(told, str(told)),
        "monotonic": getattr(data, "is_monotonic", None),
    }


def _point(point: Point, received_ns: int) -> dict[str, Any]:
    return {
        "attributes": json_text(attributes_of(point.attributes)),
        "measured_at": (point.time_unix_nano or received_ns) // 1000,
        "start_ns": point.start_time_unix_nano,
        "time_ns": point.time_unix_nano,
        "flags": point.flags,
        "exemplars": json_text(_exemplars(getattr(point, "exemplars", ()))),
        **_numbers(point),
    }


def _numbers(point: Point) -> dict[str, Any]:
    match point:
        case NumberDataPoint():
            return _value(point)
        case HistogramDataPoint():
            data: dict[str, Any] = {
                "explicit_bounds": [number(bound) for bound in point.explicit_bounds],
                "bucket_counts": list(point.bucket_counts),
            }
            return _distribution(point) | {"data": json_text(data)}
        case ExponentialHistogramDataPoint():
            return _distribution(point) | {"data": json_text(_exponential(point))}
        case SummaryDataPoint():
            quantiles = [
                {"quantile": number(at.quantile), "value": number(at.value)}
                for at in point.quantile_values
            ]
            return {
                "count": point.count,
                "sum": point.sum,
                "data": json_text({"quantiles": quantiles}),
            }


def _value(point: NumberDataPoint | Exemplar) -> dict[str, Any]:
    match point.WhichOneof("value"):
        case "as_int":
            return {"value": float(point.as_int), "value_int": point.as_int}
        case "as_double":
            return {"value": point.as_double, "value_int": None}
    return {"value": None, "value_int": None}


def _distribution(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> dict[str, Any]:
    return {
        "count": point.count,
        "sum": point.sum if point.HasField("sum") else None,
        "min": point.min if point.HasField("min") else None,
        "max": point.max if point.HasField("max") else None,
    }


def _exponential(point: ExponentialHistogramDataPoint) -> dict[str, Any]:
    return {
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": number(point.zero_threshold),
        "positive": _buckets(point.positive),
        "negative": _buckets(point.negative),
    }


def _buckets(buckets: ExponentialHistogramDataPoint.Buckets) -> dict[str, Any]:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts)}


def _exemplars(exemplars: Iterable[Exemplar]) -> list[dict[str, Any]]:
    return [_exemplar(exemplar) for exemplar in exemplars]


def _exemplar(exemplar: Exemplar) -> dict[str, Any]:
    value = _value(exemplar)
    return {
        "time_ns": exemplar.time_unix_nano,
        "trace_id": exemplar.trace_id.hex(),
        "span_id": exemplar.span_id.hex(),
        "value": value["value_int"] if value["value_int"] is not None else _written(value),
        "attributes": attributes_of(exemplar.filtered_attributes),
    }


def _written(value: dict[str, Any]) -> float | str | None:
    return None if value["value"] is None else number(value["value"])
