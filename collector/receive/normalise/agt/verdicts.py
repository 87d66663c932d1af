"""The toolkit's words for verdicts, what each does to the action, and at which stage."""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import Effect, Stage, Verdict

_VERDICTS: Mapping[str, Verdict] = {
    "allow": Verdict.ALLOW,
    "allowed": Verdict.ALLOW,
    "approved": Verdict.ALLOW,
    "deny": Verdict.DENY,
    "denied": Verdict.DENY,
    "block": Verdict.DENY,
    "blocked": Verdict.DENY,
    "rejected": Verdict.DENY,
    "timed_out": Verdict.DENY,
    "rate_limited": Verdict.DENY,
    "warn": Verdict.WARN,
    "log": Verdict.WARN,
    "flag": Verdict.WARN,
    "audit": Verdict.WARN,
    "require_approval": Verdict.ESCALATE,
    "requires_approval": Verdict.ESCALATE,
    "escalate": Verdict.ESCALATE,
    "pending": Verdict.ESCALATE,
    "transform": Verdict.MODIFY,
    "allow_narrowed": Verdict.MODIFY,
    "unknown": Verdict.ERROR,
}
EFFECTS: Mapping[Verdict, Effect] = {
    Verdict.ALLOW: Effect.EXECUTED,
    Verdict.DENY: Effect.BLOCKED,
    Verdict.MODIFY: Effect.MODIFIED,
    Verdict.ESCALATE: Effect.HELD,
}
# agentmesh's PolicyEngine runs an action only when its word is "allow".
MESH_EFFECTS: Mapping[Verdict, Effect] = {**EFFECTS, Verdict.WARN: Effect.BLOCKED}
# The Agent Control Specification lets a warned action pass.
ACS_EFFECTS: Mapping[Verdict, Effect] = {**EFFECTS, Verdict.WARN: Effect.EXECUTED}
STAGES: Mapping[str, Stage] = {
    "agent_startup": Stage.AGENT_START,
    "pre_input": Stage.INPUT,
    "pre_tool": Stage.PRE_TOOL_CALL,
    "post_tool": Stage.POST_TOOL_CALL,
    "pre_output": Stage.OUTPUT,
    "agent_shutdown": Stage.AGENT_END,
    **{stage.value: stage for stage in Stage},
}


def verdict_of(raw: str | None) -> Verdict | None:
    return None if raw is None else _VERDICTS.get(raw.lower())


_OUTCOMES: Mapping[str, str] = {
    "approved": "approved",
    "auto_approved": "approved",
    "allow": "approved",
    "rejected": "rejected",
    "denied": "rejected",
    "deny": "rejected",
    "timed_out": "timeout",
    "expired": "timeout",
}


def approval_outcome(raw: str | None) -> str | None:
    """How an approval ended, in our words."""
    return _OUTCOMES.get((raw or "").lower())
