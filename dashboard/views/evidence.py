"""Evidence: is the record complete?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import evidence, filters, page, refusals, senders
from dashboard.state import Key, Url

page.opened("Evidence", ranges=True)
every = data.sources()
if every.is_empty():
    evidence.empty()
    page.footer()
    st.stop()
names = {name: name for name in every["source"].unique().sort()}
with st.container(horizontal=True, vertical_alignment="bottom", key="evidence_filters"):
    source = filters.one_of("Source", names, Url.EVIDENCE_SOURCE)
    signal = filters.one_of("Signal", words.SIGNALS, Url.EVIDENCE_SIGNAL)
window, told = page.window(), f"last {page.range_words()}, UTC."
sources = senders.narrowed(every, source, signal)
intake = data.intake(window, source, signal)
with page.section(
    "Is the record complete?",
    "Since the collector began to count. What is not measured is not zero.",
):
    evidence.tiles(sources)
    evidence.accounted(sources)
with page.section("Who sends, and what is missing?", f"Worst first. Bars: {told}"):
    evidence.listing(sources, intake)
left, right = st.columns([5, 4], gap="large")
with left, page.section("What came in, and what was refused?", f"Records, {told}"):
    evidence.over_time(intake)
reasons = data.refused_reasons(window, source, signal)
with right, page.section("Why was it refused, and what can be done?", f"By records, {told}"):
    refusals.by_reason(reasons)
with page.section(
    "Which sender is silent, late or ahead?",
    "Heard in the last 2 d. Silent ones first, then the newest.",
):
    senders.listing(senders.narrowed(data.senders(), source, signal))
with page.section("Which numbers never came?", f"Newest first, {told}"):
    senders.gaps(senders.narrowed(data.sequence_gaps(window), source, signal))
with page.section("Which records were refused?", f"Newest first, {told}"):
    reason = filters.one_of("Why", {name: name for name in reasons["reason"]}, Url.EVIDENCE_REASON)
    before = st.query_params.get(Url.EVIDENCE_BEFORE)
    rows = data.refused(window, source=source, signal=signal, reason=reason, before_ns=before)
    refusals.listing(rows)
    filters.pages(rows, "received_ns", Url.EVIDENCE_BEFORE, Key.EVIDENCE_NEWEST, Key.EVIDENCE_OLDER)
page.footer()
