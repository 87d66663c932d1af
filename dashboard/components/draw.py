"""Charts on the page, each in a container a test can find."""

from __future__ import annotations

import streamlit as st

from dashboard.charts import Spec
from dashboard.doors import Json


def chart(spec: Spec, key: str, *, alt: str) -> None:
    """A picture; `alt` is its takeaway in one sentence."""
    with st.container(key=f"c-{key}"):
        st.vega_lite_chart(spec, width="stretch", key=key, alt=alt)


def picked(spec: Spec, key: str, selection: str, *, alt: str) -> Json | None:
    """A picture whose marks can be chosen; the fields of the one clicked in this run."""
    with st.container(key=f"c-{key}"):
        event = st.vega_lite_chart(
            spec,
            width="stretch",
            key=key,
            on_select="rerun",
            selection_mode=selection,
            alt=alt,
        )
    chosen: list[Json] = event["selection"].get(selection) or []
    return chosen[0] if chosen else None
