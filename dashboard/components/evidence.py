"""The cards of the evidence page."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import data, words
from dashboard.components import page, tables
from dashboard.data import Window
from dashboard.state import Key

ENDS = ("stored", "refused", "duplicate")


def tiles(sources: pl.DataFrame) -> None:
    """Five numbers: how old, how far behind, how much, and what did not go in."""
    facts, received = data.meta(), sources["received"].sum()
    refused, duplicate = sources["refused"].sum(), sources["duplicate"].sum()
    with st.grid(5, min_column_width=200):
        page.number(
            "Newest record",
            words.UNKNOWN if facts.behind_s is None else words.ago(facts.behind_s),
            "no data yet" if facts.data_to is None else f"{words.clock(facts.data_to)} UTC",
            colour="orange" if (facts.behind_s or 0) > page.LATE_S else "gray",
        )
        page.number(
            "Stored, not yet queryable",
            words.count(facts.wal_lag_records),
            "records",
            help="Acknowledged and safe in the write-ahead log, on their way into the database",
        )
        page.number("Received", words.count(received), f"{words.count(facts.spans)} spans held")
        page.number(
            "Refused",
            words.count(refused),
            words.of(refused, received, "records"),
            colour="red" if refused else "gray",
        )
        page.number("Sent twice", words.count(duplicate), "kept once")


def accounted(sources: pl.DataFrame) -> None:
    """Whether every record that came in has ended somewhere."""
    stored, refused, duplicate = (sources[name].sum() for name in ENDS)
    missing = sources["received"].sum() - stored - refused - duplicate
    if missing > 0:
        st.warning(
            f"{words.plural(missing, 'record')} came in and are neither stored, refused nor "
            "duplicate yet. Look again in a few seconds; if the number stays, look at the "
            "collector's log.",
            icon=":material/rule:",
        )
    else:
        st.success(
            f"Every record that came in is accounted for: {stored:,} stored, "
            f"{refused:,} refused, {duplicate:,} sent twice.",
            icon=":material/task_alt:",
        )


def listing(sources: pl.DataFrame) -> None:
    """Who sends, and what became of it."""
    config = {
        "source": columns.TextColumn("Source", width=130),
        "signal": columns.TextColumn("Signal", width=100),
        "received": columns.NumberColumn("Received", format="localized", width=100),
        "stored": columns.NumberColumn("Stored", format="localized", width=100),
        "refused": columns.NumberColumn("Refused", format="localized", width=90),
        "duplicate": columns.NumberColumn("Sent twice", format="localized", width=90),
        "last_seen": tables.time_column("Last seen, UTC"),
    }
    alt = "Sources with what was received, stored, refused and sent twice"
    tables.shown(sources, config, Key.EVIDENCE_SOURCES, alt=alt)


def refusals(window: Window) -> None:
    """What was refused and why, so that its sender can be put right."""
    rows = data.refused(window)
    if rows.is_empty():
        page.nothing(f"Nothing was refused in the last {page.range_words()}.")
        return
    config = {
        "received_at": tables.time_column("When, UTC"),
        "source": columns.TextColumn("Source", width=120),
        "signal": columns.TextColumn("Signal", width=80),
        "records": columns.NumberColumn("Records", format="localized", width=76),
        "reason": columns.TextColumn("Why", width=190),
        "detail": columns.TextColumn("Detail", width=420),
    }
    alt = "Refused records, newest first, with the reason"
    tables.shown(rows, config, Key.EVIDENCE_REFUSED, alt=alt)
