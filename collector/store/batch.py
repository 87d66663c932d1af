"""Batches: the columns of many records, ready for one transaction.

The decoder makes them and the applier stores them; the schemas here are the tables of
`sql/schema` in Arrow's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ["KEYS", "SCHEMAS", "Batch", "array_of", "empty_tables", "table_of"]

# DuckDB's own Arrow names: a hash travels as 16 bytes, little endian, and JSON is not parsed again.
HASH = pa.opaque(pa.binary(16), "uhugeint", "DuckDB")
JSON = pa.json_()
TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
BYTES = pa.binary()
BIG = pa.int64()
UBIG = pa.uint64()
COUNT = pa.uint32()
REAL = pa.float64()
FLAG = pa.bool_()

_RECEIVED = [("sequence", UBIG), ("received_at", TIME), ("source", TEXT)]
_SENDER = [*_RECEIVED, ("resource_hash", HASH), ("scope_hash", HASH)]

SCHEMAS: Mapping[str, pa.Schema] = {
    "resource": pa.schema(
        [
            ("resource_hash", HASH),
            ("attributes", JSON),
            ("dropped_attributes_count", COUNT),
            ("schema_url", TEXT),
            ("service_name", TEXT),
            ("instance", TEXT),
            ("environment", TEXT),
            ("sample", FLAG),
            ("first_received_at", TIME),
            ("entity_refs", JSON),
        ]
    ),
    "scope": pa.schema(
        [
            ("scope_hash", HASH),
            ("name", TEXT),
            ("version", TEXT),
            ("attributes", JSON),
            ("dropped_attributes_count", COUNT),
            ("schema_url", TEXT),
        ]
    ),
    "span": pa.schema(
        [
            *_SENDER,
            ("trace_id", BYTES),
            ("span_id", BYTES),
            ("parent_span_id", BYTES),
            ("trace_state", TEXT),
            ("flags", COUNT),
            ("name", TEXT),
            ("kind", pa.int32()),
            ("started_at", TIME),
            ("start_ns", BIG),
            ("end_ns", BIG),
            ("status_code", pa.int32()),
            ("status_message", TEXT),
            ("attributes", JSON),
            ("dropped_attributes_count", COUNT),
            ("events", JSON),
            ("dropped_events_count", COUNT),
            ("links", JSON),
            ("dropped_links_count", COUNT),
            ("op", TEXT),
            ("dialect", TEXT),
            ("agent_name", TEXT),
            ("agent_id", TEXT),
            ("conversation_id", TEXT),
            ("tool_name", TEXT),
            ("tool_call_id", TEXT),
            ("model", TEXT),
            ("provider", TEXT),
            ("input_tokens", BIG),
            ("output_tokens", BIG),
            ("cost_usd", REAL),
            ("error_type", TEXT),
            ("agent_version", TEXT),
            ("workflow", TEXT),
            ("cache_read_tokens", BIG),
            ("cache_write_tokens", BIG),
            ("reasoning_tokens", BIG),
        ]
    ),
    "log_record": pa.schema(
        [
            *_SENDER,
            ("fingerprint", HASH),
            ("logged_at", TIME),
            ("time_ns", BIG),
            ("observed_ns", BIG),
            ("severity_number", pa.int32()),
            ("severity_text", TEXT),
            ("event_name", TEXT),
            ("body", JSON),
            ("attributes", JSON),
            ("dropped_attributes_count", COUNT),
            ("flags", COUNT),
            ("trace_id", BYTES),
            ("span_id", BYTES),
        ]
    ),
    "metric_point": pa.schema(
        [
            *_SENDER,
            ("fingerprint", HASH),
            ("name", TEXT),
            ("description", TEXT),
            ("unit", TEXT),
            ("metadata", JSON),
            ("type", TEXT),
            ("temporality", TEXT),
            ("monotonic", FLAG),
            ("attributes", JSON),
            ("measured_at", TIME),
            ("start_ns", BIG),
            ("time_ns", BIG),
            ("flags", COUNT),
            ("value", REAL),
            ("value_int", BIG),
            ("count", UBIG),
            ("sum", REAL),
            ("min", REAL),
            ("max", REAL),
            ("data", JSON),
            ("exemplars", JSON),
        ]
    ),
    "decision": pa.schema(
        [
            ("sequence", UBIG),
            ("received_at", TIME),
            ("decision_id", TEXT),
            ("decided_at", TIME),
            ("decided_ns", BIG),
            ("agent", TEXT),
            ("agent_id", TEXT),
            ("instance", TEXT),
            ("environment", TEXT),
            ("sample", FLAG),
            ("action", TEXT),
            ("verdict", TEXT),
            ("effect", TEXT),
            ("stage", TEXT),
            ("mode", TEXT),
            ("source", TEXT),
            ("policy", TEXT),
            ("rule", TEXT),
            ("reason_code", TEXT),
            ("reason", TEXT),
            ("hold_id", TEXT),
            ("command_id", TEXT),
            ("trace_id", BYTES),
            ("span_id", BYTES),
            ("dialect", TEXT),
            ("raw_verdict", TEXT),
            ("told_by", TEXT),
            ("policy_version", TEXT),
            ("engine", TEXT),
            ("agent_version", TEXT),
            ("conversation_id", TEXT),
            ("tool_call_id", TEXT),
            ("user_id", TEXT),
            ("target_type", TEXT),
            ("target_name", TEXT),
            ("target_tier", TEXT),
            ("risk_category", TEXT),
            ("risk_score", REAL),
            ("approval_id", TEXT),
            ("approval_outcome", TEXT),
            ("approver", TEXT),
            ("input_hash", TEXT),
            ("duration_ms", REAL),
            ("error_type", TEXT),
            ("state_gen", BIG),
            ("state_epoch", BIG),
        ]
    ),
    "trust_point": pa.schema(
        [
            ("sequence", UBIG),
            ("received_at", TIME),
            ("agent", TEXT),
            ("agent_id", TEXT),
            ("environment", TEXT),
            ("sample", FLAG),
            ("scored_at", TIME),
            ("scored_ns", BIG),
            ("score", REAL),
            ("tier", TEXT),
            ("raw_score", REAL),
            ("raw_scale", TEXT),
            ("origin", TEXT),
            ("reason", TEXT),
            ("raw_tier", TEXT),
        ]
    ),
    "governance_event": pa.schema(
        [
            ("sequence", UBIG),
            ("received_at", TIME),
            ("event_id", TEXT),
            ("told_at", TIME),
            ("told_ns", BIG),
            ("kind", TEXT),
            ("name", TEXT),
            ("subject", TEXT),
            ("agent", TEXT),
            ("agent_id", TEXT),
            ("instance", TEXT),
            ("environment", TEXT),
            ("sample", FLAG),
            ("from_value", TEXT),
            ("to_value", TEXT),
            ("value", REAL),
            ("reason", TEXT),
            ("trace_id", BYTES),
            ("span_id", BYTES),
            ("dialect", TEXT),
            ("told_by", TEXT),
            ("copy_key", TEXT),
            ("detail", JSON),
        ]
    ),
    "command_event": pa.schema(
        [
            ("sequence", UBIG),
            ("received_at", TIME),
            ("told_at", TIME),
            ("command_id", TEXT),
            ("hold_id", TEXT),
            ("kind", TEXT),
            ("phase", TEXT),
            ("agent", TEXT),
            ("instance", TEXT),
            ("actor", TEXT),
            ("origin", TEXT),
            ("reason", TEXT),
            ("expires_at", TIME),
            ("sample", FLAG),
            ("detail", JSON),
        ]
    ),
    "logged_call": pa.schema(
        [
            ("sequence", UBIG),
            ("received_at", TIME),
            ("resource_hash", HASH),
            ("scope_hash", HASH),
            ("trace_id", BYTES),
            ("span_id", BYTES),
            ("parent_span_id", BYTES),
            ("name", TEXT),
            ("op", TEXT),
            ("dialect", TEXT),
            ("started_at", TIME),
            ("start_ns", BIG),
            ("end_ns", BIG),
            ("status_code", pa.int32()),
            ("agent_name", TEXT),
            ("conversation_id", TEXT),
            ("tool_name", TEXT),
            ("tool_call_id", TEXT),
            ("model", TEXT),
            ("input_tokens", BIG),
            ("output_tokens", BIG),
            ("cache_read_tokens", BIG),
            ("cache_write_tokens", BIG),
            ("cost_usd", REAL),
            ("error_type", TEXT),
        ]
    ),
    "agent_alias": pa.schema(
        [("alias", TEXT), ("agent", TEXT), ("learnt_from", TEXT), ("learnt_at", TIME)]
    ),
    "refused_record": pa.schema(
        [
            *_RECEIVED,
            ("signal", TEXT),
            ("reason", TEXT),
            ("records", UBIG),
            ("detail", TEXT),
        ]
    ),
    "source_count": pa.schema(
        [
            ("counted_at", TIME),
            ("source", TEXT),
            ("signal", TEXT),
            ("received", UBIG),
            ("stored", UBIG),
            ("refused", UBIG),
            ("duplicate", UBIG),
        ]
    ),
}

# What makes two rows the same. A span has one start: with it in the key the rows of
# other times need not be searched, and the answer does not depend on the batching.
KEYS: Mapping[str, tuple[str, ...]] = {
    "resource": ("resource_hash",),
    "scope": ("scope_hash",),
    "span": ("trace_id", "span_id", "start_ns"),
    "log_record": ("fingerprint",),
    "metric_point": ("fingerprint",),
    "decision": ("decision_id",),
    "governance_event": ("event_id",),
    "trust_point": (
        "scored_ns",
        "agent",
        "agent_id",
        "environment",
        "score",
        "raw_score",
        "raw_scale",
        "origin",
        "reason",
    ),
    "command_event": (
        "told_at",
        "command_id",
        "hold_id",
        "kind",
        "phase",
        "agent",
        "instance",
        "actor",
        "origin",
        "reason",
        "expires_at",
        "detail",
    ),
    "logged_call": ("trace_id", "span_id", "start_ns"),
    "agent_alias": ("alias", "agent"),
}


@dataclass(frozen=True, slots=True)
class Batch:
    """One Arrow table for each table of the store, each with unique keys, and how far they reach.

    `source_count` counts as duplicate what repeats inside the batch, and as stored the rest.
    """

    sequence: int
    tables: Mapping[str, pa.Table]


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An Arrow array; DuckDB's own types are put around the bytes or text they travel as."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


def table_of(name: str, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """The Arrow table of one table's columns."""
    schema = SCHEMAS[name]
    return pa.table([array_of(columns[f.name], f.type) for f in schema], schema=schema)


def empty_tables() -> dict[str, pa.Table]:
    """Every table without a row."""
    return {name: schema.empty_table() for name, schema in SCHEMAS.items()}
