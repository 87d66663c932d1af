"""What an agent's own governance toolkit reported, beside what was computed here."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import words
from dashboard.components import page
from dashboard.components.tables import badge, marked_sample, sample_column, shown
from dashboard.state import Key

NOT_MEASURED = "not measured"


def table(rows: pl.DataFrame) -> None:
    """One line a measure, both sides in words; below, why the two are what they are."""
    told = marked_sample(rows).with_columns(
        pl.col("objective").fill_null("trust score"),
        pl.col("measure").replace_strict(words.MEASURES, default=pl.col("measure")),
        agreement=pl.concat_list(
            pl.col("agrees").map_elements(_agreement, return_dtype=pl.String, skip_nulls=False)
        ),
        toolkit=_said(rows, "reported", "reported_word"),
        scaled=_said(rows, "conventional", "reported_word"),
        ours=_said(rows, "computed", "computed_word"),
    )
    config = {
        "objective": columns.TextColumn("Objective", width=150),
        "measure": columns.TextColumn("Measure", width=92),
        "toolkit": columns.TextColumn("Toolkit says", width=104, alignment="right"),
        "scaled": columns.TextColumn("On our scale", width=104, alignment="right"),
        "ours": columns.TextColumn("Computed here", width=108, alignment="right"),
        "agreement": badge("Agree", words.AGREEMENTS, words.AGREEMENT_COLOURS, width=108),
        **sample_column(rows),
    }
    shown(told, config, Key.AGENT_REPORTED, alt="Figures of the toolkit beside those computed here")
    st.markdown("  \n".join(_reasons(told)))


def _reasons(told: pl.DataFrame) -> list[str]:
    """Each reason once, with the measures it explains; that both agree needs none."""
    measures: dict[str, list[str]] = {}
    for row in told.to_dicts():
        if row["why"] != "both agree":
            measures.setdefault(row["why"], []).append(f"{row['measure']} of {row['objective']}")
    return [
        f":gray[**{page.plain(', '.join(of))}:** {page.plain(why)}]" for why, of in measures.items()
    ]


def _said(rows: pl.DataFrame, figure: str, word: str) -> pl.Series:
    told = [_words(row, figure, word) for row in rows.to_dicts()]
    return pl.Series(told, dtype=pl.String)


def _words(row: dict[str, Any], figure: str, word: str) -> str:
    if row["measure"] == "state":
        return str(words.TOOLKIT_STATES.get(row[word], row[word]) if row[word] else NOT_MEASURED)
    value = row[figure]
    if value is None:
        return NOT_MEASURED
    match row["measure"]:
        case "budget_left":
            return words.percent(value)
        case "burn_rate":
            return f"{value:,.0f} ×" if abs(value) >= 1000 else f"{value:.3g} ×"
        case "trust":
            return words.count(value)
        case _:
            return f"{value:.4g}"


def _agreement(agrees: bool | None) -> str:
    word = "missing" if agrees is None else "agrees" if agrees else "differs"
    return words.AGREEMENTS[word]
