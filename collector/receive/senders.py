"""Who sent it: resources and scopes, each kept once under the hash of its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import EntityRef, InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from collector.receive.normalise import sender_of
from collector.receive.rows import Rows
from collector.receive.values import attributes_of, json_text

__all__ = ["KnownResource", "KnownScope", "Senders", "content_hash"]

# 4,096: a fleet has hundreds of processes; a sender that invents resources must not grow us.
MEMO_ENTRIES = 4_096

Key = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class KnownResource:
    """One resource as rows refer to it and as dialects read it."""

    hash: bytes
    attributes: dict[str, Any]
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownScope:
    """One scope as rows refer to it."""

    hash: bytes
    name: str
    row: dict[str, Any]


class Senders:
    """Resources and scopes by their bytes."""

    def __init__(self) -> None:
        self._resources: dict[Key, KnownResource] = {}
        self._scopes: dict[Key, KnownScope] = {}

    def resource(self, data: bytes, schema_url: str, received_us: int, rows: Rows) -> KnownResource:
        """The resource, with a row in this batch."""
        known = self._resources.get((data, schema_url))
        if known is None:
            known = _resource(Resource.FromString(data), schema_url)
            _remember(self._resources, (data, schema_url), known)
        if _is_new(rows, "resource", known.hash):
            rows.add("resource", {**known.row, "first_received_at": received_us})
        return known

    def scope(self, data: bytes, schema_url: str, rows: Rows) -> KnownScope:
        """The scope, with a row in this batch."""
        known = self._scopes.get((data, schema_url))
        if known is None:
            known = _scope(InstrumentationScope.FromString(data), schema_url)
            _remember(self._scopes, (data, schema_url), known)
        if _is_new(rows, "scope", known.hash):
            rows.add("scope", known.row)
        return known


def content_hash(*parts: bytes) -> bytes:
    """128 bits over the parts; where one ends and the next begins is part of the content."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()


def _remember(memo: dict[Key, Any], key: Key, known: KnownResource | KnownScope) -> None:
    if len(memo) >= MEMO_ENTRIES:
        memo.clear()
    memo[key] = known


def _is_new(rows: Rows, table: str, content: bytes) -> bool:
    seen = rows.seen[table]
    if content in seen:
        return False
    seen.add(content)
    return True


def _resource(resource: Resource, schema_url: str) -> KnownResource:
    attributes = attributes_of(resource.attributes)
    sender = sender_of(attributes)
    row: dict[str, Any] = {
        "attributes": _sorted_json(attributes),
        "dropped_attributes_count": resource.dropped_attributes_count,
        "schema_url": schema_url,
        "entity_refs": _entity_refs(resource.entity_refs),
    }
    row["resource_hash"] = _row_hash(row)
    row |= {
        "service_name": sender.service_name,
        "instance": sender.instance,
        "environment": sender.environment,
        "sample": sender.sample,
    }
    return KnownResource(row["resource_hash"], attributes, row)


def _scope(scope: InstrumentationScope, schema_url: str) -> KnownScope:
    row: dict[str, Any] = {
        "name": scope.name,
        "version": scope.version,
        "attributes": _sorted_json(attributes_of(scope.attributes)),
        "dropped_attributes_count": scope.dropped_attributes_count,
        "schema_url": schema_url,
    }
    row["scope_hash"] = _row_hash(row)
    return KnownScope(row["scope_hash"], scope.name, row)


def _row_hash(row: dict[str, Any]) -> bytes:
    return content_hash(*(str(value).encode() for value in row.values()))


def _sorted_json(attributes: dict[str, Any]) -> str:
    return json_text(dict(sorted(attributes.items())))


def _entity_refs(references: Sequence[EntityRef]) -> str | None:
    if not references:
        return None
    return json_text(
        [
            {
                "schema_url": reference.schema_url,
                "type": reference.type,
                "id_keys": list(reference.id_keys),
                "description_keys": list(reference.description_keys),
            }
            for reference in references
        ]
    )
