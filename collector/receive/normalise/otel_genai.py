"""OpenTelemetry GenAI and MCP conventions, and the frameworks that emit them natively."""

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
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "invoke_workflow": "workflow",
    "execute_task": "task",
    "plan": "chain",
    "create_agent": "chain",
    "run_guardrail": "guardrail",
    "apply_guardrail": "guardrail",
}

KEYS: Mapping[str, Place] = {
    **places(Slot.OPERATION, ["gen_ai.operation.name"], 0),
    **places(Slot.MCP_METHOD, ["mcp.method.name"], 0),
    # CrewAI puts a hash into gen_ai.agent.name, its role is the name people know.
    **places(Slot.AGENT_NAME, ["crewai.agent.role", "gen_ai.agent.name"], 0),
    **places(Slot.AGENT_ID, ["gen_ai.agent.id", "crewai.agent.id", "ag2.agent.id"], 0),
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
    **places(Slot.COST_USD, ["gen_ai.usage.cost"], 0),
    **places(Slot.ERROR_TYPE, ["error.type"], 0),
}
