"""Real frameworks with fake models, stopped between two calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agents import Agent, ModelResponse, RunConfig, Runner, Usage, function_tool
from agents.models.interface import Model
from hypervisor.security.kill_switch import KillReason, KillSwitch
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from watchkeeper_agent import Guard, Refused
from watchkeeper_agent.adapters.agt import governed, obey_kill_switch
from watchkeeper_agent.adapters.langchain import WatchkeeperMiddleware
from watchkeeper_agent.adapters.openai_agents import WatchkeeperHooks, obey

TOOLS = ("get_balance", "transfer")


@pytest.fixture
def guard(attached: Any) -> Guard:
    made: Guard = attached(read_only_tools=("get_balance",))
    assert made.wait_until_heard(5)
    return made


@pytest.fixture
def order(control: Any, guard: Guard, words: dict[str, Any]) -> Callable[..., None]:
    """Command, and wait until the agent has it."""

    def give(kind: str, **others: Any) -> None:
        control.want(words["hold"](kind, **others))
        assert words["eventually"](lambda: guard.effective_mode == kind)

    return give


class FakeChat(BaseChatModel):
    """Calls each tool once, then says done."""

    model_name: str = "big"

    def _generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatResult:
        called = sum(isinstance(message, ToolMessage) for message in messages)
        answer = AIMessage(f"done by {self.model_name}")
        if called < len(TOOLS):
            call = {"name": TOOLS[called], "args": {}, "id": f"call_{called}"}
            answer = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def bind_tools(self, tools: Any, **_: Any) -> FakeChat:
        return self

    @property
    def _llm_type(self) -> str:
        return "fake"


class Bank:
    """Two tools that remember they were used; something may happen during the first."""

    def __init__(self, during_first: Callable[[], None] = lambda: None) -> None:
        self.used: list[str] = []
        self._during_first = during_first

    def get_balance(self) -> str:
        """Read the balance."""
        self.used.append("get_balance")
        self._during_first()
        return "42"

    def transfer(self) -> str:
        """Move money."""
        self.used.append("transfer")
        return "moved"


def langchain_agent(guard: Guard, bank: Bank) -> Any:
    middleware = WatchkeeperMiddleware(guard, models={"small": FakeChat(model_name="small")})
    return create_agent(
        FakeChat(), tools=[bank.get_balance, bank.transfer], middleware=[middleware]
    )


ASK = {"messages": [("user", "pay the rent")]}


def test_langchain_works_when_nothing_is_held(guard: Guard) -> None:
    bank = Bank()

    langchain_agent(guard, bank).invoke(ASK)

    assert bank.used == ["get_balance", "transfer"]


def test_langchain_is_stopped_between_two_tool_calls(guard: Guard, order: Any) -> None:
    bank = Bank(during_first=lambda: order("kill"))

    with pytest.raises(Refused):
        langchain_agent(guard, bank).invoke(ASK)

    assert bank.used == ["get_balance"]


async def test_langchain_is_stopped_in_async_code_too(guard: Guard, order: Any) -> None:
    bank = Bank()
    order("kill")

    with pytest.raises(Refused):
        await langchain_agent(guard, bank).ainvoke(ASK)

    assert bank.used == []


def test_a_degraded_langchain_agent_finishes_without_the_tool_and_on_the_small_model(
    guard: Guard, order: Any
) -> None:
    bank = Bank()
    order("degrade", profile={"tools": {"class": "read_only"}, "model_map": {"big": "small"}})

    messages = langchain_agent(guard, bank).invoke(ASK)["messages"]

    assert bank.used == ["get_balance"]
    assert messages[-1].content == "done by small"
    assert [m.status for m in messages if isinstance(m, ToolMessage)] == ["success", "error"]


class FakeModel(Model):
    """The same fake for the Agents SDK."""

    def __init__(self, model: str = "big") -> None:
        self.model = model

    async def get_response(self, *_: Any, input: Any = None, **__: Any) -> ModelResponse:
        called = sum(_is_result(item) for item in input) if isinstance(input, list) else 0
        item = _tool_call(called) if called < len(TOOLS) else _text(f"done by {self.model}")
        return ModelResponse(output=[item], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def _is_result(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "function_call_output"


def _tool_call(number: int) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        arguments="{}", call_id=f"call_{number}", name=TOOLS[number], type="function_call"
    )


def _text(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(
        id="m", content=[content], role="assistant", status="completed", type="message"
    )


OFFLINE = RunConfig(tracing_disabled=True)


def openai_agent(bank: Bank) -> Agent[Any]:
    tools = [function_tool(bank.get_balance), function_tool(bank.transfer)]
    return Agent(name="clerk", model=FakeModel(), tools=list(tools))


async def test_an_openai_agent_is_stopped_between_two_tool_calls(guard: Guard, order: Any) -> None:
    bank = Bank(during_first=lambda: order("kill"))

    with pytest.raises(Refused):
        await Runner.run(obey(openai_agent(bank), guard), "pay", run_config=OFFLINE)

    assert bank.used == ["get_balance"]


async def test_a_degraded_openai_agent_finishes_without_the_tool(guard: Guard, order: Any) -> None:
    bank = Bank()
    order("degrade", profile={"tools": {"deny": ["transfer"]}, "model_map": {"big": "small"}})
    agent = obey(openai_agent(bank), guard, models={"small": FakeModel("small")})

    finished = await Runner.run(agent, "pay", run_config=OFFLINE)

    assert bank.used == ["get_balance"]
    assert finished.final_output == "done by small"


async def test_openai_run_hooks_stop_what_a_copy_does_not_reach(guard: Guard, order: Any) -> None:
    bank = Bank(during_first=lambda: order("kill"))

    with pytest.raises(Refused):
        await Runner.run(
            openai_agent(bank), "pay", hooks=WatchkeeperHooks(guard), run_config=OFFLINE
        )

    assert bank.used == ["get_balance"]


@pytest.fixture
def agt_policy() -> Iterator[str]:
    yield """
apiVersion: governance.toolkit/v1
name: bank
agents: ["*"]
default_action: allow
rules: []
"""


def test_a_killed_agt_agent_does_not_reach_its_policy(
    guard: Guard, order: Any, agt_policy: str
) -> None:
    from agentmesh.governance import govern

    bank = Bank()
    transfer = governed(guard, govern(bank.transfer, policy=agt_policy), "transfer")
    transfer()
    order("kill")

    with pytest.raises(Refused):
        transfer()

    assert bank.used == ["transfer"]


def test_the_kill_switch_of_agt_stops_the_agent_and_means_it(guard: Guard) -> None:
    switch = KillSwitch()
    obey_kill_switch(guard, switch, "did:mesh:clerk")

    result = switch.kill("did:mesh:clerk", "session-1", KillReason.MANUAL)

    assert result.terminated
    with pytest.raises(Refused, match=r"agt\.kill_switch"):
        guard.check_tool("get_balance")
