"""OpenInference: the conventions of Arize Phoenix's instrumentations."""

from __future__ import annotations

from collections.abc import Mapping

from collector.receive.normalise.keys import Place, Slot, places

DIALECT = "openinference"

# DECISION is a call of a "decision model", not an authorisation, so it is only a step.
OPS: Mapping[str, str] = {
    "LLM": "model",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "chain",
    "RETRIEVER": "retrieval",
    "RERANKER": "retrieval",
    "EMBEDDING": "embedding",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "DECISION": "chain",
    "PROMPT": "chain",
}

KEYS: Mapping[str, Place] = {
    **places(Slot.OPENINFERENCE_KIND, ["openinference.span.kind"], 0),
    **places(Slot.AGENT_NAME, ["agent.name"], 10),
    **places(Slot.GRAPH_NODE, ["graph.node.id"], 0),
    **places(Slot.CONVERSATION_ID, ["session.id"], 10),
    **places(Slot.TOOL_NAME, ["tool.name"], 10),
    **places(Slot.TOOL_CALL_ID, ["tool.call_id", "tool.id", "tool_call.id"], 10),
    **places(
        Slot.MODEL,
        ["llm.request.model_name", "llm.response.model_name", "llm.model_name"],
        10,
    ),
    **places(Slot.MODEL, ["embedding.model_name"], 15),
    **places(Slot.PROVIDER, ["llm.provider", "llm.system"], 10),
    **places(Slot.INPUT_TOKENS, ["llm.token_count.prompt"], 10),
    **places(Slot.OUTPUT_TOKENS, ["llm.token_count.completion"], 10),
    **places(Slot.CACHE_READ_TOKENS, ["llm.token_count.prompt_details.cache_read"], 10),
    **places(Slot.CACHE_WRITE_TOKENS, ["llm.token_count.prompt_details.cache_write"], 10),
    **places(Slot.REASONING_TOKENS, ["llm.token_count.completion_details.reasoning"], 10),
    **places(Slot.COST_USD, ["llm.cost.total"], 10),
}
