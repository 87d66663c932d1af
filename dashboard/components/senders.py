"""The processes that send: who is silent, whose clock is off, whose numbers are missing."""

from __future__ import annotations

import polars as pl
from streamlit import column_config as columns

from dashboard import words
from dashboard.components import page, tables
from dashboard.state import Key

PRESENCES = list(words.PRESENCE)


def narrowed(rows: pl.DataFrame, source: str | None, signal: str | None) -> pl.DataFrame:
    """Only what one source sent, or one kind of record."""
    for column, wanted in (("source", source), ("signal", signal)):
        if wanted:
            rows = rows.filter(pl.col(column) == wanted)
    return rows


def listing(senders: pl.DataFrame) -> None:
    """Senders, the silent ones first, each with its rhythm and its clock."""
    rows = (
        tables.marked_sample(senders)
        .sort(
            pl.col("presence").replace_strict({p: at for at, p in enumerate(PRESENCES)}),
            pl.col("last_seen"),
            descending=[False, True],
        )
        .with_columns(
            tables.worded("presence", words.PRESENCE),
            tables.worded("clock", words.CLOCKS),
            *(
                pl.col(name).map_elements(words.seconds, return_dtype=pl.String)
                for name in ("interval_s", "quiet_s")
            ),
            *(
                pl.col(name).map_elements(words.lag, return_dtype=pl.String)
                for name in ("least_lag_ms", "p95_lag_ms")
            ),
        )
    )
    config = {
        "presence": tables.badge(
            "Presence",
            words.PRESENCE,
            words.PRESENCE_COLOURS,
            width=106,
            help="Silent: longer quiet than two and a half of its usual intervals. Not measured: "
            "it reports too rarely or too irregularly to expect anything",
        ),
        "service_name": columns.TextColumn("Service", width=112),
        "instance": columns.TextColumn("Instance", width=96),
        "signal": columns.TextColumn("Signal", width=66),
        "stored": columns.NumberColumn("Stored", format="localized", width=64),
        "interval_s": columns.TextColumn("Usually every", width=88, alignment="right"),
        "quiet_s": columns.TextColumn("Quiet for", width=84, alignment="right"),
        "gaps": columns.NumberColumn("Gaps", format="localized", width=52),
        "dropped": columns.NumberColumn("Lost in SDK", format="localized", width=82),
        "cut_off": columns.NumberColumn(
            "Cut off",
            format="localized",
            width=64,
            help="Attributes, events and links that the sender's limits cut off",
        ),
        "least_lag_ms": columns.TextColumn("Least lag", width=76, alignment="right"),
        "p95_lag_ms": columns.TextColumn("p95 lag", width=60, alignment="right"),
        "clock": tables.badge("Clock", words.CLOCKS, words.CLOCK_COLOURS, width=98),
        "future": columns.NumberColumn("Future", format="localized", width=54),
        **tables.sample_column(rows),
    }
    alt = "Senders, the silent ones first, with rhythm, lag and clock"
    tables.shown(rows, config, Key.EVIDENCE_SENDERS, alt=alt)


def gaps(rows: pl.DataFrame) -> None:
    """Which numbers never came."""
    if rows.is_empty():
        page.nothing(
            f"No gap was noticed in the last {page.range_words()}. Only senders that number "
            "their records can show one."
        )
        return
    told = rows.with_columns(
        numbers=pl.when(pl.col("missing") == 1)
        .then(pl.format("{}", "first_missing"))
        .otherwise(pl.format("{} to {}", "first_missing", "last_missing"))
    )
    config = {
        "noticed_at": tables.time_column("Noticed, UTC"),
        "service_name": columns.TextColumn("Service", width=150),
        "instance": columns.TextColumn("Instance", width=150),
        "missing": columns.NumberColumn("Missing", format="localized", width=74),
        "numbers": columns.TextColumn("Numbers", width=140),
        "stream": columns.TextColumn("Stream", width=290),
    }
    tables.shown(told, config, Key.EVIDENCE_GAPS, alt="Numbers that never came, newest first")
