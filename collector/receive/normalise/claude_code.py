"""Claude Code: its command line tells what it does as log records.

`tool_decision` is a verdict on one call of a tool; `tool_result`, `api_request` and `api_error`
are calls, told when they are over; `user_prompt` begins a run. What else it logs stays a log
record.

- A prompt and what follows from it is one trace, a session is a conversation. Its records name
  a trace only with its beta tracing, and then not all of them, so the trace's id is made of
  session and prompt (of session and a quarter of a day, where no prompt is named).
- Its beta spans (`claude_code.*`) tell the same calls, not all of them and without the cost.
  They are kept and make no actions, so nothing counts twice.
- Its input tokens leave out those from and for the cache; ours have them in, as OpenTelemetry's.
- When a run ends nothing tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from collector.model import DecisionSource, Effect, Mode, Stage, Verdict
from collector.receive.normalise.events import Event, decision_of, spelt
from collector.receive.normalise.facts import LATEST_NS, CallFact, Fact, digest
from collector.receive.normalise.keys import first, real, text, whole

DIALECT = "claude_code"
SCOPE = "com.anthropic.claude_code"

_ERROR = 2
_QUARTER_NS = 6 * 3600 * 1_000_000_000
_LONGEST_MS = 86_400_000
_VERDICTS: Mapping[str, tuple[Verdict, Effect]] = {
    "accept": (Verdict.ALLOW, Effect.EXECUTED),
    "reject": (Verdict.DENY, Effect.BLOCKED),
}


def _decision(event: Event) -> Iterator[Fact]:
    """The permission that was given or refused."""
    attributes = event.attributes
    raw = text(attributes.get("decision"))
    found = _VERDICTS.get((raw or "").lower())
    if found is None:
        return
    verdict, effect = found
    given_by = text(attributes.get("source"))
    call = text(attributes.get("tool_use_id"))
    session = text(attributes.get("session.id"))
    trace = _trace(event)
    yield decision_of(
        event if trace is None else replace(event, trace_id=trace, span_id=None),
        DIALECT,
        verdict,
        effect,
        raw,
        decision_id=digest(DIALECT, session, call) if call else None,
        action=text(attributes.get("tool_name")),
        stage=Stage.PRE_TOOL_CALL.value,
        mode=Mode.ENFORCE.value,
        # "user_permanent", "user_reject", …; everything else is a rule somebody wrote before.
        source=(
            DecisionSource.HUMAN if (given_by or "").startswith("user") else DecisionSource.POLICY
        ).value,
        reason_code=given_by,
        tool_call_id=call,
        target_type="tool",
        target_name=text(attributes.get("tool_name")),
    )


def _tool(event: Event) -> Iterator[Fact]:
    """A tool that was called, and whether it worked."""
    attributes = event.attributes
    name, call = text(attributes.get("tool_name")), text(attributes.get("tool_use_id"))
    if name is None:
        return
    failed = _is(attributes.get("success"), "false")
    yield from _call(
        event,
        "tool",
        name,
        call,
        tool_name=name,
        tool_call_id=call,
        status_code=_ERROR if failed else 0,
        error_type=text(attributes.get("error_type")) if failed else None,
    )


def _model(event: Event) -> Iterator[Fact]:
    """A request to the model that was answered."""
    attributes = event.attributes
    cached = [whole(attributes.get(key)) for key in ("cache_read_tokens", "cache_creation_tokens")]
    beside = whole(attributes.get("input_tokens"))
    yield from _call(
        event,
        "model",
        text(attributes.get("model")) or "",
        first(attributes, ("request_id", "client_request_id")),
        model=text(attributes.get("model")),
        input_tokens=None if beside is None else _sum(beside, *cached),
        output_tokens=whole(attributes.get("output_tokens")),
        cache_read_tokens=cached[0],
        cache_write_tokens=cached[1],
        cost_usd=real(attributes.get("cost_usd")),
    )


def _failure(event: Event) -> Iterator[Fact]:
    """A request to the model that failed in the end."""
    attributes = event.attributes
    yield from _call(
        event,
        "model",
        text(attributes.get("model")) or "",
        first(attributes, ("request_id", "client_request_id")),
        model=text(attributes.get("model")),
        status_code=_ERROR,
        error_type=first(attributes, ("error_type", "status_code")),
    )


def _prompt(event: Event) -> Iterator[Fact]:
    """What a person asked for: the run begins, and nothing will tell its end."""
    trace = _trace(event)
    if trace is None or text(event.attributes.get("prompt.id")) is None:
        return
    yield CallFact(
        trace_id=trace,
        span_id=_root(trace),
        name="user_prompt",
        op="agent",
        dialect=DIALECT,
        start_ns=event.at_ns,
        end_ns=0,
        agent_name=event.agent,
        conversation_id=text(event.attributes.get("session.id")),
    )


def _call(event: Event, op: str, name: str, key: str | None, **parts: Any) -> Iterator[Fact]:
    """A call that ended when it was told, below the run of its prompt."""
    trace = _trace(event)
    if trace is None:
        return
    # Without an id two equal records are one call.
    content = key or f"{event.at_ns} {spelt(event.attributes)}"
    told_as = event.name.removeprefix("claude_code.")
    took_ms = real(event.attributes.get("duration_ms"))
    known = took_ms is not None and 0 <= took_ms <= _LONGEST_MS
    began_ns = event.at_ns - int((took_ms or 0) * 1_000_000) if known else event.at_ns
    yield CallFact(
        trace_id=trace,
        span_id=_bytes(8, told_as, content),
        parent_span_id=_root(trace),
        name=name or told_as,
        op=op,
        dialect=DIALECT,
        start_ns=max(0, began_ns),
        end_ns=event.at_ns if known else 0,
        agent_name=event.agent,
        conversation_id=text(event.attributes.get("session.id")),
        **parts,
    )


def _trace(event: Event) -> bytes | None:
    """The trace of a prompt; none where no session is named."""
    session = text(event.attributes.get("session.id"))
    if session is None:
        return None
    prompt = text(event.attributes.get("prompt.id")) or event.at_ns // _QUARTER_NS
    return _bytes(16, "trace", session, prompt)


def _root(trace: bytes) -> bytes:
    return _bytes(8, "run", trace)


def _bytes(size: int, *parts: Any) -> bytes:
    return blake2b(repr((DIALECT, *parts)).encode(), digest_size=size).digest()


def _sum(*tokens: int | None) -> int | None:
    total = sum(filter(None, tokens))
    return total if total <= LATEST_NS else None


def _is(value: Any, word: str) -> bool:
    """Truth values come as texts or as they are."""
    return str(value).lower() == word


def _own(reader: Callable[[Event], Iterator[Fact]]) -> Callable[[Event], Iterable[Fact]]:
    """Its events have common names: others may use them, in their own scopes."""
    return lambda event: reader(event) if event.scope.startswith(SCOPE) else ()


_READERS = {
    "tool_decision": _decision,
    "tool_result": _tool,
    "api_request": _model,
    "api_error": _failure,
    "user_prompt": _prompt,
}
READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = {
    f"{prefix}{name}": _own(reader)
    for name, reader in _READERS.items()
    for prefix in ("", "claude_code.")
}
