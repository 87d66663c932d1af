"""clerk, burning: an OpenAI Agents SDK agent that books invoices; two runs in five fail.

It works slowly, so that the budget its history left burns for more than an hour.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from agents import (
    Agent,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    Usage,
    function_tool,
    set_tracing_disabled,
)
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from opentelemetry import trace
from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor
from watchkeeper_agent.adapters.openai_agents import obey

from sample_data.fleet.kit import Worker
from sample_data.fleet.policy import LocalPolicy
from sample_data.story import Instalments

READ_ONLY = ("lookup_invoice",)
PLAN = ("lookup_invoice", "post_entry")
# Eight times what a target of 95 % allows.
FAILURE_SHARE = 0.4
TIMES_SLOWER = 8


class BookingError(Exception):
    """The ledger refused the entry."""


class FakeModel(Model):
    """Looks the invoice up, posts it, and is done. Emits its own model span."""

    def __init__(self, model: str) -> None:
        self.model = model

    async def get_response(self, *_: Any, input: Any = None, **__: Any) -> ModelResponse:
        with _model_span(self.model):
            time.sleep(0.02)
            answered = _answered(input)
            item = _call(answered) if answered < len(PLAN) else _text("booked")
        return ModelResponse(output=[item], usage=Usage(requests=1), response_id=None)

    async def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        raise NotImplementedError("the sample clerk does not stream")
        yield


def _model_span(model: str) -> Any:
    """The instrumentation emits no span for a custom model, so the model does."""
    return trace.get_tracer("sample_fleet.clerk").start_as_current_span(
        f"chat {model}",
        kind=trace.SpanKind.CLIENT,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "fake",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.usage.input_tokens": 140,
            "gen_ai.usage.output_tokens": 24,
        },
    )


def _answered(items: Any) -> int:
    if not isinstance(items, list):
        return 0
    return sum(item.get("type") == "function_call_output" for item in items)


def _call(number: int) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        arguments="{}", call_id=f"call_{number}", name=PLAN[number], type="function_call"
    )


def _text(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(
        id="message", content=[content], role="assistant", status="completed", type="message"
    )


def main() -> None:
    worker = Worker("clerk", "openai-agents", READ_ONLY, TIMES_SLOWER)
    # Its first run fails, so that a start in the middle of the trouble looks like one.
    failing = Instalments(owed=1 - FAILURE_SHARE)
    set_tracing_disabled(False)
    OpenAIAgentsInstrumentor().instrument(disable_openai_trace_export=True)
    policy = LocalPolicy(worker.guard, "booking")

    def lookup_invoice() -> str:
        """Read an invoice."""
        policy.check("lookup_invoice")
        return "invoice 2041, 310.00"

    def post_entry() -> str:
        """Write the entry to the ledger."""
        policy.check("post_entry")
        if failing.due(FAILURE_SHARE):
            raise BookingError("the ledger refused the entry: period closed")
        return "posted"

    tools = [function_tool(f, failure_error_function=None) for f in (lookup_invoice, post_entry)]
    agent = obey(
        Agent(name="clerk", model=FakeModel("fake-large"), tools=list(tools)),
        worker.guard,
        models={"fake-small": FakeModel("fake-small")},
    )

    def run(number: int) -> object:
        config = RunConfig(workflow_name="booking", group_id=f"invoice-{number}")
        return Runner.run_sync(agent, f"book invoice {number}", run_config=config)

    worker.work(run)


if __name__ == "__main__":
    main()
