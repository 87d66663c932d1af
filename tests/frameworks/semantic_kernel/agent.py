"""Semantic Kernel: filters ask our guard before every tool, the service before every model call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from host import LARGE, PROMPT, Host, hosted
from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent, ChatHistoryAgentThread
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.completion_usage import CompletionUsage
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import (
    ChatHistory,
    ChatMessageContent,
    FunctionCallContent,
    FunctionResultContent,
    TextContent,
)
from semantic_kernel.contents.utils.author_role import AuthorRole
from semantic_kernel.contents.utils.finish_reason import FinishReason
from semantic_kernel.filters import FilterTypes, FunctionInvocationContext
from semantic_kernel.functions import FunctionResult, kernel_function
from semantic_kernel.utils.telemetry.model_diagnostics.decorators import trace_chat_completion
from watchkeeper_agent import Refused

Next = Callable[[FunctionInvocationContext], Awaitable[None]]


class FakeChat(ChatCompletionClientBase):
    """Wants what the plan says; another model is another service, so it takes over itself."""

    SUPPORTS_FUNCTION_CALLING: ClassVar[bool] = True
    host: Any

    async def _inner_get_chat_message_contents(
        self, chat_history: ChatHistory, settings: PromptExecutionSettings
    ) -> list[ChatMessageContent]:
        self.ai_model_id = self.host.guard.check_model(self.ai_model_id).name
        return await self._answer(chat_history, settings)

    @trace_chat_completion("fake")
    async def _answer(
        self, chat_history: ChatHistory, settings: PromptExecutionSettings
    ) -> list[ChatMessageContent]:
        items = [item for message in chat_history.messages for item in message.items]
        answered = sum(isinstance(item, FunctionResultContent) for item in items)
        wish = self.host.wish(self.ai_model_id, answered)
        item: Any = TextContent(text=wish.text)
        if wish.tool:
            item = FunctionCallContent(
                id=wish.call_id, name=f"bank-{wish.tool}", arguments=wish.words
            )
        usage = CompletionUsage(
            prompt_tokens=wish.input_tokens, completion_tokens=wish.output_tokens
        )
        return [
            ChatMessageContent(
                role=AuthorRole.ASSISTANT,
                items=[item],
                ai_model_id=self.ai_model_id,
                finish_reason=FinishReason.TOOL_CALLS if wish.tool else FinishReason.STOP,
                metadata={"usage": usage, "id": f"response-{answered}"},
            )
        ]

    def _update_function_choice_settings_callback(self) -> Callable[..., None]:
        return lambda *_, **__: None


class Bank:
    """The plugin of the agent."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @kernel_function
    def get_balance(self, account: str) -> str:
        """Read the balance of an account."""
        return self._host.get_balance(account)

    @kernel_function
    def transfer(self, account: str, amount: int) -> str:
        """Pay an amount from an account."""
        return self._host.transfer(account, amount)


def guarded_kernel(host: Host) -> Kernel:
    """A kernel whose functions ask first; a refused one answers the model."""
    kernel = Kernel()
    kernel.add_plugin(Bank(host), "bank")

    @kernel.filter(FilterTypes.FUNCTION_INVOCATION)
    async def ask(context: FunctionInvocationContext, next: Next) -> None:
        try:
            host.guard.check_tool(context.function.name, str(context.arguments))
        except Refused as refused:
            if refused.ends_the_run:
                raise
            context.result = FunctionResult(function=context.function.metadata, value=str(refused))
            return
        await next(context)

    return kernel


async def pay(host: Host) -> None:
    agent = ChatCompletionAgent(
        name=host.agent,
        service=FakeChat(ai_model_id=LARGE, host=host),
        kernel=guarded_kernel(host),
        function_choice_behavior=FunctionChoiceBehavior.Auto(),
    )
    thread = ChatHistoryAgentThread(thread_id=host.conversation)
    await agent.get_response(PROMPT, thread=thread)


with hosted("semantic_kernel", "bank-agent") as host, host.run():
    asyncio.run(pay(host))
