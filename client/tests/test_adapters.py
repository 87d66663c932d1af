"""Real frameworks with fake models, stopped between two calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agents import Agent, ModelResponse, RunConfig, Runner, Usage, function_tool, handoff
from agents.models.interface import Model
from hypervisor.security.kill_switch import KillReason, KillSwitch
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, ToolRetryMiddleware
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


# What frameworks do with errors, streams and several calls at once


class ParallelChat(FakeChat):
    """Asks for both tools in one message."""

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        wanted = [{"name": name, "args": {}, "id": name} for name in TOOLS]
        asked = any(isinstance(message, ToolMessage) for message in messages)
        message = AIMessage("done") if asked else AIMessage("", tool_calls=wanted)
        return ChatResult(generations=[ChatGeneration(message=message)])


async def test_parallel_tool_calls_of_langchain_are_refused_one_and_all(
    guard: Guard, order: Any
) -> None:
    bank = Bank()
    order("degrade", profile={"tools": {"allow": ["nothing"]}})
    agent = create_agent(
        ParallelChat(),
        tools=[bank.get_balance, bank.transfer],
        middleware=[WatchkeeperMiddleware(guard)],
    )

    messages = (await agent.ainvoke(ASK))["messages"]

    assert bank.used == []
    assert [m.status for m in messages if isinstance(m, ToolMessage)] == ["error", "error"]


@pytest.mark.parametrize("is_first", [True, False])
def test_middleware_that_retries_and_goes_on_cannot_make_a_refused_call(
    guard: Guard, order: Any, is_first: bool
) -> None:
    bank = Bank(during_first=lambda: order("kill"))
    ours = WatchkeeperMiddleware(guard)
    stubborn = [
        ToolRetryMiddleware(max_retries=2, initial_delay=0, on_failure="continue"),
        ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="continue"),
    ]
    agent = create_agent(
        FakeChat(),
        tools=[bank.get_balance, bank.transfer],
        middleware=[ours, *stubborn] if is_first else [*stubborn, ours],
    )

    with contextlib.suppress(Refused):
        agent.invoke(ASK)

    assert bank.used == ["get_balance"]


def test_a_streamed_langchain_run_is_stopped(guard: Guard, order: Any) -> None:
    bank = Bank(during_first=lambda: order("kill"))

    with pytest.raises(Refused):
        list(langchain_agent(guard, bank).stream(ASK, stream_mode="messages"))

    assert bank.used == ["get_balance"]


async def test_a_streamed_openai_run_is_stopped_before_its_model(guard: Guard, order: Any) -> None:
    order("kill")
    running = Runner.run_streamed(obey(openai_agent(Bank()), guard), "pay", run_config=OFFLINE)

    with pytest.raises(Refused):
        async for event in running.stream_events():
            assert event.type == "agent_updated_stream_event"


class HandingOver(FakeModel):
    """Hands the work over; meanwhile something happens."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def get_response(self, *_: Any, handoffs: Any = (), **__: Any) -> ModelResponse:
        self._meanwhile()
        call = ResponseFunctionToolCall(
            arguments="{}", call_id="over", name=handoffs[0].tool_name, type="function_call"
        )
        return ModelResponse(output=[call], usage=Usage(), response_id=None)


@pytest.mark.parametrize("made_by", [lambda agent: agent, handoff])
async def test_an_agent_that_takes_over_obeys_as_well(
    guard: Guard, order: Any, made_by: Callable[[Any], Any]
) -> None:
    bank = Bank()
    clerk = openai_agent(bank)
    model = HandingOver(meanwhile=lambda: order("kill"))
    front = Agent(name="front", model=model, handoffs=[made_by(clerk)])
    clerk.handoffs = [front]

    with pytest.raises(Refused):
        await Runner.run(obey(front, guard), "pay", run_config=OFFLINE)

    assert bank.used == []


async def test_a_model_named_by_the_run_is_stopped_by_the_hooks(guard: Guard, order: Any) -> None:
    order("kill")
    named = RunConfig(tracing_disabled=True, model=FakeModel())

    with pytest.raises(Refused):
        await Runner.run(
            obey(openai_agent(Bank()), guard), "p", run_config=named, hooks=WatchkeeperHooks(guard)
        )
