"""Message content: where the dialects keep what was said to and by models and tools.

One table per dialect; globs match a whole key. What only names a thing (a prompt's name and
version, a tool's name) is not content.
"""

from __future__ import annotations

__all__ = ["CONTENT_EVENTS", "CONTENT_KEYS", "KEPT_KEYS", "KEPT_OF_EVENTS"]

_OTEL_GENAI = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.prompt",
    "gen_ai.prompt.*",
    "gen_ai.completion",
    "gen_ai.completion.*",
    "gen_ai.event.content",
    "gen_ai.retrieval.query.*",
    "gen_ai.retrieval.documents*",
    "gen_ai.memory.*content*",
    "gen_ai.memory.query*",
    "gen_ai.evaluation.explanation",
    "gen_ai.task.input",
    "gen_ai.task.output",
)
_OPENINFERENCE = (
    "input.value",
    "output.value",
    "llm.input_messages*",
    "llm.output_messages*",
    "llm.prompts*",
    "llm.completions*",
    "llm.choices*",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "llm.function_call",
    "llm.tools*",
    "message.content*",
    "message.tool_calls*",
    "message.function_call_arguments_json",
    "tool.parameters",
    "tool.json_schema",
    "tool_call.function.arguments",
    "retrieval.documents*",
    "reranker.query",
    "reranker.input_documents*",
    "reranker.output_documents*",
    "document.content",
    "embedding.text",
    "embedding.embeddings*",
)
_OPENLLMETRY = (
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.prompt.template",
    "traceloop.prompt.template_variables",
    "llm.request.functions*",
)
_FRAMEWORKS = (
    "crewai.crew.tasks",
    "crewai.crew.tasks_output",
    "crewai.crew.inputs",
    "crewai.crew.result",
    "crewai.task.description",
    "crewai.task.expected_output",
    "crewai.task.output*",
    "crew_tasks",
    "crew_inputs",
    "formatted_description",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    "all_messages_events",
    "pydantic_ai.all_messages",
    "model_request_parameters",
    "final_result",
    "tool_arguments",
    "tool_response",
    "ai.prompt*",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "langfuse.*.input",
    "langfuse.*.output",
    # Claude Code's logs.
    "prompt",
    "tool_input",
    "tool_parameters",
    "watchkeeper.decision.input.value",
)
CONTENT_KEYS = (*_OTEL_GENAI, *_OPENINFERENCE, *_OPENLLMETRY, *_FRAMEWORKS)
KEPT_KEYS = frozenset({"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.id"})

# Log records and span events whose body or attributes are messages.
CONTENT_EVENTS = (
    "gen_ai.system.message",
    "gen_ai.user.message",
    "gen_ai.assistant.message",
    "gen_ai.tool.message",
    "gen_ai.choice",
    "gen_ai.content.prompt",
    "gen_ai.content.completion",
    "gen_ai.client.inference.operation.details",
)
# What such a span event may keep: who spoke, and why it ended.
KEPT_OF_EVENTS = frozenset(
    {
        "event.name",
        "gen_ai.system",
        "gen_ai.provider.name",
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.agent.name",
        "gen_ai.agent.id",
        "role",
        "index",
        "finish_reason",
    }
)
