"""OpenTelemetry GenAI, MCP and A2A conventions, and the frameworks that emit them natively."""

from __future__ import annotations

from collections.abc import Mapping

from collector.receive.normalise.keys import Place, Slot, places

DIALECT = "otel_genai"

OPS: Mapping[str, str] = {
    "chat": "model",
    "generate_content": "model",
    "text_completion": "model",
    "fetch_response": "model",
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "search_memory": "retrieval",
    "create_memory": "memory",
    "update_memory": "memory",
    "upsert_memory": "memory",
    "delete_memory": "memory",
    "create_memory_store": "memory",
    "update_memory_store": "memory",
    "delete_memory_store": "memory",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "invoke_workflow": "workflow",
    "execute_task": "task",
    "plan": "chain",
    "create_agent": "chain",
    "run_guardrail": "guardrail",
    "apply_guardrail": "guardrail",
    # Words of AG2's own.
    "conversation": "workflow",
    "initiate_chats": "workflow",
    "execute_code": "tool",
    "speaker_selection": "chain",
    "await_human_input": "chain",
}

# Reading what a server offers is a retrieval; every other method but a tool's is protocol.
MCP_OPS: Mapping[str, str] = {"resources/read": "retrieval"}

# In the spelling of each version of the protocol. Other methods only look after a task.
A2A_OPS: Mapping[str, str] = {
    "message/send": "delegation",
    "message/stream": "delegation",
    "SendMessage": "delegation",
    "SendStreamingMessage": "delegation",
    "tasks/send": "delegation",
    "tasks/sendSubscribe": "delegation",
}

AG2_OPS: Mapping[str, str] = {
    "conversation": "workflow",
    "multi_conversation": "workflow",
    "agent": "agent",
    "llm": "model",
    "tool": "tool",
    "code_execution": "tool",
    "handoff": "delegation",
    "speaker_selection": "chain",
    "human_input": "chain",
}

KEYS: Mapping[str, Place] = {
    **places(Slot.OPERATION, ["gen_ai.operation.name"], 0),
    **places(Slot.MCP_METHOD, ["mcp.method.name"], 0),
    **places(Slot.A2A_METHOD, ["a2a.method.name"], 0),
    **places(Slot.AG2_KIND, ["ag2.span.type"], 0),
    # CrewAI puts a hash into gen_ai.agent.name, its role is the name people know.
    **places(Slot.AGENT_NAME, ["crewai.agent.role", "gen_ai.agent.name"], 0),
    **places(Slot.AGENT_ID, ["gen_ai.agent.id", "crewai.agent.id", "ag2.agent.id"], 0),
    **places(Slot.AGENT_VERSION, ["gen_ai.agent.version"], 0),
    **places(Slot.WORKFLOW, ["gen_ai.workflow.name"], 0),
    **places(Slot.WORKFLOW, ["crewai.crew.name"], 30),
    **places(Slot.CONVERSATION_ID, ["gen_ai.conversation.id"], 0),
    **places(Slot.CONVERSATION_ID, ["crewai.execution_uuid", "gcp.vertex.agent.session_id"], 20),
    **places(Slot.TOOL_NAME, ["gen_ai.tool.name"], 0),
    **places(Slot.TOOL_CALL_ID, ["gen_ai.tool.call.id"], 0),
    **places(Slot.MODEL, ["gen_ai.request.model", "gen_ai.response.model"], 0),
    **places(Slot.PROVIDER, ["gen_ai.provider.name", "gen_ai.system"], 0),
    **places(Slot.INPUT_TOKENS, ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"], 0),
    **places(
        Slot.OUTPUT_TOKENS, ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"], 0
    ),
    **places(
        Slot.CACHE_READ_TOKENS,
        ["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"],
        0,
    ),
    **places(
        Slot.CACHE_WRITE_TOKENS,
        [
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
        ],
        0,
    ),
    **places(
        Slot.REASONING_TOKENS,
        ["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"],
        0,
    ),
    **places(Slot.COST_USD, ["gen_ai.usage.cost"], 0),
    **places(Slot.ERROR_TYPE, ["error.type"], 0),
}
