"""What the public views make of attributes that no column was made for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.model import Signal
from collector.receive.decode import Decoder
from collector.receive.parse import parse
from collector.store.applier import Applier
from collector.store.connection import Store
from collector.store.derive import derive
from tests.store.test_applier import MemoryLog

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.duckdb") as opened:
        yield opened


def send(store: Store, spans: list[dict[str, Any]], scope: str = "host") -> None:
    """Store these spans, each a mapping of attributes with `name` and `parent` beside them."""
    told = [
        {
            "traceId": TRACE,
            "spanId": f"{at:016x}",
            "parentSpanId": span.pop("parent", ""),
            "name": span.pop("name", "span"),
            "startTimeUnixNano": str(1_768_478_400_000_000_000 + at),
            "endTimeUnixNano": str(1_768_478_400_000_001_000 + at),
            "attributes": [{"key": key, "value": _value(value)} for key, value in span.items()],
        }
        for at, span in enumerate(spans, 1)
    ]
    version = {"key": "service.version", "value": {"stringValue": "2.1"}}
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": [version]},
                "scopeSpans": [{"scope": {"name": scope}, "spans": told}],
            }
        ]
    }
    log = MemoryLog()
    body = parse(Signal.TRACES, "json", json.dumps(request).encode()).SerializeToString()
    log.append(Signal.TRACES, body)
    Applier(store, log, Decoder(), derive=derive).step()


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def ask(store: Store, columns: str, view: str = "spans") -> list[tuple[Any, ...]]:
    return list(store.cursor().execute(f"select {columns} from {view} order by span_id").fetchall())


def test_an_unknown_key_is_kept_and_can_be_asked_for(store: Store) -> None:
    send(store, [{"acme.shade": "blue"}, {"acme.shade": "red", "gen_ai.operation.name": "chat"}])

    found = ask(store, "span_id", """spans where attributes ->> '$."acme.shade"' = 'red'""")

    assert found == [("0000000000000002",)]


def test_why_a_model_stopped_and_for_whom_are_read_from_the_first_key_that_tells(
    store: Store,
) -> None:
    send(
        store,
        [
            {"gen_ai.response.finish_reasons": ["stop", "length"], "enduser.id": "ann"},
            {"llm.finish_reason": "length", "user.id": "bob", "enduser.id": "ann"},
            {"gen_ai.response.finish_reason": "FinishReason.STOP", "crewai.principal.id": "eve"},
            {"gen_ai.operation.name": "chat"},
        ],
    )

    assert ask(store, "finish_reason, user_id") == [
        ("stop", "ann"),
        ("length", "bob"),
        ("FinishReason.STOP", "eve"),
        (None, None),
    ]


def test_the_version_of_an_agent_is_its_own_else_that_of_its_service(store: Store) -> None:
    send(
        store,
        [
            {"gen_ai.operation.name": "chat", "gen_ai.agent.version": "7"},
            {"gen_ai.operation.name": "chat"},
            {"http.route": "/"},
        ],
    )

    assert ask(store, "agent_version") == [("7",), ("2.1",), (None,)]


def test_the_outermost_chain_of_openinference_is_the_workflow(store: Store) -> None:
    chain = {"openinference.span.kind": "CHAIN"}
    send(store, [{"name": "pay", **chain}, {"name": "step", "parent": f"{1:016x}", **chain}])

    assert ask(store, "workflow") == [("pay",), (None,)]


def test_semantic_kernel_names_the_plugin_of_a_tool(store: Store) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "bank-get_balance"}
    send(store, [tool], scope="semantic_kernel.functions.kernel_function")

    assert ask(store, "tool_name, tool_plugin") == [("bank-get_balance", "bank")]


def test_tokens_that_a_cache_or_reasoning_used_reach_the_action(store: Store) -> None:
    send(
        store,
        [
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.cache_read.input_tokens": 80,
                "gen_ai.usage.cache_creation.input_tokens": 15,
                "gen_ai.usage.reasoning.output_tokens": 3,
            }
        ],
    )

    counted = "cache_read_tokens, cache_write_tokens, reasoning_tokens"
    assert ask(store, counted, "spans") == ask(store, counted, "actions") == [(80, 15, 3)]


def test_a_memory_written_and_an_agent_asked_are_actions(store: Store) -> None:
    send(
        store,
        [
            {"name": "upsert", "gen_ai.operation.name": "upsert_memory"},
            {"name": "message/send", "a2a.method.name": "message/send"},
            {"name": "resources/read file:///x", "mcp.method.name": "resources/read"},
            {"name": "tools/call pay", "mcp.method.name": "tools/call"},
            {"name": "tools/list", "mcp.method.name": "tools/list"},
        ],
    )

    assert ask(store, "kind, name", "actions") == [
        ("memory", "upsert"),
        ("delegation", "message/send"),
        ("retrieval", "resources/read file:///x"),
        ("tool", "pay"),
    ]
