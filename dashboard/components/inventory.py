"""The cards of the inventory: what the agents are made of, and what nobody registered."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import words
from dashboard.components import page, tables
from dashboard.state import Key

MOST_NAMED = 3


def tiles(rows: pl.DataFrame) -> None:
    """How much was seen, and how it stands to what is registered."""
    seen = rows.filter(pl.col("last_seen").is_not_null())
    judged = rows.filter(pl.col("standing").is_not_null())
    with st.grid(4, min_column_width=150):
        page.number("Components seen", words.count(seen.height), _kinds(seen))
        for standing, beside in (
            ("unregistered", "seen, not registered"),
            ("missing", "not seen lately"),
            ("registered", "seen and registered"),
        ):
            found = judged.filter(pl.col("standing") == standing).height
            page.number(
                words.STANDINGS[standing],
                words.count(found) if judged.height else words.UNKNOWN,
                beside if judged.height else "no inventory.yaml in force",
            )


def _kinds(seen: pl.DataFrame) -> str:
    return f"of {words.plural(seen['kind'].n_unique(), 'kind')}"


def listing(rows: pl.DataFrame) -> None:
    """Every component; what nobody registered stands first."""
    if rows.is_empty():
        page.nothing("No component matches. Choose fewer filters.")
        return
    told = _told(rows)
    config = {
        "standing": tables.badge("Standing", words.STANDINGS, words.STANDING_COLOURS, width=112),
        "kind": columns.TextColumn("Kind", width=104),
        "name": columns.TextColumn("Name", width=216),
        "version": columns.TextColumn("Version", width=72),
        "last_seen": tables.time_column("Last seen, UTC", "DD MMM HH:mm"),
        "whom": columns.TextColumn("Used by", width=160),
        "origin": columns.TextColumn(
            "From", width=112, help="A model's provider, a tool's MCP server, an agent's framework"
        ),
        "events": columns.NumberColumn("Uses", format="localized", width=72),
        "first_seen": tables.time_column("First seen, UTC", "DD MMM HH:mm"),
        **_registration(rows),
        **tables.sample_column(told),
    }
    tables.shown(told, config, Key.INVENTORY_LIST, alt="Components, what nobody registered first")


def export(rows: pl.DataFrame) -> None:
    """What is shown, as a file; spreadsheets must not take a name for a formula."""
    st.download_button(
        "Export as CSV",
        _csv(rows),
        file_name="watchkeeper-inventory.csv",
        mime="text/csv",
        key=Key.INVENTORY_EXPORT,
        icon=":material/download:",
        disabled=rows.is_empty(),
        on_click="ignore",
    )


def _csv(rows: pl.DataFrame) -> str:
    flat = rows.select("kind", "name", "version", pl.exclude("kind", "name", "version"))
    flat = flat.with_columns(pl.col("agents").list.join(", "))
    texts = pl.col(pl.String)
    guarded = pl.when(texts.str.contains(r"^[=+\-@\t\r]")).then("'" + texts).otherwise(texts)
    return str(flat.with_columns(guarded.name.keep()).write_csv())


def _registration(rows: pl.DataFrame) -> dict[str, object]:
    """Who signed it, which only an inventory can tell, and its owner when one names any."""
    signed = columns.TextColumn(
        "Signed by",
        width=112,
        help="As inventory.yaml registers it; telemetry carries no signature of a component",
    )
    if rows["owner"].is_not_null().any():
        return {"signer": signed, "owner": columns.TextColumn("Owner", width=112)}
    return {"signer": signed}


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    return tables.marked_sample(rows).with_columns(
        tables.worded("standing", words.STANDINGS),
        pl.col("signer").fill_null("not known"),
        pl.col("kind").replace_strict(words.COMPONENTS, default=pl.col("kind")),
        whom=pl.struct("kind", "agents", "agent_count").map_elements(_whom, return_dtype=pl.String),
    )


def _whom(row: dict[str, object]) -> str | None:
    """The first names, and how many more there are; an agent is not used by itself."""
    agents, count = row["agents"], row["agent_count"]
    if row["kind"] == "agent" or not isinstance(agents, list) or not isinstance(count, int):
        return None
    more = count - len(agents[:MOST_NAMED])
    return ", ".join(agents[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
