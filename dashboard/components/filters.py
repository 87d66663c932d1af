"""Filters that live in the address bar, and keyset paging: newest, older."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import streamlit as st

from dashboard import data, words
from dashboard.data import Window
from dashboard.state import Key, Url

NEWEST_WORDS = "Newest"


def one_agent(agents: pl.DataFrame, key: Url) -> str | None:
    """An agent of the fleet, or one named in the address that is silent now."""
    names = sorted(agents["agent"].to_list()) if agents.height else []
    asked = st.query_params.get(key)
    options = names if not asked or asked in names else [asked, *names]
    chosen: str | None = st.selectbox(
        "Agent",
        options,
        index=None,
        key=key,
        placeholder="All agents",
        bind="query-params",
        width=260,
    )
    return chosen


def spelled_out(key: Url, options: dict[str, str]) -> None:
    """Let a link say `range=7d`: a bound widget knows only the words it shows."""
    asked = st.query_params.get(key)
    if asked in options:
        st.query_params[key] = options[asked]
        st.session_state[key] = asked


def one_of(label: str, options: dict[str, str], key: Url) -> str | None:
    spelled_out(key, options)
    return st.selectbox(
        label,
        list(options),
        index=None,
        format_func=lambda value: options.get(value, value),
        key=key,
        placeholder="All",
        bind="query-params",
        width=180,
    )


def text(label: str, key: Url) -> str | None:
    return st.text_input(
        label, value=None, key=key, bind="query-params", placeholder="Any", width=260
    )


def part(since: Url, until: Url, whole: Key) -> Window | None:
    """A part of the range that a link named; said, and given up with one button."""
    told = st.query_params.get(since), st.query_params.get(until)
    try:
        first, last = (datetime.fromisoformat(moment or "") for moment in told)
    except ValueError:
        return None
    if first.tzinfo is None or last.tzinfo is None or first >= last:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"Only {words.period(first, last)} UTC", icon=":material/schedule:", color="blue")
        st.button("Show the whole range", key=whole, on_click=_forget, args=(since, until))
    return Window(first, last)


def _forget(*parameters: Url) -> None:
    for parameter in parameters:
        st.query_params.pop(parameter, None)


def pages(rows: pl.DataFrame, column: str, before: Url, newest: Key, older: Key) -> None:
    """Buttons for a list read from the newest on; where it stands is in the address."""
    if rows.height < data.PAGE_ROWS and before not in st.query_params:
        return
    with st.container(horizontal=True):
        st.button(
            NEWEST_WORDS,
            key=newest,
            icon=":material/first_page:",
            disabled=before not in st.query_params,
            on_click=_go,
            args=(before, None),
        )
        st.button(
            "Older",
            key=older,
            icon=":material/chevron_right:",
            disabled=rows.height < data.PAGE_ROWS,
            on_click=_go,
            args=(before, str(rows[column].min()) if rows.height else None),
        )


def _go(parameter: Url, value: str | None) -> None:
    if value is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value
