"""What the command API answers about commands, holds and instances, as JSON values."""

from __future__ import annotations

import json
from typing import Any

from collector.control import commands
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, stamp
from collector.control.plane import Plane, hold, scope
from collector.control.presence import Presence
from collector.control.refusal import Refusal
from collector.model import CommandPhase


class Views:
    """Reads the journal; changes nothing."""

    def __init__(self, journal: Journal, plane: Plane, presence: Presence, clock: Clock) -> None:
        self._journal = journal
        self._plane = plane
        self._presence = presence
        self._clock = clock

    def command(self, row: Row) -> dict[str, Any]:
        phases = self._journal.rows("list_phases", command_id=row["command_id"])
        return {
            "command_id": row["command_id"],
            "hold_id": row["hold_id"],
            "kind": row["kind"],
            "scope": {"agent_name": row["agent_name"], "instance": row["instance"]},
            "reason": row["reason"],
            "profile": row["profile"] and json.loads(row["profile"]),
            "actor": row["actor"],
            "origin": row["origin"],
            "issued_at": row["issued_at"],
            "expires_at": row["expires_at"],
            "state": row["state"],
            "phases": [
                {"phase": p["phase"], "at": p["reached_at"], "actor": p["actor"]} for p in phases
            ],
            "released_by": row["released_by"],
            "release_reason": row["release_reason"],
            "instances": self._reached(row),
        }

    def _reached(self, command: Row) -> list[dict[str, Any]]:
        """Instances that received the hold and, while it is in force, those that should."""
        rows = self._journal.rows("list_deliveries", hold_id=command["hold_id"])
        reached = [_delivery(row) for row in rows]
        if commands.has_ended(CommandPhase(command["state"])):
            return reached
        known = {row["instance_uid"] for row in rows}
        waiting = self._plane.instances_in(scope(command))
        return reached + [_delivery(row) for row in waiting if row["instance_uid"] not in known]

    def command_by_id(self, command_id: str) -> dict[str, Any]:
        row = self._journal.row("find_command", command_id=command_id)
        if row is None:
            raise Refusal(404, "unknown_command", f"there is no command {command_id:.80}")
        return self.command(row)

    def latest(self, limit: int) -> list[dict[str, Any]]:
        return [self.command(row) for row in self._journal.rows("list_commands", limit=limit)]

    def holds(self) -> list[dict[str, Any]]:
        return [
            {**hold(row), "since": row["issued_at"], "state": row["state"]}
            for row in self._journal.rows("list_standing", now=stamp(self._clock()))
        ]

    def instances(self) -> list[dict[str, Any]]:
        return [self._instance(row) for row in self._journal.rows("list_instances")]

    def _instance(self, row: Row) -> dict[str, Any]:
        heard = self._presence.last_seen(row["instance_uid"])
        return {
            "instance_uid": row["instance_uid"],
            "agent": row["agent"],
            "service": row["service"],
            "service_instance": row["service_instance"],
            "framework": row["framework"],
            "connected": self._presence.is_connected(row["instance_uid"]),
            "first_seen": row["first_seen"],
            "last_seen": stamp(heard) if heard else row["last_seen"],
            "hooks": _hooks(row["hooks"]),
            "effective_mode": row["effective_mode"],
            "epoch": row["epoch"],
            "gen": row["gen"],
            "pid": row["pid"],
            "sample": bool(row["sample"]),
        }

    def preview(self, target: commands.Target) -> dict[str, Any]:
        """Whom an order would reach, and what it would leave them with."""
        rows = self._plane.instances_in(target.scope)
        return {
            "agents": len({row["agent"] for row in rows}),
            "instances": len(rows),
            "connected": sum(self._presence.is_connected(row["instance_uid"]) for row in rows),
            "effective_after": self._plane.effective_after(target).mode,
        }


def _delivery(row: Row) -> dict[str, Any]:
    """A delivery, or an instance that still waits for one."""
    is_delivered = "delivered_at" in row
    names = ("delivered_at", "acked_at", "ack_status", "enforced_at", "decision_id")
    return {
        "instance_uid": row["instance_uid"],
        "agent": row["agent"],
        **{name: row.get(name) for name in names},
        "effective_mode": row["effective_mode"] if is_delivered else None,
        "hooks": _hooks(row["hooks"]) if is_delivered else [],
    }


def _hooks(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
