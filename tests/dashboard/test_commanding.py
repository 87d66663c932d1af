"""Stopping, degrading and releasing: what is sent, what is refused, what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_api import FakeApis
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import actions
from dashboard.actions import Act, Dialog, Form
from dashboard.state import Key

Visit = Callable[..., AppTest]


def stopping(visit: Visit) -> AppTest:
    page = visit("agent", agent="rogue")
    page.button(key=Key.AGENT_STOP).click().run()
    return page


def test_the_dialog_tells_the_blast_radius_before_anything_is_sent(
    visit: Visit, apis: FakeApis
) -> None:
    page = stopping(visit)

    told = " ".join(element.value for element in page.markdown)
    assert "**2 of 2 instances** are connected and will hear it at once." in told
    assert apis.fleet.sent == []


def test_the_right_name_and_a_reason_send_one_stop(visit: Visit, apis: FakeApis) -> None:
    page = stopping(visit)
    page.text_area(key=Key.DIALOG_REASON).set_value("sends data outside")
    page.text_input(key=Key.DIALOG_NAME).set_value("rogue")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert [sent["kind"] for sent in apis.fleet.sent] == ["kill"]
    assert apis.fleet.sent[0]["scope"] == {"agent_name": "rogue", "instance": None}
    assert apis.fleet.sent[0]["expires_in_s"] == 3600
    assert page.title[0].value == "Commands"


def test_a_wrong_name_sends_nothing_and_says_so(visit: Visit, apis: FakeApis) -> None:
    page = stopping(visit)
    page.text_area(key=Key.DIALOG_REASON).set_value("sends data outside")
    page.text_input(key=Key.DIALOG_NAME).set_value("clerk")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert apis.fleet.sent == []
    assert "Nothing was sent: you typed “clerk”" in page.error[-1].value


def test_without_a_reason_nothing_is_sent(visit: Visit, apis: FakeApis) -> None:
    page = stopping(visit)
    page.text_input(key=Key.DIALOG_NAME).set_value("rogue")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert apis.fleet.sent == []
    assert "write why" in page.error[-1].value


def test_keeping_it_running_closes_the_dialog(visit: Visit, apis: FakeApis) -> None:
    page = stopping(visit)

    page.button(key=Key.DIALOG_KEEP).click().run()

    assert apis.fleet.sent == []
    assert not [box for box in page.text_input if box.key == Key.DIALOG_NAME]


def test_a_degrade_names_the_tools_it_refuses(visit: Visit, apis: FakeApis) -> None:
    page = visit("agent", agent="courier")
    page.button(key=Key.AGENT_DEGRADE).click().run()
    page.text_area(key=Key.DIALOG_REASON).set_value("trust fell")
    page.text_input(key=Key.DIALOG_DENY).set_value("transfer, mail.send")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert apis.fleet.sent[0]["profile"] == {
        "tools": {"class": "read_only", "deny": ["transfer", "mail.send"]}
    }


def test_a_hold_is_released_with_a_reason(visit: Visit, apis: FakeApis) -> None:
    page = visit("commands", hold="hold-rogue")
    page.button(key=Key.COMMANDS_RELEASE).click().run()
    page.text_area(key=Key.DIALOG_REASON).set_value("fixed and reviewed")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert apis.fleet.sent[0]["release"] == "hold-rogue"
    assert apis.fleet.sent[0]["reason"] == "fixed and reviewed"


def test_what_control_refuses_is_said_in_the_dialog(visit: Visit, apis: FakeApis) -> None:
    page = stopping(visit)
    apis.fleet.role = "viewer"
    page.text_area(key=Key.DIALOG_REASON).set_value("sends data outside")
    page.text_input(key=Key.DIALOG_NAME).set_value("rogue")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert "Not carried out: viewer may not command" in page.error[-1].value


def test_one_opening_carries_one_key_however_often_it_is_sent() -> None:
    dialog = Dialog(Act.KILL, "rogue")
    form = Form(reason="sends data outside", name="rogue")

    kept = Dialog.kept(dialog.keep())

    assert actions.request_of(dialog, form) == actions.request_of(kept, form)


def test_two_openings_are_two_commands() -> None:
    first, second = Dialog(Act.KILL, "rogue"), Dialog(Act.KILL, "rogue")

    assert first.idempotency_key != second.idempotency_key


@given(st.text(max_size=30))
def test_only_the_agents_own_name_confirms_a_stop(typed: str) -> None:
    complaint = actions.complaint(
        Dialog(Act.KILL, "rogue"), Form(reason="seen in traces", name=typed)
    )

    assert (complaint is None) == (typed.strip() == "rogue")


@pytest.mark.parametrize("reason", ["", "  ", "ab", "x" * 1001])
def test_a_reason_has_three_to_a_thousand_characters(reason: str) -> None:
    assert actions.complaint(Dialog(Act.DEGRADE, "clerk"), Form(reason=reason))


def test_a_pause_is_sent_as_a_pause(visit: Visit, apis: FakeApis) -> None:
    page = visit("commands")
    page.selectbox(key=Key.COMMANDS_AGENT).set_value("clerk").run()
    page.button(key=Key.COMMANDS_PAUSE).click().run()
    page.text_area(key=Key.DIALOG_REASON).set_value("looks at the wrong ledger")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert [sent["kind"] for sent in apis.fleet.sent] == ["pause"]
    assert "profile" not in apis.fleet.sent[0]


def test_a_degrade_carries_its_model_map() -> None:
    form = Form(reason="too dear", models=" large = small, huge=small ")

    _, body = actions.request_of(Dialog(Act.DEGRADE, "clerk"), form)

    assert body["profile"]["model_map"] == {"large": "small", "huge": "small"}


@pytest.mark.parametrize("models", ["large", "=small", "a=b=c", "a=b, c"])
def test_a_malformed_model_map_is_refused_before_it_is_sent(models: str) -> None:
    told = actions.complaint(Dialog(Act.DEGRADE, "clerk"), Form(reason="too dear", models=models))

    assert told is not None and "such as big=small" in told


def deciding(visit: Visit, key: Key) -> AppTest:
    page = visit("costs")
    page.button(key=f"{key}_step-1").click().run()
    return page


def test_a_proposal_to_stop_an_agent_is_accepted_with_its_name_and_a_reason(
    visit: Visit, apis: FakeApis
) -> None:
    page = deciding(visit, Key.COSTS_ACCEPT)
    page.text_area(key=Key.DIALOG_REASON).set_value("it loops")
    page.button(key=Key.DIALOG_SEND).click().run()
    assert apis.fleet.sent == []
    page.text_input(key=Key.DIALOG_NAME).set_value("courier")

    page.button(key=Key.DIALOG_SEND).click().run()

    (sent,) = apis.fleet.sent
    assert (sent["step_id"], sent["decision"], sent["reason"]) == ("step-1", "accept", "it loops")
    assert page.title[0].value == "Commands"


def test_a_proposal_is_declined_with_a_reason_and_the_page_stays(
    visit: Visit, apis: FakeApis
) -> None:
    page = deciding(visit, Key.COSTS_DECLINE)
    page.text_area(key=Key.DIALOG_REASON).set_value("a load test")

    page.button(key=Key.DIALOG_SEND).click().run()

    assert [sent["decision"] for sent in apis.fleet.sent] == ["decline"]
    assert page.title[0].value == "Costs"
    assert not [one for one in page.button if "accept" in (one.key or "")]
