"""OpenAI Agents SDK: `obey` makes a copy of the agent that asks our guard first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents import (
    Agent,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    Usage,
    function_tool,
    generation_span,
    set_trace_processors,
)
from host import LARGE, PROMPT, SMALL, Host, Wish, hosted
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from watchkeeper_agent.adapters.openai_agents import obey


class FakeModel(Model):
    """Wants what the plan says, and tells it as the SDK's own chat model does."""

    def __init__(self, host: Host, model: str) -> None:
        self.host = host
        self.model = model

    async def get_response(
        self, system_instructions: Any, input: Any, *_: Any, **__: Any
    ) -> ModelResponse:
        with generation_span(model=self.model, model_config={}) as span:
            items = input if isinstance(input, list) else []
            answered = sum(item.get("type") == "function_call_output" for item in items)
            wish = self.host.wish(self.model, answered)
            span.span_data.usage = {
                "input_tokens": wish.input_tokens,
                "output_tokens": wish.output_tokens,
            }
        usage = Usage(
            requests=1,
            input_tokens=wish.input_tokens,
            output_tokens=wish.output_tokens,
            total_tokens=wish.input_tokens + wish.output_tokens,
        )
        return ModelResponse(output=[_item(wish)], usage=usage, response_id=None)

    async def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError("the bank does not stream")
        yield


def _item(wish: Wish) -> Any:
    if wish.tool is None:
        content = ResponseOutputText(text=wish.text, type="output_text", annotations=[])
        return ResponseOutputMessage(
            id="message", content=[content], role="assistant", status="completed", type="message"
        )
    return ResponseFunctionToolCall(
        arguments=wish.words, call_id=wish.call_id, name=wish.tool, type="function_call"
    )


def instrument(instrumentation: str) -> None:
    # The SDK's own exporter would send everything to OpenAI.
    set_trace_processors([])
    if instrumentation == "otel":
        from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor

        OpenAIAgentsInstrumentor().instrument(disable_openai_trace_export=True)
    else:
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

        OpenAIAgentsInstrumentor().instrument()


def pay(host: Host) -> None:
    tools = [function_tool(tool) for tool in (host.get_balance, host.transfer)]
    agent = Agent(name=host.agent, model=FakeModel(host, LARGE), tools=list(tools))
    Runner.run_sync(
        obey(agent, host.guard, {SMALL: FakeModel(host, SMALL)}),
        PROMPT,
        run_config=RunConfig(workflow_name="payment", group_id=host.conversation),
    )


with hosted("openai_agents", "bank-agent") as host:
    instrument(host.instrumentation)
    with host.run():
        pay(host)
