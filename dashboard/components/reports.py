"""The cards of the reports page."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from dashboard import data, words
from dashboard.components import page
from dashboard.doors import Json
from dashboard.people import Person
from dashboard.state import Key
from mappings import load

LENGTHS = {"7 days": 7, "28 days": 28, "90 days": 90}
STATE_COLOURS: dict[str, words.Colour] = {"done": "green", "running": "blue", "failed": "red"}
STATE_WORDS = {"done": "Signed", "running": "Being made", "failed": "Failed"}


def framework_title(name: str) -> str:
    return load.framework(name).title if name in load.framework_ids() else name


def make(person: Person) -> None:
    """What goes in is said before it is made."""
    frameworks = {name: framework_title(name) for name in load.framework_ids()}
    with st.container(
        border=True, horizontal=True, vertical_alignment="bottom", key="reports_make_card"
    ):
        framework = st.selectbox(
            "Framework",
            list(frameworks),
            format_func=frameworks.__getitem__,
            key=Key.REPORTS_FRAMEWORK,
            width=460,
        )
        length = st.selectbox("Period", list(LENGTHS), index=1, key=Key.REPORTS_DAYS, width=160)
        st.space("stretch")
        why = None if person.signed_in else "Sign in to make a report"
        st.button(
            "Make report",
            key=Key.REPORTS_MAKE,
            type="primary",
            icon=":material/draw:",
            disabled=why is not None or framework is None,
            help=why,
            on_click=start,
            args=(length, framework),
        )


def start(length: str, framework: str) -> None:
    data.make_report(data.window(timedelta(days=LENGTHS[length])), framework)


@st.fragment(run_every="2s")
def running() -> None:
    """Progress of what is being made; the page is drawn anew when one is finished."""
    made = data.reports()
    for report in [each for each in made if each["state"] == "running"]:
        st.progress(
            float(report["progress"] or 0),
            f"{framework_title(report['framework'])}: {report['step'] or 'waiting'}",
        )
    if not any(each["state"] == "running" for each in made):
        st.rerun()


def listing(reports: list[Json], person: Person) -> None:
    for report in reports:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(STATE_WORDS[report["state"]], color=STATE_COLOURS[report["state"]])
                st.markdown(f"**{framework_title(report['framework'])}**", width="content")
                st.markdown(f"{words.period(*covered(report))} UTC", width="content")
                st.space("stretch")
                if report["state"] == "done":
                    download(report, person)
            st.caption(about(report))


def covered(report: Json) -> tuple[datetime, datetime]:
    """The period it speaks about."""
    return datetime.fromisoformat(report["since"]), datetime.fromisoformat(report["until"])


def about(report: Json) -> str:
    if report["state"] == "failed":
        return f"Not made: {page.plain(report['error'] or 'no reason told')}"
    if report["state"] == "running":
        return f"Step: {page.plain(report['step'] or 'waiting')}"
    return (
        f"{words.count(report['pages'])} pages · "
        f"made {words.stamp(words.moment(report['made_at']))} "
        f"· SHA-256 `{report['sha256']}`"
    )


def download(report: Json, person: Person) -> None:
    if person.signed_in:
        st.html(
            f'<a href="/reports/{report["report_id"]}.pdf" target="_self" download>'
            "Download PDF</a>",
            width="content",
        )
    else:
        st.caption("Sign in to download", width="content")
