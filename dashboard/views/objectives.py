"""Objectives: which promises are at risk?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import page, tables
from dashboard.state import Key

page.opened("Objectives")
rows = tables.urgent_first(data.objectives())
if rows.is_empty():
    st.info(
        "No objective is judged yet. Objectives are OpenSLO files in the home directory; "
        "each applies to every agent it selects.",
        icon=":material/speed:",
    )
    page.footer(0)
    st.stop()
states = rows["state"].to_list()
with page.section(
    "Which promises are at risk?",
    f"{states.count('exhausted')} exhausted, {states.count('burning')} burning, "
    f"{states.count('at_risk')} at risk of {words.plural(rows.height, 'objective')}. "
    "Worst first; choose a row to see what spent its budget.",
):
    picked = tables.objective_table(rows, Key.OBJECTIVES_LIST)
    if picked:
        st.switch_page("views/objective.py", query_params=picked)
page.footer(rows["agent"].n_unique())
