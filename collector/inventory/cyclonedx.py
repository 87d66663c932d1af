"""The inventory as a bill of materials: CycloneDX 1.6, with models as ML components.

Models, tools, plugins, frameworks and instrumentations become components, agents applications
that depend on them, providers and MCP servers services. What only we know stands in properties.
Telemetry tells a model's name and use, so its card has no more; what is not known is not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

__all__ = ["bill_of_materials"]

_TYPES = {
    "agent": "application",
    "model": "machine-learning-model",
    "tool": "application",
    "plugin": "library",
    "framework": "framework",
    "instrumentation": "library",
}
# The schema's limit; the reference and a property have what is cut off.
_LONGEST_VERSION = 1024
_SERVICES = ("provider", "mcp_server")
_TOLD = ("standing", "first_seen", "last_seen", "events", "owner", "signer", "sample")


def bill_of_materials(
    rows: Iterable[Mapping[str, Any]], *, version: str, made_at: datetime, serial: UUID
) -> dict[str, Any]:
    """The document; `rows` are those of the question `inventory`."""
    known = [row for row in rows if row["kind"] in _TYPES or row["kind"] in _SERVICES]
    tool = {"type": "application", "name": "watchkeeper", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial.urn,
        "version": 1,
        "metadata": {"timestamp": made_at.isoformat(), "tools": {"components": [tool]}},
        "components": [_component(row) for row in known if row["kind"] in _TYPES],
        "services": [_service(row) for row in known if row["kind"] in _SERVICES],
        "dependencies": _dependencies(known),
    }


def _reference(row: Mapping[str, Any]) -> str:
    parts = (row["kind"], row["name"], row.get("version") or "", row.get("origin") or "")
    return "watchkeeper:" + "|".join(part.replace("|", "||") for part in parts)


def _component(row: Mapping[str, Any]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": _TYPES[row["kind"]],
        "bom-ref": _reference(row),
        "name": row["name"],
        "properties": _properties(row),
    }
    if row.get("version"):
        component["version"] = row["version"][:_LONGEST_VERSION]
    if row["kind"] == "model":
        component["modelCard"] = _model_card(row)
        if row.get("origin"):
            component["supplier"] = {"name": row["origin"]}
    if row.get("sha256"):
        component["hashes"] = [{"alg": "SHA-256", "content": row["sha256"]}]
    return component


def _model_card(row: Mapping[str, Any]) -> dict[str, Any]:
    """Who was seen to use it; how it was made and how well it does is not told by telemetry."""
    users = [{"name": "watchkeeper:used_by", "value": agent} for agent in row.get("agents") or ()]
    basis = {"name": "watchkeeper:basis", "value": "observed telemetry"}
    return {"bom-ref": f"{_reference(row)}#card", "properties": [basis, *users]}


def _service(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"bom-ref": _reference(row), "name": row["name"], "properties": _properties(row)}


def _properties(row: Mapping[str, Any]) -> list[dict[str, str]]:
    told = {"kind": row["kind"], **{name: row.get(name) for name in _TOLD}}
    told["signed"] = row.get("signed") or "not known"
    if len(row.get("version") or "") > _LONGEST_VERSION:
        told["version"] = row["version"]
    if row["kind"] == "tool" and row.get("origin"):
        told["mcp_server"] = row["origin"]
    return [
        {"name": f"watchkeeper:{name}", "value": _written(value)}
        for name, value in told.items()
        if value is not None
    ]


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dependencies(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each agent with what it was seen to use."""
    agents = {row["name"]: _reference(row) for row in rows if row["kind"] == "agent"}
    used: dict[str, set[str]] = {reference: set() for reference in agents.values()}
    for row in rows:
        for agent in row.get("agents") or () if row["kind"] != "agent" else ():
            if agent in agents:
                used[agents[agent]].add(_reference(row))
    return [{"ref": agent, "dependsOn": sorted(parts)} for agent, parts in sorted(used.items())]
