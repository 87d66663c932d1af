"""One span, read once: which keys it carries, in which dialect, and so what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.receive.normalise import agt, openinference, openllmetry, otel_genai
from collector.receive.normalise.facts import Meaning
from collector.receive.normalise.keys import Place, Slot, real, text, whole

NOTHING = Meaning()

KEYS: Mapping[str, Place] = {
    **otel_genai.KEYS,
    **openinference.KEYS,
    **openllmetry.KEYS,
    **agt.KEYS,
}
# A span with none of these keys has no meaning of its own; error.type alone is no marker.
MARKERS = frozenset(KEYS) - {"error.type", "session.id"}
_BLANK: Sequence[Any] = (None,) * Slot.COUNT
_UNRANKED: Sequence[int] = (1 << 30,) * Slot.COUNT
# Some instrumentations name the framework where the provider belongs.
_NOT_PROVIDERS = frozenset({"langchain", "langgraph", "crewai", "llamaindex"})
_ERROR = 2
_ERROR_TEXT = 200


def meaning(
    name: str,
    scope: str,
    attributes: Mapping[str, Any],
    status_code: int,
    status_message: str,
    events: Sequence[Mapping[str, Any]],
) -> Meaning:
    """The normalised columns of one span."""
    if MARKERS.isdisjoint(attributes):
        return NOTHING
    found = _found(attributes)
    op, dialect = _op(name, scope, found)
    return Meaning(
        op=op,
        dialect=dialect,
        agent_name=_agent_name(op, dialect, found),
        agent_id=text(found[Slot.AGENT_ID]) or text(found[Slot.AGT_IDENTITY]),
        conversation_id=text(found[Slot.CONVERSATION_ID]),
        tool_name=_tool_name(op, dialect, name, attributes, found),
        tool_call_id=text(found[Slot.TOOL_CALL_ID]),
        model=text(found[Slot.MODEL]),
        provider=_provider(found),
        input_tokens=whole(found[Slot.INPUT_TOKENS]),
        output_tokens=whole(found[Slot.OUTPUT_TOKENS]),
        cost_usd=real(found[Slot.COST_USD]),
        error_type=_error_type(found, status_code, status_message, events),
        agent_version=text(found[Slot.AGENT_VERSION]),
        workflow=text(found[Slot.WORKFLOW]),
        cache_read_tokens=whole(found[Slot.CACHE_READ_TOKENS]),
        cache_write_tokens=whole(found[Slot.CACHE_WRITE_TOKENS]),
        reasoning_tokens=whole(found[Slot.REASONING_TOKENS]),
    )


def _found(attributes: Mapping[str, Any]) -> list[Any]:
    """For each slot the value of its best-ranked key that says something."""
    found = list(_BLANK)
    ranks = list(_UNRANKED)
    for key, value in attributes.items():
        place = KEYS.get(key)
        if place is None:
            continue
        slot, rank = place
        if rank < ranks[slot] and value is not None and value != "" and value != "unknown":
            found[slot] = value
            ranks[slot] = rank
    return found


def _op(name: str, scope: str, found: Sequence[Any]) -> tuple[str | None, str | None]:
    traceloop = found[Slot.TRACELOOP_KIND]
    traced = traceloop is not None or found[Slot.TRACELOOP_ENTITY] is not None
    if type(traceloop) is str and traceloop in openllmetry.OVERRIDES:
        return openllmetry.OPS[traceloop], openllmetry.DIALECT
    operation = found[Slot.OPERATION]
    if operation is not None:
        dialect = openllmetry.DIALECT if traced else otel_genai.DIALECT
        return _known(otel_genai.OPS, operation), dialect
    protocol = _protocol_op(found)
    if protocol is not None:
        return protocol, otel_genai.DIALECT
    governed = agt.op_of(name, scope, found[Slot.AGT_KIND])
    if governed is not None:
        return governed
    kind = found[Slot.OPENINFERENCE_KIND]
    if kind is not None:
        return _known(openinference.OPS, kind), openinference.DIALECT
    return _known(openllmetry.OPS, traceloop), openllmetry.DIALECT if traced else None


def _protocol_op(found: Sequence[Any]) -> str | None:
    """What a message of a protocol between agents, tools and models is."""
    if found[Slot.MCP_METHOD] is not None:
        return _known(otel_genai.MCP_OPS, found[Slot.MCP_METHOD]) or "mcp"
    if found[Slot.A2A_METHOD] is not None:
        return _known(otel_genai.A2A_OPS, found[Slot.A2A_METHOD]) or "a2a"
    return _known(otel_genai.AG2_OPS, found[Slot.AG2_KIND])


def _known(ops: Mapping[str, str], word: Any) -> str | None:
    return ops.get(word) if type(word) is str else None


def _agent_name(op: str | None, dialect: str | None, found: Sequence[Any]) -> str | None:
    name = text(found[Slot.AGENT_NAME])
    if name is None and op == "agent":
        name = text(found[Slot.GRAPH_NODE])
    if name is None and dialect is not None and dialect.startswith(agt.DIALECT):
        name = text(found[Slot.AGT_IDENTITY])
    return name


def _tool_name(
    op: str | None,
    dialect: str | None,
    name: str,
    attributes: Mapping[str, Any],
    found: Sequence[Any],
) -> str | None:
    """The tool's name; a tool span without one is called after its span."""
    named = text(found[Slot.TOOL_NAME])
    if named is not None or op not in ("tool", "mcp"):
        return named
    if dialect == agt.KERNEL:
        return text(attributes.get("action"))
    if op == "mcp":
        method, _, rest = name.partition(" ")
        return (rest or None) if method == "tools/call" else None
    return text(found[Slot.TRACELOOP_ENTITY]) or agt.tool_of(name)


def _provider(found: Sequence[Any]) -> str | None:
    provider = text(found[Slot.PROVIDER])
    return None if provider in _NOT_PROVIDERS else provider


def _error_type(
    found: Sequence[Any],
    status_code: int,
    status_message: str,
    events: Sequence[Mapping[str, Any]],
) -> str | None:
    told = text(found[Slot.ERROR_TYPE])
    if told is not None:
        return told
    if status_code != _ERROR:
        return "task failed" if found[Slot.TASK_SUCCESS] is False else None
    for event in events:
        raised = text((event.get("attributes") or {}).get("exception.type"))
        if raised is not None:
            return raised
    return status_message.partition("\n")[0][:_ERROR_TEXT] or None
