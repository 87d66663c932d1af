"""What real frameworks sent is counted as it was observed, whatever their dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from replaying import recording, replay, requests_of, rows

from collector.store.connection import Store

FRAMEWORKS = {
    "langchain_otel": "langchain",
    "langchain_openinference": "langchain",
    "langchain_openllmetry": "langchain",
    "openai_agents_otel": "openai-agents",
    "openai_agents_openinference": "openai-agents",
    "google_adk_native": "google-adk",
    "crewai_openllmetry": "crewai",
    "crewai_openinference_events": "crewai",
    "agent_framework_native": "agent-framework",
    "semantic_kernel_native": "semantic-kernel",
}
# Facts about a recording that no count of ours answers.
_NOT_COUNTED = {"dup_layers", "orphan_tool_agent"}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_counts_observed_beside_a_recording_come_out(name: str, tmp_path: Path) -> None:
    expected = recording("expect")[name]

    with replay(tmp_path, [requests_of(name)]) as store:
        counted = _counts(store)

    assert counted == {key: expected[key] for key in expected if key not in _NOT_COUNTED}


@pytest.mark.parametrize(("name", "framework"), FRAMEWORKS.items())
def test_the_framework_of_a_run_is_known(name: str, framework: str, tmp_path: Path) -> None:
    with replay(tmp_path, [requests_of(name)]) as store:
        frameworks = rows(store, "select distinct framework from run")

    assert frameworks == [(framework,)]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_action_belongs_to_a_run_of_its_agent(name: str, tmp_path: Path) -> None:
    with replay(tmp_path, [requests_of(name)]) as store:
        strays = rows(
            store,
            """
            select a.name
            from action as a
            anti join run as r
                on r.trace_id = a.trace_id and r.span_id = a.run_span_id and r.agent = a.agent
            """,
        )

    assert strays == []


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_run_used_the_tokens_of_its_model_calls(name: str, tmp_path: Path) -> None:
    expected = recording("expect")[name]["in_tok"]

    with replay(tmp_path, [requests_of(name)]) as store:
        used = _one(store, "select coalesce(sum(input_tokens), 0)::bigint from run")

    assert used == expected


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_nothing_of_a_recording_is_refused(name: str, tmp_path: Path) -> None:
    with replay(tmp_path, [requests_of(name)]) as store:
        refused = rows(store, "select reason, detail from refused_record")

    assert refused == []


def _counts(store: Store) -> dict[str, Any]:
    models = "select distinct model from action where kind = 'model' order by all"
    tools = "select name, count(*) from action where kind = 'tool' group by name"
    failed = "select count(*) from action where kind = 'tool' and outcome = 'error'"
    tokens = "select coalesce(sum(input_tokens), 0)::bigint from action where kind = 'model'"
    talks = "select distinct conversation_id from run"
    agents = "select distinct agent from run union select distinct agent from action"
    return {
        "spans": _one(store, "select count(*) from span"),
        "agents": [agent for (agent,) in rows(store, agents)],
        "agent_runs": _one(store, "select count(*) from run"),
        "agent_errors": _one(store, "select count(*) from run where outcome = 'error'"),
        "chats": _one(store, "select count(*) from action where kind = 'model'"),
        "models": [model for (model,) in rows(store, models)],
        "tools": dict(rows(store, tools)),
        "tool_errors": _one(store, failed),
        "in_tok": _one(store, tokens),
        "conv": sorted(str(talk) for (talk,) in rows(store, talks)),
    }


def _one(store: Store, query: str) -> Any:
    return rows(store, query)[0][0]
