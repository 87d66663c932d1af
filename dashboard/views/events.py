"""Events: what happened to agents, beside the verdicts on what they did?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, happenings
from dashboard.components import events, filters, page
from dashboard.state import Key, Url

page.opened("Governance events", ranges=True)
window, told = page.window(), f"last {page.range_words()}, UTC."
with st.container(horizontal=True, vertical_alignment="bottom", key="events_filters"):
    agent = filters.one_agent(data.fleet(window), Url.EVENTS_AGENT)
    kind = filters.one_of("Kind", happenings.WORDS, Url.EVENTS_KIND)
happened = data.governance_over_time(window, agent=agent, kind=kind)
if happened.is_empty():
    events.empty(bool(agent or kind))
    page.footer(0)
    st.stop()
help_text = (
    "Kills, rings, breakers, quarantines, signals, lifecycles and incidents, as governance "
    "toolkits and our client tell them; each fact once, however many records tell it. Verdicts on "
    "actions, approvals among them, stand under Decisions; our own commands under Commands."
)
with page.section("What happened to which agent?", f"Events by gravity, {told}", help_text):
    events.tiles(happened)
    events.over_time(happened, window, one_agent=agent is not None)
before = st.query_params.get(Url.EVENTS_BEFORE)
rows = data.governance_events(window, agent=agent, kind=kind, before_ns=before)
with page.section("What exactly, and why?", "Newest first, UTC. Choose a row for its record."):
    events.listing(rows)
    filters.pages(rows, "happened_ns", Url.EVENTS_BEFORE, Key.EVENTS_NEWEST, Key.EVENTS_OLDER)
page.footer(rows["agent"].drop_nulls().n_unique())
