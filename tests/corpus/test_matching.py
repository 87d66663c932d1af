"""Each call is matched to the decision about it, whatever the order of arrival, and says how."""

from __future__ import annotations

import pytest
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


def test_a_decision_outside_of_any_trace_is_matched_by_time() -> None:
    told = [
        RUN,
        span(2, 1, 1, **TOOL),
        span(3, 1, 9, **TOOL),
        decision(1, 8.5, "allow", "read_mail"),
    ]

    assert known(told, _MATCHED) == [
        ("2", "ok", None, None, "ok"),
        ("3", "ok", "decision-1", "time", "ok"),
    ]


def test_calls_side_by_side_take_one_decision_outside_of_any_trace_each() -> None:
    told: list[Request] = [
        RUN,
        *(decision(n, 1 + n / 100, "allow", "read_mail") for n in range(2)),
        *(span(2 + n, 1, 2 + n / 100, **TOOL) for n in range(3)),
    ]

    found = known(told, _MATCHED)

    assert [row[3] for row in found] == ["time", "time", None]
    assert {row[2] for row in found} == {"decision-0", "decision-1", None}


def test_a_refusal_outside_of_any_trace_makes_the_call_and_its_failed_run_denied() -> None:
    failed = {"code": 2}
    told = [
        span(1, None, 0, 9, status=failed, **AGENT),
        span(2, 1, 1, status=failed, **TOOL),
        decision(1, 0.9, "deny", "read_mail"),
    ]
    outcomes = "select outcome from action union all select outcome from run"

    assert known(told, _MATCHED) == [("2", "denied", "decision-1", "time", "error")]
    assert known(told, outcomes) == [("denied",), ("denied",)]


def test_a_decision_more_than_a_minute_before_a_call_is_not_about_it() -> None:
    told = [RUN, span(2, 1, 30, **TOOL), decision(1, -31, "allow", "read_mail")]

    assert known(told, _MATCHED) == [("2", "ok", None, None, "ok")]


def test_a_decision_in_the_trace_comes_before_one_outside_of_it() -> None:
    told = [
        RUN,
        span(2, 1, 1, **TOOL),
        decision(1, 0.8, "allow", "read_mail"),
        decision(2, 0.9, "allow", "read_mail", in_span=1),
    ]

    assert known(told, _MATCHED) == [("2", "ok", "decision-2", "name", "ok")]


def test_a_decision_about_an_identifier_is_matched_once_its_name_is_known() -> None:
    named = {**AGENT, "gen_ai__agent__id": "did:mesh:clerk"}
    told = [
        span(1, None, 0, 60, **named),
        span(2, 1, 1, **TOOL),
        decision(1, 0.9, "allow", "read_mail", gen_ai__agent__name="did:mesh:clerk"),
    ]

    assert known(told, _MATCHED) == [("2", "ok", "decision-1", "time", "ok")]


_KERNEL = "semantic_kernel.functions.kernel_function"
_MAIL = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "Mail-read"}


@pytest.mark.parametrize(
    ("said", "matched"), [("read", "name"), ("Mail.read", "name"), ("Mail", None), ("ead", None)]
)
def test_a_function_of_semantic_kernel_is_known_by_its_own_name_and_with_a_dot(
    said: str, matched: str | None
) -> None:
    told = [
        RUN,
        span(2, 1, 1, scope=_KERNEL, **_MAIL),
        decision(1, 0.9, "allow", said, in_span=1),
    ]

    assert [row[3] for row in known(told, _MATCHED)] == [matched]
    assert known(told, "select name from action") == [("Mail-read",)]


def test_the_same_function_of_two_plugins_is_known_by_neither_name() -> None:
    told = [
        RUN,
        span(2, 1, 1, scope=_KERNEL, **_MAIL),
        span(3, 1, 2, scope=_KERNEL, **{**_MAIL, "gen_ai__tool__name": "Notes-read"}),
        decision(1, 0.9, "allow", "read", in_span=1),
    ]

    assert [row[3] for row in known(told, _MATCHED)] == [None, None]


def test_a_hyphen_in_the_name_of_another_frameworks_tool_means_nothing() -> None:
    told = [RUN, span(2, 1, 1, **_MAIL), decision(1, 0.9, "allow", "read", in_span=1)]

    assert [row[3] for row in known(told, _MATCHED)] == [None]


def test_nothing_waits_once_all_is_matched() -> None:
    told = [RUN, span(2, 1, 1, **TOOL), decision(1, 0.9, "allow", "read_mail")]

    assert known(told, "select count(*) from unmatched_slot") == [(0,)]
    assert known(told, "select decision_id, name from loose_match") == [("decision-1", "read_mail")]


def test_a_refusal_of_control_that_fits_no_call_makes_the_run_denied_in_which_it_was_told() -> None:
    told = [
        RUN,
        span(2, 1, 1, **TOOL),
        decision(1, 5, "deny", "transfer", watchkeeper__decision__source="control_plane"),
        decision(2, 70, "deny", "transfer", watchkeeper__decision__source="control_plane"),
    ]
    found = "select 'run', outcome from run union all select 'call', outcome from action"

    assert known(told, found) == [("run", "denied"), ("call", "ok")]
    assert known(told, "select decision_id from loose_refusal") == [("decision-1",)]


def test_a_refusal_that_fits_no_call_explains_a_failed_run_and_not_one_that_went_well() -> None:
    refused = decision(1, 5, "deny", "transfer")
    failed = span(1, None, 0, 60, status={"code": 2}, **AGENT)

    assert known([RUN, refused], "select outcome from run") == [("ok",)]
    assert known([failed, refused], "select outcome from run") == [("denied",)]


def test_a_refusal_belongs_to_its_call_once_the_call_has_come() -> None:
    told = [RUN, span(2, 1, 5.1, **TOOL), decision(1, 5, "deny", "read_mail")]

    assert known(told, "select count(*) from loose_refusal") == [(0,)]


def test_a_refusal_of_an_instance_by_another_name_belongs_to_the_only_run_there_was() -> None:
    refused = decision(
        1,
        5,
        "deny",
        "transfer",
        watchkeeper__decision__source="control_plane",
        watchkeeper__instance_uid="01a213ce-0638-7974-8052-f4594610b834",
    )
    other = span(1, None, 2, 60, trace="1af7651916cd43dd8448eb211c80319c", **AGENT)

    assert known([RUN, refused], "select outcome from run") == [("denied",)]
    assert known([RUN, other, refused], "select outcome from run") == [("ok",), ("ok",)]


def test_a_decision_about_what_a_tool_answered_governs_neither_its_call_nor_the_next() -> None:
    after = {"watchkeeper__decision__stage": "post_tool_call"}
    told = [
        RUN,
        span(2, 1, 1, **TOOL),
        decision(1, 1.6, "allow", "read_mail", in_span=1, **after),
        span(3, 1, 3, **TOOL),
        decision(2, 3.6, "allow", "read_mail", **after),
        span(4, 1, 5, **TOOL),
    ]

    assert [row[2:4] for row in known(told, _MATCHED)] == [(None, None)] * 3


def test_what_a_guard_withheld_of_a_models_answer_is_about_that_call() -> None:
    after = {"watchkeeper__decision__stage": "post_model_call", "gen_ai__tool__name": None}
    told = [
        RUN,
        span(2, 1, 1, **MODEL),
        decision(1, 1.6, "deny", "", in_span=2, gen_ai__request__model="small", **after),
    ]

    assert known(told, _MATCHED) == [("2", "denied", "decision-1", "span", "ok")]


def test_what_was_refused_and_left_no_span_does_not_make_a_later_call_denied() -> None:
    told = [RUN, decision(1, 5, "deny", "read_mail"), span(2, 1, 8, **TOOL)]

    assert known(told, _MATCHED) == [("2", "ok", None, None, "ok")]
    assert known(told, "select decision_id from loose_refusal") == [("decision-1",)]
