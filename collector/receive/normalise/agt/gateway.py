"""The audit lines of the toolkit's MCP gateway, each a verdict on one call of a tool.

The gateway also counts its verdicts on calls (`mcp_decisions`). A line tells more: when, in
which trace and why; so in the store the counter gives way to the lines of its sender. Verdicts
on what a tool answered are counted nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from collector.model import DecisionSource, Effect, Stage, TargetType, Teller, Verdict
from collector.receive.normalise.agt.words import DIALECT, did_of
from collector.receive.normalise.events import Event, decision_of
from collector.receive.normalise.facts import Fact

SCOPE = "agent_os.mcp_gateway"

_LONGEST = 4096
_LINE = re.compile(
    r"MCP Gateway (?P<answer>response )?audit \| "
    r"agent=(?P<agent>.*?) tool=(?P<tool>.*?) "
    r"allowed=(?P<allowed>True|False) reason=(?P<reason>.*)",
    re.DOTALL,
)
_FIELDS = (" tool=", " allowed=", " reason=")
_ALLOWED = {"True": (Verdict.ALLOW, Effect.EXECUTED), "False": (Verdict.DENY, Effect.BLOCKED)}
_SANITIZED, _LOGGED = re.compile(r"Response sanitized\b"), re.compile(r"Response has .* logged\Z")


def facts(event: Event) -> Iterator[Fact]:
    """The verdict of one line. A tool is named by whoever calls it, a model say: a line in
    which a name could pass for a field is ambiguous, and tells nothing."""
    line = event.body
    if type(line) is not str or len(line) > _LONGEST:
        return
    found = _LINE.fullmatch(line)
    if found is None or any(line.count(field) != 1 for field in _FIELDS):
        return
    reason, is_answer = found["reason"], found["answer"] is not None
    verdict, effect = _judged(found["allowed"], reason if is_answer else "")
    failed = "fail closed)" in reason
    yield decision_of(
        replace(event, told_by=Teller.LINE),
        DIALECT,
        verdict,
        effect,
        found["allowed"],
        agent=found["agent"] or None,
        agent_id=did_of(found["agent"]),
        action=found["tool"] or None,
        stage=(Stage.POST_TOOL_CALL if is_answer else Stage.MCP_REQUEST).value,
        source=(DecisionSource.FAIL_CLOSED if failed else DecisionSource.POLICY).value,
        engine=DIALECT,
        reason=reason or None,
        target_type=TargetType.TOOL.value,
        target_name=found["tool"] or None,
    )


def _judged(allowed: str, answered: str) -> tuple[Verdict, Effect]:
    """An answer that is let through may have been cleaned before, or only looked at."""
    if allowed == "True" and _SANITIZED.match(answered):
        return Verdict.MODIFY, Effect.MODIFIED
    if allowed == "True" and _LOGGED.match(answered):
        return Verdict.WARN, Effect.EXECUTED
    return _ALLOWED[allowed]
