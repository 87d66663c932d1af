"""One record that makes no sense costs nobody else their runs, actions and decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from replaying import RECEIVED_NS, replay, rows
from telling import SECOND, decision, event, known, span

AGENT: dict[str, Any] = {"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": "clerk"}
MODEL: dict[str, Any] = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "small"}
TOOL: dict[str, Any] = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "pay"}
RUNS = "select agent, outcome, input_tokens, output_tokens from run order by start_ns, span_id"
OTHER = "4bf92f3577b34da6a3ce929d0e0e4736"
# As late as a signed count of nanoseconds goes, in the year 2262.
NEVER_S = (2**63 - 1 - RECEIVED_NS) // SECOND


def test_a_verdict_at_the_end_of_time_keeps_nothing_from_being_derived() -> None:
    told = [
        span(1, None, 0, 9, **AGENT),
        event("acs.decision", NEVER_S, acs__decision="deny", gen_ai__agent__name="rogue"),
        event("acs.decision", 1, in_span=1, acs__decision="deny", gen_ai__agent__name="clerk"),
    ]

    assert known(told, "select agent from decision order by agent") == [("clerk",), ("rogue",)]
    assert known(told, "select agent from run") == [("clerk",)]
    assert known(told, "select count(*) from underived_trace") == [(0,)]


def test_a_fact_told_twice_at_the_end_of_time_can_be_asked_for(tmp_path: Path) -> None:
    words = {"id": "i-1", "state": "closed"}
    twice = [
        event(
            "agent.sre.incident.resolved",
            NEVER_S,
            **{f"agent__sre__incident__{key}": word for key, word in words.items()},
        ),
        event(
            "watchkeeper.governance",
            NEVER_S,
            watchkeeper__governance__kind="incident",
            watchkeeper__governance__id="i-1",
            watchkeeper__governance__to="closed",
        ),
    ]

    with replay(tmp_path, [twice]) as store:
        assert rows(store, "select subject, to_value from governance_events") == [("i-1", "closed")]


def test_tokens_beyond_sense_are_not_measured_and_spoil_no_sum() -> None:
    beyond = 2**63 - 1
    told = [
        span(1, None, 0, 9, **AGENT),
        span(2, 1, 1, **MODEL, gen_ai__usage__input_tokens=5, gen_ai__usage__output_tokens=beyond),
        span(3, 1, 2, **MODEL, gen_ai__usage__input_tokens=7, gen_ai__usage__output_tokens=beyond),
        span(4, None, 0, 9, trace=OTHER, **AGENT),
        decision(1, 3, "allow", "pay", in_span=1),
    ]

    assert known(told, RUNS) == [("clerk", "ok", 12, None), ("clerk", "ok", None, None)]
    assert known(told, "select count(*) from underived_trace") == [(0,)]
