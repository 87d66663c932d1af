"""Charts on the page, each in a container a test can find."""

from __future__ import annotations

import streamlit as st

from dashboard.charts import Spec
from dashboard.state import Key


def chart(spec: Spec, key: str, *, alt: str) -> None:
    """A picture; `alt` is its takeaway in one sentence."""
    with st.container(key=f"c-{key}"):
        st.vega_lite_chart(spec, width="stretch", key=key, alt=alt)


def chosen_span(spec: Spec, *, alt: str) -> str | None:
    """The waterfall; the id of the span the reader clicked in this run."""
    with st.container(key=f"c-{Key.TRACE_WATERFALL}"):
        event = st.vega_lite_chart(
            spec,
            width="stretch",
            key=Key.TRACE_WATERFALL,
            on_select="rerun",
            selection_mode="span",
            alt=alt,
        )
    picked = event["selection"].get("span") or []
    return str(picked[0]["span_id"]) if picked else None
