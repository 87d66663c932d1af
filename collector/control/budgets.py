"""What budgets in money do: each step that the collector finds reached is taken here, once.

1. A step has a series, the same however often it is decided. What is told again, after a crash of
   either side or because an answer was lost, answers the step that there is.
2. The step, its command and what is told of both are one transaction of the journal.
3. A hold of the same kind by the same budget that still stands is not put a second time.
4. A push that would stop many agents within an hour becomes a proposal: machines may not stop a
   fleet. Only people release, and accept or decline what is proposed.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from collector.control.events import Event, Spool, attributes
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, new_id, stamp
from collector.control.plane import Plane
from collector.control.refusal import Refusal
from collector.control.steps import State, Told, order, why
from collector.costs.steps import Act
from collector.model import HoldKind

__all__ = ["Budgets"]

ORIGIN = "auto_budget"
EVENT = "watchkeeper.governance"
LATELY = timedelta(hours=1)
MOST_STEPS = 500
MOST_STOPPED = 10
_STOPS = (HoldKind.PAUSE, HoldKind.KILL)


class Budgets:
    """Steps of budgets in the journal; the only writer of them."""

    def __init__(self, journal: Journal, plane: Plane, spool: Spool, clock: Clock) -> None:
        self._journal = journal
        self._plane = plane
        self._spool = spool
        self._clock = clock

    # The collector

    def take(self, told: Told) -> tuple[Row, bool]:
        """The step that was told, and whether it is new."""
        with self._journal.transaction():
            last = self._journal.row("last_budget_step", series=told.series)
            if last is not None and (not told.rolling or last["rearmed_at"] is None):
                return self.step(last["step_id"]), False
            return self._taken(told, 1 if last is None else last["number"] + 1), True

    def _taken(self, told: Told, number: int) -> Row:
        now = self._clock()
        lately = self._journal.rows("count_budget_steps", since=stamp(now - LATELY))[0]
        if lately["steps"] >= MOST_STEPS:
            raise Refusal(
                429,
                "too_many_steps",
                f"budgets took {MOST_STEPS} steps within an hour: look at them; "
                "this one is taken when there is room",
            )
        state, note = _decided(told, lately["stopped"])
        drawn = {**told.row, "number": number, "step_id": new_id(now), "taken_at": stamp(now)}
        command_id = self._pushed(drawn) if state is State.PUSHED else None
        self._journal.change(
            "add_budget_step", **drawn, state=state.value, note=note, command_id=command_id
        )
        step = self.step(drawn["step_id"])
        self._tell(step, state.value, step["taken_at"])
        return step

    def _pushed(self, drawn: Row) -> str:
        """The command of a step: that of an earlier one while its hold still stands."""
        now = self._clock()
        named = {name: drawn[name] for name in ("budget", "agent", "hold")}
        standing = self._journal.row("standing_budget_command", **named, now=stamp(now))
        if standing is not None:
            return str(standing["command_id"])
        wanted = order(drawn, why(drawn), f"budget-{drawn['step_id']}", now)
        command, _ = self._plane.issue(wanted, f"budget {drawn['budget']}", ORIGIN)
        return str(command["command_id"])

    def rearm(self, series: str) -> bool:
        """Costs of a rolling budget fell; whether that changed anything."""
        now = stamp(self._clock())
        with self._journal.transaction():
            last = self._journal.row("last_budget_step", series=series)
            if last is None:
                return False
            if not self._journal.change(
                "rearm_budget_step", step_id=last["step_id"], rearmed_at=now
            ):
                return False
            self._tell(self.step(last["step_id"]), "rearmed", now)
            return True

    def armed(self) -> list[str]:
        """The series of rolling budgets that wait for costs to fall."""
        return [str(row["series"]) for row in self._journal.rows("list_armed_series")]

    # People

    def accept(self, step_id: str, reason: str, key: str, actor: str) -> Row:
        """Give the command that is proposed; it is the person's own from then on."""
        return self._decide(step_id, State.ACCEPTED, reason, key, actor)

    def decline(self, step_id: str, reason: str, key: str, actor: str) -> Row:
        return self._decide(step_id, State.DECLINED, reason, key, actor)

    def _decide(self, step_id: str, state: State, reason: str, key: str, actor: str) -> Row:
        now = self._clock()
        with self._journal.transaction():
            step = self.step(step_id)
            asked = (state, reason, key, actor)
            if step["state"] != State.PROPOSED:
                names = ("state", "decision_reason", "decision_key", "decided_by")
                if asked == tuple(step[name] for name in names):
                    return step
                raise Refusal(409, "decided", _how_decided(step))
            if self._journal.row("find_budget_step_by_decision_key", decision_key=key):
                raise Refusal(
                    409,
                    "key_taken",
                    "this idempotency_key belongs to another decision: send a new one",
                    "idempotency_key",
                )
            command_id = None
            if state is State.ACCEPTED:
                wanted = order(step, reason, f"budget-{step_id}", now)
                command_id = self._plane.issue(wanted, actor)[0]["command_id"]
            self._journal.change(
                "decide_budget_step",
                step_id=step_id,
                state=state.value,
                command_id=command_id,
                decided_by=actor,
                decided_at=stamp(now),
                decision_reason=reason,
                decision_key=key,
            )
            step = self.step(step_id)
            self._tell(step, state.value, step["decided_at"])
        return step

    # Questions

    def step(self, step_id: str) -> Row:
        found = self._journal.row("find_budget_step", step_id=step_id)
        if found is None:
            raise Refusal(404, "unknown_step", f"there is no step {step_id:.80} of a budget")
        return found

    def latest(self, limit: int) -> list[dict[str, Any]]:
        return [view(row) for row in self._journal.rows("list_budget_steps", limit=limit)]

    def _tell(self, step: Row, what: str, at: str) -> None:
        """The collector keeps it as an event about the agent."""
        from_person = step["decision_reason"] if what in (State.ACCEPTED, State.DECLINED) else None
        asked = f"{step['hold'] or 'warn'} at {step['at_share'] * 100:g} %"
        told = {
            "watchkeeper.governance.kind": "cost",
            "watchkeeper.governance.name": f"budget.{what}",
            "watchkeeper.governance.id": step["budget"],
            "watchkeeper.governance.to": asked,
            "watchkeeper.governance.value": step["usd"],
            "watchkeeper.governance.reason": from_person or step["note"] or why(step),
            "watchkeeper.budget.step_id": step["step_id"],
            "watchkeeper.command.actor": step["decided_by"] if from_person else None,
            "watchkeeper.command.id": step["command_id"],
            "gen_ai.agent.name": step["agent"],
            "watchkeeper.sample": bool(step["sample"]),
        }
        self._spool.tell(Event.at(at, attributes(told), EVENT, f"budget {what}"))


def _decided(told: Told, stopped: int) -> tuple[State, str | None]:
    match told.act:
        case Act.WARN:
            return State.WARNED, None
        case Act.PROPOSE:
            return State.PROPOSED, None
    if told.hold in _STOPS and stopped >= MOST_STOPPED:
        return State.PROPOSED, (
            f"budgets stopped {stopped} agents within an hour: a person decides on the others"
        )
    return State.PUSHED, None


def _how_decided(step: Row) -> str:
    if step["decided_by"] is None:
        return f"this step is {step['state']}: only a proposal is decided on"
    return f"{step['decided_by']} has already {step['state']} this proposal"


def view(step: Row) -> dict[str, Any]:
    """A step as the API answers it."""
    names = (
        *("step_id", "budget", "agent", "act", "hold", "amount_usd", "usd", "unpriced_calls"),
        *("since", "lasts_s", "taken_at", "state", "note", "command_id", "hold_id", "hold_state"),
        *("hold_expires_at", "decided_by", "decided_at", "decision_reason", "rearmed_at"),
    )
    return {
        **{name: step[name] for name in names},
        "at": step["at_share"],
        "models": json.loads(step["models"]),
        "sample": bool(step["sample"]),
        "reason": why(step),
    }
