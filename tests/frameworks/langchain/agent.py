"""LangChain and LangGraph: `create_agent` under our middleware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host import LARGE, PROMPT, SMALL, Host, hosted
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from watchkeeper_agent.adapters.langchain import WatchkeeperMiddleware


class FakeChat(BaseChatModel):
    """Wants what the plan says."""

    host: Any
    model_name: str = LARGE

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        answered = sum(isinstance(message, ToolMessage) for message in messages)
        wish = self.host.wish(self.model_name, answered)
        calls = [{"name": wish.tool, "args": wish.arguments, "id": wish.call_id}]
        message = AIMessage(
            wish.text,
            tool_calls=calls if wish.tool else [],
            usage_metadata={
                "input_tokens": wish.input_tokens,
                "output_tokens": wish.output_tokens,
                "total_tokens": wish.input_tokens + wish.output_tokens,
            },
            response_metadata={"model_name": self.model_name},
        )
        return ChatResult(
            generations=[ChatGeneration(message=message)],
            llm_output={"model_name": self.model_name},
        )

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> FakeChat:
        return self

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "model": self.model_name}

    @property
    def _llm_type(self) -> str:
        return "fake-chat"


def instrument(instrumentation: str) -> None:
    if instrumentation == "otel":
        from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
    elif instrumentation == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor
    else:
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        LangChainInstrumentor = LangchainInstrumentor
    LangChainInstrumentor().instrument()


def pay(host: Host) -> None:
    agent = create_agent(
        FakeChat(host=host),
        tools=[host.get_balance, host.transfer],
        middleware=[
            WatchkeeperMiddleware(host.guard, {SMALL: FakeChat(host=host, model_name=SMALL)})
        ],
        name=host.agent,
    )
    agent.invoke(
        {"messages": [("user", PROMPT)]}, config={"configurable": {"thread_id": host.conversation}}
    )


with hosted("langchain", "bank-agent") as host:
    instrument(host.instrumentation)
    with host.run():
        pay(host)
