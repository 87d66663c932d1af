"""What control knows: its commands and what a new one would reach. Reads only."""

from __future__ import annotations

from dashboard import doors, people
from dashboard.doors import Json


def commands(limit: int = 50) -> list[Json]:
    """Commands, newest first."""
    answer = doors.control().call(
        "GET", "/v1/commands", token=people.token(), params={"limit": limit}
    )
    listed: list[Json] = answer.json()["commands"]
    return listed


def budget_steps(limit: int = 100) -> list[Json]:
    """What budgets in money did, newest first."""
    answer = doors.control().call(
        "GET", "/v1/budget-steps", token=people.token(), params={"limit": limit}
    )
    listed: list[Json] = answer.json()["steps"]
    return listed


def preview(kind: str, agent: str) -> Json:
    """Whom a command would reach, before anybody sends it."""
    body = {
        "kind": kind,
        "scope": {"agent_name": agent, "instance": None},
        "reason": "preview",
        "expires_in_s": 3600,
        "idempotency_key": f"preview-{kind}-{agent}",
    }
    told: Json = doors.control().call("POST", "/v1/preview", token=people.token(), body=body).json()
    return told
