"""Who is looking: the session behind the cookie, asked of control on every run.

Control decides what a person may do; a page only shows that decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import doors

COOKIE = "watchkeeper_session"
COMMANDING = ("operator", "admin")
REQUEST_HEADER_LIMIT = 200


@dataclass(frozen=True)
class Person:
    """Somebody signed in, or nobody."""

    user: str | None = None
    role: str | None = None
    control_away: bool = False

    @property
    def signed_in(self) -> bool:
        return self.user is not None

    def why_not_command(self) -> str | None:
        """Why this person may not command; None when they may."""
        if self.control_away:
            return "The control process does not answer, so nothing can be commanded"
        if not self.signed_in:
            return "Sign in as an operator to command agents"
        if self.role not in COMMANDING:
            return f"Your role is {self.role}; commanding needs operator or admin"
        return None


def token() -> str | None:
    """The session token the browser sent, out of reach of page scripts."""
    value = st.context.cookies.get(COOKIE)
    return value if value and len(value) <= REQUEST_HEADER_LIMIT else None


def current() -> Person:
    """The person behind this run."""
    held = token()
    if held is None:
        return Person()
    try:
        told = doors.control().call("GET", "/v1/me", token=held).json()
    except doors.Away:
        return Person(control_away=True)
    except doors.Refused:
        return Person()
    return Person(user=str(told["user"]), role=str(told["role"]))
