"""One trace: what did this run do, and where was it stopped?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, waterfall
from dashboard.components import page, trace
from dashboard.state import Url

trace_id, selected = st.query_params.get(Url.TRACE, ""), st.query_params.get(Url.SPAN)
near = st.query_params.get(Url.NEAR, "")
spans = trace.spans_of(trace_id, near)
if spans.is_empty():
    page.opened("Trace", up=("views/traces.py", "Traces"))
    page.unknown("trace", trace_id, "views/traces.py", "Traces")
    st.stop()
root = spans.row(0, named=True)
page.opened(
    root["name"],
    up=("views/traces.py", f"Traces / {root['agent'] or root['service_name']}"),
    sample=root["sample"],
)
decisions = data.trace_decisions(trace_id, near)
laid = waterfall.laid_out(spans, decisions)
with st.container(horizontal=True, vertical_alignment="center"):
    trace.summary(spans, decisions)
    st.space("stretch")
    shape = trace.shape()
trace.incomplete(laid)
left, right = st.columns([3, 1] if selected else [1, 0.001], gap="medium")
with (
    left,
    page.section(
        "What happened, step by step?",
        "Underlined: the critical path, which decides how long it took. Outlined: denied (red) "
        "or failed (amber). Diamond: a decision. Choose a span for its details.",
    ),
):
    if shape == "Table":
        trace.table(spans, laid)
    else:
        trace.picture(laid, selected)
for span in spans.to_dicts():
    if span["span_id"] == selected:
        with right:
            trace.panel(span, [d for d in decisions.to_dicts() if d["span_id"] == selected])
page.footer(spans["agent"].drop_nulls().n_unique())
