"""Meaning: attributes of any dialect in, our words out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Tier
from collector.receive.normalise import (
    AliasFact,
    CommandFact,
    DecisionFact,
    Fact,
    GovernanceFact,
    Meaning,
    TrustFact,
    facts_of_log,
    facts_of_metric,
    facts_of_span,
    logged_ns,
    meaning_of_span,
)

NOON_NS = 1_768_478_400_000_000_000
TRACE, SPAN = bytes(range(16)), bytes(range(8))
RESOURCE = {"service.name": "bank", "service.instance.id": "bank-1"}

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
telling_keys = st.sampled_from(
    [
        "gen_ai.operation.name",
        "gen_ai.usage.input_tokens",
        "openinference.span.kind",
        "traceloop.span.kind",
        "agent.span.kind",
        "agt.policy.action",
        "agent.trust_score",
        "policy.decision",
        "event.name",
        "decision",
        "agt.audit.decision",
        "agt.audit.meta.cloudevent",
        "watchkeeper.decision.verdict",
        "watchkeeper.trust.score",
        "watchkeeper.command.phase",
    ]
)
anything = st.dictionaries(telling_keys | st.text(max_size=5), plain, max_size=8)


def meaning(attributes: dict[str, Any], name: str = "span", **span: Any) -> Meaning:
    told = {"status_code": 0, "status_message": "", "events": (), **span}
    return meaning_of_span(name, "scope", attributes, RESOURCE, **told)


def of_log(event: str, attributes: dict[str, Any], body: Any = None) -> list[Fact]:
    return list(
        facts_of_log("scope", event, body, attributes, RESOURCE, TRACE, SPAN, NOON_NS, NOON_NS)
    )


def of_span(name: str, attributes: dict[str, Any], scope: str = "scope") -> list[Fact]:
    return list(facts_of_span(name, scope, attributes, RESOURCE, TRACE, SPAN, NOON_NS, NOON_NS, ()))


def of_counter(name: str, attributes: dict[str, Any], value: float, time_ns: int) -> list[Fact]:
    return list(
        facts_of_metric("scope", name, attributes, RESOURCE, value, "cumulative", NOON_NS, time_ns)
    )


def test_a_span_that_knows_nothing_of_agents_means_nothing() -> None:
    assert meaning({"http.request.method": "GET", "error.type": "500"}) == Meaning()


@pytest.mark.parametrize(
    ("attributes", "op", "dialect"),
    [
        ({"gen_ai.operation.name": "chat"}, "model", "otel_genai"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding", "otel_genai"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool", "otel_genai"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent", "otel_genai"),
        ({"gen_ai.operation.name": "dance"}, None, "otel_genai"),
        ({"gen_ai.operation.name": "search_memory"}, "retrieval", "otel_genai"),
        ({"gen_ai.operation.name": "upsert_memory"}, "memory", "otel_genai"),
        ({"gen_ai.operation.name": "delete_memory_store"}, "memory", "otel_genai"),
        ({"gen_ai.operation.name": "execute_code"}, "tool", "otel_genai"),
        ({"mcp.method.name": "tools/call"}, "mcp", "otel_genai"),
        ({"mcp.method.name": "resources/read"}, "retrieval", "otel_genai"),
        ({"mcp.method.name": "prompts/get"}, "mcp", "otel_genai"),
        ({"a2a.method.name": "message/send"}, "delegation", "otel_genai"),
        ({"a2a.method.name": "SendStreamingMessage"}, "delegation", "otel_genai"),
        ({"a2a.method.name": "tasks/get"}, "a2a", "otel_genai"),
        ({"ag2.span.type": "llm"}, "model", "otel_genai"),
        ({"ag2.span.type": "dance", "openinference.span.kind": "LLM"}, "model", "openinference"),
        ({"openinference.span.kind": "LLM"}, "model", "openinference"),
        ({"openinference.span.kind": "GUARDRAIL"}, "guardrail", "openinference"),
        ({"openinference.span.kind": "DECISION"}, "chain", "openinference"),
        ({"traceloop.span.kind": "tool"}, "tool", "openllmetry"),
        (
            {"traceloop.span.kind": "task", "gen_ai.operation.name": "invoke_agent"},
            "task",
            "openllmetry",
        ),
        ({"agent.span.kind": "DELEGATION"}, "delegation", "agt"),
        ({"agent.sre.span.kind": "llm_inference"}, "model", "agt"),
    ],
)
def test_the_op_follows_the_dialect(
    attributes: dict[str, Any], op: str | None, dialect: str
) -> None:
    found = meaning(attributes)

    assert (found.op, found.dialect) == (op, dialect)


def test_the_first_key_that_says_something_wins() -> None:
    found = meaning(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "old",
            "gen_ai.provider.name": "new",
            "gen_ai.request.model": "unknown",
            "gen_ai.response.model": "fake-large",
            "llm.token_count.prompt": 3,
            "gen_ai.usage.input_tokens": 2,
        }
    )

    assert (found.provider, found.model, found.input_tokens) == ("new", "fake-large", 2)


# Every key of each column, the one that wins first.
PRECEDENCE = {
    "agent_name": [
        "crewai.agent.role",
        "gen_ai.agent.name",
        "agent.name",
        "traceloop.association.properties.lc_agent_name",
    ],
    "agent_id": ["gen_ai.agent.id", "crewai.agent.id", "ag2.agent.id", "agent.did", "agent.id"],
    "agent_version": ["gen_ai.agent.version"],
    "conversation_id": [
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
        "crewai.execution_uuid",
        "gcp.vertex.agent.session_id",
    ],
    "workflow": ["gen_ai.workflow.name", "traceloop.workflow.name", "crewai.crew.name"],
    "tool_name": ["gen_ai.tool.name", "tool.name", "agt.tool.name", "agent.tool.name", "mcp.tool"],
    "tool_call_id": ["gen_ai.tool.call.id", "tool.call_id", "tool.id", "tool_call.id"],
    "model": [
        "gen_ai.request.model",
        "gen_ai.response.model",
        "llm.request.model_name",
        "llm.response.model_name",
        "llm.model_name",
        "agent.model.name",
    ],
    "provider": [
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "agent.model.provider",
    ],
    "input_tokens": [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.input_tokens",
    ],
    "output_tokens": [
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.output_tokens",
    ],
    "cache_read_tokens": [
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ],
    "cache_write_tokens": [
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ],
    "reasoning_tokens": [
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ],
    "cost_usd": [
        "gen_ai.usage.cost",
        "llm.cost.total",
        "agent.sre.cost.usd",
        "agent_sre.cost.usd",
        "agent.sre.span.cost_usd",
    ],
}
_NUMBERS = {name for name in PRECEDENCE if name.endswith("_tokens")} | {"cost_usd"}


@given(
    column=st.sampled_from(sorted(PRECEDENCE)),
    order=st.randoms(use_true_random=False),
    silent=st.sets(st.integers(0, 5)),
)
def test_the_first_key_of_the_table_wins_in_any_order(
    column: str, order: Any, silent: set[int]
) -> None:
    keys = PRECEDENCE[column]
    told = {key: at if column in _NUMBERS else f"v{at}" for at, key in enumerate(keys)}
    mute = {key: "unknown" for at, key in enumerate(keys) if at in silent}
    sent = list({**told, **mute, "gen_ai.operation.name": "chat"}.items())
    order.shuffle(sent)

    found = getattr(meaning(dict(sent)), column)

    speaking = [value for key, value in told.items() if key not in mute]
    assert found == (speaking[0] if speaking else None)


def test_a_framework_is_not_a_provider() -> None:
    assert meaning({"gen_ai.system": "langchain"}).provider is None


def test_an_error_is_named_by_its_exception_when_nothing_else_does() -> None:
    raised = {"name": "exception", "attributes": {"exception.type": "Killed"}}

    found = meaning({"gen_ai.operation.name": "chat"}, status_code=2, events=[raised])

    assert found.error_type == "Killed"


@pytest.mark.parametrize("told", [-1, 2**70, "many", True, float("nan"), [1]])
def test_tokens_that_are_no_count_are_not_measured(told: Any) -> None:
    assert meaning({"gen_ai.usage.input_tokens": told}).input_tokens is None


@given(attributes=anything, name=st.text(max_size=8), body=plain)
def test_whatever_is_sent_is_read_without_failing(
    attributes: dict[str, Any], name: str, body: Any
) -> None:
    meaning(attributes, name)

    facts = of_span(name, attributes) + of_counter("mcp_decisions", attributes, 3.0, NOON_NS)
    for event in ("watchkeeper.decision", "watchkeeper.command", "watchkeeper.trust"):
        facts += of_log(event, attributes, body)
    facts += of_log("audit_entry", attributes, body)

    scores = [fact.score for fact in facts if isinstance(fact, TrustFact)]
    assert all(0 <= score <= 1000 for score in scores)


@pytest.mark.parametrize("place", ["field", "attribute"])
def test_a_decision_of_ours_is_read_wherever_its_name_stands(place: str) -> None:
    attributes = {
        "watchkeeper.decision.id": "d-1",
        "watchkeeper.decision.verdict": "deny",
        "watchkeeper.decision.effect": "blocked",
        "watchkeeper.decision.source": "control_plane",
        "watchkeeper.hold_id": "h-1",
        "watchkeeper.command_id": "c-1",
        "watchkeeper.instance_uid": "i-1",
        "gen_ai.agent.name": "rogue",
        "gen_ai.tool.name": "transfer",
    }
    if place == "attribute":
        attributes["event.name"] = "watchkeeper.decision"

    (decision,) = of_log("watchkeeper.decision" if place == "field" else "", attributes)

    assert isinstance(decision, DecisionFact)
    assert (decision.decision_id, decision.agent, decision.action) == ("d-1", "rogue", "transfer")
    assert (decision.verdict, decision.effect, decision.source) == (
        "deny",
        "blocked",
        "control_plane",
    )
    assert (decision.hold_id, decision.command_id, decision.instance) == ("h-1", "c-1", "i-1")
    assert (decision.trace_id, decision.span_id, decision.decided_ns) == (TRACE, SPAN, NOON_NS)


def test_a_decision_without_a_verdict_tells_nothing() -> None:
    assert of_log("watchkeeper.decision", {"watchkeeper.decision.verdict": "perhaps"}) == []


def test_trust_on_a_decision_is_a_share_and_in_its_own_event_a_score() -> None:
    share = {"watchkeeper.decision.verdict": "allow", "watchkeeper.trust.score": 0.5}
    score = {"gen_ai.agent.name": "courier", "watchkeeper.trust.score": 640}

    _, on_decision = of_log("watchkeeper.decision", share)
    (alone,) = of_log("watchkeeper.trust", score)

    assert isinstance(on_decision, TrustFact)
    assert isinstance(alone, TrustFact)
    assert (on_decision.score, on_decision.raw_scale) == (500.0, "0-1")
    assert (alone.agent, alone.score, alone.tier) == ("courier", 640.0, Tier.STANDARD)


def test_a_command_phase_is_told_with_its_document() -> None:
    (command,) = of_log(
        "watchkeeper.command",
        {
            "watchkeeper.command.id": "c-1",
            "watchkeeper.hold_id": "h-1",
            "watchkeeper.command.kind": "kill",
            "watchkeeper.command.phase": "acked",
            "watchkeeper.command.expires_at": "2026-01-15T13:00:00Z",
            "watchkeeper.command.status": "applied",
            "watchkeeper.state_gen": 7,
        },
    )

    assert isinstance(command, CommandFact)
    assert (command.command_id, command.phase) == ("c-1", "acked")
    assert command.expires_at is not None
    assert command.expires_at.isoformat() == "2026-01-15T13:00:00+00:00"
    assert json.loads(command.detail) == {"status": "applied", "gen": 7}


def test_an_evaluation_counts_only_when_it_tells_an_action() -> None:
    judged = {"agt.agent.id": "did:mesh:1", "agt.policy.action": "deny"}
    timed = {"agt.agent_id": "did:mesh:1", "agt.action": "deny"}

    assert len(of_span("agt.policy.evaluate", judged)) == 1
    assert of_span("agt.policy.evaluate", timed) == []


def test_warn_blocks_in_the_mesh_and_passes_in_the_control_specification() -> None:
    (mesh,) = of_span("mesh.governance.policy_decision", {"policy.decision": "WARN"})
    (acs,) = of_counter("acs_intervention_warn_total", {"decision": "warn"}, 1.0, NOON_NS)

    assert isinstance(mesh, DecisionFact)
    assert isinstance(acs, DecisionFact)
    assert (mesh.verdict, mesh.effect) == ("warn", "blocked")
    assert (acs.verdict, acs.effect) == ("warn", "executed")


@given(counted=st.integers(1, 30), later=st.integers(0, 30))
def test_a_counter_sent_again_tells_only_what_is_new(counted: int, later: int) -> None:
    labels = {"agent_id": "clerk", "tool_name": "pay", "decision": "deny"}

    told = _ids(of_counter("mcp_decisions", labels, counted, NOON_NS))
    told |= _ids(of_counter("mcp_decisions", labels, counted + later, NOON_NS + 1))

    assert len(told) == counted + later


@pytest.mark.parametrize(
    ("raw", "scope", "score", "scale"),
    [
        (0.81, "host", 810.0, "0-1"),
        (1.0, "host", 1000.0, "0-1"),
        (820, "host", 820.0, "0-1000"),
        (1, "host", 1.0, "0-1000"),
        (0.5, "agentmesh", 0.5, "0-1000"),
    ],
)
def test_a_score_is_put_on_our_scale(raw: float, scope: str, score: float, scale: str) -> None:
    (trust,) = of_span("any", {"agent.did": "did:mesh:1", "agent.trust_score": raw}, scope)

    assert isinstance(trust, TrustFact)
    assert (trust.score, trust.raw_score, trust.raw_scale) == (score, raw, scale)


def test_an_audit_entry_names_the_agent_behind_an_identity() -> None:
    event = {"id": "e1", "time": "2026-01-15T12:00:00+00:00Z", "data": {"agent_did": "did:mesh:1"}}
    attributes = {
        "event.name": "audit_entry",
        "agt.agent.id": "clerk",
        "agt.audit.event_type": "policy_check",
        "agt.audit.decision": "deny",
        "agt.audit.meta.event_id": "e1",
        "agt.audit.meta.cloudevent": json.dumps(event),
    }

    alias, decision = of_log("", attributes)

    assert isinstance(alias, AliasFact)
    assert (alias.alias, alias.agent) == ("did:mesh:1", "clerk")
    assert isinstance(decision, DecisionFact)
    assert (decision.decision_id, decision.agent_id) == ("agt-e1", "did:mesh:1")
    assert logged_ns("", attributes, 0, 5) == NOON_NS


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("ring.demoted", "ring"),
        ("circuit_breaker", "breaker"),
        ("lifecycle.suspended", "lifecycle"),
        ("anomaly_detected", "anomaly"),
        ("liability.quarantine_entered", "quarantine"),
        ("vfs.write", "other"),
    ],
)
def test_a_change_of_state_is_no_decision(told: str, kind: str) -> None:
    entry = {"event.name": "audit_entry", "agt.audit.decision": "deny"}

    (event,) = of_log("", {**entry, "agt.audit.event_type": told})

    assert isinstance(event, GovernanceFact)
    assert (event.kind, event.name) == (kind, told)


def _ids(facts: list[Fact]) -> set[str]:
    return {fact.decision_id for fact in facts if isinstance(fact, DecisionFact)}
