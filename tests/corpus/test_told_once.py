"""What is told in two ways counts once, whatever the order of arrival."""

from __future__ import annotations

from typing import Any

import pytest
from replaying import Request
from telling import counted, event, known, line, span

_DECIDED = (
    "select action, verdict, told_by, reason, count(*) from decision group by all order by all"
)
_COUNTED = """
    select verdict, sum(decisions)::bigint from decision_rollup
    group by all having sum(decisions) <> 0 order by all
"""


def _line(at_s: float, tool: str, allowed: bool, agent: str = "clerk") -> Request:
    told = f"agent={agent} tool={tool} allowed={allowed} reason=because"
    return line("agent_os.mcp_gateway", at_s, f"MCP Gateway audit | {told}")


def _units(
    count: int, since_s: float, at_s: float, tool: str, decision: str, **also: Any
) -> Request:
    labels = {"agent_id": "clerk", "tool_name": tool, "decision": decision, **also}
    return counted("mcp_decisions", count, since_s, at_s, **labels)


# The counter is exported again two hours later, with nothing new.
_GATEWAY = [
    _line(1, "read", True),
    _line(2, "read", True),
    _line(3, "rm", False),
    _units(2, 1, 60, "read", "allow", stage="allowed"),
    _units(1, 3, 60, "rm", "deny", stage="deny_list"),
    _units(2, 1, 7200, "read", "allow", stage="allowed"),
]


def test_a_verdict_of_a_gateway_in_its_log_and_in_its_counter_is_one_decision() -> None:
    assert known(_GATEWAY, _DECIDED) == [
        ("read", "allow", "log_line", "because", 2),
        ("rm", "deny", "log_line", "because", 1),
    ]


def test_what_gave_way_to_a_line_is_not_counted_either() -> None:
    assert known(_GATEWAY, _COUNTED) == [("allow", 2), ("deny", 1)]


def test_a_gateway_that_writes_no_lines_is_known_by_its_counter() -> None:
    told = [
        _units(2, 1, 60, "read", "allow"),
        _units(2, 1, 60, "write", "deny"),
        _line(2, "write", True),
        _line(2, "write", False, agent="rogue"),
    ]

    assert known(told, _DECIDED) == [
        ("read", "allow", "metric", None, 2),
        ("write", "allow", "log_line", "because", 1),
        ("write", "deny", "log_line", "because", 1),
        ("write", "deny", "metric", None, 2),
    ]


_GUARDED = {
    "gen_ai__guardrail__action__type": "block",
    "gen_ai__guardrail__target__type": "tool_call",
    "gen_ai__tool__name": "transfer",
}
_RESULT = {**_GUARDED, "gen_ai__guardrail__verdict__type": "deny", "gen_ai__guardrail__name": "pii"}
_JUDGED = "select action, verdict, told_by, engine from decision order by all"


@pytest.mark.parametrize("took_s", [0, 0.5, 30])
def test_a_guardrail_on_a_span_and_in_a_log_record_of_it_is_one_decision(took_s: float) -> None:
    told = [
        span(1, None, 0, took_s + 1, **_GUARDED),
        event("gen_ai.guardrail.result", took_s, in_span=1, **_RESULT),
    ]

    assert known(told, _JUDGED) == [("transfer", "deny", "log", "pii")]
    assert known(told, _COUNTED) == [("deny", 1)]


def test_each_finding_of_a_guardrail_is_a_decision_and_its_span_none_of_its_own() -> None:
    told = [
        span(1, None, 0, 3, **_GUARDED),
        event("gen_ai.guardrail.result", 1, in_span=1, **_RESULT),
        event(
            "gen_ai.guardrail.result",
            2,
            in_span=1,
            **{**_RESULT, "gen_ai__guardrail__name": "injection"},
        ),
    ]

    assert known(told, _JUDGED) == [
        ("transfer", "deny", "log", "injection"),
        ("transfer", "deny", "log", "pii"),
    ]


def test_a_guardrail_on_two_spans_and_in_the_log_of_one_is_two_decisions() -> None:
    told = [
        span(1, None, 0, 1, **_GUARDED),
        span(2, None, 0, 1, **_GUARDED),
        event("gen_ai.guardrail.result", 0.5, in_span=1, **_RESULT),
    ]

    assert known(told, _JUDGED) == [
        ("transfer", "deny", "log", "pii"),
        ("transfer", "deny", "span", None),
    ]


def test_a_threat_on_a_span_and_in_a_log_record_of_it_is_one_decision() -> None:
    words = {
        "agent__threat__detection__action": "block",
        "agent__threat__detection__rule_id": "r-1",
        "gen_ai__tool__name": "transfer",
    }
    told = [
        span(1, None, 0, 5, **words),
        event("agent.threat.detection", 4, in_span=1, **words),
    ]

    assert known(told, _JUDGED) == [("transfer", "deny", "log", None)]
