"""OpenLLMetry: Traceloop's instrumentations, which mix their own keys with gen_ai ones."""

from __future__ import annotations

from collections.abc import Mapping

from collector.receive.normalise.keys import Place, Slot, places

DIALECT = "openllmetry"

# These two override gen_ai.operation.name, because the CrewAI instrumentation stamps
# invoke_agent on workflow, task and agent alike.
OVERRIDES = frozenset({"workflow", "task"})

OPS: Mapping[str, str] = {
    "workflow": "workflow",
    "task": "task",
    "agent": "agent",
    "tool": "tool",
}

_ASSOCIATION = "traceloop.association.properties."

KEYS: Mapping[str, Place] = {
    **places(Slot.TRACELOOP_KIND, ["traceloop.span.kind"], 0),
    **places(Slot.TRACELOOP_ENTITY, ["traceloop.entity.name"], 0),
    **places(Slot.WORKFLOW, ["traceloop.workflow.name"], 20),
    **places(Slot.AGENT_NAME, [_ASSOCIATION + "lc_agent_name"], 20),
    **places(Slot.CONVERSATION_ID, [_ASSOCIATION + "session_id", _ASSOCIATION + "thread_id"], 12),
    **places(Slot.INPUT_TOKENS, ["llm.usage.input_tokens", "llm.usage.prompt_tokens"], 20),
    **places(Slot.OUTPUT_TOKENS, ["llm.usage.output_tokens", "llm.usage.completion_tokens"], 20),
}
