"""AutoGen: it has no hook before a tool, so the host's tools and model ask our guard themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import (
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelFamily,
    ModelInfo,
    RequestUsage,
)
from autogen_core.tools import FunctionTool
from host import LARGE, PROMPT, Host, hosted
from watchkeeper_agent import Refused


class FakeClient(ChatCompletionClient):
    """Wants what the plan says, if the guard lets it be asked."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._used = RequestUsage(0, 0)

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        model = self._host.guard.check_model(LARGE).name
        answered = sum(isinstance(one, FunctionExecutionResultMessage) for one in messages)
        wish = self._host.wish(model, answered)
        self._used = RequestUsage(wish.input_tokens, wish.output_tokens)
        call = FunctionCall(id=wish.call_id, name=wish.tool or "", arguments=wish.words)
        return CreateResult(
            finish_reason="function_calls" if wish.tool else "stop",
            content=[call] if wish.tool else wish.text,
            usage=self._used,
            cached=False,
        )

    async def create_stream(
        self, messages: Sequence[LLMMessage], **others: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        yield await self.create(messages, **others)

    async def close(self) -> None:
        """There is nothing to close."""

    def actual_usage(self) -> RequestUsage:
        return self._used

    def total_usage(self) -> RequestUsage:
        return self._used

    def count_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 0

    def remaining_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        return 1000

    @property
    def capabilities(self) -> Any:
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        return ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            family=ModelFamily.UNKNOWN,
            structured_output=False,
        )


class GuardedTool(FunctionTool):
    """A refused tool answers the model; a kill ends the run at the model."""

    host: Host

    async def run_json(self, args: Mapping[str, Any], *others: Any, **named: Any) -> Any:
        try:
            self.host.guard.check_tool(self.name, dict(args))
        except Refused as refused:
            return str(refused)
        return await super().run_json(args, *others, **named)


def guarded(host: Host, function: Any) -> GuardedTool:
    tool = GuardedTool(function, description=function.__doc__)
    tool.host = host
    return tool


def instrument(instrumentation: str) -> None:
    if instrumentation == "openinference":
        from openinference.instrumentation.autogen_agentchat import AutogenAgentChatInstrumentor

        AutogenAgentChatInstrumentor().instrument()


async def pay(host: Host) -> None:
    agent = AssistantAgent(
        host.agent,
        FakeClient(host),
        tools=[guarded(host, host.get_balance), guarded(host, host.transfer)],
        max_tool_iterations=3,
        reflect_on_tool_use=False,
    )
    await agent.run(task=PROMPT)


with hosted("autogen", "bank_agent") as host:
    instrument(host.instrumentation)
    with host.run():
        asyncio.run(pay(host))
