"""The acts of control: create, sign, hand out, acknowledge, prove, release and expire holds.

Every act is one transaction of the journal that also spools what the collector shall hear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collector.control import commands, documents
from collector.control.documents import Document, Signer
from collector.control.events import Event, Spool, attributes
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, moment, nanoseconds, new_id, stamp
from collector.control.presence import Presence
from collector.control.refusal import Refusal
from collector.model import CommandPhase, HoldKind

# Documents that an instance may still answer to.
KEPT_DOCUMENTS = 16
HUMAN = "human"


@dataclass(frozen=True)
class Acknowledgement:
    """What an instance says beyond "applied"."""

    effective_mode: str | None = None
    hooks: str | None = None
    holds: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Evidence:
    """The first refused call of a hold at one instance, as the collector stored it.

    `instance` is its uid or its service instance; None when the record named neither.
    `agent` is whose decision it was; None when that is not known.
    """

    hold_id: str
    decision_id: str
    instance: str | None
    at: datetime
    agent: str | None = None


class Plane:
    """Holds in force and what became of them; the only writer of commands and documents."""

    def __init__(
        self, journal: Journal, signer: Signer, spool: Spool, presence: Presence, clock: Clock
    ) -> None:
        self._journal = journal
        self._signer = signer
        self._spool = spool
        self._presence = presence
        self._clock = clock
        with journal.transaction():
            bumped = journal.rows("bump_epoch", unix_s=int(clock().timestamp()))
        self.epoch = int(bumped[0]["epoch"])

    # Operators

    def issue(self, order: commands.Order, actor: str, origin: str = HUMAN) -> tuple[Row, bool]:
        """The command of an order, and whether it is new; signed before anyone hears of it.

        origin: who decided, a person or, as auto_budget, a rule that a person wrote down.
        """
        now = self._clock()
        with self._journal.transaction():
            repeated = self._journal.row(
                "find_command_by_key", idempotency_key=order.idempotency_key
            )
            if repeated is not None:
                return _same_order(repeated, order, actor), False
            command = self._add(order, actor, origin, now)
            # One sync for the command and the documents of all who listen, however many.
            for instance in self.instances_in(scope(command)):
                if self._presence.is_connected(instance["instance_uid"]):
                    self.document(instance, unseen=True)
        self._wake(command)
        return command, True

    def _add(self, order: commands.Order, actor: str, origin: str, now: datetime) -> Row:
        command = {**self._draft(order, actor, now), "origin": origin}
        signature = self._signer.sign(_signed_alone(hold(command), now), documents.HOLD_TYPE)
        self._journal.change("add_command", **command, signature=signature)
        self._reach(command, CommandPhase.REQUESTED, now, actor)
        self._reach(command, CommandPhase.SIGNED, now)
        return self._command(command["command_id"])

    def _draft(self, order: commands.Order, actor: str, now: datetime) -> dict[str, Any]:
        target = order.target
        return {
            "command_id": new_id(now),
            "hold_id": new_id(now),
            "kind": target.kind.value,
            "agent_name": target.scope.agent_name,
            "instance": target.scope.instance,
            "reason": order.reason,
            "profile": _profile_text(target.profile),
            "actor": actor,
            "issued_at": stamp(now),
            "expires_at": stamp(now + order.lasts if order.lasts else order.expires_at),
            "state": CommandPhase.REQUESTED.value,
            "idempotency_key": order.idempotency_key,
            "sample": int(any(row["sample"] for row in self.instances_in(target.scope))),
        }

    def release(self, hold_id: str, reason: str, key: str, actor: str) -> Row:
        """End a hold; 409 when somebody or the clock ended it first."""
        now = self._clock()
        with self._journal.transaction():
            repeated = self._journal.row("find_command_by_release_key", release_key=key)
            if repeated is not None:
                return _same_release(repeated, hold_id, reason, actor)
            command = self._released(self._by_hold(hold_id), reason, key, actor, now)
        self._wake(command)
        return command

    def _released(self, command: Row, reason: str, key: str, actor: str, now: datetime) -> Row:
        state = CommandPhase(command["state"])
        if commands.has_ended(state) or moment(command["expires_at"]) <= now:
            raise Refusal(409, "ended", _how_it_ended(command))
        self._journal.change(
            "release_command",
            command_id=command["command_id"],
            expected=state,
            released_by=actor,
            release_reason=reason,
            release_key=key,
        )
        command = self._command(command["command_id"])
        self._note(command, CommandPhase.RELEASED, now, actor, reason=reason)
        return command

    def expire(self) -> int:
        """End what is overdue; how many holds that were."""
        now = self._clock()
        overdue = self._journal.rows("list_overdue", now=stamp(now))
        if overdue:
            with self._journal.transaction():
                for command in overdue:
                    self._reach(self._command(command["command_id"]), CommandPhase.EXPIRED, now)
        for command in overdue:
            self._wake(command)
        return len(overdue)

    def prove(self, evidence: Evidence) -> Row:
        """A refused call is proven: the command is enforced."""
        with self._journal.transaction():
            command = self._by_hold(evidence.hold_id)
            if evidence.agent not in (None, command["agent_name"]):
                raise Refusal(
                    409,
                    "other_agent",
                    f"the hold restricts {command['agent_name']}: another agent's refusal "
                    "proves nothing of it",
                    "agent",
                )
            instance_uid = self._refuser(evidence)
            first = self._journal.change(
                "enforce_delivery",
                hold_id=evidence.hold_id,
                instance_uid=instance_uid,
                enforced_at=stamp(evidence.at),
                decision_id=evidence.decision_id,
            )
            if first:
                self._note_proof(command, evidence, instance_uid)
            return self._command(command["command_id"])

    def _refuser(self, evidence: Evidence) -> str:
        """The uid of the instance that refused; 409 when the hold never went there."""
        delivered = self._journal.rows("list_deliveries", hold_id=evidence.hold_id)
        named = [row for row in delivered if _is_named(row, evidence.instance)]
        if len(named) != 1:
            raise Refusal(
                409,
                "not_delivered",
                f"expected one instance that this hold was handed to, found {len(named)}",
                "instance_uid",
            )
        return str(named[0]["instance_uid"])

    def _note_proof(self, command: Row, evidence: Evidence, instance_uid: str) -> None:
        """The proof bears the time of the refused call, also when the hold has ended since."""
        known = {
            "watchkeeper.instance_uid": instance_uid,
            "watchkeeper.decision.id": evidence.decision_id,
        }
        at = min(max(evidence.at, moment(command["issued_at"])), self._clock())
        end = self._ended_at(command)
        if end is None:
            self._reach(command, CommandPhase.ENFORCED, at, **known)
        elif at < end:
            self._note(command, CommandPhase.ENFORCED, at, **known)

    def _ended_at(self, command: Row) -> datetime | None:
        phases = self._journal.rows("list_phases", command_id=command["command_id"])
        ends = [p for p in phases if commands.has_ended(CommandPhase(p["phase"]))]
        return moment(ends[0]["reached_at"]) if ends else None

    # Agents

    def document(self, instance: Row, *, unseen: bool) -> Document:
        """The document in force for an instance; a new one when the last no longer fits."""
        now = self._clock()
        holds = [hold(row) for row in self.holds_of(instance, now)]
        last = self._last_document(instance["instance_uid"])
        ids = [str(row["hold_id"]) for row in holds]
        is_current = last is not None and last.is_current(self.epoch, ids, now)
        if last is not None and is_current and (last.is_fresh(now) or not unseen):
            return last
        return self._issued(instance["instance_uid"], last, holds, now)

    def _issued(
        self,
        instance_uid: str,
        last: Document | None,
        holds: list[dict[str, Any]],
        now: datetime,
    ) -> Document:
        new = documents.issue(self._signer, instance_uid, self.epoch, last, holds, now)
        with self._journal.transaction():
            self._journal.change("add_document", **_row(new))
            self._journal.change("forget_documents", instance_uid=instance_uid, kept=KEPT_DOCUMENTS)
        return new

    def deliver(self, document: Document) -> None:
        """The answer that carries this document leaves now."""
        now = self._clock()
        if not document.holds:
            return
        with self._journal.transaction():
            for hold_id in document.holds:
                place = {"hold_id": hold_id, "instance_uid": document.instance_uid}
                if self._journal.change("add_delivery", **place, now=stamp(now)):
                    command = self._by_hold(hold_id)
                    self._reach(command, CommandPhase.DELIVERED, now, **_place(document))

    def acknowledge(self, instance_uid: str, body_hash: bytes, told: Acknowledgement) -> None:
        """An instance applied a document; unknown hashes change nothing."""
        document = self._find_document(instance_uid, body_hash)
        if document is None or not document.holds:
            return
        now = self._clock()
        known = _place(document) | attributes(
            {
                "watchkeeper.command.status": "applied",
                "watchkeeper.command.effective_mode": told.effective_mode,
            }
        )
        with self._journal.transaction():
            for hold_id in document.holds:
                place = {"hold_id": hold_id, "instance_uid": instance_uid}
                if self._journal.change("ack_delivery", **place, now=stamp(now)):
                    self._reach(self._by_hold(hold_id), CommandPhase.ACKED, now, **known)

    def fail(self, instance_uid: str, body_hash: bytes, error: str) -> None:
        """An instance could not apply a document: its holds stay unacknowledged."""
        document = self._find_document(instance_uid, body_hash)
        if document is None or not document.holds:
            return
        now = self._clock()
        status = f"failed: {error}"
        known = _place(document) | {"watchkeeper.command.status": status}
        with self._journal.transaction():
            for hold_id in document.holds:
                place = {"hold_id": hold_id, "instance_uid": instance_uid}
                if self._journal.change("fail_delivery", **place, ack_status=status):
                    self._tell(self._by_hold(hold_id), CommandPhase.FAILED, now, **known)

    def detail(self, instance_uid: str, told: Acknowledgement) -> None:
        """Keep what an instance says of its holds and of itself."""
        with self._journal.transaction():
            for hold_id in sorted(told.holds):
                self._journal.change(
                    "detail_delivery",
                    hold_id=hold_id,
                    instance_uid=instance_uid,
                    effective_mode=told.effective_mode,
                    hooks=told.hooks,
                )
            if told.effective_mode is not None:
                self._journal.change(
                    "set_effective_mode",
                    instance_uid=instance_uid,
                    effective_mode=told.effective_mode,
                )

    # Questions

    def holds_of(self, instance: Row, now: datetime) -> list[Row]:
        """The commands whose holds restrict this instance now."""
        standing = self._journal.rows(
            "list_standing_of_agent", agent_name=instance["agent"], now=stamp(now)
        )
        names = (instance["agent"], instance["instance_uid"], instance["service_instance"])
        return [row for row in standing if scope(row).covers(*names)]

    def instances_in(self, wanted: commands.Scope) -> list[Row]:
        """The known instances that a scope covers."""
        return self._journal.rows(
            "list_instances_of_agent",
            agent_name=wanted.agent_name,
            instance=wanted.instance,
            instance_uid=wanted.instance_uid,
        )

    def effective_after(self, target: commands.Target) -> commands.Effective:
        """What a target would be left with if the order were given now."""
        now = self._clock()
        standing = self._journal.rows(
            "list_standing_of_agent", agent_name=target.scope.agent_name, now=stamp(now)
        )
        held = [restriction(r) for r in standing if r["instance"] in (None, target.scope.instance)]
        wanted = commands.Restriction(target.kind, now + commands.SHORTEST, target.profile)
        return commands.effective([*held, wanted], now)

    # Inside a transaction

    def _reach(
        self,
        command: Row,
        phase: CommandPhase,
        now: datetime,
        actor: str | None = None,
        **known: Any,
    ) -> None:
        """Step the state machine, and note the phase while the command has not ended."""
        command_id = command["command_id"]
        state = CommandPhase(self._command(command_id)["state"])
        if commands.has_ended(state):
            return
        following = commands.after(state, phase)
        if following is not state:
            self._journal.change(
                "move_command", command_id=command_id, expected=state, state=following
            )
        self._note(command, phase, now, actor, **known)

    def _note(
        self,
        command: Row,
        phase: CommandPhase,
        now: datetime,
        actor: str | None = None,
        **known: Any,
    ) -> None:
        self._journal.change(
            "add_phase",
            command_id=command["command_id"],
            phase=phase,
            reached_at=stamp(now),
            actor=actor,
        )
        self._tell(command, phase, now, actor, **known)

    def _tell(
        self,
        command: Row,
        phase: CommandPhase,
        now: datetime,
        actor: str | None = None,
        reason: str | None = None,
        **known: Any,
    ) -> None:
        told = {
            "watchkeeper.command.id": command["command_id"],
            "watchkeeper.hold_id": command["hold_id"],
            "watchkeeper.command.kind": command["kind"],
            "watchkeeper.command.phase": phase.value,
            "gen_ai.agent.name": command["agent_name"],
            "watchkeeper.command.actor": actor or command["actor"],
            "watchkeeper.command.origin": command["origin"],
            "watchkeeper.command.reason": reason or command["reason"],
            "watchkeeper.command.expires_at": command["expires_at"],
            "watchkeeper.command.profile": command["profile"],
            "watchkeeper.sample": bool(command["sample"]),
        }
        self._spool.tell(Event(nanoseconds(now), attributes({**told, **known})))

    def _command(self, command_id: str) -> Row:
        found = self._journal.row("find_command", command_id=command_id)
        if found is None:
            raise Refusal(404, "unknown_command", f"there is no command {command_id:.80}")
        return found

    def _by_hold(self, hold_id: str) -> Row:
        found = self._journal.row("find_command_by_hold", hold_id=hold_id)
        if found is None:
            raise Refusal(404, "unknown_hold", f"there is no hold {hold_id:.80}")
        return found

    def _wake(self, command: Row) -> None:
        self._presence.wake(row["instance_uid"] for row in self.instances_in(scope(command)))

    def _last_document(self, instance_uid: str) -> Document | None:
        return _document(self._journal.row("last_document", instance_uid=instance_uid))

    def _find_document(self, instance_uid: str, body_hash: bytes) -> Document | None:
        return _document(
            self._journal.row("find_document", instance_uid=instance_uid, body_hash=body_hash.hex())
        )


def scope(command: Row) -> commands.Scope:
    return commands.Scope(command["agent_name"], command["instance"])


def restriction(command: Row) -> commands.Restriction:
    profile = command["profile"] and commands.profile_of(json.loads(command["profile"]))
    return commands.Restriction(
        HoldKind(command["kind"]), moment(command["expires_at"]), profile or None
    )


def hold(command: Row) -> dict[str, Any]:
    """A hold as agents read it."""
    return {
        "hold_id": command["hold_id"],
        "command_id": command["command_id"],
        "kind": command["kind"],
        "mode": "enforce",
        "scope": {"agent_name": command["agent_name"], "instance": command["instance"]},
        "profile": command["profile"] and json.loads(command["profile"]),
        "reason_code": f"hold.{command['kind']}",
        "reason": command["reason"],
        "origin": command["origin"],
        "actor": command["actor"],
        "not_before": command["issued_at"],
        "expires_at": command["expires_at"],
    }


def _signed_alone(claims: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"ver": 1, "iss": documents.ISSUER, "iat": int(now.timestamp()), "hold": claims}


def _profile_text(profile: commands.Profile | None) -> str | None:
    return None if profile is None else json.dumps(profile.claims)


def _same_order(command: Row, order: commands.Order, actor: str) -> Row:
    target = order.target
    asked = (target.kind.value, target.scope, order.reason, _profile_text(target.profile), actor)
    kept = (command["kind"], scope(command), command["reason"], command["profile"])
    if asked != (*kept, command["actor"]) or not _same_end(command, order):
        raise _key_taken()
    return command


def _same_end(command: Row, order: commands.Order) -> bool:
    """A length counts from the first request, so a repeated one is later by the clock."""
    expires_at = moment(command["expires_at"])
    if order.lasts is None:
        return expires_at == order.expires_at
    return expires_at - moment(command["issued_at"]) == order.lasts


def _same_release(command: Row, hold_id: str, reason: str, actor: str) -> Row:
    kept = (command["hold_id"], command["release_reason"], command["released_by"])
    if kept != (hold_id, reason, actor):
        raise _key_taken()
    return command


def _key_taken() -> Refusal:
    return Refusal(
        409,
        "key_taken",
        "this idempotency_key belongs to another decision: send a new one for a new decision",
        "idempotency_key",
    )


def _how_it_ended(command: Row) -> str:
    if command["state"] == CommandPhase.RELEASED:
        return f"{command['released_by']} has already released this hold"
    return "this hold has already expired"


def _is_named(delivery: Row, instance: str | None) -> bool:
    if instance is None:
        return True
    names = (delivery["instance_uid"], delivery["service_instance"])
    return instance in names or commands.canonical(instance) == names[0]


def _place(document: Document) -> dict[str, Any]:
    return {
        "watchkeeper.instance_uid": document.instance_uid,
        "watchkeeper.state_epoch": document.epoch,
        "watchkeeper.state_gen": document.gen,
        "watchkeeper.jti": document.jti,
    }


def _row(document: Document) -> dict[str, Any]:
    return {
        "instance_uid": document.instance_uid,
        "epoch": document.epoch,
        "gen": document.gen,
        "jti": document.jti,
        "body_hash": document.body_hash.hex(),
        "holds": json.dumps(document.holds),
        "body": document.body,
        "issued_at": stamp(document.issued_at),
        "expires_at": stamp(document.expires_at),
    }


def _document(row: Row | None) -> Document | None:
    if row is None:
        return None
    return Document(
        instance_uid=row["instance_uid"],
        epoch=row["epoch"],
        gen=row["gen"],
        jti=row["jti"],
        body=row["body"],
        holds=tuple(json.loads(row["holds"])),
        issued_at=moment(row["issued_at"]),
        expires_at=moment(row["expires_at"]),
    )
