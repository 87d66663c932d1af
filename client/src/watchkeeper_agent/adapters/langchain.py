"""LangChain and LangGraph: a middleware for `create_agent` (langchain 1.x).

A killed or paused agent's run ends with Refused at its next model or tool call. A tool
that a degraded agent may not use answers the model with a refusal, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.chat_models import init_chat_model
from langchain.tools.tool_node import ToolCallRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.types import Command

from watchkeeper_agent.errors import Refused
from watchkeeper_agent.guard import Guard
from watchkeeper_agent.rules import Stage

ToolAnswer = ToolMessage | Command[Any]
ModelAnswer = ModelResponse[Any] | AIMessage


class WatchkeeperMiddleware(AgentMiddleware[Any, Any, Any]):
    """Put it first in `create_agent(middleware=[...])`, so that it sees every call.

    `models` holds the chat models an operator may degrade to, by name; a name that is not
    there is made with `init_chat_model`.
    """

    def __init__(self, guard: Guard, models: Mapping[str, BaseChatModel] | None = None) -> None:
        super().__init__()
        self._guard = guard
        self._models = dict(models or {})
        guard.hooked(Stage.MODEL.value, Stage.TOOL.value)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelAnswer:
        return handler(self._permitted(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelAnswer:
        return await handler(self._permitted(request))

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolAnswer]
    ) -> ToolAnswer:
        return self._refusal(request) or handler(request)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolAnswer]],
    ) -> ToolAnswer:
        return self._refusal(request) or await handler(request)

    def _permitted(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        permission = self._guard.check_model(model_name(request.model))
        if not permission.is_replaced:
            return request
        return request.override(model=self._model(permission.name))

    def _model(self, name: str) -> BaseChatModel:
        if name not in self._models:
            self._models[name] = init_chat_model(name)
        return self._models[name]

    def _refusal(self, request: ToolCallRequest) -> ToolMessage | None:
        call = request.tool_call
        try:
            self._guard.check_tool(call["name"], call["args"], call_id=call["id"])
        except Refused as refused:
            if refused.ends_the_run:
                raise
            return ToolMessage(
                content=str(refused), tool_call_id=call["id"], name=call["name"], status="error"
            )
        return None


def model_name(model: BaseChatModel) -> str:
    """The name a provider knows the model by, under the attributes LangChain uses."""
    for attribute in ("model_name", "model", "model_id"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return model._llm_type
