"""Decision logs of policy engines: OPA, AuthZEN, Cedar and agent-control, as log records.

They are told by their shape, in the body or in the attributes, because none of them has an
event name. An engine decides and does not enforce, so what happened is not known. A record
whose result is no plain yes or no tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from collector.model import DecisionSource, Effect, Mode, Stage, TargetType, Verdict
from collector.receive.normalise.events import Event, decision_of, id_of, inner, parsed
from collector.receive.normalise.facts import Fact, parsed_ns
from collector.receive.normalise.keys import first, real, text

OPA, AUTHZEN, CEDAR, AGENT_CONTROL = "opa", "authzen", "cedar", "agent_control"

_Told = Mapping[str, Any]
_NS_IN_MS = 1_000_000
_TARGETS = frozenset(TargetType)


def facts(event: Event) -> Iterable[Fact]:
    """What a log record without a known name tells, if it has the shape of a decision."""
    for told in (parsed(event.body), event.attributes):
        for sign, reader in _SHAPES:
            if sign(told):
                return reader(event, told)
    return ()


# One of these stands in every shape below; a body without them need not be opened.
_SIGNS = ("decision_id", "decision", "determiningPolicies", "control_execution_id")


def may_tell(body: Any, attributes: Mapping[str, Any]) -> bool:
    """Whether a record can be of any shape below; looked at for every log record there is."""
    if type(body) is str and body[:1] == "{":
        return any(f'"{sign}"' in body for sign in _SIGNS)
    if type(body) is dict and body:
        return "response" in body or any(sign in body for sign in _SIGNS)
    return any(sign in attributes for sign in _SIGNS)


def _of_opa(event: Event, told: _Told) -> Iterator[Fact]:
    """An OPA decision log: the result is a truth value, or holds one named `allow`."""
    result = told.get("result")
    raw = result.get("allow") if isinstance(result, dict) else result
    verdict = _verdict(raw)
    if verdict is None:
        return
    asked = told.get("input")
    yield decision_of(
        _itself(event, told),
        OPA,
        verdict,
        Effect.UNKNOWN,
        str(raw).lower(),
        decision_id=f"opa-{told['decision_id']}",
        agent=_text_in(asked, ("agent", "name"), ("agent", "id"), ("agent",)),
        action=_text_in(asked, ("tool", "name"), ("tool",), ("action", "name"), ("action",)),
        source=DecisionSource.POLICY.value,
        policy=text(told.get("path")) or text(told.get("query")),
        policy_version=_revision(told.get("bundles")),
        engine=OPA,
        reason=_text_in(result, ("reason",), ("message",)),
        user_id=_text_in(asked, ("user", "id"), ("user",)),
        duration_ms=_milliseconds(inner(told.get("metrics"), "timer_server_handler_ns")),
    )


def _revision(bundles: Any) -> str | None:
    if not isinstance(bundles, dict):
        return None
    told = sorted(str(inner(each, "revision") or "") for each in bundles.values())
    return ",".join(filter(None, told)) or None


def _of_authzen(event: Event, told: _Told) -> Iterator[Fact]:
    """A request and its response, beside each other or each in its own member."""
    asked = told.get("request") if isinstance(told.get("request"), dict) else told
    answered = told.get("response") if isinstance(told.get("response"), dict) else told
    raw = answered.get("decision") if isinstance(answered, dict) else None
    verdict = _verdict(raw)
    if verdict is None or type(raw) is not bool:
        return
    subject = text(inner(asked, "subject", "id"))
    kind = (text(inner(asked, "subject", "type")) or "").lower()
    resource = (text(inner(asked, "resource", "type")) or "").lower()
    is_agent = "agent" in kind
    yield decision_of(
        _itself(event, told),
        AUTHZEN,
        verdict,
        Effect.UNKNOWN,
        str(raw).lower(),
        agent=subject if is_agent else None,
        user_id=None if is_agent else subject,
        action=_text_in(asked, ("action", "name")),
        source=DecisionSource.POLICY.value,
        engine=AUTHZEN,
        policy=_text_in(answered, ("context", "policy_id"), ("context", "id")),
        reason=_text_in(answered, ("context", "reason"), ("context", "reason_admin")),
        target_type=resource if resource in _TARGETS else None,
        target_name=_text_in(asked, ("resource", "id")),
    )


def _of_cedar(event: Event, told: _Told) -> Iterator[Fact]:
    """An answer of Cedar or Amazon Verified Permissions, with the request beside it."""
    raw = told.get("decision")
    verdict = _verdict(raw) if type(raw) is str else None
    if verdict is None:
        return
    principal = _text_in(told, ("principal", "entityId"), ("principal", "id"), ("principal",))
    kind = _text_in(told, ("principal", "entityType"), ("principal", "type")) or principal or ""
    is_agent = "agent" in kind.lower()
    yield decision_of(
        _itself(event, told),
        CEDAR,
        verdict,
        Effect.UNKNOWN,
        text(raw),
        agent=principal if is_agent else None,
        user_id=None if is_agent else principal,
        action=_text_in(told, ("action", "actionId"), ("action", "id"), ("action",)),
        source=DecisionSource.POLICY.value,
        engine=CEDAR,
        policy=text(told.get("policyStoreId")),
        rule=_first_policy(told),
        target_name=_text_in(told, ("resource", "entityId"), ("resource", "id"), ("resource",)),
    )


def _first_policy(told: _Told) -> str | None:
    policies = told.get("determiningPolicies") or inner(told, "diagnostics", "reason")
    if not isinstance(policies, list) or not policies:
        return None
    return text(inner(policies[0], "policyId")) or text(policies[0])


# What a control does once it matches: steer gives advice, observe and log only look.
_CONTROLS: Mapping[str, tuple[Verdict, Effect]] = {
    "allow": (Verdict.ALLOW, Effect.EXECUTED),
    "deny": (Verdict.DENY, Effect.BLOCKED),
    "steer": (Verdict.MODIFY, Effect.MODIFIED),
    "observe": (Verdict.WARN, Effect.EXECUTED),
    "warn": (Verdict.WARN, Effect.EXECUTED),
    "log": (Verdict.WARN, Effect.EXECUTED),
}
_CHECKS: Mapping[tuple[str, str], Stage] = {
    ("pre", "tool_call"): Stage.PRE_TOOL_CALL,
    ("post", "tool_call"): Stage.POST_TOOL_CALL,
    ("pre", "llm_call"): Stage.PRE_MODEL_CALL,
    ("post", "llm_call"): Stage.POST_MODEL_CALL,
}


def _of_agent_control(event: Event, told: _Told) -> Iterator[Fact]:
    """A control that matched; one that did not has decided nothing."""
    raw = text(told.get("action"))
    found = _CONTROLS.get((raw or "").lower())
    if found is None or told.get("matched") not in (True, "true", "True"):
        return
    applies = (text(told.get("applies_to")) or "").lower()
    stage = _CHECKS.get(((text(told.get("check_stage")) or "").lower(), applies))
    yield decision_of(
        _itself(event, told),
        AGENT_CONTROL,
        *found,
        raw,
        decision_id=f"agent-control-{told['control_execution_id']}",
        agent=first(told, ("agent_name", "agent_uuid")),
        action=_text_in(told, ("metadata", "tool_name"), ("metadata", "step_name")),
        stage=None if stage is None else stage.value,
        # To observe is all that such a control does; of the others nothing is told.
        mode=Mode.MONITOR.value if (raw or "").lower() == "observe" else None,
        source=DecisionSource.GUARDRAIL.value,
        engine=first(told, ("evaluator_name",)),
        rule=first(told, ("control_name", "control_id")),
        risk_score=real(told.get("confidence")),
        duration_ms=real(told.get("execution_duration_ms")),
        error_type=text(told.get("error_message")),
        target_type={"tool_call": "tool", "llm_call": "model"}.get(applies),
    )


_SHAPES: list[tuple[Callable[[_Told], bool], Callable[[Event, _Told], Iterator[Fact]]]] = [
    (lambda told: text(told.get("control_execution_id")) is not None, _of_agent_control),
    (lambda told: text(told.get("decision_id")) is not None and "result" in told, _of_opa),
    (lambda told: "determiningPolicies" in told or "diagnostics" in told, _of_cedar),
    (
        lambda told: (
            isinstance(inner(told, "request", "subject") or told.get("subject"), dict)
            and isinstance(inner(told, "request", "action") or told.get("action"), dict)
        ),
        _of_authzen,
    ),
]

_WORDS: Mapping[str, Verdict] = {
    "true": Verdict.ALLOW,
    "allow": Verdict.ALLOW,
    "false": Verdict.DENY,
    "deny": Verdict.DENY,
}


def _verdict(raw: Any) -> Verdict | None:
    """Only a plain yes is an allow, and only a plain no a denial."""
    return _WORDS.get(str(raw).lower()) if isinstance(raw, bool | str) else None


def _itself(event: Event, told: _Told) -> Event:
    """The event with what the engine says of time and place; its log may be written later."""
    at_ns = parsed_ns(told.get("timestamp"))
    return replace(
        event,
        at_ns=event.at_ns if at_ns is None else at_ns,
        trace_id=id_of(told.get("trace_id"), 16) or event.trace_id,
        span_id=id_of(told.get("span_id"), 8) or event.span_id,
    )


def _text_in(told: Any, *paths: tuple[str, ...]) -> str | None:
    for path in paths:
        found = text(inner(told, *path))
        if found is not None:
            return found
    return None


def _milliseconds(nanoseconds: Any) -> float | None:
    told = real(nanoseconds)
    return None if told is None or told < 0 else told / _NS_IN_MS
