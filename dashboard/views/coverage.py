"""Coverage: which actions did nobody decide about, and which went through all the same?"""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.components import coverage, filters, page
from dashboard.state import Key, Url

page.opened("Coverage", ranges=True)
window, told = page.window(), f"last {page.range_words()}, UTC."
with st.container(horizontal=True, vertical_alignment="bottom", key="coverage_filters"):
    agent = filters.one_agent(data.fleet(window), Url.COVERAGE_AGENT)
    by = coverage.chosen_by()
rows = data.coverage(window, agent=agent, by=by)
bypasses = data.bypasses(window, agent=agent)
with page.section(
    "How much of what agents did had a decision?",
    f"Tool and model calls apart, the least covered first, {told}",
    "A call has a decision when a policy, a guardrail or an operator's hold told a verdict about "
    "it. Decisions are matched by span, by the id of the tool call, by name within the trace, or "
    "by name and time. One that was only watched (monitor, dry run) does not count: its verdict "
    "did not bind. Not measured: the agent never told a decision.",
):
    coverage.tiles(rows, bypasses)
    coverage.listing(rows, by)
with page.section(
    "What went through although it was denied, not approved or under a hold?",
    f"Newest first, {told} Choose a row for its evidence.",
    "Suspected means that a refusal may look the same: some frameworks leave a span that looks "
    "fine for a refused call. Each row says why.",
):
    coverage.bypassed(bypasses)
with page.section(
    "Which calls did nobody decide about?",
    f"Of agents that tell decisions, newest first, {told} Choose a row for its trace.",
):
    before = st.query_params.get(Url.COVERAGE_BEFORE)
    calls = data.ungoverned(window, agent=agent, before_ns=before)
    coverage.ungoverned(calls)
    filters.pages(calls, "start_ns", Url.COVERAGE_BEFORE, Key.COVERAGE_NEWEST, Key.COVERAGE_OLDER)
with page.section(
    "What became of what was allowed?", f"By agent and rule, the most frequent first, {told}"
):
    coverage.outcomes(data.outcomes(window, agent))
page.footer()
