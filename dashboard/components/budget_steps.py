"""What budgets in money did: proposals that wait for a person, and every step so far."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import control, data, doors, words
from dashboard.actions import Act
from dashboard.components import dialogs, page, tables
from dashboard.data import Window
from dashboard.doors import Json
from dashboard.people import Person
from dashboard.state import Key

_PREFIX = "budget."
_NOTHING = (
    "No budget did anything. Without steps in budgets.yaml a budget only tells; docs/costs.md "
    "has some."
)
_SCHEMA = {
    "at": pl.Datetime("us", "UTC"),
    "state": pl.String,
    "budget": pl.String,
    "agent": pl.String,
    "step": pl.String,
    "spent": pl.String,
    "hold": pl.String,
    "why": pl.String,
    "sample": pl.Boolean,
}


def shown(person: Person, window: Window, agent: str | None) -> None:
    """From control for who is signed in; else what it told as evidence."""
    rows = _from_journal(person, agent)
    if rows is None:
        rows = list(_from_evidence(window, agent))
    if not rows:
        page.nothing(_NOTHING)
        return
    told = tables.marked_sample(pl.DataFrame(rows, schema=_SCHEMA)).with_columns(
        tables.worded("state", words.STEP_STATES), pl.col("agent").fill_null("all together")
    )
    config = {
        "at": columns.DatetimeColumn("When, UTC", format="DD MMM HH:mm", width=92),
        "state": tables.badge("What", words.STEP_STATES, words.STEP_COLOURS, width=84),
        "budget": columns.TextColumn("Budget", width=96),
        "agent": columns.TextColumn("Agent", width=84),
        "step": columns.TextColumn("Step", width=112),
        "spent": columns.TextColumn("Spent", width=104, alignment="right"),
        "hold": columns.TextColumn("Hold", width=92),
        "why": columns.TextColumn("Why", width="large"),
        **tables.sample_column(told),
    }
    tables.shown(told, config, Key.COSTS_STEPS, alt="What budgets did, the latest first")


def _from_journal(person: Person, agent: str | None) -> list[Json] | None:
    """Rows of the journal, with open proposals above them; None where nobody may ask for them."""
    if not person.signed_in:
        return None
    try:
        steps = control.budget_steps()
    except doors.DoorError as error:
        st.warning(f"Proposals are not shown: {error}.", icon=":material/cloud_off:")
        return None
    steps = [step for step in steps if agent is None or step["agent"] in (agent, None)]
    for step in steps:
        if step["state"] == "proposed":
            _proposal(step, person)
    return sorted(map(_row, steps), key=lambda row: row["at"], reverse=True)


def _proposal(step: Json, person: Person) -> None:
    hold = dialogs.TITLES[Act(step["hold"])]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{hold}: {page.plain(step['agent'])}?** {page.plain(step['reason'])}")
        st.space("stretch")
        for act, key in ((Act.ACCEPT, Key.COSTS_ACCEPT), (Act.DECLINE, Key.COSTS_DECLINE)):
            dialogs.decide_button(act, step, person, f"{key}_{step['step_id']}")


def _row(step: Json) -> Json:
    hold = step["hold"] and dialogs.TITLES[Act(step["hold"])]
    least = "at least " if step["unpriced_calls"] else ""
    return {
        "at": datetime.fromisoformat(step["decided_at"] or step["taken_at"]),
        "state": step["state"],
        "budget": step["budget"],
        "agent": step["agent"],
        "step": f"{hold or 'Warn'} at {step['at'] * 100:g} %",
        "spent": f"{least}{words.usd(step['usd'])}",
        "hold": words.PHASES.get(step["hold_state"], step["hold_state"]),
        "why": _why(step),
        "sample": step["sample"],
    }


def _why(step: Json) -> str:
    if step["decided_by"]:
        return f"{step['decided_by']}: {step['decision_reason']}"
    return str(step["note"] or step["reason"])


def _from_evidence(window: Window, agent: str | None) -> Iterator[Json]:
    for event in data.governance_events(window, agent=agent, kind="cost").to_dicts():
        name = event["name"] or ""
        if event["dialect"] == "watchkeeper" and name.startswith(_PREFIX):
            yield {
                "at": event["happened_at"],
                "state": name.removeprefix(_PREFIX),
                "budget": event["subject"],
                "agent": event["agent"],
                "step": event["to_value"],
                "spent": words.usd(event["value"]),
                "hold": None,
                "why": event["reason"],
                "sample": event["sample"],
            }
