"""The cards about audit records of governance toolkits, checked again."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import data, words
from dashboard.checked import FAILED, Checked, checked, joined
from dashboard.components import page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.state import Key, Session, Url, address

RESULTS = {
    "invalid": "Invalid",
    "contradicted": "Contradicted",
    "chain_broken": "Chain broken",
    "not_checkable": "Not checkable",
    "valid": "Valid",
}
COLOURS: dict[str, words.Colour] = {
    "invalid": "red",
    "contradicted": "red",
    "chain_broken": "red",
    "not_checkable": "orange",
    "valid": "green",
}
KINDS = {"hash_chain": "Hash chain", "hmac": "Signed event"}
TELLERS = {"bridge": "the bridge", "cloudevent": "a CloudEvent"}
HOW_TO_SEND = (
    "The Agent Governance Toolkit keeps its own audit log: the bridge tells each entry with its "
    "place in the chain, and the toolkit's own exporter sends them as CloudEvents (docs/agt.md)."
)


def look(window: Window, agent: str | None) -> Checked:
    """The newest stretch of the range, or all of it when the reader asked for that here."""
    asked, kept = (agent, page.range_words()), st.session_state.get(Session.CHECKED)
    if kept and kept[0] == asked:
        whole: Checked = kept[1]
        return whole
    return _stretch(window, agent)


def _stretch(window: Window, agent: str | None) -> Checked:
    [counted] = data.reverified(window, agent).to_dicts()
    return checked(counted, data.reverification(window, agent))


def rest(found: Checked, window: Window, agent: str | None) -> None:
    """What was looked at, and a button for what was not."""
    counted = words.plural(found.records, "record")
    period = words.period(found.since, found.until)
    if found.skipped:
        st.warning(
            f"{words.plural(found.skipped, 'record')} bear the same instant as thousands of "
            "others and were not looked at.",
            icon=":material/warning:",
        )
    if not found.left:
        st.caption(f"Looked at {counted}: all from {period} UTC.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Looked at the newest {counted}, {period} UTC. "
            f"{words.count(found.left)} older ones of this range were not looked at.",
            width="content",
        )
        if st.button("Check the rest", key=Key.AUDIT_REST, icon=":material/history:"):
            _walk(found, window, agent)
            st.rerun()


def _walk(found: Checked, window: Window, agent: str | None) -> None:
    """One stretch after the other; the collector never holds more than one."""
    first = found.left
    with st.container(key="audit_progress"):
        bar = st.progress(0.0, "Checking older records")
        while found.left:
            found = joined(found, _stretch(Window(window.since, found.since), agent))
            told = f"Looked back to {words.stamp(found.since)}"
            bar.progress(1 - found.left / first if first else 1.0, told)
    st.session_state[Session.CHECKED] = ((agent, page.range_words()), found)


def tiles(found: Checked) -> None:
    with st.grid(4, min_column_width=150):
        page.number(
            "Records looked at",
            words.count(found.records),
            f"of {words.count(found.records + found.left + found.skipped)} in the range",
        )
        failed = found.having(*FAILED)
        page.number(
            "Failed",
            words.count(failed),
            _worst(found) or "none failed",
            colour="red" if failed else "gray",
            help="Invalid: the content does not have its hash or signature. Contradicted: a field "
            "that nothing protects says other than what there is to compare. Chain broken: it "
            "does not follow the record before it",
        )
        unknown = found.having("not_checkable")
        page.number(
            "Cannot be checked",
            words.count(unknown),
            _why_not(found) if unknown else "every record could be",
            colour="orange" if unknown else "gray",
        )
        page.number(
            "Valid",
            words.count(found.having("valid")),
            words.of(found.having("valid"), found.records, "records"),
            help="Also a valid record may be false in fields that its hash leaves out",
        )


def _worst(found: Checked) -> str:
    """The worst way of failing, and how many failed in others."""
    told = [(RESULTS[result].lower(), found.having(result)) for result in FAILED]
    words_told = [f"{word} {words.count(count)}" for word, count in told if count]
    more = len(words_told) - 1
    return f"{words_told[0]} and others" if more > 0 else "".join(words_told)


def _why_not(found: Checked) -> str:
    if found.key_error:
        return "the key file cannot be used"
    return "no signing key is known" if not found.keys else "see the reasons below"


def key_told(found: Checked) -> None:
    """What to do where a signature cannot be checked."""
    if found.key_error:
        st.warning(page.plain(found.key_error), icon=":material/key_off:")
    elif not found.keys and "hmac" in found.kinds():
        st.info(
            "Signed events need the key they were signed with: write it into the file "
            "`agt-signing-keys` of the home (docs/agt.md). It is read for every answer.",
            icon=":material/key:",
        )


def left_out(found: Checked) -> None:
    """Fields that records carry and no hash covers."""
    if not found.left_out:
        page.nothing("No record looked at carries a field that its hash leaves out.")
        return
    told = found.left_out.most_common()
    rows = pl.DataFrame(
        {
            "field": [field for field, _ in told],
            "share": [round(records / found.records, 2) for _, records in told],
            "records": [words.of(records, found.records, "records") for _, records in told],
        }
    )
    config = {
        "field": columns.TextColumn("Field", width=160),
        "share": columns.ProgressColumn(
            "Carried by", min_value=0, max_value=1, format="percent", width=170
        ),
        "records": columns.TextColumn("How many", width=190),
    }
    alt = "Fields that records carry and their hash does not cover, the most frequent first"
    tables.shown(rows, config, Key.AUDIT_LEFT_OUT, alt=alt)


def listing(rows: pl.DataFrame) -> None:
    """Records, worst first; the chosen one is shown with what speaks against it."""
    if rows.is_empty():
        page.nothing("No record matches.")
        return
    place = st.container()
    told = tables.marked_sample(rows).with_columns(
        tables.worded("result", RESULTS),
        pl.col("kind").replace_strict(KINDS, default=pl.col("kind")),
        said=pl.coalesce("policy_decision", "outcome"),
    )
    config = {
        "told_at": tables.time_column("Told, UTC"),
        "result": tables.badge("Result", RESULTS, COLOURS, width=112),
        "agent": columns.TextColumn("Agent", width=96),
        "said": columns.TextColumn("It says", width=76),
        "reason": columns.TextColumn("Why", width=380),
        "kind": columns.TextColumn("Protected by", width=100),
        "record_id": columns.TextColumn("Record", width=140),
        **tables.sample_column(rows),
    }
    alt = "Audit records checked again, what failed first"
    picked = tables.chosen(told, config, Key.AUDIT_LIST, alt=alt)
    if picked is not None:
        with place:
            detail(rows.row(picked, named=True))


def detail(row: Json) -> None:
    """One record in full, with the ways to its trace and its decision."""
    with st.container(border=True, key="audit_detail"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(RESULTS[row["result"]], color=COLOURS[row["result"]])
            st.markdown(
                f"**{page.plain(row['agent'] or 'no agent told')}** · "
                f"{page.plain(row['record_id'])} · {words.stamp(row['told_at'])}",
                width="content",
            )
            st.space("stretch")
            _links(row, row["told_at"])
        if row["reason"]:
            st.markdown(page.plain(row["reason"]))
        with st.grid(4, min_column_width=190):
            for label, value in facts(row).items():
                st.markdown(f":gray[{label}]  \n{page.plain(value)}")


def facts(row: Json) -> dict[str, str]:
    position = row["position"]
    told = {
        "The record says": row["policy_decision"],
        "Its outcome": row["outcome"],
        "Decided, as told then": words.VERDICTS.get(row["decided"], row["decided"]),
        "Not covered by its hash": ", ".join(row["left_out"] or ()),
        "Protected by": KINDS.get(row["kind"], row["kind"]),
        "Told by": TELLERS.get(row["told_by"], row["told_by"]),
        "Chain": row["chain"],
        "Place in its chain": None if position is None else f"{position:,}",
    }
    return {label: value or words.UNKNOWN for label, value in told.items()}


def _links(row: Json, told_at: datetime) -> None:
    if row["decision_id"]:
        st.page_link(
            "views/decisions.py",
            label="Open decision",
            icon=":material/gavel:",
            query_params=address(
                {Url.DECISION: row["decision_id"], Url.DECISIONS_AGENT: row["agent"]}
            ),
        )
    if row["trace_id"]:
        st.page_link(
            "views/trace.py",
            label="Open trace",
            icon=":material/account_tree:",
            query_params=address({Url.TRACE: row["trace_id"], Url.NEAR: told_at.isoformat()}),
        )
