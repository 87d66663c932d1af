"""Decisions and events in the words of guardrails, engines, Claude Code and AGT's loggers."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Verdict
from collector.receive.normalise import (
    READERS,
    CallFact,
    DecisionFact,
    Fact,
    GovernanceFact,
    facts_of_log,
    facts_of_span,
)
from collector.receive.normalise.agt import SCOPES
from collector.receive.normalise.guardrails import MARKERS

NOON_NS = 1_768_478_400_000_000_000
TRACE, SPAN = bytes(range(16)), bytes(range(8))
RESOURCE = {"service.name": "bank", "service.instance.id": "bank-1"}
CLAUDE = "com.anthropic.claude_code.events"


def of_log(
    attributes: dict[str, Any], event: str = "", body: Any = None, scope: str = "host"
) -> list[Fact]:
    return list(
        facts_of_log(scope, event, body, attributes, RESOURCE, TRACE, SPAN, NOON_NS, NOON_NS)
    )


def of_span(attributes: dict[str, Any], events: list[dict[str, Any]] | None = None) -> list[Fact]:
    times = (NOON_NS, NOON_NS + 1)
    return list(
        facts_of_span("span", "host", attributes, RESOURCE, TRACE, SPAN, *times, events or [])
    )


def decision(facts: list[Fact]) -> DecisionFact:
    (fact,) = facts
    assert isinstance(fact, DecisionFact)
    return fact


def governance(facts: list[Fact]) -> GovernanceFact:
    (fact,) = facts
    assert isinstance(fact, GovernanceFact)
    return fact


# Claude Code


@pytest.mark.parametrize("place", ["field", "attribute"])
@pytest.mark.parametrize(
    ("word", "given_by", "verdict", "effect", "source"),
    [
        ("accept", "config", "allow", "executed", "policy"),
        ("accept", "user_temporary", "allow", "executed", "human"),
        ("reject", "user_reject", "deny", "blocked", "human"),
        ("reject", "hook", "deny", "blocked", "policy"),
    ],
)
def test_a_permission_of_claude_code_is_a_decision(
    place: str, word: str, given_by: str, verdict: str, effect: str, source: str
) -> None:
    told = {
        "decision": word,
        "source": given_by,
        "tool_name": "Bash",
        "tool_use_id": "toolu_1",
        "session.id": "s-1",
        "user.id": "ann",
    }
    named = {"event.name": "tool_decision"} if place == "attribute" else {}

    found = decision(
        of_log({**told, **named}, "tool_decision" if place == "field" else "", scope=CLAUDE)
    )

    assert (found.verdict, found.effect, found.source) == (verdict, effect, source)
    assert (found.action, found.tool_call_id, found.conversation_id) == ("Bash", "toolu_1", "s-1")
    assert (found.agent, found.user_id, found.reason_code) == ("bank", "ann", given_by)


def test_a_tool_decision_of_somebody_else_is_not_claudes() -> None:
    assert of_log({"decision": "accept", "tool_name": "Bash"}, "tool_decision") == []


@pytest.mark.parametrize(
    "event", ["tool_decision", "tool_result", "api_request", "api_error", "user_prompt"]
)
def test_events_of_claude_codes_names_in_another_scope_tell_nothing(event: str) -> None:
    told = {"event.name": event, "session.id": "s", "prompt.id": "p", "tool_name": "Bash"}

    assert of_log({**told, "decision": "accept"}) == []
    assert len(of_log({**told, "decision": "accept"}, scope=CLAUDE)) == 1


@pytest.mark.parametrize("event", ["plugin_loaded", "assistant_response", "mcp_server_connection"])
def test_other_events_of_claude_code_stay_log_records(event: str) -> None:
    told = {"event.name": event, "session.id": "s", "prompt.id": "p", "tool_name": "Bash"}

    assert of_log(told, scope=CLAUDE) == []


@pytest.mark.parametrize("event", ["tool_result", "api_request", "api_error", "user_prompt"])
def test_a_call_of_claude_code_in_no_session_stays_a_log_record(event: str) -> None:
    assert of_log({"event.name": event, "tool_name": "Bash", "prompt.id": "p"}, scope=CLAUDE) == []


_AMOUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["NaN", "-1", "1e400", "86400001"]),
)


@given(
    event=st.sampled_from(["tool_result", "api_request", "api_error", "user_prompt"]),
    amounts=st.lists(_AMOUNTS, min_size=7, max_size=7),
)
def test_no_number_of_claude_code_makes_a_call_impossible(event: str, amounts: list[Any]) -> None:
    keys = (
        "duration_ms",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        "cost_usd",
        "success",
    )
    told = {"session.id": "s", "prompt.id": "p", "tool_name": "Bash", "model": "m"}

    (call,) = of_log(
        {"event.name": event, **told, **dict(zip(keys, amounts, strict=True))}, scope=CLAUDE
    )

    assert isinstance(call, CallFact)
    assert 0 <= call.start_ns <= NOON_NS
    assert call.end_ns in (0, NOON_NS)
    counts = (
        call.input_tokens,
        call.output_tokens,
        call.cache_read_tokens,
        call.cache_write_tokens,
    )
    assert all(count is None or 0 <= count < 2**63 for count in counts)
    assert call.started_at.year >= 1970


# Guardrails


@pytest.mark.parametrize("spelling", ["gen_ai.guardrail.", "gen_ai.security."])
@pytest.mark.parametrize(
    ("judged", "done", "verdict", "effect"),
    [
        ("deny", "block", "deny", "blocked"),
        ("warn", "allow", "warn", "executed"),
        ("warn", "block", "warn", "blocked"),
        (None, "modify", "modify", "modified"),
        (None, "escalate", "escalate", "held"),
        (None, "allow", "allow", "executed"),
    ],
)
def test_what_was_done_about_a_guardrails_verdict_makes_it_a_decision(
    spelling: str, judged: str | None, done: str, verdict: str, effect: str
) -> None:
    told = {spelling + "action.type": done, spelling + "policy.id": "pii"}
    if judged is not None:
        told[spelling + "verdict.type"] = judged

    found = [
        decision(of_log(told, "gen_ai.guardrail.result")),
        decision(of_span(told)),
        decision(of_span({}, [_event("gen_ai.guardrail.result", told)])),
    ]

    assert {(each.verdict, each.effect, each.policy) for each in found} == {
        (verdict, effect, "pii")
    }
    assert [each.told_by for each in found] == ["log", "span", "span_event"]


@pytest.mark.parametrize("judged", ["allow", "deny", "ALLOW", "intervened", "none"])
def test_a_guardrails_result_alone_is_kept_in_its_own_words(judged: str) -> None:
    told = {
        "gen_ai.guardrail.verdict.type": judged,
        "gen_ai.guardrail.name": "shield",
        "gen_ai.guardrail.risk.score": 0.9,
    }

    found = governance(of_log(told, "gen_ai.guardrail.result"))

    assert (found.kind, found.subject, found.to_value, found.value) == (
        "guardrail",
        "shield",
        judged,
        0.9,
    )


def test_an_event_on_a_span_speaks_for_the_same_attributes_of_the_span() -> None:
    told = {"gen_ai.guardrail.action.type": "block"}

    facts = of_span(told, [_event("gen_ai.guardrail.result", told)])

    assert decision(facts).told_by == "span_event"


@pytest.mark.parametrize(
    ("action", "verdict"),
    [("allow", "allow"), ("ask", "escalate"), ("block", "deny"), ("warn", "warn")],
)
def test_a_detected_threat_decides_and_does_not_say_what_happened(
    action: str, verdict: str
) -> None:
    told = {
        "agent.threat.detection.action": action,
        "agent.threat.detection.rule_id": "ATR-1",
        "agent.threat.detection.ruleset": "atr",
        "agent.threat.detection.severity": "high",
    }

    found = decision(of_log(told, "agent.threat.detection"))

    assert (found.verdict, found.effect) == (verdict, "unknown")
    assert (found.rule, found.policy, found.risk_category) == ("ATR-1", "atr", "high")


def test_a_threat_without_an_action_is_no_decision() -> None:
    found = governance(of_log({"agent.threat.detection.rule_id": "r"}, "agent.threat.detection"))

    assert (found.kind, found.subject) == ("threat", "r")


@pytest.mark.parametrize(
    ("word", "verdict", "effect"),
    [
        ("ALLOW", "allow", "executed"),
        ("DENY", "deny", "blocked"),
        ("MODIFY", "modify", "modified"),
        ("ASK", "escalate", "held"),
        ("DEFER", "defer", "held"),
    ],
)
def test_a_decision_of_the_agent_control_standard_is_read_with_its_span(
    word: str, verdict: str, effect: str
) -> None:
    span = {"gen_ai.tool.name": "transfer", "gen_ai.agent.name": "clerk"}
    told = {"acs.decision": word, "acs.reason_code": "limit", "acs.evaluator": "guardian"}

    found = decision(of_span(span, [_event("acs.decision", told)]))

    assert (found.verdict, found.effect, found.action, found.agent) == (
        verdict,
        effect,
        "transfer",
        "clerk",
    )
    assert (found.reason_code, found.engine) == ("limit", "guardian")


def _event(name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "time_ns": NOON_NS, "attributes": attributes}


# Policy engines

OPA = {
    "decision_id": "d1",
    "path": "agents/allow",
    "bundles": {"main": {"revision": "r7"}},
    "input": {"agent": {"name": "clerk"}, "tool": "transfer"},
    "timestamp": "2026-01-15T11:59:00Z",
    "metrics": {"timer_server_handler_ns": 2_000_000},
}


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    ("result", "verdict"),
    [(True, "allow"), (False, "deny"), ({"allow": True}, "allow"), ({"allow": False}, "deny")],
)
def test_a_decision_log_of_opa_is_read_by_its_shape(
    as_text: bool, result: Any, verdict: str
) -> None:
    body = {**OPA, "result": result}

    found = decision(of_log({}, body=json.dumps(body) if as_text else body))

    assert (found.verdict, found.effect, found.engine) == (verdict, "unknown", "opa")
    assert (found.agent, found.action, found.policy) == ("clerk", "transfer", "agents/allow")
    assert (found.policy_version, found.duration_ms) == ("r7", 2.0)
    assert found.decided_ns == NOON_NS - 60_000_000_000


@pytest.mark.parametrize("result", [None, {}, {"allow": None}, {"allow": 1}, [], 1, "perhaps"])
def test_a_result_of_opa_that_is_no_plain_yes_or_no_tells_nothing(result: Any) -> None:
    assert of_log({}, body={**OPA, "result": result}) == []


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(("answer", "verdict"), [(True, "allow"), (False, "deny")])
def test_an_evaluation_of_authzen_is_read_with_its_request(
    nested: bool, answer: bool, verdict: str
) -> None:
    asked = {
        "subject": {"type": "ai_agent", "id": "clerk"},
        "action": {"name": "transfer"},
        "resource": {"type": "tool", "id": "bank"},
    }
    answered = {"decision": answer, "context": {"reason": "limit"}}
    body = {"request": asked, "response": answered} if nested else {**asked, **answered}

    found = of_log({}, body=json.dumps(body))

    told = decision(found)
    assert (told.verdict, told.agent, told.action) == (verdict, "clerk", "transfer")
    assert (told.target_type, told.target_name, told.reason) == ("tool", "bank", "limit")


@pytest.mark.parametrize(
    ("body", "verdict", "rule"),
    [
        ({"decision": "ALLOW", "determiningPolicies": [{"policyId": "p1"}]}, "allow", "p1"),
        ({"decision": "Deny", "diagnostics": {"reason": ["p2"], "errors": []}}, "deny", "p2"),
        ({"decision": "DENY", "determiningPolicies": []}, "deny", None),
    ],
)
def test_an_answer_of_cedar_is_read_with_the_policy_that_determined_it(
    body: dict[str, Any], verdict: str, rule: str | None
) -> None:
    asked = {
        "principal": {"entityType": "Bank::Agent", "entityId": "clerk"},
        "action": {"actionId": "transfer"},
    }

    found = decision(of_log({}, body={**asked, **body}))

    assert (found.verdict, found.rule, found.agent, found.action) == (
        verdict,
        rule,
        "clerk",
        "transfer",
    )


CONTROL = {
    "control_execution_id": "e1",
    "agent_name": "clerk",
    "control_name": "no-pii",
    "check_stage": "pre",
    "applies_to": "tool_call",
    "confidence": 0.8,
    "trace_id": "ab" * 16,
    "span_id": "cd" * 8,
}


@pytest.mark.parametrize(
    ("action", "verdict", "effect", "mode"),
    [
        ("deny", "deny", "blocked", None),
        ("steer", "modify", "modified", None),
        ("observe", "warn", "executed", "monitor"),
        ("allow", "allow", "executed", None),
    ],
)
def test_a_control_that_matched_is_a_decision(
    action: str, verdict: str, effect: str, mode: str | None
) -> None:
    found = decision(of_log({**CONTROL, "action": action, "matched": True}))

    assert (found.verdict, found.effect, found.mode) == (verdict, effect, mode)
    assert found.stage == "pre_tool_call"
    assert (found.agent, found.rule, found.risk_score) == ("clerk", "no-pii", 0.8)
    assert (found.trace_id, found.span_id) == (bytes([0xAB] * 16), bytes([0xCD] * 8))


@pytest.mark.parametrize("matched", [False, None, "no"])
def test_a_control_that_did_not_match_has_decided_nothing(matched: Any) -> None:
    assert of_log({**CONTROL, "action": "allow", "matched": matched}) == []


# The toolkit's loggers


@pytest.mark.parametrize(
    ("scope", "line", "kind", "agent", "to"),
    [
        (
            "agent_control_plane.signals",
            "[Signal] clerk received SIGKILL from operator: drill",
            "signal",
            "clerk",
            "SIGKILL",
        ),
        (
            "hypervisor.security.kill_switch",
            "No termination callback registered for agent did:mesh:1",
            "kill",
            "did:mesh:1",
            None,
        ),
        (
            "agentmesh.services.behavior_monitor",
            "QUARANTINE agent did:mesh:1: five failures",
            "quarantine",
            "did:mesh:1",
            None,
        ),
        (
            "agent_control_plane.signals",
            "[Signal] night clerk received SIGSTOP from on call: two\nlines",
            "signal",
            "night clerk",
            "SIGSTOP",
        ),
        (
            "agent_os.prompt_injection",
            "Prompt injection DETECTED source=mcp:a:b threat=high type=direct_override",
            "threat",
            None,
            "high",
        ),
    ],
)
def test_a_line_of_the_toolkit_tells_what_nothing_else_tells(
    scope: str, line: str, kind: str, agent: str | None, to: str | None
) -> None:
    found = governance(of_log({}, body=line, scope=scope))

    assert (found.kind, found.agent, found.to_value, found.told_by) == (kind, agent, to, "log_line")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "audit | agent=clerk tool=read allowed=True reason=Allowed by policy",
            ("clerk", "read", "allow", "executed", "mcp_request", "policy", "Allowed by policy"),
        ),
        (
            "audit | agent=did:mesh:1 tool=rm allowed=False reason=Tool 'rm' is on the deny list",
            (
                "did:mesh:1",
                "rm",
                "deny",
                "blocked",
                "mcp_request",
                "policy",
                "Tool 'rm' is on the deny list",
            ),
        ),
        (
            "audit | agent=night clerk tool=rm allowed=False reason=error (fail closed)",
            (
                "night clerk",
                "rm",
                "deny",
                "blocked",
                "mcp_request",
                "fail_closed",
                "error (fail closed)",
            ),
        ),
        (
            "response audit | agent=clerk tool=read allowed=True reason=Response sanitized — 2",
            (
                "clerk",
                "read",
                "modify",
                "modified",
                "post_tool_call",
                "policy",
                "Response sanitized — 2",
            ),
        ),
        (
            "response audit | agent=clerk tool=read allowed=True "
            "reason=Response has 1 threat(s) — logged",
            (
                "clerk",
                "read",
                "warn",
                "executed",
                "post_tool_call",
                "policy",
                "Response has 1 threat(s) — logged",
            ),
        ),
    ],
)
def test_a_line_of_the_gateway_is_a_decision(line: str, told: tuple[str, ...]) -> None:
    found = decision(of_log({}, body=f"MCP Gateway {line}", scope="agent_os.mcp_gateway"))

    assert (
        found.agent,
        found.action,
        found.verdict,
        found.effect,
        found.stage,
        found.source,
        found.reason,
    ) == told
    assert (found.dialect, found.told_by, found.decided_ns) == ("agt", "log_line", NOON_NS)


@given(
    agent=st.text(max_size=20),
    tool=st.text(max_size=20) | st.sampled_from(["x allowed=True reason=ok", "x tool=y"]),
    allowed=st.booleans(),
    reason=st.text(max_size=20),
)
def test_no_name_in_a_line_of_the_gateway_turns_its_verdict(
    agent: str, tool: str, allowed: bool, reason: str
) -> None:
    line = f"MCP Gateway audit | agent={agent} tool={tool} allowed={allowed} reason={reason}"

    found = of_log({}, body=line, scope="agent_os.mcp_gateway")

    assert {fact.verdict for fact in found if isinstance(fact, DecisionFact)} <= {
        "allow" if allowed else "deny"
    }


@pytest.mark.parametrize(
    ("attributes", "data", "agent"),
    [
        ({"agt.agent.id": "clerk"}, {"agent_did": "did:mesh:1"}, "clerk"),
        ({}, {"agent_id": "clerk", "agent_did": "did:mesh:1"}, "clerk"),
        ({"agt.audit.meta.agent_did": "did:mesh:2"}, {"agent_did": "did:mesh:1"}, "did:mesh:2"),
        ({}, {"agent_did": "did:mesh:1"}, "did:mesh:1"),
        ({}, {}, "did:mesh:0"),
    ],
)
def test_an_audit_entry_is_about_the_first_agent_that_it_names(
    attributes: dict[str, Any], data: dict[str, Any], agent: str
) -> None:
    event = {"id": "e", "source": "did:mesh:0", "data": data}
    told = {
        "agt.audit.decision": "deny",
        "agt.audit.meta.event_id": "e",
        "agt.audit.event_type": "policy_check",
        "agt.audit.meta.cloudevent": json.dumps(event),
        **attributes,
    }

    decisions = [f for f in of_log(told, "audit_entry") if isinstance(f, DecisionFact)]

    assert [found.agent for found in decisions] == [agent]


def test_the_same_line_of_another_logger_tells_nothing() -> None:
    line = "QUARANTINE agent did:mesh:1: five failures"

    assert of_log({}, body=line, scope="host") == []
    assert of_log({}, body="all is well", scope="agentmesh.services.behavior_monitor") == []


def test_a_nested_event_and_its_copy_on_the_span_have_one_key() -> None:
    nested = {
        "event.name": "agent.sre.slo.status_change",
        "agent.sre.slo.name": "answers",
        "agent.sre.slo.old_status": "healthy",
        "agent.sre.slo.status": "exhausted",
        "agent.sre.error_budget.remaining": 0.0,
    }
    spelt = {key: str(value) for key, value in nested.items()}

    log = governance(of_log({"otel_attributes": nested}, body="SLO answers"))
    copy = governance(of_span({}, [_event("agent.sre.slo.status_change", spelt)]))

    assert (log.subject, log.from_value, log.to_value, log.value) == (
        "answers",
        "healthy",
        "exhausted",
        0.0,
    )
    assert log.copy_key == copy.copy_key
    assert log.event_id != copy.event_id


def test_what_happened_is_told_in_our_own_event_and_outranks_the_toolkits() -> None:
    told = {
        "watchkeeper.governance.kind": "kill",
        "watchkeeper.governance.name": "security.agent_killed",
        "watchkeeper.governance.to": "not_terminated",
        "watchkeeper.governance.id": "kill:1",
        "gen_ai.agent.id": "did:mesh:1",
    }
    line = "No termination callback registered for agent did:mesh:1"

    ours = governance(of_log(told, "watchkeeper.governance"))
    theirs = governance(of_log({}, body=line, scope="hypervisor.security.kill_switch"))

    assert (ours.kind, ours.subject, ours.to_value) == ("kill", "kill:1", "not_terminated")
    assert (ours.agent, ours.agent_id, ours.told_by) == ("did:mesh:1", "did:mesh:1", "canonical")
    assert ours.copy_key == theirs.copy_key


@pytest.mark.parametrize("kind", [None, "party", 7])
def test_what_happened_without_a_known_kind_is_nothing(kind: Any) -> None:
    assert of_log({"watchkeeper.governance.kind": kind}, "watchkeeper.governance") == []


# Properties

words = st.sampled_from(
    ["allow", "ALLOW", "accept", "deny", "block", "maybe", "", "true", "yes", "1", "warn", "ask"]
)
plain = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["allow", "decision", "id", "name", "subject", "reason"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
telling_keys = st.sampled_from(
    sorted(
        {
            *MARKERS,
            *OPA,
            *CONTROL,
            "result",
            "matched",
            "action",
            "subject",
            "resource",
            "request",
            "response",
            "decision",
            "determiningPolicies",
            "diagnostics",
            "acs.decision",
            "event.name",
            "otel_attributes",
            "agt.audit.decision",
            "agt.audit.event_type",
            "agt.audit.meta.data",
            "agt.audit.meta.cloudevent",
            "governance.signal.name",
            "agent.saga.id",
            "gen_ai.guardrail.target.type",
            "watchkeeper.decision.verdict",
            "watchkeeper.approval.outcome",
        }
    )
)
hostile = st.dictionaries(telling_keys | st.text(max_size=5), plain, max_size=8)
names = st.sampled_from(["", *sorted(READERS)]) | st.text(max_size=6)
scopes = st.sampled_from(["host", CLAUDE, *sorted(SCOPES)])
# The words that say yes, in the dialects that have them.
YES = {"allow", "allowed", "accept", "approved", "true"}


def told_of(
    name: str, scope: str, attributes: dict[str, Any], body: Any, events: list[dict[str, Any]]
) -> list[Fact]:
    return of_log(attributes, name, body, scope) + of_span(attributes, events)


@given(name=names, scope=scopes, attributes=hostile, body=hostile | plain, on_span=hostile)
def test_whatever_is_told_is_read_and_no_allow_is_inferred(
    name: str, scope: str, attributes: dict[str, Any], body: Any, on_span: dict[str, Any]
) -> None:
    told = told_of(name, scope, attributes, body, [_event(name, on_span)])

    for fact in told:
        if isinstance(fact, DecisionFact) and fact.verdict == Verdict.ALLOW:
            assert (fact.raw_verdict or "").lower() in YES
        if isinstance(fact, GovernanceFact):
            assert isinstance(json.loads(fact.detail), dict)


@given(name=names, scope=scopes, attributes=hostile, body=hostile, seed=st.integers(0, 99))
def test_the_order_of_keys_changes_nothing(
    name: str, scope: str, attributes: dict[str, Any], body: dict[str, Any], seed: int
) -> None:
    def shuffled(members: dict[str, Any]) -> dict[str, Any]:
        pairs = list(members.items())
        Random(seed).shuffle(pairs)
        return dict(pairs)

    in_order = told_of(name, scope, attributes, body, [_event(name, body)])
    otherwise = told_of(name, scope, shuffled(attributes), shuffled(body), [_event(name, body)])

    assert list(map(repr, otherwise)) == list(map(repr, in_order))


@given(attributes=hostile, name=names)
def test_a_record_sent_again_has_the_same_ids(attributes: dict[str, Any], name: str) -> None:
    first, again = of_log(attributes, name), of_log(dict(attributes), name)

    assert [_id(fact) for fact in first] == [_id(fact) for fact in again]


def _id(fact: Fact) -> str:
    if isinstance(fact, DecisionFact):
        return fact.decision_id
    return fact.event_id if isinstance(fact, GovernanceFact) else repr(fact)
