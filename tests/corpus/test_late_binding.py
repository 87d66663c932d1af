"""What a span does not say itself is bound once the others have come, in whatever order they do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from replaying import Request, replay, rows
from telling import command, decision, known, span

from collector.store.seen import SeenTraces

_RUNS = """
    select agent, conversation_id, outcome, duration_ms, input_tokens, ended_by
    from run order by start_ns, span_id
"""
_ACTIONS = """
    select a.kind, a.name, a.agent, a.conversation_id, a.outcome, a.input_tokens,
        r.agent is not null as in_run
    from action as a left join run as r on r.trace_id = a.trace_id and r.span_id = a.run_span_id
    order by a.start_ns, a.span_id
"""
AGENT: dict[str, Any] = {"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": "clerk"}
MODEL: dict[str, Any] = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "small"}
TOOL: dict[str, Any] = {
    "gen_ai__operation__name": "execute_tool",
    "gen_ai__tool__name": "read_mail",
}


def test_agent_and_conversation_come_from_ancestors_that_arrive_later() -> None:
    told = [
        span(1, None, 0, 9, **AGENT, gen_ai__conversation__id="talk"),
        span(2, 1, 1),
        span(3, 2, 2, **TOOL),
        span(4, 2, 3, **MODEL, gen_ai__usage__input_tokens=7),
    ]

    assert known(told, _ACTIONS) == [
        ("tool", "read_mail", "clerk", "talk", "ok", None, True),
        ("model", "small", "clerk", "talk", "ok", 7, True),
    ]


def test_one_call_told_by_several_layers_is_one_action() -> None:
    mcp: dict[str, Any] = {"mcp__method__name": "tools/call", "gen_ai__tool__name": "read_mail"}
    told = [
        span(1, None, 0, 9, **AGENT),
        span(2, 1, 1, 3, **TOOL),
        span(3, 2, 1.1, 2, **mcp),
        span(4, 3, 1.2, 1, **mcp),
    ]

    assert [row[:3] for row in known(told, _ACTIONS)] == [("tool", "read_mail", "clerk")]


def test_tokens_are_summed_over_model_calls_and_not_again_over_the_agent() -> None:
    told = [
        span(1, None, 0, 9, **AGENT, gen_ai__usage__input_tokens=12),
        span(2, 1, 1, **MODEL, gen_ai__usage__input_tokens=5),
        span(3, 1, 2, **MODEL, gen_ai__usage__input_tokens=7),
    ]

    assert [row[4] for row in known(told, _RUNS)] == [12]


def test_an_agents_own_tokens_count_when_no_model_call_was_told() -> None:
    told = [span(1, None, 0, 9, **AGENT, gen_ai__usage__input_tokens=12), span(2, 1, 1, **TOOL)]

    assert [row[4] for row in known(told, _RUNS)] == [12]


def test_a_run_whose_own_span_never_came_has_a_row_and_no_end() -> None:
    told = [
        span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk"),
        span(4, 2, 2, **MODEL, gen_ai__usage__input_tokens=7),
    ]

    assert known(told, _RUNS) == [("clerk", None, "unknown", None, 7, None)]
    assert [row[-1] for row in known(told, _ACTIONS)] == [True, True]


def test_the_row_is_the_runs_own_once_its_span_comes() -> None:
    told = [span(2, 9, 0, 5, **AGENT), span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk")]

    assert known(told, _RUNS) == [("clerk", None, "ok", 5000.0, None, "span")]


def test_a_model_call_of_nobody_below_a_missing_span_is_no_run() -> None:
    assert known([span(4, 2, 2, **MODEL)], _RUNS) == []


@pytest.mark.parametrize("phase", ["acked", "enforced"])
def test_a_killed_run_without_its_own_span_ends_when_control_says(phase: str) -> None:
    told = [
        span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk"),
        span(4, 2, 2, **MODEL),
        command(4, "kill", "signed"),
        command(5, "kill", phase),
    ]

    assert known(told, _RUNS) == [("clerk", None, "denied", 4000.0, None, "control")]


@pytest.mark.parametrize(
    "other",
    [
        command(5, "pause", "acked"),
        command(5, "kill", "delivered"),
        command(5, "kill", "acked", watchkeeper__command__status="rejected"),
        command(5, "kill", "acked", gen_ai__agent__name="courier"),
        command(5, "kill", "acked", watchkeeper__instance_uid="two"),
        command(0.5, "kill", "acked"),
    ],
    ids=["paused", "not reached", "refused", "of another", "another instance", "before it began"],
)
def test_nothing_but_a_kill_that_reached_it_ends_a_run(other: Request) -> None:
    told = [span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk"), other]

    assert known(told, _RUNS) == [("clerk", None, "unknown", None, None, None)]


def test_a_run_that_went_on_after_the_kill_was_not_ended_by_it() -> None:
    told = [
        span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk"),
        command(5, "kill", "acked"),
        span(4, 2, 8, **TOOL),
    ]

    assert [row[2:] for row in known(told, _RUNS)] == [("unknown", None, None, None)]


def test_the_refusals_of_a_killed_run_do_not_keep_it_open() -> None:
    told = [
        span(3, 2, 1, **TOOL, gen_ai__agent__name="clerk"),
        command(5, "kill", "acked"),
        span(4, 2, 8, **TOOL),
        decision(1, 8, "deny", "read_mail", in_span=4),
    ]

    assert [row[2:] for row in known(told, _RUNS)] == [("denied", 4000.0, None, "control")]


def test_an_orphaned_span_tells_no_end() -> None:
    orphaned: dict[str, Any] = {"code": 2, "message": "Span orphaned"}
    told = [span(1, None, 0, 600, status=orphaned, **AGENT), span(2, 1, 1, **TOOL)]

    assert known(told, _RUNS) == [("clerk", None, "unknown", None, None, None)]
    assert known([*told, command(3, "kill", "enforced")], _RUNS) == [
        ("clerk", None, "denied", 3000.0, None, "control")
    ]


def test_a_store_whose_only_rows_are_of_one_moment_tells_its_run(tmp_path: Path) -> None:
    knows_all = SeenTraces(since=datetime(1970, 1, 2, tzinfo=UTC))

    with replay(tmp_path, [[span(1, None, 0, 9, **AGENT)]], knows_all) as store:
        assert [row[2] for row in rows(store, _RUNS)] == ["ok"]
