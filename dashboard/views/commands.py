"""Commands: is the command carried out?"""

from __future__ import annotations

import streamlit as st

from dashboard import people
from dashboard.components import commands, page
from dashboard.state import Session


def body() -> None:
    person, now = people.current(), page.now()
    known = commands.known(person)
    commands.loud(known, now)
    with page.section(
        "What is in force?",
        "Newest first, UTC. Acknowledged is the agent's word; enforced is proven "
        "by a refused call in its own telemetry.",
    ):
        if not known:
            page.nothing("No command was ever sent. Agents run without restriction.")
            return
        chosen = commands.listing(known, now)
    with page.section("Is the command carried out?"):
        commands.one(chosen, person, now)
    commands.stop_watching(chosen, now)


page.opened_without_collector("Commands", live=True)
commands.compose(people.current())
page.live(body, watching=Session.WATCHED in st.session_state)
page.quiet_footer()
