"""A LangChain agent whose fake model follows a plan: the tools to call, then an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, wrap_tool_call
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from pydantic import Field
from watchkeeper_agent import Guard
from watchkeeper_agent.adapters.langchain import WatchkeeperMiddleware

from sample_data.fleet.policy import LocalPolicy, PolicyDenied


class PlannedChat(BaseChatModel):
    """Calls the next tool of its plan for every tool answer it sees."""

    model_name: str = "fake-large"
    plan: list[str] = Field(default_factory=list)
    seconds: float = 0.02

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        time.sleep(self.seconds)
        answered = sum(isinstance(message, ToolMessage) for message in messages)
        message = self._next(answered, tokens=sum(len(str(m.content)) for m in messages) // 4 + 20)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _next(self, answered: int, tokens: int) -> AIMessage:
        usage = {"input_tokens": tokens, "output_tokens": 12, "total_tokens": tokens + 12}
        named = {"model_name": self.model_name}
        calls = [
            {"name": name, "args": {}, "id": f"call_{answered}"}
            for name in self.plan[answered : answered + 1]
        ]
        return AIMessage(
            "" if calls else "done",
            tool_calls=calls,
            usage_metadata=usage,
            response_metadata=named,
        )

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> PlannedChat:
        return self

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    @property
    def _llm_type(self) -> str:
        return "fake-chat"


class PlannedAgent:
    """An instrumented `create_agent` agent under guard and policy."""

    def __init__(
        self,
        name: str,
        guard: Guard,
        policy: LocalPolicy,
        tools: Sequence[Callable[..., str]],
    ) -> None:
        LangChainInstrumentor().instrument()  # type: ignore[no-untyped-call]  # untyped package
        self._chat = PlannedChat()
        small = PlannedChat(model_name="fake-small", plan=self._chat.plan)
        self._small = small
        self._agent: Any = create_agent(
            self._chat,
            tools=list(tools),
            middleware=[
                WatchkeeperMiddleware(guard, models={"fake-small": small}),
                _policy_middleware(policy),
            ],
            name=name,
        )

    def run(self, plan: Sequence[str], conversation: str) -> None:
        self._chat.plan = self._small.plan = list(plan)
        self._agent.invoke(
            {"messages": [("user", f"work on {conversation}")]},
            config={"configurable": {"thread_id": conversation}, "recursion_limit": 60},
        )


def _policy_middleware(policy: LocalPolicy) -> AgentMiddleware[Any, Any]:
    """A denied tool answers the model with the denial; the run goes on."""

    @wrap_tool_call
    def ask_policy(request: ToolCallRequest, handler: Callable[..., Any]) -> Any:
        call = request.tool_call
        try:
            policy.check(call["name"])
        except PolicyDenied as denied:
            return ToolMessage(
                content=str(denied), tool_call_id=call["id"], name=call["name"], status="error"
            )
        return handler(request)

    return ask_policy
