"""The cards of the evidence page: what is known to be missing, and what came in."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, words
from dashboard.components import draw, page, tables
from dashboard.state import Key

ENDS = ("stored", "refused", "duplicate")
STATES = list(words.COMPLETENESS)


def empty() -> None:
    """Nothing came yet: how to point an exporter here."""
    st.info(
        "**No record has come in yet, so there is nothing to be complete.** Point an "
        "OpenTelemetry exporter at this collector: `OTEL_EXPORTER_OTLP_ENDPOINT` to its gRPC "
        "address (port 4317) or its HTTP address (port 4318), or run `watchkeeper demo`.",
        icon=":material/satellite_alt:",
    )


def tiles(sources: pl.DataFrame) -> None:
    """What is missing, what was refused, and whether the way to the store is free."""
    received, refused = sources["received"].sum(), sources["refused"].sum()
    with st.grid(6, min_column_width=170):
        _measured("Missing numbers", sources, "gaps", "red", "no sender numbers its records")
        _measured("Silent senders", sources, "silent", "orange", "no sender is regular")
        _measured("Lost in SDKs", sources, "dropped", "red", "no SDK counts its losses")
        page.number(
            "Refused",
            words.count(refused),
            words.of(refused, received, "records"),
            colour="red" if refused else "gray",
        )
        _waiting()
        _room()


def _measured(
    label: str, sources: pl.DataFrame, column: str, colour: words.Colour, unknown: str
) -> None:
    known = sources[column].drop_nulls()
    if known.is_empty():
        page.number(label, words.UNKNOWN, f"not measured: {unknown}")
        return
    told = f"measured in {known.len()} of {sources.height}"
    page.number(label, words.count(known.sum()), told, colour=colour if known.sum() else "gray")


def _waiting() -> None:
    facts = data.store()
    underived = facts["traces_not_derived"]
    told = words.size(facts["wal_lag_bytes"])
    page.number(
        "Not yet queryable",
        words.count(facts["wal_lag_records"]),
        f"{words.plural(int(underived), 'trace')} not derived" if underived else told,
        colour="orange" if underived else "gray",
        help="Requests that are acknowledged and safe in the write-ahead log, on their way into "
        "the database",
    )


def _room() -> None:
    facts = data.store()
    short = facts["shortage"]
    page.number(
        "Disk left",
        words.size(facts["disk_free_bytes"]),
        short or f"stops at {words.size(facts['disk_floor_bytes'])}",
        colour="red" if short else "gray",
    )


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


def listing(sources: pl.DataFrame, intake: pl.DataFrame) -> None:
    """Who sends, what became of it, and what is known to be missing; the worst first."""
    rows = (
        tables.marked_sample(sources.with_columns(state=_states(sources)))
        .sort(pl.col("state").replace_strict({s: at for at, s in enumerate(STATES)}), "source")
        .join(_sparks(intake), on=["source", "signal"], how="left")
        .with_columns(
            tables.worded("state", words.COMPLETENESS),
            tables.worded("clock", words.CLOCKS),
            lag=pl.col("least_lag_ms").map_elements(words.lag, return_dtype=pl.String),
        )
    )
    config = {
        "state": tables.badge(
            "Record",
            words.COMPLETENESS,
            words.COMPLETENESS_COLOURS,
            width=102,
            help="The worst that is known. Not measured: no sender numbers its records, reports "
            "regularly or counts its losses",
        ),
        "source": columns.TextColumn("Source", width=92),
        "signal": columns.TextColumn("Signal", width=66),
        "received": columns.NumberColumn("Received", format="localized", width=72),
        "stored": columns.NumberColumn("Stored", format="localized", width=66),
        "refused": columns.NumberColumn("Refused", format="localized", width=62),
        "duplicate": columns.NumberColumn("Twice", format="localized", width=52),
        "gaps": columns.NumberColumn(
            "Gaps", format="localized", width=52, help="Numbers that never came"
        ),
        "silent": columns.NumberColumn("Silent", format="localized", width=54),
        "dropped": columns.NumberColumn(
            "Lost in SDK", format="localized", width=82, help="As the sender's SDK counts it"
        ),
        "lag": columns.TextColumn(
            "Least lag",
            width=76,
            alignment="right",
            help="Shortest time from a newest record to its arrival; below zero the sender's "
            "clock is ahead",
        ),
        "clock": tables.badge("Clock", words.CLOCKS, words.CLOCK_COLOURS, width=98),
        "spark": columns.BarChartColumn("Received", y_min=0, width=76),
        "last_seen": tables.time_column("Last seen, UTC"),
        **tables.sample_column(rows),
    }
    alt = "Sources, the least complete first, with what is known to be missing"
    tables.shown(rows, config, Key.EVIDENCE_SOURCES, alt=alt)


def _states(sources: pl.DataFrame) -> pl.Series:
    return pl.Series([words.completeness(row) for row in sources.to_dicts()], dtype=pl.String)


def _sparks(intake: pl.DataFrame) -> pl.DataFrame:
    """Records received in each bucket of the range; a bucket in which none came holds zero."""
    grid = intake.select(pl.col("bucket").unique().sort())
    senders = intake.select("source", "signal").unique()
    return (
        senders.join(grid, how="cross")
        .join(intake, on=["source", "signal", "bucket"], how="left")
        .sort("bucket")
        .group_by("source", "signal")
        .agg(spark=pl.col("received").fill_null(0).cast(pl.Float64))
    )


def over_time(intake: pl.DataFrame) -> None:
    """What came in, and what of it was refused."""
    if intake.is_empty():
        page.nothing(f"Nothing came in during the last {page.range_words()}.")
        return
    draw.chart(
        charts.intake_bars(intake),
        Key.EVIDENCE_INTAKE,
        alt="Records over time, stacked by what became of them",
    )
