"""Audit records: do those of the governance toolkit hold when they are checked again?"""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.components import audit, filters, page
from dashboard.state import Url

page.opened("Audit records", ranges=True)
window = data.whole_minutes(page.window())
with st.container(horizontal=True, vertical_alignment="bottom", key="audit_filters"):
    agent = filters.one_agent(data.fleet(page.window()), Url.AUDIT_AGENT)
    result = filters.one_of("Result", audit.RESULTS, Url.AUDIT_RESULT)
found = audit.look(window, agent)
if not found.records and not found.left:
    st.info(
        f"**No audit record of a governance toolkit in the last {page.range_words()}.** "
        f"{audit.HOW_TO_SEND}",
        icon=":material/policy:",
    )
    page.footer(0)
    st.stop()
with page.section(
    "Do the toolkit's own audit records hold?",
    "Hashes, chains and signatures computed again from what arrived.",
    "The Agent Governance Toolkit's hash leaves out the decision itself. What it leaves out is "
    "compared with what the hash covers, with the decision as told when it was taken, and with "
    "other tellings of the record.",
):
    audit.tiles(found)
    audit.rest(found, window, agent)
    audit.key_told(found)
is_walked = found.stretches > 1 and not result
rows = found.failed if is_walked else data.reverification(window, agent, result)
told = "those that failed" if is_walked else "of the newest ones looked at"
with page.section("What does each record say?", f"Worst first, {told}. Choose a row for more."):
    audit.listing(rows)
with page.section(
    "Which fields does no hash cover?",
    "Records that carry a field which may be changed without changing any hash.",
):
    audit.left_out(found)
page.footer(rows["agent"].drop_nulls().n_unique())
