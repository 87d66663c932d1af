"""What one decision was made of: trust, holds and objectives at the time, and what followed."""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import page
from dashboard.doors import Json
from dashboard.state import Key


def shown(decision_id: str) -> None:
    """The parts of a decision, as they are known now or as they were known when it came in."""
    parts = data.decision_bom(decision_id, None)
    if parts.is_empty():
        page.nothing("The collector knows nothing further about this decision.")
        return
    bom = parts.row(0, named=True)
    came_in = bom["received_at"]
    if came_in is not None and st.toggle(
        "Only what was known then",
        key=Key.DECISION_KNOWN,
        help="Leaves out whatever came in after the decision itself had.",
    ):
        bom = data.decision_bom(decision_id, came_in).row(0, named=True)
    with st.grid(4, min_column_width=190):
        for label, value in facts(bom).items():
            st.markdown(f":gray[{label}]  \n{page.plain(value)}")


def facts(bom: Json) -> dict[str, str]:
    """Each part in words; what was not measured says so."""
    return {
        "Trust when decided": _trust(bom),
        "Trust told at": words.stamp(bom["scored_at"]),
        "Known as": ", ".join(bom["aliases"] or ()) or words.UNKNOWN,
        "Holds in force": _holds(bom["holds"]),
        "Objectives": _objectives(bom["objectives"]),
        "What the action came to": _outcome(bom),
        "Came in": words.stamp(bom["received_at"]),
        "Place in the log": words.UNKNOWN if bom["sequence"] is None else f"{bom['sequence']:,}",
    }


def _trust(bom: Json) -> str:
    if bom["trust"] is None:
        return "not measured"
    return f"{bom['trust']:.0f} · {words.TIERS.get(bom['tier'], bom['tier'])}"


def _holds(holds: list[Json] | None) -> str:
    if not holds:
        return "none"
    return ", ".join(
        f"{words.HOLDS.get(hold['kind'], hold['kind'])} since {words.minute(hold['since'])}"
        for hold in holds
    )


def _objectives(objectives: list[Json] | None) -> str:
    if not objectives:
        return "not measured"
    return ", ".join(
        f"{each['objective']}: {words.STATES.get(each['state'], each['state'])}"
        f" ({words.percent(each['budget_left'])} left)"
        for each in objectives
    )


def _outcome(bom: Json) -> str:
    if bom["action_outcome"] is None:
        return "no action told"
    parts = [str(words.OUTCOMES.get(bom["action_outcome"], bom["action_outcome"]))]
    if bom["action_duration_ms"] is not None:
        parts.append(words.milliseconds(bom["action_duration_ms"]))
    if bom["action_error"]:
        parts.append(bom["action_error"])
    return " · ".join(parts)
