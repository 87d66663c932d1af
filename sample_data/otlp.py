"""Runs of the story as OTLP messages, in the dialects that the frameworks speak."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from sample_data.story import Hold, Period, Run

Value = str | bool | int | float
INTERNAL, CLIENT = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CLIENT
SCOPES = {
    "langchain": "opentelemetry.instrumentation.genai.langchain",
    "openai-agents": "opentelemetry.instrumentation.genai.openai_agents",
    "agt": "sample_fleet.courier",
}
AGT_SCOPE = "agentmesh.governance"
_SEVERITY = {"allow": 9, "deny": 17}


def resource(service: str, instance: str) -> Resource:
    named: dict[str, Value] = {
        "service.name": service,
        "service.instance.id": instance,
        "deployment.environment.name": "demo",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "watchkeeper.sample": True,
    }
    return Resource(attributes=_pairs(named))


def spans(run: Run) -> Iterator[tuple[str, Span]]:
    """The spans of one run, each with its scope."""
    scope = SCOPES[run.character.framework]
    yield scope, _root(run)
    if run.is_held:
        return
    at = run.started_at
    step = timedelta(seconds=run.seconds / (2 * len(run.tools) + 1))
    for number, tool in enumerate(run.tools):
        yield scope, _model(run, number, at, step)
        yield from _governance(run, tool, at + step)
        if tool != run.character.temptation or run.slips_through:
            yield scope, _tool(run, number, tool, at + step, step)
        at += 2 * step
    if run.character.framework == "agt":
        yield AGT_SCOPE, _trust_span(run, at)


def _root(run: Run) -> Span:
    name = run.character.name
    error = "Refused" if run.is_held else "ToolError" if run.fails else None
    return _span(
        run,
        f"invoke_agent {name}",
        "root",
        run.started_at,
        timedelta(seconds=0.02 if run.is_held else run.seconds),
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": name,
            "gen_ai.conversation.id": run.key.partition(":")[2],
        },
        error=error,
        parent=None,
    )


def _model(run: Run, number: int, at: datetime, step: timedelta) -> Span:
    tokens = 120 + 90 * number + run.trace_id[0]
    return _span(
        run,
        "chat fake-large",
        f"model-{number}",
        at,
        step * 0.9,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "fake",
            "gen_ai.request.model": "fake-large",
            "gen_ai.response.model": "fake-large",
            "gen_ai.usage.input_tokens": tokens,
            "gen_ai.usage.output_tokens": 12 + run.trace_id[1] % 40,
        },
        kind=CLIENT,
    )


def _tool(run: Run, number: int, tool: str, at: datetime, step: timedelta) -> Span:
    fails = run.fails and number == 1
    return _span(
        run,
        f"execute_tool {tool}",
        f"tool-{number}",
        at + step * 0.1,
        step * 0.8,
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{number}",
            "gen_ai.agent.name": run.character.name,
        },
        error="ToolError" if fails else None,
    )


def _governance(run: Run, tool: str, at: datetime) -> Iterator[tuple[str, Span]]:
    """AGT tells an evaluation as a span; the others tell it as an event."""
    if run.character.framework != "agt":
        return
    denied = tool == run.character.temptation
    attributes: dict[str, Value] = {
        "agt.agent.id": run.character.name,
        "agt.policy.stage": "pre_tool",
        "agt.policy.action": "deny" if denied else "allow",
        "agt.policy.rule": f"{'deny' if denied else 'allow'}-{tool.replace('_', '-')}",
        "agt.policy.name": "delivery",
        "agt.tool.name": tool,
    }
    span = _span(
        run, "agt.policy.evaluate", f"policy-{tool}", at, timedelta(milliseconds=1), attributes
    )
    yield AGT_SCOPE, span


def _trust_span(run: Run, at: datetime) -> Span:
    attributes: dict[str, Value] = {
        "agt.agent.id": run.character.name,
        "agt.trust.score": round(run.trust, 1),
    }
    return _span(run, "agt.trust.verify", "trust", at, timedelta(milliseconds=1), attributes)


def events(run: Run, hold: Hold) -> Iterator[LogRecord]:
    """The decision and trust events of one run."""
    if run.is_held:
        yield _refusal(run, hold)
        return
    if run.character.framework == "agt":
        return
    for number, tool in enumerate(run.tools):
        if not run.is_undecided(tool):
            yield _decision(run, tool, run.started_at + timedelta(milliseconds=100 * (number + 1)))
    if run.key.endswith("0"):
        yield _trust_event(run)


def _decision(run: Run, tool: str, at: datetime) -> LogRecord:
    denied = tool == run.character.temptation
    rule = f"{'forbid' if denied else 'allow'}-{tool.replace('_', '-')}"
    return _decision_record(
        run,
        at,
        tool,
        "deny" if denied else "allow",
        {
            "watchkeeper.decision.source": "policy",
            "watchkeeper.decision.reason_code": rule,
            "watchkeeper.policy.id": f"{run.character.name}-tools",
            "watchkeeper.policy.rule_id": rule,
            "watchkeeper.policy.engine": "custom",
            "gen_ai.tool.name": tool,
        },
    )


def _refusal(run: Run, hold: Hold) -> LogRecord:
    return _decision_record(
        run,
        run.started_at + timedelta(milliseconds=10),
        "refused",
        "deny",
        {
            "watchkeeper.decision.source": "control_plane",
            "watchkeeper.decision.reason_code": "hold.kill",
            "watchkeeper.hold_id": hold.hold_id,
            "watchkeeper.command_id": hold.command_id,
            "watchkeeper.state_epoch": 1,
            "watchkeeper.state_gen": 2,
            "gen_ai.request.model": "fake-large",
        },
    )


def _decision_record(
    run: Run, at: datetime, part: str, verdict: str, attributes: Mapping[str, Value]
) -> LogRecord:
    is_model = "gen_ai.request.model" in attributes
    named: dict[str, Value] = {
        "watchkeeper.decision.id": run.event_id(part),
        "watchkeeper.decision.verdict": verdict,
        "watchkeeper.decision.effect": "blocked" if verdict == "deny" else "executed",
        "watchkeeper.decision.stage": "pre_model_call" if is_model else "pre_tool_call",
        "watchkeeper.decision.mode": "enforce",
        "watchkeeper.instance_uid": run.character.instance,
        "gen_ai.agent.name": run.character.name,
        **attributes,
    }
    record = event("watchkeeper.decision", at, _SEVERITY[verdict], named)
    record.trace_id, record.span_id = run.trace_id, run.span_id("root")
    return record


def _trust_event(run: Run) -> LogRecord:
    named: dict[str, Value] = {
        "gen_ai.agent.name": run.character.name,
        "watchkeeper.trust.score": round(run.trust, 1),
        "watchkeeper.trust.reason": "recent runs and decisions",
    }
    return event("watchkeeper.trust", run.started_at, 9, named)


def command_events(hold: Hold, period: Period) -> Iterator[LogRecord]:
    """What of the life of the past kill lies in the period, as the control process tells it."""
    first = hold.first_refusal
    target: dict[str, Value] = {"watchkeeper.instance_uid": first.character.instance}
    moments: tuple[tuple[str, datetime, dict[str, Value]], ...] = (
        ("requested", hold.given_at, {}),
        ("signed", hold.given_at + timedelta(milliseconds=4), {}),
        ("delivered", hold.given_at + timedelta(milliseconds=9), target),
        ("acked", hold.given_at + timedelta(milliseconds=15), {**target, **_ACKED}),
        ("enforced", first.started_at + timedelta(milliseconds=10), _enforced(target, first)),
        ("released", hold.released_at, {}),
    )
    for phase, at, more in moments:
        if at in period:
            yield event("watchkeeper.command", at, 9, {**_command(hold, phase), **more})


_ACKED: dict[str, Value] = {
    "watchkeeper.command.status": "applied",
    "watchkeeper.command.effective_mode": "kill",
}


def _enforced(target: dict[str, Value], first: Run) -> dict[str, Value]:
    return {**target, "watchkeeper.decision.id": first.event_id("refused")}


def _command(hold: Hold, phase: str) -> dict[str, Value]:
    reason = "checked by its owner" if phase == "released" else "sends data outside"
    return {
        "watchkeeper.command.id": hold.command_id,
        "watchkeeper.hold_id": hold.hold_id,
        "watchkeeper.command.kind": "kill",
        "watchkeeper.command.phase": phase,
        "gen_ai.agent.name": hold.first_refusal.character.name,
        "watchkeeper.command.actor": "admin",
        "watchkeeper.command.origin": "human",
        "watchkeeper.command.reason": reason,
        "watchkeeper.command.expires_at": (hold.given_at + timedelta(hours=24)).isoformat(),
        "watchkeeper.state_epoch": 1,
        "watchkeeper.state_gen": 3 if phase == "released" else 2,
        "watchkeeper.sample": True,
    }


def event(name: str, at: datetime, severity: int, attributes: Mapping[str, Value]) -> LogRecord:
    return LogRecord(
        time_unix_nano=nanoseconds(at),
        observed_time_unix_nano=nanoseconds(at),
        severity_number=severity,  # type: ignore[arg-type]  # the enum is an int on the wire
        event_name=name,
        body=AnyValue(string_value=json.dumps({"event": name})),
        attributes=_pairs(attributes),
    )


def resource_spans(sender: Resource, told: Iterable[tuple[str, Span]]) -> ResourceSpans:
    """Spans grouped by their scope."""
    groups: dict[str, list[Span]] = {}
    for scope, span in told:
        groups.setdefault(scope, []).append(span)
    return ResourceSpans(
        resource=sender,
        scope_spans=[
            ScopeSpans(scope=InstrumentationScope(name=name), spans=group)
            for name, group in groups.items()
        ],
    )


def resource_logs(sender: Resource, scope: str, records: Iterable[LogRecord]) -> ResourceLogs:
    scoped = ScopeLogs(scope=InstrumentationScope(name=scope), log_records=records)
    return ResourceLogs(resource=sender, scope_logs=[scoped])


def _span(
    run: Run,
    name: str,
    part: str,
    at: datetime,
    length: timedelta,
    attributes: Mapping[str, Value],
    *,
    kind: Span.SpanKind.ValueType = INTERNAL,
    error: str | None = None,
    parent: str | None = "root",
) -> Span:
    named = {**attributes, "error.type": error} if error else attributes
    return Span(
        trace_id=run.trace_id,
        span_id=run.span_id(part),
        parent_span_id=run.span_id(parent) if parent else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=nanoseconds(at),
        end_time_unix_nano=nanoseconds(at + length),
        attributes=_pairs(named),
        status=Status(code=Status.STATUS_CODE_ERROR) if error else Status(),
        flags=256,
    )


def nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000


def _pairs(attributes: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value)
