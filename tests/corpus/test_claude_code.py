"""Claude Code sends logs only: its runs, calls, costs and permissions are known from them."""

from __future__ import annotations

from typing import Any

import pytest
from replaying import Request
from telling import event, known, span

_CALLS = """
    select
        a.kind, a.name, a.outcome, a.duration_ms, a.input_tokens, a.cost_usd, a.matched_by,
        a.conversation_id, a.framework, r.agent, r.outcome, r.input_tokens, r.cost_usd, r.ended_by
    from action as a
    left join run as r on r.trace_id = a.trace_id and r.span_id = a.run_span_id
    order by a.start_ns, a.span_id
"""
_RUNS = "select lower(hex(trace_id)), lower(hex(span_id)), conversation_id from run"


def _told(
    name: str, at_s: float, session: str = "s-1", prompt: str | None = "p-1", **told: Any
) -> Request:
    """A record as version 2.1 sends it: numbers and truth values may come as texts."""
    words = {"event__name": name, "session__id": session, "prompt__id": prompt, **told}
    return event("", at_s, scope="com.anthropic.claude_code.events", **words)


def _asked(at_s: float, number: int, **told: Any) -> Request:
    words = {
        "model": "claude-haiku-4-5",
        "input_tokens": 2,
        "output_tokens": "120",
        "cache_read_tokens": "800",
        "cache_creation_tokens": 70,
        "cost_usd": "0.003",
        "duration_ms": "1500",
        "request_id": f"req-{number}",
    }
    return _told("api_request", at_s, **{**words, **told})


def _used(at_s: float, call: str, success: str = "true", **told: Any) -> Request:
    words = {"tool_name": "Bash", "tool_use_id": call, "success": success, "duration_ms": "250"}
    return _told("tool_result", at_s, **{**words, **told})


def _permitted(at_s: float, call: str, decision: str = "accept", **told: Any) -> Request:
    words = {"tool_name": "Bash", "tool_use_id": call, "decision": decision, "source": "config"}
    return _told("tool_decision", at_s, **{**words, **told})


SESSION = [
    _told("user_prompt", 0, prompt_length=12),
    _asked(2, 1),
    _permitted(2.1, "toolu_1"),
    _used(2.5, "toolu_1"),
    _used(3, "toolu_2", "false", error_type="ShellError"),
    _told(
        "api_error",
        4,
        model="claude-haiku-4-5",
        status_code=529,
        duration_ms=900,
        request_id="req-2",
    ),
]


def test_requests_and_tools_are_calls_of_a_run_whose_end_nobody_tells() -> None:
    run = ("s-1", "claude-code", "clerk-service", "unknown", 872, 0.003, None)

    assert known(SESSION, _CALLS) == [
        ("model", "claude-haiku-4-5", "ok", 1500.0, 872, 0.003, None, *run),
        ("tool", "Bash", "ok", 250.0, None, None, "tool_call_id", *run),
        ("tool", "Bash", "error", 250.0, None, None, None, *run),
        ("model", "claude-haiku-4-5", "error", 900.0, None, None, None, *run),
    ]


def test_a_run_whose_prompt_was_lost_is_known_from_its_calls() -> None:
    lost = known([_used(2, "toolu_1")], _RUNS)

    assert known([_told("user_prompt", 0), _used(2, "toolu_1")], _RUNS) == lost
    assert [row[2] for row in lost] == ["s-1"]


def test_a_refused_call_that_ran_all_the_same_is_denied() -> None:
    told = [_permitted(1, "toolu_1", "reject"), _used(1.5, "toolu_1")]

    assert [row[:3] for row in known(told, _CALLS)] == [("tool", "Bash", "denied")]


@pytest.mark.parametrize(
    ("prompts", "runs"), [(("p-1", "p-2"), 2), (("p-1", "p-1"), 1), ((None, None), 1)]
)
def test_a_run_is_a_prompt_or_else_a_session_for_some_hours(
    prompts: tuple[str | None, ...], runs: int
) -> None:
    told = [_used(1 + n, f"toolu_{n}", prompt=prompt) for n, prompt in enumerate(prompts)]

    assert known(told, "select count(*) from run") == [(runs,)]


def test_two_sessions_do_not_mix() -> None:
    told = [_used(1, "toolu_1"), _permitted(1, "toolu_1", session="s-2", prompt="p-2")]

    assert [row[6] for row in known(told, _CALLS)] == [None]


def test_its_beta_spans_of_the_same_calls_count_nothing_twice() -> None:
    """They are there with its tracing on, and then some records name them."""
    spans = [
        span(1, None, 0, 5, span__type="interaction", session__id="s-1"),
        span(
            2,
            1,
            0.5,
            1.5,
            span__type="llm_request",
            session__id="s-1",
            gen_ai__system="anthropic",
            gen_ai__request__model="claude-haiku-4-5",
            request_id="req-1",
        ),
        span(
            3,
            1,
            2.25,
            0.25,
            span__type="tool",
            session__id="s-1",
            tool_name="Bash",
            gen_ai__tool__call__id="toolu_1",
        ),
    ]

    found = known([_asked(2, 1), _used(2.5, "toolu_1"), *spans], _CALLS)

    assert [(*row[:6], row[12]) for row in found] == [
        ("model", "claude-haiku-4-5", "ok", 1500.0, 872, 0.003, 0.003),
        ("tool", "Bash", "ok", 250.0, None, None, 0.003),
    ]
