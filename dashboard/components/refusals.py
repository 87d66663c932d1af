"""What was refused: by reason with what to do, then record by record."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import words
from dashboard.components import page, tables
from dashboard.state import Key

MOST_REASONS = 6


def by_reason(reasons: pl.DataFrame) -> None:
    """Each reason with its newest example and what its sender can do."""
    if reasons.is_empty():
        page.nothing(f"Nothing was refused in the last {page.range_words()}.")
        return
    told = (
        reasons.sort("last_at")
        .group_by("reason", maintain_order=True)
        .agg(
            pl.col("records").sum(),
            pl.col("example", "last_at", "remedy").last(),
            pl.col("source", "signal").unique().sort(),
        )
        .sort("records", descending=True)
    )
    for row in told.head(MOST_REASONS).to_dicts():
        senders = ", ".join([*row["source"], *row["signal"]])
        st.markdown(
            f"**{words.count(row['records'])} · {page.plain(row['reason'])}** "
            f":gray[{page.plain(senders)}, last {words.minute(row['last_at'])}]  \n"
            f"{page.plain(row['remedy'] or 'This version knows no remedy for this reason.')}  \n"
            f":gray[{page.plain(row['example'])}]"
        )
    if told.height > MOST_REASONS:
        page.nothing(f"{words.plural(told.height - MOST_REASONS, 'more reason')} in the list below")


def listing(rows: pl.DataFrame) -> None:
    """Refused records, newest first, with the file that keeps the bytes of each."""
    if rows.is_empty():
        page.nothing("No refused record matches. Choose a longer range or fewer filters.")
        return
    config = {
        "received_at": tables.time_column("When, UTC"),
        "source": columns.TextColumn("Source", width=110),
        "signal": columns.TextColumn("Signal", width=72),
        "records": columns.NumberColumn("Records", format="localized", width=70),
        "reason": columns.TextColumn("Why", width=170),
        "detail": columns.TextColumn("Detail", width=380),
        "set_aside": columns.TextColumn(
            "Kept in",
            width=150,
            help="The file in the collector's data directory that keeps the bytes; "
            "– where single records of a stored request were refused",
        ),
    }
    alt = "Refused records, newest first, with the reason"
    tables.shown(rows, config, Key.EVIDENCE_REFUSED, alt=alt)
