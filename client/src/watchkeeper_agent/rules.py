"""What the holds in force mean for one call. Pure: the clock and the holds are passed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from watchkeeper_agent.document import Hold, Kind, Profile, Scope

NORMAL = "normal"


class Stage(StrEnum):
    """The two hooks."""

    MODEL = "pre_model_call"
    TOOL = "pre_tool_call"


@dataclass(frozen=True)
class Identity:
    """Who this agent is, as far as a scope may ask."""

    agent: str
    service: str
    instance_uid: str
    version: str | None = None


@dataclass(frozen=True)
class Call:
    """A model or tool call that is about to be made."""

    stage: Stage
    name: str
    conversation: str | None = None
    trace_id: str | None = None
    arguments: object = None
    call_id: str | None = None
    # read, write or destructive, where it is known.
    tier: str | None = None


@dataclass(frozen=True)
class Ruling:
    """The answer to one call, and the hold that gave it; no hold means free."""

    refused: bool = False
    hold: Hold | None = None
    replacement: str | None = None

    @property
    def reason_code(self) -> str:
        return reason_code(self.hold) if self.hold else ""


def reason_code(hold: Hold) -> str:
    """The operator's code, held to the characters an event may carry, or `hold.<kind>`."""
    kept = re.sub(r"[^A-Za-z0-9_.:/-]", "_", hold.reason_code)[:96]
    return kept or f"hold.{hold.kind}"


def rule(
    call: Call, holds: Iterable[Hold], identity: Identity, read_only: frozenset[str], now: float
) -> Ruling:
    """The strictest hold that refuses wins; a degraded model is replaced by the mildest chain."""
    concerned = _concerned(call, holds, identity, now)
    for hold in concerned:
        if refuses(hold, call, read_only):
            return Ruling(refused=True, hold=hold)
    return _replaced(call, concerned)


def _concerned(call: Call, holds: Iterable[Hold], identity: Identity, now: float) -> Sequence[Hold]:
    found = [h for h in holds if h.in_force(now) and in_scope(h.scope, call, identity)]
    return sorted(found, key=lambda hold: -hold.kind.strictness)


def refuses(hold: Hold, call: Call, read_only: frozenset[str]) -> bool:
    """Whether this hold alone forbids the call."""
    if hold.kind in (Kind.KILL, Kind.PAUSE):
        return True
    if call.stage is Stage.MODEL:
        return False
    if hold.kind is Kind.REQUIRE_APPROVAL:
        return _needs_approval(hold.profile, call.name, read_only)
    return not tool_allowed(hold.profile, call.name, read_only)


def _needs_approval(profile: Profile, tool: str, read_only: frozenset[str]) -> bool:
    return tool in profile.approve if profile.approve else tool not in read_only


def tool_allowed(profile: Profile, tool: str, read_only: frozenset[str]) -> bool:
    """Deny beats allow; what is neither must be read-only if the profile says so."""
    if tool in profile.deny:
        return False
    if profile.allow and tool in profile.allow:
        return True
    if profile.read_only:
        return tool in read_only
    return not profile.allow


def _replaced(call: Call, holds: Iterable[Hold]) -> Ruling:
    if call.stage is Stage.MODEL:
        for hold in holds:
            if call.name in hold.profile.model_map and hold.kind is Kind.DEGRADE:
                return Ruling(hold=hold, replacement=hold.profile.model_map[call.name])
    return Ruling()


def in_scope(scope: Scope, call: Call, identity: Identity) -> bool:
    """Every narrowing that is set must fit; tools narrow tool calls, models model calls."""
    tool = call.name if call.stage is Stage.TOOL else ""
    model = call.name if call.stage is Stage.MODEL else ""
    return of_identity(scope, identity) and all(
        _fits(wanted, actual)
        for wanted, actual in (
            (scope.conversation, call.conversation),
            (scope.run_trace_id, call.trace_id),
            (scope.tool, tool),
            (scope.model, model),
        )
    )


def of_identity(scope: Scope, identity: Identity) -> bool:
    return (
        _fits(scope.service, identity.service)
        and _fits(scope.agent_name, identity.agent)
        and (scope.instance is None or _same(scope.instance, identity.instance_uid))
    )


def _fits(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or wanted == "*" or wanted == actual


def _same(left: str, right: str) -> bool:
    return left == "*" or _either(_hex, left) == _either(_hex, right)


def _hex(text: str) -> str:
    return UUID(text).hex


def _either(convert: Callable[[str], str], text: str) -> str:
    try:
        return convert(text)
    except ValueError:
        return text


def effective_mode(holds: Iterable[Hold], identity: Identity, now: float) -> str:
    """The strictest restriction on the agent as a whole; `normal` when there is none.

    A hold narrowed to one tool, model, run or conversation leaves the rest working,
    so it counts as degraded however strict it is there.
    """
    kinds = [_as_a_whole(hold) for hold in holds if _enforced(hold, identity, now)]
    return max(kinds, key=lambda kind: kind.strictness).value if kinds else NORMAL


def _enforced(hold: Hold, identity: Identity, now: float) -> bool:
    return not hold.dry_run and hold.in_force(now) and of_identity(hold.scope, identity)


def _as_a_whole(hold: Hold) -> Kind:
    scope = hold.scope
    narrowed = scope.tool or scope.model or scope.conversation or scope.run_trace_id
    return Kind.DEGRADE if narrowed else hold.kind
