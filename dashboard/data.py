"""What the collector knows, asked for by name; the only door to it and the only cache.

Frames are kept for a few seconds and shared by everyone who looks: they cannot
be changed, so no copy is made.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st
from polars import selectors

from dashboard import doors, words
from dashboard.doors import Json

RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "28d": timedelta(days=28),
}
FRESH_S = 4
KEPT_S = 60
# Seconds the end of a range is rounded to, so that readers share cached frames.
STEP_S = 5
REPORTING = timedelta(minutes=5)
PAGE_ROWS = 100
SENDERS_BACK = timedelta(days=2)
NEVER_NS = 2**63 - 1


@dataclass(frozen=True)
class Window:
    """The time a page speaks about: since <= t < until."""

    since: datetime
    until: datetime

    def parameters(self) -> dict[str, str]:
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}


@dataclass(frozen=True)
class Meta:
    """How fresh and how large the evidence is."""

    now: datetime
    data_to: datetime | None
    behind_s: float | None
    agents: int
    sample_agents: int
    wal_lag_records: int
    spans: int


@st.cache_resource(ttl=FRESH_S, max_entries=1, show_spinner=False)
def meta() -> Meta:
    told = _facts("/v1/meta")
    return Meta(
        now=datetime.fromisoformat(told["now"]),
        data_to=words.moment(told["data_to"]),
        behind_s=told["behind_s"],
        agents=told["agents"],
        sample_agents=told["sample_agents"],
        wal_lag_records=told["wal_lag_records"],
        spans=told["spans"],
    )


def window(length: timedelta) -> Window:
    """The last `length` by the collector's clock."""
    return window_until(meta().now, length)


def window_until(now: datetime, length: timedelta) -> Window:
    past = now.timestamp() % STEP_S
    until = now + timedelta(seconds=STEP_S - past) if past else now
    return Window(until - length, until)


def whole_minutes(asked: Window) -> Window:
    """The same, a little longer: what costs the collector a second is asked once a minute."""
    past = asked.until.timestamp() % 60
    until = asked.until + timedelta(seconds=60 - past) if past else asked.until
    return Window(until - (asked.until - asked.since), until)


def fleet(asked: Window) -> pl.DataFrame:
    return _frame("fleet", asked)


def denied_by_agent_hour(asked: Window) -> pl.DataFrame:
    return _frame("denied_by_agent_hour", asked)


def decisions_over_time(asked: Window, agent: str | None = None) -> pl.DataFrame:
    return _frame("decisions_over_time", asked, agent=agent)


def changes(asked: Window, agent: str | None = None, limit: int = 8) -> pl.DataFrame:
    return _frame("changes", asked, agent=agent, limit=limit)


def objectives(objective: str | None = None, agent: str | None = None) -> pl.DataFrame:
    return _frame("objectives", None, objective=objective, agent=agent)


def burn_down(objective: str, agent: str, asked: Window) -> pl.DataFrame:
    return _frame("burn_down", asked, objective=objective, agent=agent)


def burn_history(objective: str, agent: str, asked: Window) -> pl.DataFrame:
    return _frame("burn_history", asked, objective=objective, agent=agent)


def burn_windows(objective: str, agent: str) -> pl.DataFrame:
    return _frame("burn_windows", None, objective=objective, agent=agent)


def spent_by(objective: str, agent: str, asked: Window) -> pl.DataFrame:
    return _frame("spent_by", asked, objective=objective, agent=agent)


def bad_events(objective: str, agent: str, asked: Window, limit: int = 50) -> pl.DataFrame:
    return _frame("bad_events", asked, objective=objective, agent=agent, limit=limit)


def traces(
    asked: Window,
    *,
    agent: str | None = None,
    outcome: str | None = None,
    text: str | None = None,
    before_ns: str | None = None,
    limit: int = PAGE_ROWS,
) -> pl.DataFrame:
    return _frame(
        "traces",
        asked,
        agent=agent,
        outcome=outcome,
        text=text,
        before_ns=before_ns,
        limit=limit,
    )


def trace(trace_id: str, near: str = "") -> pl.DataFrame:
    """`near`: a time within the trace, which spares the collector a search."""
    return _frame("trace", None, trace_id=trace_id, near=near)


def trace_decisions(trace_id: str, near: str = "") -> pl.DataFrame:
    return _frame("trace_decisions", None, trace_id=trace_id, near=near)


def decisions(
    asked: Window,
    *,
    agent: str | None = None,
    verdict: str | None = None,
    text: str | None = None,
    before_ns: str | None = None,
    limit: int = PAGE_ROWS,
) -> pl.DataFrame:
    return _frame(
        "decisions",
        asked,
        agent=agent,
        verdict=verdict,
        text=text,
        before_ns=before_ns,
        limit=limit,
    )


def decision_bom(decision_id: str, known_at: datetime | None) -> pl.DataFrame:
    """What a decision was made of, one row; of what came in up to a moment, if one is named."""
    moment = known_at and known_at.isoformat()
    return _frame("decision_bom", None, decision_id=decision_id, known_at=moment)


def sequences(asked: Window, *, agent: str | None, rule: str | None) -> pl.DataFrame:
    return _frame("sequences", asked, agent=agent, rule=rule, limit=PAGE_ROWS)


def sequence_rules() -> pl.DataFrame:
    return _frame("sequence_rules", None)


def governance_events(
    asked: Window,
    *,
    agent: str | None = None,
    kind: str | None = None,
    before_ns: str | None = None,
    limit: int = PAGE_ROWS,
) -> pl.DataFrame:
    return _frame(
        "governance_events", asked, agent=agent, kind=kind, before_ns=before_ns, limit=limit
    )


def governance_over_time(
    asked: Window, *, agent: str | None = None, kind: str | None = None
) -> pl.DataFrame:
    return _frame("governance_over_time", asked, agent=agent, kind=kind)


def decision_reasons(asked: Window, agent: str | None = None) -> pl.DataFrame:
    return _frame("decision_reasons", asked, agent=agent)


def trust_series(asked: Window, agent: str) -> pl.DataFrame:
    return _frame("trust_series", asked, agent=agent)


def reverified(asked: Window, agent: str | None = None) -> pl.DataFrame:
    """What came of the newest stretch of audit records, one row."""
    return _kept_frame("reverified", asked, agent=agent)


def reverification(
    asked: Window, agent: str | None = None, result: str | None = None
) -> pl.DataFrame:
    return _kept_frame("reverification", asked, agent=agent, result=result, limit=PAGE_ROWS)


def reported_against_computed(asked: Window, agent: str) -> pl.DataFrame:
    return _frame("reported_against_computed", asked, agent=agent)


def command_proof(limit: int = 50) -> pl.DataFrame:
    return _frame("command_proof", None, limit=limit)


def activity(agent: str, asked: Window) -> pl.DataFrame:
    return _frame("activity", asked, agent=agent)


def costs(asked: Window, agent: str | None = None) -> pl.DataFrame:
    return _frame("costs", asked, agent=agent)


def home_files() -> pl.DataFrame:
    return _frame("home_files", None)


def prices() -> pl.DataFrame:
    return _frame("prices", None)


def spend(agent: str | None = None) -> pl.DataFrame:
    return _frame("spend", None, agent=agent)


def inventory(
    kind: str | None = None, standing: str | None = None, agent: str | None = None
) -> pl.DataFrame:
    return _frame("inventory", None, kind=kind, standing=standing, agent=agent)


def coverage(asked: Window, *, agent: str | None = None, by: str = "agent") -> pl.DataFrame:
    return _frame("coverage", asked, agent=agent, by=by)


def ungoverned(
    asked: Window, *, agent: str | None = None, before_ns: str | None = None
) -> pl.DataFrame:
    return _frame("ungoverned", asked, agent=agent, before_ns=before_ns, limit=PAGE_ROWS)


def bypasses(asked: Window, *, agent: str | None = None) -> pl.DataFrame:
    return _frame("bypasses", asked, agent=agent, limit=PAGE_ROWS)


def outcomes(asked: Window, agent: str | None = None) -> pl.DataFrame:
    return _frame("outcomes", asked, agent=agent)


def sources() -> pl.DataFrame:
    return _frame("sources", None)


def senders(limit: int = 200) -> pl.DataFrame:
    """Everyone heard in the last two days; who is silent for longer is gone, not silent."""
    return _frame("senders", window(SENDERS_BACK), limit=limit)


def sequence_gaps(asked: Window, limit: int = 50) -> pl.DataFrame:
    return _frame("sequence_gaps", asked, limit=limit)


def intake(asked: Window, source: str | None, signal: str | None) -> pl.DataFrame:
    return _frame("intake", asked, source=source, signal=signal)


def refused_reasons(asked: Window, source: str | None, signal: str | None) -> pl.DataFrame:
    return _frame("refused_reasons", asked, source=source, signal=signal)


def refused(
    asked: Window,
    *,
    source: str | None = None,
    signal: str | None = None,
    reason: str | None = None,
    before_ns: str | None = None,
    limit: int = PAGE_ROWS,
) -> pl.DataFrame:
    return _frame(
        "refused",
        asked,
        source=source,
        signal=signal,
        reason=reason,
        before_ns=before_ns,
        limit=limit,
    )


@st.cache_resource(ttl=FRESH_S, max_entries=1, show_spinner=False)
def store() -> Json:
    """The way from the doors to the store at the moment: what waits, what room is left."""
    return _facts("/v1/intake")


def reports() -> list[Json]:
    """Reports made or being made, newest first; never cached, a reader waits for them."""
    told = doors.collector().call("GET", "/v1/reports").json()
    listed: list[Json] = told["reports"] if isinstance(told, dict) else told
    return listed


def make_report(asked: Window, framework: str) -> str:
    """Ask for a report; its id."""
    body = {**asked.parameters(), "framework": framework}
    answer: Json = doors.collector().call("POST", "/v1/reports", body=body).json()
    return str(answer["report_id"])


def _facts(path: str) -> Json:
    told: Json = doors.collector().call("GET", path).json()
    return told


def _frame(name: str, asked: Window | None, **parameters: Any) -> pl.DataFrame:
    given = {key: value for key, value in parameters.items() if value not in (None, "")}
    times = asked.parameters() if asked else {}
    return _cached_frame(name, tuple(sorted({**times, **given}.items())))


def _kept_frame(name: str, asked: Window, **parameters: Any) -> pl.DataFrame:
    """For whole minutes: what is dear to answer is kept as long."""
    given = {key: value for key, value in parameters.items() if value not in (None, "")}
    return _dear_frame(name, tuple(sorted({**asked.parameters(), **given}.items())))


@st.cache_resource(ttl=KEPT_S, max_entries=50, show_spinner=False)
def _dear_frame(name: str, parameters: tuple[tuple[str, str | int], ...]) -> pl.DataFrame:
    return _asked_frame(name, parameters)


@st.cache_resource(ttl=FRESH_S, max_entries=400, show_spinner=False)
def _cached_frame(name: str, parameters: tuple[tuple[str, str | int], ...]) -> pl.DataFrame:
    return _asked_frame(name, parameters)


def _asked_frame(name: str, parameters: tuple[tuple[str, str | int], ...]) -> pl.DataFrame:
    answer = doors.collector().call("GET", f"/v1/query/{name}", params=dict(parameters))
    frame = pl.read_ipc_stream(io.BytesIO(answer.content))
    # DuckDB names its zone Etc/UTC, which polars will not compare with UTC.
    return frame.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"))
