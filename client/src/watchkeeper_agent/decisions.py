"""Tells what was decided, as an OpenTelemetry log event of the host's own LoggerProvider.

EventName `watchkeeper.decision`; the record carries the trace context of the span in
which the call was about to be made. Arguments never leave the agent: only a keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

from watchkeeper_agent.document import Hold, Position
from watchkeeper_agent.identifiers import uuid7
from watchkeeper_agent.numbering import next_number
from watchkeeper_agent.rules import Call, Identity, Stage
from watchkeeper_agent.sendable import sendable, sendable_attributes

EVENT = "watchkeeper.decision"
LINK = "watchkeeper.link"
SCOPE = "watchkeeper.agent"
_SEVERITY = {
    "allow": SeverityNumber.INFO,
    "deny": SeverityNumber.ERROR,
}
_log = logging.getLogger("watchkeeper_agent")


@dataclass(frozen=True)
class Decision:
    """One verdict on one call, in the words of the canonical event."""

    call: Call
    verdict: str
    effect: str
    source: str
    mode: str = "enforce"
    reason_code: str = ""
    hold: Hold | None = None
    position: Position | None = None
    policy: str | None = None
    rule: str | None = None
    engine: str | None = None
    duration_ms: float | None = None
    error_type: str | None = None
    # Further attributes of the canonical event, by their full names.
    more: Mapping[str, Any] = field(default_factory=dict)


def emit_link(phase: str, identity: Identity, fallback: str | None = None) -> None:
    """Tell what became of the line to control: one of the words of docs/decision-event.md."""
    told = {
        "watchkeeper.link.phase": phase,
        "watchkeeper.link.fallback": fallback,
        "watchkeeper.instance_uid": identity.instance_uid,
        "gen_ai.agent.name": identity.agent,
        "gen_ai.agent.version": identity.version,
    }
    is_good = phase in ("connected", "recovered")
    severity = SeverityNumber.INFO if is_good else SeverityNumber.WARN
    try:
        get_logger(SCOPE).emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=severity,
                severity_text=severity.name,
                event_name=LINK,
                body=f"link {phase}",
                attributes={**sendable_attributes(told), **next_number()},
            )
        )
    except Exception:
        _log.exception("link_not_told phase=%s", phase)


def emit(decision: Decision, identity: Identity, hash_key: str) -> str:
    """Emit the event and answer its id. A refusal stands even if telling it fails."""
    decision_id = str(uuid7())
    try:
        get_logger(SCOPE).emit(_record(decision, identity, decision_id, hash_key))
    except Exception:
        _log.exception("decision_not_emitted decision_id=%s", decision_id)
    return decision_id


def _record(decision: Decision, identity: Identity, decision_id: str, hash_key: str) -> LogRecord:
    severity = _SEVERITY.get(decision.verdict, SeverityNumber.WARN)
    return LogRecord(
        timestamp=time.time_ns(),
        severity_number=severity,
        severity_text=severity.name,
        event_name=EVENT,
        body=sendable(f"{decision.verdict} {decision.call.name}"),
        attributes={
            **sendable_attributes(attributes(decision, identity, decision_id, hash_key)),
            **next_number(),
        },
    )


def attributes(
    decision: Decision, identity: Identity, decision_id: str, hash_key: str
) -> dict[str, Any]:
    """The attributes of docs/decision-event.md; None where one does not apply."""
    call, hold, position = decision.call, decision.hold, decision.position
    return {
        "watchkeeper.decision.id": decision_id,
        "watchkeeper.decision.verdict": decision.verdict,
        "watchkeeper.decision.effect": decision.effect,
        "watchkeeper.decision.stage": call.stage.value,
        "watchkeeper.decision.mode": decision.mode,
        "watchkeeper.decision.source": decision.source,
        "watchkeeper.decision.reason_code": decision.reason_code or None,
        "watchkeeper.policy.id": decision.policy,
        "watchkeeper.policy.rule_id": decision.rule,
        "watchkeeper.policy.engine": decision.engine,
        "watchkeeper.hold_id": hold.hold_id if hold else None,
        "watchkeeper.command_id": hold.command_id if hold else None,
        "watchkeeper.state_epoch": position.epoch if hold and position else None,
        "watchkeeper.state_gen": position.gen if hold and position else None,
        "watchkeeper.instance_uid": identity.instance_uid,
        "watchkeeper.input.hash": _hash(call.arguments, hash_key),
        "watchkeeper.target.type": "tool" if call.stage is Stage.TOOL else "model",
        "watchkeeper.target.name": call.name,
        "watchkeeper.target.tier": call.tier,
        "watchkeeper.decision.duration_ms": decision.duration_ms,
        "error.type": decision.error_type,
        "gen_ai.agent.name": identity.agent,
        "gen_ai.agent.version": identity.version,
        "gen_ai.conversation.id": call.conversation,
        "gen_ai.tool.name": call.name if call.stage is Stage.TOOL else None,
        "gen_ai.tool.call.id": call.call_id,
        "gen_ai.request.model": call.name if call.stage is Stage.MODEL else None,
        **decision.more,
    }


def _hash(arguments: object, key: str) -> str | None:
    if arguments is None:
        return None
    try:
        canonical = json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=str)
    # Arguments come from a model: what cannot be written is not hashed, and is told all the same.
    except Exception:
        return None
    digest = hmac.new(key.encode(), canonical.encode(), hashlib.sha256).hexdigest()
    return f"hmac-sha256:{digest}"
