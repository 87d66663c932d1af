"""Fleet: which agents need attention now?"""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.components import fleet, page


def body() -> None:
    window = page.window()
    agents = data.fleet(window)
    if agents.is_empty():
        page.welcome()
        return
    fleet.tiles(agents, window)
    with page.section(
        "Which agents need attention now?", "Most urgent first. Choose a row to open the agent."
    ):
        fleet.attention(agents, window)
    left, right = st.columns([5, 3], gap="large")
    with (
        left,
        page.section(
            "Where are actions being blocked?",
            f"Share of decisions denied, last {page.range_words()}, UTC. "
            "Choose a cell to open its decisions.",
        ),
    ):
        fleet.blocked(window)
    with (
        right,
        page.section(
            "Is blocking going up?", f"Decisions other than allow, last {page.range_words()}, UTC."
        ),
    ):
        fleet.rising(window)
    with page.section("What changed?", f"Newest first, last {page.range_words()}, UTC."):
        page.change_list(data.changes(window))
    page.footer(agents.height)


page.opened("Fleet", ranges=True, live=True)
page.live(body)
