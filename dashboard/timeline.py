"""How far a command has come, step by step, told from the journal and the evidence.

Control knows until the acknowledgement. Whether the agent obeyed is proven only
by its own telemetry: a refused call (enforced) or an action that went on
(contradicted). A step without proof is open, never ticked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard import words
from dashboard.doors import Json

JUST_SENT = timedelta(seconds=10)
UNPROVEN = ("requested", "signed", "delivered", "acked")
STEPS = ("requested", "signed", "delivered", "acked", "enforced")


class Proof(StrEnum):
    """Whether a step happened."""

    DONE = "done"
    WAITING = "waiting"
    OPEN = "open"
    BROKEN = "broken"


@dataclass(frozen=True)
class Step:
    """One step of a command: what, when, how long after the request."""

    title: str
    detail: str
    proof: Proof
    at: datetime | None = None


@dataclass(frozen=True)
class Command:
    """One command as both processes tell it."""

    command_id: str
    hold_id: str
    kind: str
    agent: str
    actor: str
    reason: str
    phase: str
    times: dict[str, datetime | None]
    expires_at: datetime | None
    actions_after_ack: int
    instances: tuple[Json, ...]
    sample: bool
    proven: bool
    journalled: bool
    decision_id: str | None = None

    @property
    def contradicted(self) -> bool:
        return self.times.get("contradicted") is not None

    def in_force(self, now: datetime) -> bool:
        ended = self.times.get("released") or self.times.get("expired")
        return ended is None and (self.expires_at is None or self.expires_at > now)

    def waits(self, now: datetime) -> bool:
        """In force and nobody has acknowledged it."""
        return self.in_force(now) and self.times.get("acked") is None

    def headline(self) -> str:
        return f"{words.KINDS.get(self.kind, self.kind)} {self.agent}"


def merged(journal: list[Json], evidence: list[Json]) -> list[Command]:
    """Commands of either source by hold, newest first; evidence decides what was enforced."""
    told = {row["hold_id"]: row for row in journal}
    proofs = {row["hold_id"]: row for row in evidence}
    commands = [one(told.get(hold), proofs.get(hold)) for hold in {**told, **proofs}]
    return sorted(commands, key=_asked, reverse=True)


def _asked(command: Command) -> str:
    asked = command.times.get("requested")
    return asked.isoformat() if asked else ""


def one(journal: Json | None, evidence: Json | None) -> Command:
    """One command from what is known; times of control win, they are its own."""
    proof, told = evidence or {}, journal or {}
    names = (*STEPS, "contradicted", "released", "expired")
    times = {name: words.moment(proof.get(f"{name}_at")) for name in names}
    for phase in told.get("phases", ()):
        times[phase["phase"]] = _earliest(phase["phase"], told, words.moment(phase["at"]))
    scope = told.get("scope") or {}
    return Command(
        command_id=told.get("command_id") or proof.get("command_id") or words.UNKNOWN,
        hold_id=told.get("hold_id") or proof.get("hold_id") or words.UNKNOWN,
        kind=told.get("kind") or proof.get("kind") or words.UNKNOWN,
        agent=scope.get("agent_name") or proof.get("agent") or words.UNKNOWN,
        actor=told.get("actor") or proof.get("actor") or words.UNKNOWN,
        reason=told.get("reason") or proof.get("reason") or words.UNKNOWN,
        phase=reached(times),
        times=times,
        expires_at=words.moment(told.get("expires_at") or proof.get("expires_at")),
        actions_after_ack=proof.get("actions_after_ack") or 0,
        instances=tuple(told.get("instances", ())),
        sample=bool(proof.get("sample")),
        proven=evidence is not None,
        journalled=journal is not None,
        decision_id=proof.get("enforced_decision_id"),
    )


def _earliest(phase: str, told: Json, at: datetime | None) -> datetime | None:
    same = [words.moment(p["at"]) for p in told["phases"] if p["phase"] == phase]
    return min((moment for moment in same if moment), default=at)


def reached(times: dict[str, datetime | None]) -> str:
    """The word for the command now: its end, else a contradiction, else its furthest step."""
    for phase in ("released", "expired", "contradicted", *reversed(STEPS)):
        if times.get(phase):
            return phase
    return "requested"


def steps(command: Command, now: datetime) -> list[Step]:
    """The timeline, top to bottom."""
    asked = command.times.get("requested")
    listed = [
        Step(f"Requested by {command.actor}", f"“{command.reason}”", Proof.DONE, asked),
        _signed(command),
        _delivered(command, now),
        _acked(command, now),
        _enforced(command),
    ]
    return listed + _ending(command)


def _signed(command: Command) -> Step:
    if at := command.times.get("signed"):
        until = words.stamp(command.expires_at)
        return Step("Signed", f"In force until {until} unless released.", Proof.DONE, at)
    return Step("Not yet signed", "Control has not put its signature under it.", Proof.WAITING)


def _delivered(command: Command, now: datetime) -> Step:
    if at := command.times.get("delivered"):
        return Step("Delivered", _heard(command, "delivered_at", "fetched it"), Proof.DONE, at)
    if command.in_force(now) and command.times.get("signed"):
        return _undelivered(command, now)
    return Step("Not delivered", "No instance fetched it.", Proof.OPEN)


def _undelivered(command: Command, now: datetime) -> Step:
    if command.journalled and not command.instances:
        told = "No instance of this agent is known. The first one that connects is restricted."
        return Step("Waits for an instance", told, Proof.WAITING)
    if _age(command, now) < JUST_SENT:
        return Step("On its way", "Instances fetch it within seconds.", Proof.WAITING)
    waited = _waited(command, now)
    return Step("Not delivered", f"No instance has fetched it for {waited}.", Proof.BROKEN)


def _acked(command: Command, now: datetime) -> Step:
    if at := command.times.get("acked"):
        return Step("Acknowledged", _heard(command, "acked_at", "acknowledged"), Proof.DONE, at)
    if command.in_force(now) and command.times.get("delivered"):
        if _age(command, now) < JUST_SENT:
            return Step("Not yet acknowledged", "It was just fetched.", Proof.WAITING)
        waited = _waited(command, now)
        return Step("Not acknowledged", f"No answer for {waited}.", Proof.BROKEN)
    return Step("Not acknowledged", "Nobody has answered.", Proof.OPEN)


def _waited(command: Command, now: datetime) -> str:
    asked = command.times.get("requested")
    return words.elapsed(asked, now) if asked else "an unknown time"


def _age(command: Command, now: datetime) -> timedelta:
    asked = command.times.get("requested")
    return now - asked if asked else JUST_SENT


def _heard(command: Command, field: str, verb: str) -> str:
    if not command.instances:
        return "Told by the evidence; its instances are not listed here."
    heard = sum(1 for instance in command.instances if instance[field])
    return f"{heard} of {words.plural(len(command.instances), 'instance')} {verb}."


def _enforced(command: Command) -> Step:
    if at := command.times.get("contradicted"):
        went_on = words.plural(command.actions_after_ack, "action")
        detail = f"{went_on} executed after the acknowledgement while the hold stood."
        return Step("Contradicted by the agent's own telemetry", detail, Proof.BROKEN, at)
    if at := command.times.get("enforced"):
        return Step("Enforced", "The first refused call is on record.", Proof.DONE, at)
    if command.times.get("acked"):
        detail = "Acknowledged is not enforced: proven by the first refused call."
        return Step("Not yet enforced", detail, Proof.WAITING)
    return Step("Not enforced", "Proven by the first refused call.", Proof.OPEN)


def _ending(command: Command) -> list[Step]:
    if at := command.times.get("released"):
        return [Step("Released", "The restriction has ended.", Proof.DONE, at)]
    if at := command.times.get("expired"):
        return [Step("Expired", "The restriction ended by itself.", Proof.DONE, at)]
    return []
