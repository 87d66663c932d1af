"""Agent: what is this agent doing, and may it?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import data
from dashboard.components import agent, costs, coverage, events, page
from dashboard.state import Url

name = st.query_params.get(Url.AGENT, "")
window = page.window()
found = data.fleet(window).filter(pl.col("agent") == name).to_dicts()
page.opened(
    name or "Agent",
    ranges=True,
    up=("views/fleet.py", "Fleet"),
    sample=bool(found and found[0]["sample"]),
)
if not found:
    page.unknown("agent", name, "views/fleet.py", "Fleet")
    st.stop()
agent.heading(found[0])
agent.holds(name)
agent.facts(found[0])
left, right = st.columns(2, gap="large")
with (
    left,
    page.section("How far is it trusted?", "Score as reported, UTC. Dots: jumps of 50 or more."),
):
    agent.trust(name, window)
with right, page.section("What is it doing?", f"Actions, last {page.range_words()}, UTC."):
    agent.doing(name, window)
with page.section("Which promises does it keep?", "Choose a row to see what spent the budget."):
    agent.objectives(name)
with page.section(
    "Was what it did decided about?", f"Tool and model calls, last {page.range_words()}, UTC."
):
    coverage.of_agent(name, window)
with page.section("What does it cost?", f"Calls of models, last {page.range_words()}, UTC."):
    costs.of_agent(name, window)
with page.section(
    "What happened to it?",
    f"Kills, rings, trust, signals and lifecycles as told, last {page.range_words()}, UTC.",
):
    events.of_agent(name, window)
agent.reported(name, window)
left, right = st.columns(2, gap="medium")
with left, page.section("What was decided about it?", "Newest first, UTC."):
    agent.decisions(name, window)
with right, page.section("What did it run?", "Newest first, UTC."):
    agent.runs(name, window)
page.footer(1)
