"""Tells what AGT did, as OpenTelemetry log events, without AGT waiting for it.

The hook that hears of something puts it into a queue and returns; a thread emits it with
the time and the trace of the moment it was heard. A full queue drops the newest and logs
so once: events are numbered when they are heard, so a dropped one is a gap for the collector.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber, get_logger

from watchkeeper_agent.identifiers import uuid7
from watchkeeper_agent.numbering import next_number
from watchkeeper_agent.sendable import sendable, sendable_attributes

SCOPE = "watchkeeper.agt"
DECISION = "watchkeeper.decision"
GOVERNANCE = "watchkeeper.governance"
TRUST = "watchkeeper.trust"
AUDIT = "watchkeeper.audit_entry"

_MOST_WAITING = 65_536
_MOST_TEXT = 1_000
_IDLE_S = 5.0
_SEVERITIES = {"allow": SeverityNumber.INFO, "deny": SeverityNumber.ERROR}
_MOST_PARTS, _DEEPEST = 20, 3
_NOT_CODE = re.compile(r"[^A-Za-z0-9_.:/-]+")
_log = logging.getLogger("watchkeeper_agent")


class _Heard(NamedTuple):
    event: str
    severity: SeverityNumber
    body: str
    attributes: dict[str, Any]
    at_ns: int
    context: Any


class _Mark(NamedTuple):
    """A place in the queue that somebody waits for."""

    reached: threading.Event
    then: Callable[[], object] | None


class Teller:
    """The queue of one bridge and the thread that empties it."""

    def __init__(
        self,
        provider: LoggerProvider | None = None,
        agent: str | None = None,
        names: Mapping[str, str] | None = None,
        reasons: bool = False,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._provider = provider
        self._agent = agent
        self._names = dict(names or {})
        self._reasons = reasons
        self._most_waiting = most_waiting
        self.dropped = 0
        self._begin()
        _tellers.add(self)

    def _begin(self) -> None:
        """Also after a fork: the child has neither the thread nor the parent's events."""
        self._waiting: deque[_Heard | _Mark] = deque()
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = self._is_over = False

    # What hooks tell

    def decision(
        self,
        agent: Any,
        action: Any,
        verdict: str,
        effect: str,
        *,
        source: str = "policy",
        stage: str = "pre_tool_call",
        mode: str = "enforce",
        rule: Any = None,
        reason_code: Any = None,
        reason: Any = None,
        decision_id: str | None = None,
        also: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """One verdict; `also` and `more` are further attributes by their full names."""
        decision_id = decision_id or str(uuid7())
        code = None if verdict == "allow" else _code(reason_code or rule or verdict)
        tool = text(action)
        attributes = {
            "watchkeeper.decision.id": decision_id,
            "watchkeeper.decision.verdict": verdict,
            "watchkeeper.decision.effect": effect,
            "watchkeeper.decision.stage": stage,
            "watchkeeper.decision.mode": mode,
            "watchkeeper.decision.source": source,
            "watchkeeper.decision.reason_code": code,
            "watchkeeper.decision.reason_text": text(reason) if self._reasons else None,
            "watchkeeper.policy.rule_id": text(rule),
            "watchkeeper.policy.engine": "agt",
            "gen_ai.tool.name": tool,
            **self._whom(agent),
            **(also or {}),
            **more,
        }
        severity = _SEVERITIES.get(verdict, SeverityNumber.WARN)
        self._put(DECISION, severity, f"{verdict} {tool or 'action'}", attributes)
        return decision_id

    def happening(
        self,
        kind: str,
        name: str,
        agent: Any = None,
        *,
        before: Any = None,
        after: Any = None,
        value: Any = None,
        reason: Any = None,
        severity: SeverityNumber = SeverityNumber.INFO,
        also: Mapping[str, Any] | None = None,
    ) -> None:
        """Something that happened to an agent, no verdict on an action."""
        attributes = {
            "watchkeeper.governance.kind": kind,
            "watchkeeper.governance.name": text(name),
            "watchkeeper.governance.from": word(before),
            "watchkeeper.governance.to": word(after),
            "watchkeeper.governance.value": number(value),
            "watchkeeper.governance.reason": word(reason),
            **self._whom(agent),
            **(also or {}),
        }
        self._put(GOVERNANCE, severity, f"{kind} {name}", attributes)

    def trust(self, agent: Any, score: Any, reason: str) -> None:
        """A score on AGT's scale, 0 to 1000."""
        attributes = {
            "watchkeeper.trust.score": number(score),
            "watchkeeper.trust.reason": reason,
            **self._whom(agent),
        }
        self._put(TRUST, SeverityNumber.INFO, f"trust {score}", attributes)

    def audited(self, agent: Any, attributes: Mapping[str, Any]) -> None:
        """An audit record of AGT, whole, so that its hash can be checked elsewhere."""
        told = {**self._whom(agent), **attributes}
        self._put(AUDIT, SeverityNumber.INFO, "audit entry", told)

    def _whom(self, agent: Any) -> dict[str, Any]:
        told = text(agent)
        if told is None or told == "*":
            return {"gen_ai.agent.name": self._agent}
        if told.startswith("did:"):
            return {"gen_ai.agent.name": self._names.get(told), "gen_ai.agent.id": told}
        return {"gen_ai.agent.name": told}

    # The queue

    def _put(
        self, event: str, severity: SeverityNumber, body: str, attributes: dict[str, Any]
    ) -> None:
        numbered = {key: value for key, value in attributes.items() if value is not None}
        numbered.update(next_number())
        if self._is_closed or len(self._waiting) >= self._most_waiting:
            self._drop()
            return
        context = otel_context.get_current()
        self._waiting.append(_Heard(event, severity, body, numbered, time.time_ns(), context))
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._start()

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            _log.warning("agt_events_dropped waiting=%d: the exporter is slow", len(self._waiting))

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(
                    target=self._run, name="watchkeeper-agt", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        # No sleep beyond this turn's object: after a fork, or closing, the thread ends.
        wake = self._wake
        while not self._is_over and wake is self._wake:
            wake.wait(_IDLE_S)
            wake.clear()
            self._drain()

    def _drain(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if isinstance(next_one, _Mark):
                self._reach(next_one)
            else:
                self._emit(next_one)

    def _reach(self, mark: _Mark) -> None:
        try:
            if mark.then is not None:
                mark.then()
        except Exception:
            _log.exception("agt_events_not_exported")
        mark.reached.set()

    def _emit(self, heard: _Heard) -> None:
        try:
            logger = get_logger(SCOPE, logger_provider=self._provider)
            logger.emit(
                LogRecord(
                    timestamp=heard.at_ns,
                    context=heard.context,
                    severity_number=heard.severity,
                    severity_text=heard.severity.name,
                    event_name=heard.event,
                    body=sendable(heard.body),
                    attributes=sendable_attributes(heard.attributes),
                )
            )
        except Exception:
            _log.exception("agt_event_not_emitted event=%s", heard.event)

    def flush(self, seconds: float, then: Callable[[], object] | None = None) -> bool:
        """Hand everything heard so far to OpenTelemetry, then do `then`; False if that takes
        longer. The thread goes on with it: an exporter that hangs holds nobody else."""
        thread = self._thread
        if thread is None or thread is threading.current_thread() or not thread.is_alive():
            return not self._waiting
        mark = _Mark(threading.Event(), then)
        self._waiting.append(mark)
        self._wake.set()
        return mark.reached.wait(seconds)

    def close(self, seconds: float, then: Callable[[], object] | None = None) -> bool:
        """The same, and nothing more is told."""
        self._is_closed = True
        told = self.flush(seconds, then)
        if not told:
            _log.warning("agt_events_dropped waiting=%d: the exporter is slow", len(self._waiting))
        self._is_over = True
        self._wake.set()
        return told


def text(value: Any) -> str | None:
    """A value as a text of bearable length; None when there is nothing to say."""
    if isinstance(value, str):
        return str(value)[:_MOST_TEXT] or None
    return None if value is None else _beginning(value)[:_MOST_TEXT]


def _beginning(value: Any, depth: int = 0) -> str:
    """A list of a million parts is not written out to show where it begins."""
    if isinstance(value, str):
        return repr(value[:_MOST_TEXT])
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        return str(value)
    if depth == _DEEPEST:
        return "..."
    first = itertools.islice(value.items() if isinstance(value, dict) else value, _MOST_PARTS)
    parts = [_beginning(part, depth + 1) for part in first]
    return f"[{', '.join([*parts, *['...'] * (len(value) > _MOST_PARTS)])}]"


def word(value: Any) -> str | None:
    """An enum as its value in lower case, anything else as its text."""
    plain = getattr(value, "value", value)
    return text(plain.lower() if isinstance(plain, str) and plain is not value else plain)


def number(value: Any) -> float | None:
    """A number, or None for what is none."""
    return float(value) if isinstance(value, (int, float)) else None


def _code(value: Any) -> str:
    return _NOT_CODE.sub("_", str(getattr(value, "value", value)))[:96]


_tellers: weakref.WeakSet[Teller] = weakref.WeakSet()


def _after_fork() -> None:
    for teller in list(_tellers):
        if not teller._is_closed:
            teller._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
