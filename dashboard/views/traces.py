"""Traces: which runs went wrong?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import filters, page, tables
from dashboard.state import Key, Url, address

page.opened("Traces", ranges=True)
window = page.window()
with st.container(horizontal=True, vertical_alignment="bottom", key="traces_filters"):
    agent = filters.one_agent(data.fleet(window), Url.TRACES_AGENT)
    outcome = filters.one_of("Outcome", words.OUTCOMES, Url.TRACES_OUTCOME)
    text = filters.text("Name or text", Url.TRACES_TEXT)
before = st.query_params.get(Url.TRACES_BEFORE)
with page.section(
    "Which runs went wrong?", "Newest first, UTC. Choose a row to see what happened."
):
    rows = data.traces(window, agent=agent, outcome=outcome, text=text, before_ns=before)
    if rows.is_empty():
        page.nothing(f"No trace matches in the last {page.range_words()}.")
    else:
        picked = tables.trace_table(rows, Key.TRACES_LIST)
        if picked:
            st.switch_page("views/trace.py", query_params=address(picked))
    filters.pages(rows, "start_ns", Url.TRACES_BEFORE, Key.TRACES_NEWEST, Key.TRACES_OLDER)
page.footer(rows["agent"].n_unique() if rows.height else 0)
