"""The cards of the commands page."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, control, data, doors, people, timeline, words
from dashboard.actions import Act
from dashboard.components import dialogs, page, proof, tables
from dashboard.people import Person
from dashboard.state import Key, Session, Url
from dashboard.timeline import Command

WATCH = timedelta(minutes=5)
OFFERED = {
    Act.DEGRADE: Key.COMMANDS_DEGRADE,
    Act.PAUSE: Key.COMMANDS_PAUSE,
    Act.KILL: Key.COMMANDS_STOP,
}
ANSWERS = {"enforced": "Enforced", "acked": "Acknowledged", "none": "No answer"}
ANSWER_COLOURS: dict[str, words.Colour] = {"enforced": "green", "acked": "orange", "none": "red"}


def known(person: Person) -> list[Command]:
    """What control and the evidence tell; either may be missing, which is said."""
    journal, evidence = [], []
    if person.signed_in:
        try:
            journal = control.commands()
        except doors.DoorError as error:
            st.warning(
                f"The journal is not shown: {error}. What follows is evidence alone.",
                icon=":material/cloud_off:",
            )
    try:
        evidence = data.command_proof().to_dicts()
    except doors.DoorError as error:
        st.error(
            f"Nothing below is proven: {error}. Commands are still sent and acknowledged; "
            "whether agents obey is not visible until it is back.",
            icon=":material/cloud_off:",
        )
    return timeline.merged(journal, evidence)


def compose(person: Person) -> None:
    """Choose an agent; the dialog asks the rest."""
    if person.control_away:
        st.error(
            "**Commands are off: the control process does not answer.** Holds in force stay "
            "in force in the agents. Start it with `watchkeeper control`.",
            icon=":material/cloud_off:",
        )
    with st.container(
        border=True, horizontal=True, vertical_alignment="bottom", key="commands_compose"
    ):
        agent = st.selectbox(
            "Restrict an agent",
            agents(),
            index=None,
            key=Key.COMMANDS_AGENT,
            placeholder="Choose or type its name",
            accept_new_options=True,
            width=380,
        )
        st.space("stretch")
        dialogs.buttons(agent, person, OFFERED)


def agents() -> list[str]:
    try:
        return sorted(data.fleet(data.window(data.RANGES["7d"]))["agent"].to_list())
    except doors.DoorError:
        return []


def loud(commands: list[Command], now: datetime) -> None:
    """An agent that acts against a hold it acknowledged needs a person at once."""
    for command in commands:
        if command.contradicted and command.in_force(now):
            st.error(
                f"**{page.plain(command.agent)} acts against its hold.** "
                f"{words.plural(command.actions_after_ack, 'action')} executed after it "
                f"acknowledged “{words.KINDS[command.kind].lower()}”, first at "
                f"{words.stamp(command.times['contradicted'])}. Stop it where it runs and "
                "revoke its credentials.",
                icon=":material/crisis_alert:",
            )


def listing(commands: list[Command], now: datetime) -> Command:
    rows = pl.DataFrame([line(command, now) for command in commands], infer_schema_length=None)
    rows = tables.marked_sample(rows).with_columns(tables.worded("phase", words.PHASES))
    config = {
        "phase": tables.badge("State", words.PHASES, words.PHASE_COLOURS, width=112),
        "what": columns.TextColumn("Command", width=140),
        "requested_at": tables.time_column("Requested, UTC"),
        "answered": columns.TextColumn("Acknowledged", width=100),
        "enforced": columns.TextColumn("Enforced", width=98),
        "ends": columns.TextColumn("In force", width=104),
        "reason": columns.TextColumn("Why", width=284),
        "actor": columns.TextColumn("By", width=68),
        **tables.sample_column(rows),
    }
    picked = tables.chosen(
        rows,
        config,
        Key.COMMANDS_LIST,
        rows=9,
        alt="Commands, newest first, with the furthest step proven",
    )
    if picked is not None:
        st.query_params[Url.HOLD] = commands[picked].hold_id
    asked = st.query_params.get(Url.HOLD)
    return next((each for each in commands if each.hold_id == asked), commands[0])


def line(command: Command, now: datetime) -> dict[str, object]:
    return {
        "phase": command.phase,
        "what": command.headline(),
        "reason": command.reason,
        "requested_at": command.times.get("requested"),
        "actor": command.actor,
        "answered": after(command, "acked"),
        "enforced": after(command, "enforced"),
        "ends": remaining(command, now),
        "sample": command.sample,
    }


def after(command: Command, step: str) -> str | None:
    asked, at = command.times.get("requested"), command.times.get(step)
    return f"+{words.elapsed(asked, at)}" if asked and at else None


def remaining(command: Command, now: datetime) -> str:
    if not command.in_force(now):
        return "ended"
    if command.expires_at is None:
        return "no end told"
    return f"{words.elapsed(now, command.expires_at)} left"


def stop_watching(command: Command, now: datetime) -> None:
    """Once proof has come, or nobody can be waiting any more, the page stands still again."""
    asked = command.times.get("requested")
    waiting = command.phase in timeline.UNPROVEN and asked and now - asked < WATCH
    if st.session_state.get(Session.WATCHED) == command.hold_id and not waiting:
        del st.session_state[Session.WATCHED]
        st.rerun()


def one(command: Command, person: Person, now: datetime) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        page.phase_badge(command.phase)
        st.markdown(
            f"**{page.plain(command.headline())}** · `{command.command_id}`", width="content"
        )
        st.space("stretch")
        if command.in_force(now):
            dialogs.release_button(command.agent, command.hold_id, person)
    left, right = st.columns([5, 4], gap="large")
    with left:
        proof.timeline(timeline.steps(command, now))
    with right, page.section("Which instances answered?"):
        instances(command)


def instances(command: Command) -> None:
    if not command.instances:
        page.nothing(
            "Control tells this to people who are signed in."
            if not people.current().signed_in
            else "No instance is known for this agent."
        )
        return
    rows = pl.DataFrame(
        [reply(command, each) for each in command.instances], infer_schema_length=None
    )
    config = {
        "instance": columns.TextColumn("Instance", width=104),
        "acked": columns.TextColumn("Acknowledged", width=98),
        "enforced": columns.TextColumn("Enforced", width=74),
        "answer": tables.badge("Answer", ANSWERS, ANSWER_COLOURS, width=110),
        "hooks": columns.TextColumn("Can refuse", width=120, help="Calls its hooks can refuse"),
    }
    tables.shown(
        rows.with_columns(tables.worded("answer", ANSWERS)),
        config,
        "commands_instances",
        alt="Instances and what each answered",
    )


def reply(command: Command, told: doors.Json) -> dict[str, object]:
    asked = command.times.get("requested")
    times = {name: words.moment(told.get(f"{name}_at")) for name in ("acked", "enforced")}
    since = {
        name: f"+{words.elapsed(asked, at)}" if at and asked else None for name, at in times.items()
    }
    answer = "enforced" if times["enforced"] else "acked" if times["acked"] else "none"
    hooks = told.get("hooks")
    return {
        "instance": charts.shortened(told["instance_uid"], 12),
        **since,
        "answer": answer,
        "hooks": ", ".join(words.hook(name) for name in hooks or ()),
    }
