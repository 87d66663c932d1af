"""Sequences: what happened one after the other?"""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.components import filters, page, sequences
from dashboard.state import Url

page.opened("Sequences", ranges=True)
window = page.window()
rules = data.sequence_rules()
with st.container(horizontal=True, vertical_alignment="bottom", key="sequences_filters"):
    agent = filters.one_agent(data.fleet(window), Url.SEQUENCES_AGENT)
    rule = filters.one_of("Rule", sequences.names(rules), Url.SEQUENCES_RULE)
found = data.sequences(window, agent=agent, rule=rule)
left, right = st.columns([5, 3], gap="large")
help_text = (
    "Actions that are harmless one by one and not in this order. A match is evidence, not a "
    "verdict: rules see names, not contents, and nobody is held because of one."
)
told = f"Newest first, last {page.range_words()}, UTC. Choose a row for its steps."
with left, page.section("What happened one after the other?", told, help_text):
    sequences.listing(found, rules)
with right, page.section("Which rule stands out?", f"Matches, last {page.range_words()}."):
    sequences.by_rule(found, rules)
with page.section(
    "Which rules are looked for?",
    "Files in `sequences/` of the collector's home; a changed file counts within seconds.",
):
    sequences.rules(rules)
page.footer(found["agent"].n_unique() if found.height else 0)
