"""Decisions: what was blocked, and rightly?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import decisions, filters, page
from dashboard.state import Key, Url

page.opened("Decisions", ranges=True)
part = filters.part(Url.DECISIONS_SINCE, Url.DECISIONS_UNTIL, Key.DECISIONS_WHOLE)
window = part or page.window()
told = words.period(window.since, window.until) if part else f"last {page.range_words()}"
with st.container(horizontal=True, vertical_alignment="bottom", key="decisions_filters"):
    agent = filters.one_agent(data.fleet(page.window()), Url.DECISIONS_AGENT)
    verdict = filters.one_of("Verdict", words.VERDICTS, Url.DECISIONS_VERDICT)
    text = filters.text("Rule, action or text", Url.DECISIONS_TEXT)
left, right = st.columns([5, 3], gap="large")
with left, page.section("When was it decided?", f"Decisions, {told}, UTC."):
    decisions.over_time(window, agent)
with right, page.section("Which rule stands out?", "Decisions other than allow."):
    decisions.by_rule(window, agent)
before = st.query_params.get(Url.DECISIONS_BEFORE)
rows = data.decisions(window, agent=agent, verdict=verdict, text=text, before_ns=before)
with page.section(
    "What was blocked, and rightly?", "Newest first, UTC. Choose a row for its details."
):
    decisions.listing(rows)
    filters.pages(
        rows, "decided_ns", Url.DECISIONS_BEFORE, Key.DECISIONS_NEWEST, Key.DECISIONS_OLDER
    )
page.footer(rows["agent"].n_unique() if rows.height else 0)
