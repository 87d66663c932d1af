"""Costs: what do the agents cost, and do they stay within their budgets?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, people
from dashboard.components import budget_steps, costs, filters, page
from dashboard.state import Key, Url

page.opened("Costs", ranges=True)
page.refused_files("prices.yaml", "budgets.yaml")
window, told = page.window(), f"last {page.range_words()}"
with st.container(horizontal=True, vertical_alignment="bottom", key="costs_filters"):
    agent = filters.one_agent(data.fleet(window), Url.COSTS_AGENT)
spent, spend = data.costs(window, agent), data.spend(agent)
costs.tiles(spent, spend)
with page.section(
    "When was it spent?", f"USD by the hour or day in which calls began, {told}, UTC."
):
    costs.over_time(spent)
with page.section(
    "Do they stay within their budgets?",
    "Pale: the budget. Bar: spent so far. Tick: where the period ends at the pace so far.",
):
    costs.budgets(spend)
with page.section(
    "What did budgets do?",
    "Steps that budgets.yaml names: warned, proposed to an operator, or pushed as a hold. "
    "Only people release.",
):
    budget_steps.shown(people.current(), window, agent)
left, right = st.columns([5, 4], gap="large")
with left, page.section("Which models cost it?", f"The dearest first, {told}."):
    costs.models(spent, Key.COSTS_MODELS)
with right, page.section("Which agents cost it?", f"The dearest first, {told}."):
    costs.agents(spent)
st.caption(
    "As the telemetry tells, else tokens times the price of the day. A call without either is not "
    "measured, and a sum with such calls in it says “at least”."
)
costs.age_of_prices()
page.footer()
