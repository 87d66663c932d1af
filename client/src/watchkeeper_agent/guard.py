"""The guard: asked by every hook before a model or tool call.

The answer needs no thread and no network: it comes from the accepted document, the
clock and the lease. The link only brings newer documents. Time is reckoned from the
moment the document was issued, by the steady clock: a wall clock that jumps frees nobody.

Without any accepted document the agent is free, because an agent that has never met
control was never restricted; a log line says so. Damage to what was accepted refuses
everything until control is heard again, and so does an error of our own.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import trace

from watchkeeper_agent import decisions, messages
from watchkeeper_agent.decisions import Decision
from watchkeeper_agent.document import (
    Document,
    Hold,
    Kind,
    Lease,
    OnLoss,
    Position,
    Reception,
    Reject,
    kind_on_loss,
    receive,
)
from watchkeeper_agent.errors import Refused
from watchkeeper_agent.link import Link, LinkError
from watchkeeper_agent.rules import (
    Call,
    Identity,
    Ruling,
    Stage,
    effective_mode,
    reason_code,
    rule,
)
from watchkeeper_agent.state import StateDirectory, default_directory, parse_keys

DEFAULT_CONTROL = "http://127.0.0.1:4320"

_log = logging.getLogger("watchkeeper_agent")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Permission:
    """The call may be made; a model call with the model named here."""

    name: str
    is_replaced: bool = False


@dataclass(frozen=True)
class _Standing:
    """What is in force; replaced as a whole, so a hook never sees half a change."""

    document: Document | None = None
    position: Position | None = None
    local: tuple[Hold, ...] = ()
    # Control's time when the document came into force, and the steady clock at that moment.
    issued_at: float = 0.0
    adopted_at: float = 0.0

    @property
    def lease(self) -> Lease | None:
        return self.document.lease if self.document else None

    @property
    def holds(self) -> tuple[Hold, ...]:
        return (*(self.document.holds if self.document else ()), *self.local)


class Guard:
    """One agent's obedience. Made by `attach`; safe to use from any thread."""

    def __init__(
        self,
        agent: str,
        state: StateDirectory,
        *,
        service: str,
        framework: str | None,
        read_only_tools: Iterable[str],
        on_loss: OnLoss | None,
        keys: Sequence[Any],
        attributes: messages.Attributes,
        emit_allow: bool,
        version: str | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = Identity(agent, service, str(state.instance_uid), version)
        self.read_only_tools = frozenset(read_only_tools)
        self._state = state
        self._framework = framework
        self._on_loss = on_loss
        self._keys = list(keys)
        self._attributes = attributes
        self._emit_allow = emit_allow
        self._clock = clock
        self._monotonic = monotonic
        self._heard_at = monotonic()
        self._heard = threading.Event()
        self._is_deaf = False
        self._has_lapsed = False
        self._changing = threading.Lock()
        self._rejoining = threading.Lock()
        self._hooks: dict[str, None] = {}
        self._control: str | None = None
        self._link: Link | None = None
        self._pid = os.getpid()
        self._standing = self._remembered()

    # What hooks ask

    def check_model(self, model: str, *, conversation: str | None = None) -> Permission:
        """May this model be called? Raises Refused, or answers which model to call."""
        return self._check(Call(Stage.MODEL, model, conversation, _trace_id()))

    def check_tool(
        self,
        name: str,
        arguments: object = None,
        *,
        conversation: str | None = None,
        call_id: str | None = None,
    ) -> Permission:
        """May this tool be called? Raises Refused if not. `call_id` is the model's for the call."""
        tier = "read" if name in self.read_only_tools else None
        return self._check(
            Call(Stage.TOOL, name, conversation, _trace_id(), arguments, call_id, tier)
        )

    def tool(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorator: check before every call, by the function's name. Works on coroutines."""
        self.hooked(Stage.TOOL.value)
        name = getattr(function, "__name__", "tool")
        if inspect.iscoroutinefunction(function):
            return cast(Callable[P, R], self._guarded_coroutine(function, name))

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            self.check_tool(name, {"args": args, "kwargs": kwargs})
            return function(*args, **kwargs)

        return guarded

    def _guarded_coroutine(self, function: Any, name: str) -> Any:
        @functools.wraps(function)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            self.check_tool(name, {"args": args, "kwargs": kwargs})
            return await function(*args, **kwargs)

        return guarded

    # What hosts tell

    def hooked(self, *stages: str) -> None:
        """An adapter installed these hooks; the next message to control names them."""
        if any(stage not in self._hooks for stage in stages):
            self._hooks.update(dict.fromkeys(stages))
            if self._link is not None:
                self._link.describe_again()

    def report(
        self,
        name: str,
        verdict: str,
        *,
        stage: str = "pre_tool_call",
        effect: str | None = None,
        source: str = "policy",
        reason_code: str = "",
        policy: str | None = None,
        rule: str | None = None,
        engine: str | None = "custom",
        arguments: object = None,
        conversation: str | None = None,
        call_id: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> str:
        """Tell a decision that the host took itself, and answer its id.

        `more` holds further attributes of the canonical event by their full names, such as
        `watchkeeper.approval.id` or `watchkeeper.risk.score`.
        """
        return self._tell(
            Decision(
                Call(Stage(stage), name, conversation, None, arguments, call_id),
                verdict,
                effect or ("blocked" if verdict == "deny" else "executed"),
                source,
                reason_code=reason_code,
                policy=policy,
                rule=rule,
                engine=engine,
                more=more or {},
            )
        )

    def restrict(self, kind: str, reason_code: str, source: str = "framework") -> None:
        """A restriction the host itself asks for; it lasts as long as this process."""
        hold = Hold(None, None, Kind(kind), reason_code=reason_code, source=source)
        with self._changing:
            self._standing = replace(self._standing, local=(*self._standing.local, hold))

    # What is the case

    @property
    def instance_uid(self) -> str:
        return self.identity.instance_uid

    @property
    def effective_mode(self) -> str:
        """normal, degrade, require_approval, pause or kill."""
        return effective_mode(self._in_force(), self.identity, self._now())

    @property
    def position(self) -> Position | None:
        """(epoch, gen) of the last document accepted for this instance."""
        return self._standing.position

    def wait_until_heard(self, timeout_s: float) -> bool:
        """Wait for the first good answer of control; False if there was none in time."""
        return self._heard.wait(timeout_s)

    def close(self) -> None:
        """End the link and give the instance id back. Holds stay on disk."""
        if self._link is not None:
            self._link.close()
        self._state.close()

    # Deciding

    def _check(self, call: Call) -> Permission:
        began, error_type = time.perf_counter(), None
        try:
            ruling = self._ruled(call)
        except Exception as error:
            # Fail closed: whatever went wrong in here, the call is not made.
            _log.exception("gate_failed call=%s", call.name)
            ruling, error_type = Ruling(refused=True, hold=_GATE_FAILED), type(error).__qualname__
        took_ms = (time.perf_counter() - began) * 1000
        return self._answered(call, ruling, duration_ms=took_ms, error_type=error_type)

    def _ruled(self, call: Call) -> Ruling:
        if os.getpid() != self._pid:
            self._rejoin()
        now, holds = self._now(), self._in_force()
        self._tell_lapse()
        enforced = [hold for hold in holds if not hold.dry_run]
        ruling = rule(call, enforced, self.identity, self.read_only_tools, now)
        if not ruling.refused:
            self._rehearse(call, [hold for hold in holds if hold.dry_run], now)
        return ruling

    def _rehearse(self, call: Call, holds: Sequence[Hold], now: float) -> None:
        """Tell what a dry-run hold would have refused."""
        ruling = rule(call, holds, self.identity, self.read_only_tools, now)
        if ruling.refused and ruling.hold:
            self._tell(self._decision(call, ruling.hold, "deny", "simulated", "dry_run"))

    def _answered(self, call: Call, ruling: Ruling, **cost: Any) -> Permission:
        if ruling.refused and ruling.hold:
            raise self._refusal(call, ruling.hold, cost)
        if ruling.replacement and ruling.hold:
            self._tell(replace(self._decision(call, ruling.hold, "modify", "modified"), **cost))
            return Permission(ruling.replacement, is_replaced=True)
        if self._emit_allow:
            self._tell(Decision(call, "allow", "executed", "control_plane", **cost))
        return Permission(call.name)

    def _refusal(self, call: Call, hold: Hold, cost: Mapping[str, Any]) -> Refused:
        held = hold.kind is Kind.REQUIRE_APPROVAL
        verdict, effect = ("escalate", "held") if held else ("deny", "blocked")
        decision_id = self._tell(replace(self._decision(call, hold, verdict, effect), **cost))
        return Refused(call.name, hold.kind.value, reason_code(hold), decision_id, hold.hold_id)

    def _decision(
        self, call: Call, hold: Hold, verdict: str, effect: str, mode: str = "enforce"
    ) -> Decision:
        return Decision(
            call,
            verdict,
            effect,
            hold.source,
            mode,
            reason_code(hold),
            hold,
            self._standing.document.position if self._standing.document else None,
        )

    def _tell(self, decision: Decision) -> str:
        return decisions.emit(decision, self.identity, self._state.secret)

    def _now(self) -> float:
        """Control's time as far as this agent knows it, in Unix seconds."""
        standing = self._standing
        if standing.document is None:
            return self._clock()
        return standing.issued_at + (self._monotonic() - standing.adopted_at)

    def _in_force(self) -> tuple[Hold, ...]:
        standing = self._standing
        lapsed = self._lapsed(standing.lease)
        return (*standing.holds, lapsed) if lapsed else standing.holds

    def _is_unheard(self, lease: Lease) -> bool:
        """For longer than the lease and its grace."""
        return self._monotonic() - self._heard_at > lease.ttl_s + lease.grace_s

    def _tell_lapse(self) -> None:
        """Once for each lapse, by the first call that notices: nothing here runs a clock."""
        lease = self._standing.lease
        if self._has_lapsed or lease is None or not self._is_unheard(lease):
            return
        self._has_lapsed = True
        decisions.emit_link("lease_lapsed", self.identity)
        fallback = self._lapsed(lease)
        if fallback is not None:
            decisions.emit_link("fallback_entered", self.identity, fallback.kind.value)

    def _lapsed(self, lease: Lease | None) -> Hold | None:
        """What a lapsed lease puts on the agent: the dead-man's switch."""
        if lease is None or not self._is_unheard(lease):
            return None
        kind = kind_on_loss(self._on_loss or lease.on_loss or OnLoss.DEGRADE)
        if kind is None:
            return None
        return Hold(
            None, None, kind, profile=lease.profile, reason_code="lease_lapsed", source=_OURS
        )

    # Receiving

    def connect(self, control: str) -> None:
        """Start the link; returns at once."""
        self._control = control
        self._link = Link(
            control, self._self, self._state.secret, self._take, self._on_heard, self._prepare
        )
        self._link.start()

    def _rejoin(self) -> None:
        """A forked child has no link and is nobody yet: it becomes an instance of its own.

        It keeps the holds that it was born with until control answers.
        """
        with self._rejoining:
            if os.getpid() == self._pid:
                return
            self._state.close()
            self._state = StateDirectory(self._state.root)
            self.identity = replace(self.identity, instance_uid=str(self._state.instance_uid))
            # The link's thread of the parent may have held it at the moment of the fork.
            self._changing = threading.Lock()
            self._standing = replace(self._standing, position=None)
            if self._control is not None:
                self.connect(self._control)
            self._pid = os.getpid()

    def _prepare(self, link: Link) -> None:
        """Trust on first use: without a pinned key, the first ones served are pinned."""
        if self._keys:
            return
        keys = parse_keys(link.get("/v1/keys").decode())
        if not keys:
            raise LinkError("expected an Ed25519 key from GET /v1/keys, got none")
        self._state.pin(keys)
        self._keys = keys
        _log.warning("control_key_pinned agent=%s keys=%d", self.identity.agent, len(keys))

    def _take(self, offer: messages.Offer) -> messages.Ack:
        observed_at = self._clock()
        with self._changing:
            last = self._standing.position
            reception = receive(offer.body, self._keys, self.instance_uid, observed_at, last)
            is_kept = True
            if reception.applies and reception.document:
                is_kept = self._kept(reception.document)
                self._adopt(reception.document)
        # What cannot be believed was not heard: the lease goes on lapsing.
        self._is_deaf = reception.reject not in (None, Reject.STALE)
        if reception.reject:
            _log.error("document_rejected reject=%s", reception.reject)
        else:
            self._on_heard()
        return self._ack(offer, reception, observed_at, is_kept)

    def _kept(self, document: Document) -> bool:
        """A full disk must not stop a kill: it is enforced, and acknowledged as partial."""
        try:
            self._state.remember(document)
        except OSError:
            _log.exception("document_not_kept gen=%d", document.position.gen)
            return False
        return True

    def _adopt(self, document: Document) -> None:
        local = tuple(hold for hold in self._standing.local if hold is not _STATE_DAMAGED)
        self._standing = _Standing(
            document, document.position, local, document.issued_at, self._monotonic()
        )
        _log.info("document_applied gen=%d mode=%s", document.position.gen, self.effective_mode)

    def _ack(
        self, offer: messages.Offer, reception: Reception, observed_at: float, is_kept: bool
    ) -> messages.Ack:
        document = reception.document
        holds = {} if reception.reject or not document else self._obedience(document)
        facts = {
            "jti": document.jti if document else None,
            "epoch": document.position.epoch if document else None,
            "gen": document.position.gen if document else None,
            "status": _status(reception, holds, is_kept),
            "reject": reception.reject,
            "holds": holds,
            "effective_mode": self.effective_mode,
            "hooks": list(self._hooks),
            "observed_at": _rfc3339(observed_at),
            "applied_at": None if reception.reject else _rfc3339(self._clock()),
        }
        return messages.Ack(offer.config_hash, reception.reject is None, facts)

    def _obedience(self, document: Document) -> dict[str, str]:
        now = self._now()
        return {str(hold.hold_id): _obeyed(hold, now) for hold in document.holds}

    def _on_heard(self) -> None:
        if not self._is_deaf:
            self._heard_at = self._monotonic()
            self._tell_heard()
        self._heard.set()

    def _tell_heard(self) -> None:
        if self._has_lapsed:
            self._has_lapsed = False
            decisions.emit_link("recovered", self.identity)
        elif not self._heard.is_set():
            decisions.emit_link("connected", self.identity)

    def _self(self) -> messages.Self:
        return messages.Self(
            self._state.instance_uid.bytes,
            {
                "service.name": self.identity.service,
                "service.instance.id": self.instance_uid,
                "gen_ai.agent.name": self.identity.agent,
            },
            {
                "watchkeeper.framework": self._framework or "python",
                "watchkeeper.hooks": ",".join(self._hooks),
                "process.pid": os.getpid(),
                **self._attributes,
            },
        )

    # Remembering

    def _remembered(self) -> _Standing:
        """Start from what was accepted before this process began."""
        if not self._state.has_memory() and not self._state.has_met():
            _log.warning("free_until_heard agent=%s: never restricted yet", self.identity.agent)
            return _Standing()
        memory = self._state.recall(self._keys)
        if memory.latest is None:
            _log.error("state_damaged agent=%s: refusing until heard", self.identity.agent)
            return _Standing(local=(_STATE_DAMAGED,))
        return _Standing(
            _with_own_holds(memory.latest, memory.own),
            memory.own.position if memory.own else None,
            # A clock that was set back does not return to before the document was issued.
            issued_at=max(self._clock(), memory.latest.issued_at),
            adopted_at=self._monotonic(),
        )


def _with_own_holds(latest: Document, own: Document | None) -> Document:
    """The newest document of any slot, with what was ordered of this instance alone."""
    if own is None or own is latest:
        return latest
    alone = tuple(hold for hold in own.holds if hold.scope.instance is not None)
    return replace(latest, holds=(*latest.holds, *alone))


_OURS = "fail_closed"
_GATE_FAILED = Hold(None, None, Kind.KILL, reason_code="gate_failed", source=_OURS)
_STATE_DAMAGED = Hold(None, None, Kind.PAUSE, reason_code="state_damaged", source=_OURS)


def attach(
    agent: str,
    *,
    control: str | None = None,
    state_dir: Path | str | None = None,
    framework: str | None = None,
    read_only_tools: Iterable[str] = (),
    on_loss: str | None = None,
    key: str | None = None,
    service: str | None = None,
    attributes: messages.Attributes | None = None,
    emit_allow: bool = False,
    version: str | None = None,
) -> Guard:
    """Put this process under control and answer its guard at once.

    `control` defaults to $WATCHKEEPER_CONTROL or http://127.0.0.1:4320, `state_dir` to
    <agent> below $WATCHKEEPER_AGENT_STATE or ~/.local/state/watchkeeper-agent. `key` (or
    $WATCHKEEPER_CONTROL_KEY) is control's public key as a JWK, a JWK set or base64url;
    without it the first key served is pinned. `read_only_tools` stay usable while
    degraded. `on_loss` (continue, degrade, kill) overrules the document's lease. `version`
    is the agent's own, and stands on its decisions.
    """
    state = StateDirectory(Path(state_dir) if state_dir else default_directory(agent))
    named_key = key or os.environ.get("WATCHKEEPER_CONTROL_KEY")
    guard = Guard(
        agent,
        state,
        service=service or agent,
        framework=framework,
        read_only_tools=read_only_tools,
        on_loss=OnLoss(on_loss) if on_loss else None,
        keys=parse_keys(named_key) if named_key else state.pinned_keys(),
        attributes=attributes or {},
        emit_allow=emit_allow,
        version=version,
    )
    guard.connect(control or os.environ.get("WATCHKEEPER_CONTROL") or DEFAULT_CONTROL)
    return guard


def _status(reception: Reception, holds: Mapping[str, str], is_kept: bool) -> str:
    if reception.reject:
        return "rejected"
    return "applied" if is_kept and "unsupported" not in holds.values() else "partial"


def _obeyed(hold: Hold, now: float) -> str:
    if hold.expires_at is not None and hold.expires_at <= now:
        return "expired"
    return "enforcing" if hold.known and not hold.profile.unsupported else "unsupported"


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
