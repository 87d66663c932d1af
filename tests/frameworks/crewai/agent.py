"""CrewAI: hooks ask our guard before every model and tool call; False blocks the call."""

from __future__ import annotations

from typing import Any

from crewai import Agent, Crew, Task
from crewai.events.types.llm_events import LLMCallType
from crewai.hooks import (
    HookAborted,
    LLMCallHookContext,
    ToolCallHookContext,
    register_before_llm_call_hook,
    register_before_tool_call_hook,
)
from crewai.llms.base_llm import BaseLLM, llm_call_context
from crewai.tools import tool
from host import LARGE, PROMPT, Host, hosted
from watchkeeper_agent import Refused


class FakeLlm(BaseLLM):
    """Wants what the plan says, and tells it to the event bus as CrewAI's own models do."""

    host: Any = None

    def supports_function_calling(self) -> bool:
        return True

    def call(
        self,
        messages: Any,
        tools: Any = None,
        callbacks: Any = None,
        available_functions: Any = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: Any = None,
    ) -> Any:
        heard = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        asked = {"from_task": from_task, "from_agent": from_agent, "messages": heard}
        with llm_call_context():
            self._emit_call_started_event(tools=tools, **asked)
            self._invoke_before_llm_call_hooks(heard, from_agent)
            return self._answer(asked)

    def _answer(self, asked: dict[str, Any]) -> Any:
        wish = self.host.wish(
            self.model, sum(one.get("role") == "tool" for one in asked["messages"])
        )
        usage = {
            "prompt_tokens": wish.input_tokens,
            "completion_tokens": wish.output_tokens,
            "total_tokens": wish.input_tokens + wish.output_tokens,
        }
        self._track_token_usage_internal(usage)
        answer: Any = wish.text
        if wish.tool:
            function = {"name": wish.tool, "arguments": wish.words}
            answer = [{"id": wish.call_id, "type": "function", "function": function}]
        kind = LLMCallType.TOOL_CALL if wish.tool else LLMCallType.LLM_CALL
        self._emit_call_completed_event(response=answer, call_type=kind, usage=usage, **asked)
        return answer


def instrument(instrumentation: str) -> None:
    if instrumentation == "openinference":
        from openinference.instrumentation.crewai import CrewAIInstrumentor

        CrewAIInstrumentor().instrument(use_event_listener=True)
    else:
        from opentelemetry.instrumentation.crewai import CrewAIInstrumentor

        CrewAIInstrumentor().instrument()


def guard_with_hooks(host: Host) -> None:
    """A refused tool answers the model; a kill ends the run."""

    def before_model(context: LLMCallHookContext) -> None:
        try:
            context.llm.model = host.guard.check_model(context.llm.model).name
        except Refused as refused:
            raise HookAborted(str(refused)) from refused

    def before_tool(context: ToolCallHookContext) -> bool | None:
        try:
            host.guard.check_tool(context.tool_name, context.tool_input)
        except Refused as refused:
            if refused.ends_the_run:
                raise HookAborted(str(refused)) from refused
            return False
        return None

    register_before_llm_call_hook(before_model)
    register_before_tool_call_hook(before_tool)


def pay(host: Host) -> None:
    @tool("get_balance")
    def get_balance(account: str) -> str:
        """Read the balance of an account."""
        return host.get_balance(account)

    @tool("transfer")
    def transfer(account: str, amount: int) -> str:
        """Pay an amount from an account."""
        return host.transfer(account, amount)

    teller = Agent(
        role=host.agent,
        goal="pay what is asked for",
        backstory="a teller",
        llm=FakeLlm(model=LARGE, host=host),
        tools=[get_balance, transfer],
    )
    task = Task(description=PROMPT, expected_output="a word", agent=teller)
    Crew(name="payments", agents=[teller], tasks=[task]).kickoff()


with hosted("crewai", "bank-agent") as host:
    instrument(host.instrumentation)
    guard_with_hooks(host)
    with host.run():
        pay(host)
