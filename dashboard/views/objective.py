"""One objective: how much budget is left, and is it burning fast enough to act?"""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from dashboard import data, words
from dashboard.components import objective, page
from dashboard.state import Url

HISTORY = timedelta(hours=48)

name, agent = st.query_params.get(Url.OBJECTIVE, ""), st.query_params.get(Url.AGENT, "")
found = data.objectives(name, agent).to_dicts() if name and agent else []
if not found:
    page.opened("Objective", up=("views/objectives.py", "Objectives"))
    asked = f"{name} for {agent}" if name else ""
    page.unknown("objective", asked, "views/objectives.py", "Objectives")
    st.stop()
row = found[0]
window = data.window(timedelta(days=row["window_days"]))
page.opened(
    row["display_name"] or name,
    up=("views/objectives.py", f"Objectives / {agent}"),
    sample=row["sample"],
)
objective.heading(row)
objective.tiles(row)
left, right = st.columns([5, 3], gap="large")
with (
    left,
    page.section(
        "How much error budget is left?",
        f"Spent since {words.minute(window.since)} UTC. Dashed: even spend.",
    ),
):
    objective.budget(row, window)
with right, page.section("What spent it?", f"Bad events, {words.days(row['window_days'])}."):
    objective.spent(row, window)
with page.section(
    "Is it burning fast enough to act?",
    "Last 48 h, UTC, logarithmic. Blue: long window. Grey: short window. "
    "Shaded: both are over the threshold, so the rule fires.",
):
    objective.burning(row, data.window(HISTORY))
with page.section("Which events were bad?", "Newest first, UTC. Choose a row to open its trace."):
    objective.events(row, window)
page.footer(1)
