"""Each call is matched to the decision about it, whatever the order of arrival, and says how."""

from __future__ import annotations

from replaying import Request
from telling import decision, known, span
from test_late_binding import AGENT, MODEL, TOOL

_MATCHED = """
    select lower(hex(span_id))[-1:], outcome, decision_id, matched_by, span_outcome
    from action order by start_ns, span_id
"""
RUN = span(1, None, 0, 60, **AGENT)


def test_a_decision_that_names_the_span_is_matched_by_it() -> None:
    told = [RUN, span(2, 1, 1, **TOOL), decision(1, 0.9, "allow", "read_mail", in_span=2)]

    assert known(told, _MATCHED) == [("2", "ok", "decision-1", "span", "ok")]


def test_a_decision_told_from_within_the_call_is_matched_by_its_span() -> None:
    told = [
        RUN,
        span(2, 1, 1, 3, **TOOL),
        span(3, 2, 1.5, 1),
        decision(1, 1.6, "allow", "read_mail", in_span=3),
    ]

    assert known(told, _MATCHED) == [("2", "ok", "decision-1", "span", "ok")]


def test_the_id_of_a_tool_call_matches_before_its_name_does() -> None:
    told = [
        RUN,
        span(2, 1, 2, **TOOL, gen_ai__tool__call__id="a"),
        span(3, 1, 2, **TOOL, gen_ai__tool__call__id="b"),
        decision(1, 1, "deny", "read_mail", in_span=1, gen_ai__tool__call__id="b"),
    ]

    assert known(told, _MATCHED) == [
        ("2", "ok", None, None, "ok"),
        ("3", "denied", "decision-1", "tool_call_id", "ok"),
    ]


def test_calls_side_by_side_take_one_decision_each() -> None:
    told: list[Request] = [
        RUN,
        *(decision(n, 1 + n / 100, "allow", "read_mail", in_span=1) for n in range(3)),
        *(span(2 + n, 1, 2 + n / 100, **TOOL) for n in range(4)),
    ]

    found = known(told, _MATCHED)

    assert [row[3] for row in found] == ["name", "name", "name", None]
    assert len({row[2] for row in found[:3]}) == 3


def test_a_refused_call_without_a_span_does_not_make_the_next_one_denied() -> None:
    told = [
        RUN,
        decision(1, 1, "deny", "read_mail", in_span=1),
        decision(2, 2, "allow", "read_mail", in_span=1),
        span(2, 1, 2.1, **TOOL),
    ]

    assert known(told, _MATCHED) == [("2", "ok", "decision-2", "name", "ok")]


def test_a_decision_about_another_tool_matches_nothing() -> None:
    told = [RUN, span(2, 1, 1, **TOOL), span(3, 1, 2, **MODEL), decision(1, 0.9, "allow", "fly")]

    assert [row[2] for row in known(told, _MATCHED)] == [None, None]
