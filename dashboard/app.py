"""The pages and their order; every visit starts here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import doors, people, theme
from dashboard.components import dialogs, page
from dashboard.state import Session

HERE = Path(__file__).parent
SIDEBAR_PX = 200
st.set_page_config(
    page_title="Watchkeeper",
    page_icon=str(HERE / "static" / "icon.svg"),
    layout="wide",
    initial_sidebar_state=SIDEBAR_PX,
)
st.html(theme.CSS)

visited = st.navigation(
    {
        "Watch": [
            st.Page("views/fleet.py", title="Fleet", icon=":material/grid_view:", default=True),
            st.Page("views/objectives.py", title="Objectives", icon=":material/speed:"),
            st.Page("views/traces.py", title="Traces", icon=":material/account_tree:"),
            st.Page("views/decisions.py", title="Decisions", icon=":material/gavel:"),
            st.Page("views/events.py", title="Events", icon=":material/notification_important:"),
            st.Page("views/coverage.py", title="Coverage", icon=":material/shield:"),
            st.Page("views/sequences.py", title="Sequences", icon=":material/timeline:"),
            st.Page("views/costs.py", title="Costs", icon=":material/payments:"),
            st.Page("views/agent.py", title="Agent", visibility="hidden"),
            st.Page("views/objective.py", title="Objective", visibility="hidden"),
            st.Page("views/trace.py", title="Trace", visibility="hidden"),
        ],
        "Act": [st.Page("views/commands.py", title="Commands", icon=":material/front_hand:")],
        "Prove": [
            st.Page("views/reports.py", title="Reports", icon=":material/verified:"),
            st.Page("views/evidence.py", title="Evidence", icon=":material/fact_check:"),
            st.Page("views/audit.py", title="Audit records", icon=":material/policy:"),
            st.Page("views/inventory.py", title="Inventory", icon=":material/inventory_2:"),
        ],
    },
    expanded=True,
)

person = people.current()
with st.sidebar:
    if person.control_away:
        st.caption("Control does not answer · commands are off")
    elif person.signed_in:
        st.caption(f"{person.user} · {person.role}")
        st.html('<a href="/signin" target="_self">Account</a>')
    else:
        st.caption("Not signed in · read only")
        st.html('<a href="/signin" target="_self">Sign in</a>')

dialogs.follow_sent()
st.session_state.pop(Session.OPENING, None)
try:
    visited.run()
except doors.Away as error:
    page.away(error)
dialogs.show_open()
