"""OpenAI Agents SDK: `obey(agent, guard)` answers a copy of the agent that asks first.

Its model is asked for before every model call, its function tools by an input guardrail,
and so are all agents that it may hand over to.
A killed run ends with Refused; a degraded tool answers the model with the refusal.
For what an agent copy does not reach (hosted tools, MCP servers, a model named by
`RunConfig`), run with
`hooks=WatchkeeperHooks(guard)`, where every refusal ends the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any

from agents import (
    Agent,
    FunctionTool,
    Handoff,
    Model,
    RunContextWrapper,
    RunHooks,
    Tool,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
)
from agents.models.multi_provider import MultiProvider

from watchkeeper_agent.errors import Refused
from watchkeeper_agent.guard import Guard
from watchkeeper_agent.rules import Stage


def obey(agent: Agent[Any], guard: Guard, models: Mapping[str, Model] | None = None) -> Agent[Any]:
    """A copy of the agent under the guard. `models` are those it may be degraded to."""
    guard.hooked(Stage.MODEL.value, Stage.TOOL.value)
    return _Copies(guard, models).of(agent)


class _Copies:
    """One guarded copy of each agent, however they hand over to each other."""

    def __init__(self, guard: Guard, models: Mapping[str, Model] | None) -> None:
        self._guard = guard
        self._models = models
        self._made: dict[int, tuple[Agent[Any], Agent[Any]]] = {}

    def of(self, agent: Agent[Any]) -> Agent[Any]:
        if id(agent) in self._made:
            return self._made[id(agent)][1]
        copy = agent.clone(
            model=GuardedModel(agent.model, self._guard, self._models),
            tools=[guarded_tool(tool, self._guard) for tool in agent.tools],
        )
        # Both are known before the next are looked at: agents may hand over in a circle.
        self._made[id(agent)] = agent, copy
        self._made[id(copy)] = copy, copy
        copy.handoffs = [self._handed_over(target) for target in agent.handoffs]
        return copy

    def _handed_over(self, target: Agent[Any] | Handoff[Any, Any]) -> Any:
        if isinstance(target, Agent):
            return self.of(target)
        invoke = target.on_invoke_handoff

        async def invoked(context: RunContextWrapper[Any], arguments: str) -> Any:
            return self.of(await invoke(context, arguments))

        return dataclasses.replace(target, on_invoke_handoff=invoked)


class GuardedModel(Model):
    """Asks the guard, then calls the model it is allowed."""

    def __init__(
        self, model: str | Model | None, guard: Guard, models: Mapping[str, Model] | None = None
    ) -> None:
        self._model = model
        self._guard = guard
        self._models = dict(models or {})

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        return await self._permitted().get_response(*args, **kwargs)

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async for event in self._permitted().stream_response(*args, **kwargs):
            yield event

    async def close(self) -> None:
        if isinstance(self._model, Model):
            await self._model.close()

    def _permitted(self) -> Model:
        permission = self._guard.check_model(model_name(self._model))
        return self._named(permission.name) if permission.is_replaced else self._original()

    def _original(self) -> Model:
        return self._model if isinstance(self._model, Model) else self._named(self._model)

    def _named(self, name: str | None) -> Model:
        key = name or ""
        if key not in self._models:
            self._models[key] = MultiProvider().get_model(name)
        return self._models[key]


def model_name(model: str | Model | None) -> str:
    """The model's name; "default" when the SDK chooses."""
    if isinstance(model, Model):
        return str(getattr(model, "model", type(model).__name__))
    return model or "default"


def guarded_tool(tool: Tool, guard: Guard) -> Tool:
    """A copy of a function tool with our guardrail first; other tools as they are."""
    if not isinstance(tool, FunctionTool):
        return tool
    guardrails = [_guardrail(guard), *(tool.tool_input_guardrails or ())]
    return dataclasses.replace(tool, tool_input_guardrails=guardrails)


def _guardrail(guard: Guard) -> ToolInputGuardrail[Any]:
    def ask(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        try:
            told = data.context
            guard.check_tool(told.tool_name, told.tool_arguments, call_id=told.tool_call_id)
        except Refused as refused:
            if refused.ends_the_run:
                raise
            return ToolGuardrailFunctionOutput.reject_content(str(refused))
        return ToolGuardrailFunctionOutput.allow()

    return ToolInputGuardrail(guardrail_function=ask, name="watchkeeper")


class WatchkeeperHooks(RunHooks[Any]):
    """Run hooks that ask before every model and tool call and end the run when refused."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        guard.hooked(Stage.MODEL.value, Stage.TOOL.value)

    async def on_llm_start(
        self, context: RunContextWrapper[Any], agent: Agent[Any], *_: Any
    ) -> None:
        self._guard.check_model(model_name(agent.model))

    async def on_tool_start(self, context: RunContextWrapper[Any], agent: Any, tool: Tool) -> None:
        self._guard.check_tool(tool.name)
