"""Sending commands: the only place in the dashboard that changes an agent.

A dialog opening carries one idempotency key, so a double click, a rerun or a
retry is still one command. What may be sent is checked again by control.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from dashboard import doors, people
from dashboard.doors import Json

EXPIRIES = {
    "15 minutes": 900,
    "1 hour": 3_600,
    "4 hours": 14_400,
    "24 hours": 86_400,
    "7 days": 604_800,
}
DEFAULT_EXPIRY = "1 hour"
SHORTEST_REASON = 3
LONGEST_REASON = 1_000


class Act(StrEnum):
    """What a dialog asks for."""

    DEGRADE = "degrade"
    PAUSE = "pause"
    KILL = "kill"
    RELEASE = "release"
    ACCEPT = "accept"
    DECLINE = "decline"


@dataclass(frozen=True)
class Dialog:
    """One opening of a dialog: what, on whom, and the key that makes it happen once.

    step_id and hold: the step of a budget that is decided on, and the hold that it proposes.
    """

    act: Act
    agent: str
    hold_id: str | None = None
    step_id: str | None = None
    hold: str | None = None
    idempotency_key: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def stops(self) -> bool:
        """Whether sending it may stop the agent for good, so that its name must be typed."""
        return self.act is Act.KILL or (self.act is Act.ACCEPT and self.hold == Act.KILL)

    @classmethod
    def kept(cls, remembered: Json) -> Dialog:
        return cls(**{**remembered, "act": Act(remembered["act"])})

    def keep(self) -> Json:
        return asdict(self)


@dataclass(frozen=True)
class Form:
    """What the operator wrote."""

    reason: str
    expires: str = DEFAULT_EXPIRY
    name: str = ""
    deny: str = ""
    models: str = ""


def complaint(dialog: Dialog, form: Form) -> str | None:
    """What is wrong with the form, in the operator's words; None when it may be sent."""
    length = len(form.reason.strip())
    if length < SHORTEST_REASON:
        return "Nothing was sent: write why, in at least three characters."
    if length > LONGEST_REASON:
        return f"Nothing was sent: the reason has {length:,} characters, 1,000 at most."
    if dialog.stops and form.name.strip() != dialog.agent:
        return f"Nothing was sent: you typed “{form.name.strip()}”, the agent is “{dialog.agent}”."
    if dialog.act is Act.DEGRADE and model_map(form.models) is None:
        return "Nothing was sent: write models as pairs, such as big=small, separated by commas."
    return None


def send(dialog: Dialog, form: Form) -> Json:
    """Send it once; control's answer. Raises DoorError."""
    path, body = request_of(dialog, form)
    told: Json = doors.control().call("POST", path, token=people.token(), body=body).json()
    return told


def request_of(dialog: Dialog, form: Form) -> tuple[str, Json]:
    """Path and body for control."""
    common = {"reason": form.reason.strip(), "idempotency_key": dialog.idempotency_key}
    if dialog.act is Act.RELEASE:
        return f"/v1/holds/{dialog.hold_id}/release", common
    if dialog.act in (Act.ACCEPT, Act.DECLINE):
        return f"/v1/budget-steps/{dialog.step_id}/{dialog.act}", common
    body: Json = {
        "kind": dialog.act.value,
        "scope": {"agent_name": dialog.agent, "instance": None},
        "expires_in_s": EXPIRIES[form.expires],
        **common,
    }
    if dialog.act is Act.DEGRADE:
        body["profile"] = profile(form)
    return "/v1/commands", body


def profile(form: Form) -> Json:
    """What a degraded agent may still do."""
    tools = {"tools": {"class": "read_only", "deny": denied_tools(form.deny)}}
    models = model_map(form.models)
    return {**tools, "model_map": models} if models else tools


def denied_tools(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def model_map(text: str) -> dict[str, str] | None:
    """Which model answers instead of which: `big=small, huge=small`; None when malformed."""
    pairs = [[name.strip() for name in pair.split("=")] for pair in text.split(",") if pair.strip()]
    if all(len(pair) == 2 and all(pair) for pair in pairs):
        return dict(pairs)
    return None
