"""The frame around every page: title, range, sample badge, alarms, footer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboard import data, doors, people, words
from dashboard.charts import shortened
from dashboard.components import filters
from dashboard.data import Window
from dashboard.state import Key, Session, Url

LATE_S = 60
MARKDOWN = frozenset("\\`*_{}[]()<>#+-.!|~$:&=")
# What begins an address is made a link even where it is escaped, unless something stands in it.
LINK = re.compile(r"(?:https?\\://|www(?=\\\.))", re.IGNORECASE)
JOINER = "\u2060"
# Emoji and some scripts are joined and parted by these.
JOINED = frozenset("\u200c\u200d")
REPLACED = "\ufffd"
LONGEST_TITLE = 80
DEFAULT_RANGE = "24h"
CHANGE_ICONS = {
    "command": ":material/front_hand:",
    "trust": ":material/trending_down:",
    "objective": ":material/local_fire_department:",
    "agent": ":material/fiber_new:",
}
RANGE_WORDS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "28d": "28 d"}


def opened(
    title: str,
    *,
    ranges: bool = False,
    live: bool = False,
    up: tuple[str, str] | None = None,
    sample: bool = True,
) -> None:
    """Title on the left, controls on the right, and what a reader must know first.

    `up` is the page above this one: its file and its name. `sample` is false when the
    page shows one agent and that one is real.
    """
    if up:
        with st.container(key="page_up"):
            st.page_link(up[0], label=line_of(up[1]), icon=":material/arrow_back:")
    heading(title, ranges=ranges, live=live, sample=data.meta().sample_agents if sample else 0)
    alarm()


def opened_without_collector(title: str, *, live: bool = False) -> None:
    """The frame of a page that must stand while the collector is away."""
    try:
        opened(title, live=live)
    except doors.DoorError:
        heading(title, ranges=False, live=live, sample=0)


def heading(title: str, *, ranges: bool, live: bool, sample: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="page_header"):
        st.title(line_of(title), width="content", anchor=False)
        if sample:
            sample_badge(sample)
        st.space("stretch")
        if ranges:
            range_control()
        if live:
            st.toggle("Live", key=Key.LIVE, help="Ask again every 10 seconds")


def sample_badge(agents: int) -> None:
    """Demo data is marked on every page that shows any."""
    st.badge(
        "SAMPLE DATA",
        icon=":material/science:",
        color="violet",
        help=f"The sample fleet has {words.plural(agents, 'agent')}; its rows are marked Sample",
    )


def range_control() -> None:
    filters.spelled_out(Url.RANGE, RANGE_WORDS)
    st.segmented_control(
        "Range",
        list(data.RANGES),
        default=DEFAULT_RANGE,
        required=True,
        format_func=RANGE_WORDS.__getitem__,
        key=Url.RANGE,
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
    )


def chosen_range() -> str:
    chosen = st.session_state.get(Url.RANGE) or st.query_params.get(Url.RANGE)
    return chosen if chosen in data.RANGES else DEFAULT_RANGE


def window() -> Window:
    return data.window(data.RANGES[chosen_range()])


def range_words() -> str:
    return RANGE_WORDS[chosen_range()]


def alarm() -> None:
    """An amber line when the evidence is late."""
    behind = data.meta().behind_s
    if behind is not None and behind > LATE_S:
        with st.container(key="page_alarm"):
            st.warning(
                f"The newest record is {words.seconds(behind)} old. What happened since is "
                "not on this page. Look whether the agents still send, and at the collector.",
                icon=":material/schedule:",
            )


def footer(shown: int | None = None) -> None:
    """How fresh the evidence is and how much of the fleet the page shows."""
    facts = data.meta()
    if facts.data_to is None:
        told = "No data received yet"
    else:
        told = f"Data to {words.clock(facts.data_to)} UTC · {words.seconds(facts.behind_s)} behind"
    seen = words.count(facts.agents if shown is None else shown)
    with st.container(key="page_footer"):
        st.caption(f"{told} · {seen} of {words.plural(facts.agents, 'agent')} shown")


@contextmanager
def section(question: str, caption: str = "", help: str | None = None) -> Iterator[None]:
    """A card that asks a question; a refusal costs this card and no other."""
    with st.container(gap=None):
        st.subheader(question, anchor=False, help=help)
        if caption:
            st.caption(caption)
    with surviving():
        yield


@contextmanager
def surviving() -> Iterator[None]:
    """A refusal in here is told, and the rest of the page stands."""
    try:
        yield
    except doors.Refused as refused:
        st.warning(
            f"This card is missing: {refused} The rest of the page stands. "
            f"Reference: {refused.code}.",
            icon=":material/error:",
        )


def refused_files(*names: str) -> None:
    """What is wrong with files that people wrote, and is therefore not in force."""
    with surviving():
        for row in data.home_files().filter(state="refused").to_dicts():
            if row["file"] in names:
                st.error(
                    f"**{plain(row['file'])}, line {row['line']}**, is not in force: "
                    f"{plain(row['reason'])}. Its last good version, if it had one, counts until "
                    "it is mended.",
                    icon=":material/error:",
                )


def nothing(good: str) -> None:
    """An empty card says why it is empty."""
    st.caption(good)


def away(error: doors.Away) -> None:
    """A process is gone: what still works and what to do."""
    person = people.current()
    works = (
        "The control process does not answer either."
        if person.control_away
        else "Commands do not depend on it: open Commands to stop or degrade an agent."
    )
    st.error(
        f"**No current data: {error.process} does not answer.** It was asked at {error.url}. "
        f"Nothing is shown, because an old picture could be taken for the present. {works} "
        "Agents keep their records until it is back. Start it with `watchkeeper collector`, "
        "or look at its log.",
        icon=":material/cloud_off:",
    )


def live(render: Callable[[], None], *, watching: bool = False) -> None:
    """The body of a page that may refresh itself; an absent collector costs no traceback.

    While the reader waits for a command of their own (`watching`) it asks every two seconds.
    """
    every = "2s" if watching else "10s" if st.session_state.get(Key.LIVE) else None
    st.fragment(_safely, run_every=every)(render)


def _safely(render: Callable[[], None]) -> None:
    # A button in here reruns only this part; the dialog it asked for belongs to the whole page.
    if st.session_state.pop(Session.OPENING, False):
        st.rerun()
    try:
        render()
    except doors.Away as error:
        away(error)


def change_list(changes: pl.DataFrame) -> None:
    """What happened, newest first, each with its time and its agent."""
    if changes.is_empty():
        nothing(f"Nothing changed in the last {range_words()}.")
        return
    lines = [
        f"{words.minute(row['changed_at'])}&ensp;{CHANGE_ICONS.get(row['kind'], '')}&ensp;"
        f"**{plain(row['agent'] or 'fleet')}** {plain(row['summary'])}"
        for row in changes.to_dicts()
    ]
    st.markdown("  \n".join(lines))


def plain(text: str) -> str:
    """Text of others as text: none of it is taken for Markdown, a link or an order to the reader's
    eye. It is one line, because the begin of a line may mean a list, a heading or code."""
    line = " ".join(text.split())
    shown = "".join(each if each.isprintable() or each in JOINED else REPLACED for each in line)
    escaped = "".join(f"\\{letter}" if letter in MARKDOWN else letter for letter in shown)
    return LINK.sub(lambda found: f"{found[0]}{JOINER}", escaped)


def line_of(text: str) -> str:
    """The same, no longer than a title may be."""
    return plain(shortened(text, LONGEST_TITLE))


def welcome() -> None:
    """The page before the first record came."""
    if data.meta().agents:
        st.info(f"No agent sent anything in the last {range_words()}. Choose a longer range.")
        return
    st.info(
        "**No agent has reported yet.** Point an OpenTelemetry exporter at this collector "
        "(gRPC 4317 or HTTP 4318), or run `watchkeeper demo` for a fleet to look at. "
        "The page fills as soon as the first record is stored.",
        icon=":material/satellite_alt:",
    )
    footer()


def quiet_footer() -> None:
    """The footer, where there is a collector to ask."""
    try:
        footer()
    except doors.DoorError:
        st.caption("How fresh the evidence is, is not known while the collector is away")


def now() -> datetime:
    """The collector's clock, or this machine's while it is away."""
    try:
        return data.meta().now
    except doors.DoorError:
        return datetime.now(UTC)


def unknown(noun: str, name: str, up: str, up_name: str) -> None:
    """A link that leads to nothing here says so and leads back."""
    if name:
        told = f"No {noun} “{line_of(name)}” in this range. It may be older, or misspelt."
    else:
        told = f"No {noun} was named. Open one from {up_name}."
    st.info(told, icon=":material/search_off:")
    st.page_link(up, label=f"Open {up_name}", icon=":material/arrow_back:")
    footer()


def number(
    label: str,
    value: str,
    beside: str,
    *,
    colour: words.Colour = "gray",
    help: str | None = None,
) -> None:
    """One number in a card, with the one that puts it in proportion."""
    st.metric(
        label,
        value,
        beside,
        delta_color=colour,
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help,
    )


def state_badge(state: str) -> None:
    st.badge(
        words.STATES.get(state, state),
        icon=words.STATE_ICONS.get(state),
        color=words.STATE_COLOURS.get(state, "gray"),
    )


def hold_badge(kind: str) -> None:
    st.badge(
        words.HOLDS.get(kind, kind),
        icon=":material/front_hand:",
        color=words.HOLD_COLOURS.get(kind, "gray"),
    )


def phase_badge(phase: str) -> None:
    st.badge(words.PHASES.get(phase, phase), color=words.PHASE_COLOURS.get(phase, "gray"))


def verdict_badge(verdict: str) -> None:
    st.badge(words.VERDICTS.get(verdict, verdict), color=words.VERDICT_COLOURS.get(verdict, "gray"))
