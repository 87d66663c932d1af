"""Microsoft Agent Framework: middleware asks our guard before every model and tool call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatContext,
    ChatMiddleware,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationContext,
    FunctionInvocationLayer,
    FunctionMiddleware,
    Message,
    MiddlewareFailure,
)
from agent_framework.observability import ChatTelemetryLayer, enable_instrumentation
from host import LARGE, PROMPT, Host, hosted
from watchkeeper_agent import Refused

Next = Callable[[], Awaitable[None]]


class FakeChat(FunctionInvocationLayer, ChatMiddlewareLayer, ChatTelemetryLayer, BaseChatClient):
    """Wants what the plan says; layered as the framework's own clients are."""

    OTEL_PROVIDER_NAME = "fake"

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host
        self.model = LARGE

    def _inner_get_response(
        self,
        *,
        messages: Sequence[Message],
        stream: bool,
        options: Mapping[str, Any],
        **_: Any,
    ) -> Awaitable[ChatResponse]:
        return self._answer(messages, options.get("model") or self.model)

    async def _answer(self, messages: Sequence[Message], model: str) -> ChatResponse:
        contents = [content for message in messages for content in message.contents]
        answered = sum(content.type == "function_result" for content in contents)
        wish = self.host.wish(model, answered)
        content: Any = wish.text
        if wish.tool:
            content = Content.from_function_call(wish.call_id, wish.tool, arguments=wish.arguments)
        return ChatResponse(
            messages=Message("assistant", [content]),
            response_id=f"response-{answered}",
            model=model,
            finish_reason="tool_calls" if wish.tool else "stop",
            usage_details={
                "input_token_count": wish.input_tokens,
                "output_token_count": wish.output_tokens,
                "total_token_count": wish.input_tokens + wish.output_tokens,
            },
        )


class GuardingModels(ChatMiddleware):
    def __init__(self, host: Host) -> None:
        self._guard = host.guard

    async def process(self, context: ChatContext, call_next: Next) -> None:
        options = dict(context.options or {})
        options["model"] = self._guard.check_model(options.get("model") or LARGE).name
        context.options = options
        await call_next()


class GuardingTools(FunctionMiddleware):
    """A refused tool answers the model; a kill ends the run."""

    def __init__(self, host: Host) -> None:
        self._guard = host.guard

    async def process(self, context: FunctionInvocationContext, call_next: Next) -> None:
        try:
            self._guard.check_tool(context.function.name, str(context.arguments))
        except Refused as refused:
            if refused.ends_the_run:
                raise MiddlewareFailure(str(refused)) from refused
            context.result = str(refused)
            return
        await call_next()


async def pay(host: Host) -> None:
    enable_instrumentation()
    agent = Agent(
        client=FakeChat(host),
        name=host.agent,
        tools=[host.get_balance, host.transfer],
        middleware=[GuardingModels(host), GuardingTools(host)],
    )
    await agent.run(PROMPT, session=agent.create_session(session_id=host.conversation))


with hosted("agent_framework", "bank-agent") as host, host.run():
    asyncio.run(pay(host))
