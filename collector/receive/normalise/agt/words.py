"""The toolkit's words for agents and for what a span is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.receive.normalise.facts import Sender
from collector.receive.normalise.keys import Place, Slot, first, places, text

DIALECT = "agt"
# Whether the kernel let the action pass is on none of its spans.
KERNEL = "agt_kernel"
COPY = "agt_copy"
META = "agt.audit.meta."

IDENTITY = (
    "agent.did",
    "agt.agent.id",
    "agt.agent_id",
    "governance.agent_did",
    "agent.id",
    "agent_id",
    "agt.did",
    "agent.delegation.from",
)

KEYS: Mapping[str, Place] = {
    **places(Slot.AGT_KIND, ["agent.span.kind", "agent.sre.span.kind"], 0),
    **places(Slot.AGT_IDENTITY, IDENTITY, 0),
    **places(Slot.TOOL_NAME, ["agt.tool.name", "agent.tool.name", "mcp.tool"], 20),
    **places(Slot.TOOL_NAME, ["agent.sre.custom.tool", "agent.sre.custom.mcp.tool"], 24),
    **places(Slot.MODEL, ["agent.model.name", "agent.sre.custom.model"], 20),
    **places(Slot.PROVIDER, ["agent.model.provider"], 20),
    **places(
        Slot.COST_USD,
        ["agent.sre.cost.usd", "agent_sre.cost.usd", "agent.sre.span.cost_usd"],
        20,
    ),
    **places(Slot.TASK_SUCCESS, ["agent.task.success"], 0),
    # Markers of decision spans that name no agent.
    **places(Slot.AGT_IDENTITY, ["agentmesh.agent.id_hash"], 30),
}

_KINDS: Mapping[str, str] = {
    "agent_task": "agent",
    "tool_call": "tool",
    "llm_inference": "model",
    "delegation": "delegation",
    "policy_check": "policy",
    "internal": "chain",
}
_NAMES: Mapping[str, tuple[str, str]] = {
    "agt.policy.evaluate": ("policy", DIALECT),
    "agt.approval.request": ("policy", DIALECT),
    "agentmesh.policy.evaluate": ("policy", DIALECT),
    "mesh.governance.policy_decision": ("policy", DIALECT),
    "mesh.governance.policy_check": ("policy", DIALECT),
    "kernel.policy_check": ("policy", DIALECT),
    "kernel.violation": ("policy", DIALECT),
    "kernel.execute": ("tool", KERNEL),
}


def op_of(name: str, scope: str, kind: Any) -> tuple[str | None, str] | None:
    """Op and dialect of an AGT span; None when it is not one."""
    if type(kind) is str:
        return _KINDS.get(kind.lower()), DIALECT
    return _NAMES.get(name)


def tool_of(name: str) -> str:
    """A tool's name out of a span's: `tool_call:search`, `mcp:files/search`, `search`."""
    if name.startswith("tool_call:"):
        return name[len("tool_call:") :]
    if name.startswith("mcp:"):
        return name.rpartition("/")[2]
    return name


def agent_of(attributes: Mapping[str, Any], sender: Sender, resource: Mapping[str, Any]) -> str:
    return (
        text(attributes.get("gen_ai.agent.name"))
        or first(attributes, IDENTITY)
        or text(attributes.get("agentmesh.agent.id_hash"))
        or text(resource.get("agent.did"))
        or sender.service_name
        or "unknown"
    )


def did_of(agent: str | None) -> str | None:
    """An agent's decentralised identifier, when that is what it is called by."""
    return agent if agent is not None and agent.startswith("did:") else None
