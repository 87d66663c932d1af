"""Degrade, stop, release: the dialog in which one person decides and says why.

Blast radius, reason, expiry and, for a stop, the agent's name. Enter sends
nothing. One form, one event; what is wrong is said and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import streamlit as st

from dashboard import actions, control, doors, words
from dashboard.actions import Act, Dialog, Form
from dashboard.components.page import line_of
from dashboard.doors import Json
from dashboard.people import Person
from dashboard.state import Key, Session, Url, address

TITLES = {
    Act.DEGRADE: "Degrade",
    Act.PAUSE: "Pause",
    Act.KILL: "Stop",
    Act.RELEASE: "Release",
    Act.ACCEPT: "Accept the proposal for",
    Act.DECLINE: "Decline the proposal for",
}
ICONS = {
    Act.DEGRADE: ":material/speed:",
    Act.PAUSE: ":material/pause_circle:",
    Act.KILL: ":material/front_hand:",
    Act.RELEASE: ":material/lock_open:",
    Act.ACCEPT: ":material/check:",
    Act.DECLINE: ":material/close:",
}
SEND_WORDS = {**TITLES, Act.KILL: "Stop agent", Act.ACCEPT: "Accept", Act.DECLINE: "Decline"}
KEEP_WORDS = {
    Act.DEGRADE: "Leave it as it is",
    Act.PAUSE: "Keep it running",
    Act.KILL: "Keep it running",
    Act.RELEASE: "Keep the hold",
    Act.ACCEPT: "Decide later",
    Act.DECLINE: "Decide later",
}
WITHOUT_EXPIRY = (Act.RELEASE, Act.ACCEPT, Act.DECLINE)


def buttons(agent: str | None, person: Person, offered: Mapping[Act, Key]) -> None:
    """A button for each act offered; disabled with the reason when this person may not."""
    why = person.why_not_command() or (None if agent else "Choose an agent first")
    for act, key in offered.items():
        frame = f"danger_{key}" if act is Act.KILL else f"safe_{key}"
        with st.container(key=frame, width="content"):
            _opener(SEND_WORDS[act], act, agent, key, why)


def release_button(agent: str, hold_id: str, person: Person) -> None:
    why = person.why_not_command()
    _opener("Release", Act.RELEASE, agent, Key.COMMANDS_RELEASE, why, hold_id)


def decide_button(act: Act, step: Json, person: Person, key: str) -> None:
    """Accept or decline what a budget proposes."""
    why = person.why_not_command()
    dialog = Dialog(act, step["agent"], step_id=step["step_id"], hold=step["hold"])
    st.button(
        SEND_WORDS[act],
        key=key,
        icon=ICONS[act],
        disabled=why is not None,
        help=why,
        on_click=_open,
        args=(dialog,),
    )


def _opener(
    label: str, act: Act, agent: str | None, key: Key, why: str | None, hold_id: str | None = None
) -> None:
    st.button(
        label,
        key=key,
        icon=ICONS[act],
        disabled=why is not None,
        help=why,
        on_click=open_dialog,
        args=(act, agent or "", hold_id),
    )


def open_dialog(act: Act, agent: str, hold_id: str | None = None) -> None:
    _open(Dialog(act, agent, hold_id))


def _open(dialog: Dialog) -> None:
    st.session_state.pop(Session.COMPLAINT, None)
    st.session_state[Session.DIALOG] = dialog.keep()
    st.session_state[Session.OPENING] = True


def close_dialog() -> None:
    st.session_state.pop(Session.DIALOG, None)
    st.session_state.pop(Session.COMPLAINT, None)


def show_open() -> None:
    """The dialog this tab has open, if any."""
    remembered = st.session_state.get(Session.DIALOG)
    if remembered:
        dialog = Dialog.kept(remembered)
        st.dialog(
            f"{TITLES[dialog.act]} {line_of(dialog.agent)}",
            width="medium",
            icon=ICONS[dialog.act],
            on_dismiss=close_dialog,
        )(_body)()


def follow_sent() -> None:
    """After a command was sent: go where its proof will appear."""
    hold_id = st.session_state.pop(Session.SENT, None)
    if hold_id:
        st.session_state[Session.WATCHED] = hold_id
        st.switch_page("views/commands.py", query_params=address({Url.HOLD: hold_id}))


def _body() -> None:
    remembered = st.session_state.get(Session.DIALOG)
    if not remembered:
        st.rerun()
    dialog = Dialog.kept(remembered)
    st.markdown(consequence(dialog))
    with st.form("dialog_form", enter_to_submit=False, border=False):
        _fields(dialog)
        if complaint := st.session_state.get(Session.COMPLAINT):
            st.error(complaint, icon=":material/error:")
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.form_submit_button(
                KEEP_WORDS[dialog.act], key=Key.DIALOG_KEEP, on_click=close_dialog
            )
            with st.container(key=_send_key(dialog), width="content"):
                st.form_submit_button(
                    SEND_WORDS[dialog.act],
                    key=Key.DIALOG_SEND,
                    icon=ICONS[dialog.act],
                    type="secondary" if dialog.stops else "primary",
                    on_click=submit,
                )


def _send_key(dialog: Dialog) -> str:
    return "danger_dialog" if dialog.stops else "safe_dialog"


def _fields(dialog: Dialog) -> None:
    st.text_area(
        "Why",
        key=Key.DIALOG_REASON,
        height=74,
        max_chars=actions.LONGEST_REASON,
        placeholder="What you saw, and a ticket if there is one. Stored with the command.",
    )
    if dialog.stops:
        st.text_input(f"Type {dialog.agent} to confirm", key=Key.DIALOG_NAME, autocomplete="off")
    if dialog.act in WITHOUT_EXPIRY:
        return
    choices = list(actions.EXPIRIES)
    st.selectbox(
        "Ends by itself after",
        choices,
        index=choices.index(actions.DEFAULT_EXPIRY),
        key=Key.DIALOG_EXPIRES,
    )
    if dialog.act is Act.DEGRADE:
        st.text_input(
            "Also refuse these tools",
            key=Key.DIALOG_DENY,
            placeholder="transfer, mail.send",
            help="Names, separated by commas; reading tools stay allowed otherwise",
        )
        st.text_input(
            "Answer with other models",
            key=Key.DIALOG_MODELS,
            placeholder="large=small",
            help="Pairs, separated by commas: calls to the first model go to the second",
        )


def consequence(dialog: Dialog) -> str:
    """What the command will do, in numbers, before it is sent."""
    if dialog.act is Act.RELEASE:
        return "The restriction ends for every instance. The agent may act as before."
    if dialog.act is Act.DECLINE:
        return "Nothing is sent to the agent. The budget does not propose it again in this period."
    act = Act(dialog.hold) if dialog.act is Act.ACCEPT and dialog.hold else dialog.act
    try:
        told = control.preview(act.value, dialog.agent)
    except doors.DoorError as error:
        return f"How far this reaches is not known: {error}."
    return reach(act, told)


def reach(act: Act, told: Json) -> str:
    """The blast radius in one paragraph."""
    instances = told["instances"] if isinstance(told["instances"], int) else len(told["instances"])
    connected = told["connected"] if isinstance(told["connected"], int) else len(told["connected"])
    listening = (
        f"**{connected} of {words.plural(instances, 'instance')}** "
        f"{'is' if connected == 1 else 'are'} connected and will hear it at once."
    )
    if connected < instances:
        listening += f" {instances - connected} will hear it when it asks again."
    return f"{listening} {_effect(act)}"


def _effect(act: Act) -> str:
    match act:
        case Act.KILL:
            return "Every further model and tool call is refused. Nothing is deleted."
        case Act.DEGRADE:
            return "Only tools that read stay allowed. Work in progress goes on."
        case Act.PAUSE:
            return (
                "Every further model and tool call is refused until you release it. "
                "The agent stays loaded and goes on from there."
            )
        case Act.RELEASE | Act.ACCEPT | Act.DECLINE:
            return ""
        case _:
            assert_never(act)


def submit() -> None:
    """Check, send once, and remember where to follow it."""
    remembered = st.session_state.get(Session.DIALOG)
    if not remembered:  # the second half of a double click
        return
    dialog, form = Dialog.kept(remembered), written()
    if complaint := actions.complaint(dialog, form):
        st.session_state[Session.COMPLAINT] = complaint
        return
    try:
        command = actions.send(dialog, form)
    except doors.DoorError as error:
        st.session_state[Session.COMPLAINT] = f"Not carried out: {error}."
        return
    close_dialog()
    if command["hold_id"]:
        st.session_state[Session.SENT] = command["hold_id"]


def written() -> Form:
    kept = st.session_state
    return Form(
        reason=kept.get(Key.DIALOG_REASON) or "",
        expires=kept.get(Key.DIALOG_EXPIRES) or actions.DEFAULT_EXPIRY,
        name=kept.get(Key.DIALOG_NAME) or "",
        deny=kept.get(Key.DIALOG_DENY) or "",
        models=kept.get(Key.DIALOG_MODELS) or "",
    )
