"""Google ADK: a plugin of the runner asks our guard before every model and tool call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.genai import types
from host import LARGE, PROMPT, Host, hosted
from watchkeeper_agent import Refused


class FakeLlm(BaseLlm):
    """Wants what the plan says, under whichever name the request asks for."""

    host: Any

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        parts = [part for content in llm_request.contents for part in content.parts or []]
        answered = sum(part.function_response is not None for part in parts)
        model = llm_request.model or self.model
        wish = self.host.wish(model, answered)
        part = types.Part(text=wish.text)
        if wish.tool:
            call = types.FunctionCall(id=wish.call_id, name=wish.tool, args=wish.arguments)
            part = types.Part(function_call=call)
        yield LlmResponse(
            content=types.Content(role="model", parts=[part]),
            model_version=model,
            finish_reason=types.FinishReason.STOP,
            usage_metadata=types.GenerateContentResponseUsageMetadata(
                prompt_token_count=wish.input_tokens,
                candidates_token_count=wish.output_tokens,
                total_token_count=wish.input_tokens + wish.output_tokens,
            ),
        )


class Guarding(BasePlugin):
    """A refused tool answers the model; a kill ends the run."""

    def __init__(self, host: Host) -> None:
        super().__init__(name="watchkeeper")
        self._guard = host.guard

    async def before_model_callback(
        self, *, callback_context: Any, llm_request: LlmRequest
    ) -> LlmResponse | None:
        llm_request.model = self._guard.check_model(llm_request.model or LARGE).name
        return None

    async def before_tool_callback(
        self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any
    ) -> dict[str, Any] | None:
        try:
            self._guard.check_tool(tool.name, tool_args)
        except Refused as refused:
            if refused.ends_the_run:
                raise
            return {"error": str(refused)}
        return None


async def pay(host: Host) -> None:
    agent = LlmAgent(
        name=host.agent,
        model=FakeLlm(host=host, model=LARGE),
        tools=[host.get_balance, host.transfer],
    )
    runner = InMemoryRunner(agent=agent, app_name="bank", plugins=[Guarding(host)])
    await runner.session_service.create_session(
        app_name="bank", user_id="teller", session_id=host.conversation
    )
    asked = types.Content(role="user", parts=[types.Part(text=PROMPT)])
    async for _ in runner.run_async(
        user_id="teller", session_id=host.conversation, new_message=asked
    ):
        pass


with hosted("google_adk", "bank_agent") as host, host.run():
    asyncio.run(pay(host))
