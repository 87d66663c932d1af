"""Commands and holds: what an operator may ask, how far it has come, which hold wins.

Nothing here reads a clock, a file or a database.

    requested -> signed -> delivered -> acked -> enforced
                    \\__________\\________\\________\\____-> released | expired

A command never skips signing, is enforced only by evidence (which may overtake
the acknowledgement), and what has ended stays ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from collector.control.moments import moment
from collector.control.refusal import wrong
from collector.model import CommandPhase, HoldKind

NORMAL = "normal"
SHORTEST = timedelta(seconds=60)
LONGEST = timedelta(days=30)
REASON_LENGTHS = range(3, 1001)
LONGEST_NAME = 256
MOST_TOOLS = 500

_ENDS = frozenset({CommandPhase.RELEASED, CommandPhase.EXPIRED})
_FOLLOWS: Mapping[CommandPhase, frozenset[CommandPhase]] = {
    CommandPhase.REQUESTED: frozenset({CommandPhase.SIGNED}),
    CommandPhase.SIGNED: _ENDS | {CommandPhase.DELIVERED},
    CommandPhase.DELIVERED: _ENDS | {CommandPhase.ACKED, CommandPhase.ENFORCED},
    CommandPhase.ACKED: _ENDS | {CommandPhase.ENFORCED},
    CommandPhase.ENFORCED: _ENDS,
}


def has_ended(state: CommandPhase) -> bool:
    return state in _ENDS


def after(state: CommandPhase, phase: CommandPhase) -> CommandPhase:
    """The state once `phase` was reached; the same state when that is no step forward."""
    return phase if phase in _FOLLOWS.get(state, frozenset()) else state


def canonical(instance: str) -> str:
    """Hyphens and case of a UUID do not matter; any other name stays as it is."""
    try:
        return str(UUID(instance))
    except ValueError:
        return instance


@dataclass(frozen=True)
class Scope:
    """Whom a hold restricts: every instance of an agent, or one of them."""

    agent_name: str
    instance: str | None = None

    @property
    def instance_uid(self) -> str | None:
        """The instance as a uid, if its name can be one."""
        return None if self.instance is None else canonical(self.instance)

    def covers(self, agent: str | None, instance_uid: str, service_instance: str | None) -> bool:
        """An instance goes by two names: its uid and its service instance."""
        named = self.instance in (None, service_instance) or self.instance_uid == instance_uid
        return agent == self.agent_name and named


@dataclass(frozen=True)
class Profile:
    """What a degraded agent may still do: nothing denied; what is named; else what only reads."""

    read_only: bool = True
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    approve: frozenset[str] = frozenset()
    model_map: Mapping[str, str] = field(default_factory=dict)

    def allows(self, tool: str, only_reads: bool) -> bool:
        if tool in self.deny:
            return False
        return tool in self.allow or (only_reads if self.read_only else not self.allow)

    @property
    def claims(self) -> dict[str, Any]:
        tools: dict[str, Any] = {"class": "read_only"} if self.read_only else {}
        for name in ("allow", "deny"):
            if getattr(self, name):
                tools[name] = sorted(getattr(self, name))
        return {
            "tools": tools,
            "model_map": dict(sorted(self.model_map.items())),
            "approve": sorted(self.approve),
        }


@dataclass(frozen=True)
class Restriction:
    """The kind, end and profile of one hold: all that decides which one wins."""

    kind: HoldKind
    expires_at: datetime
    profile: Profile | None = None


@dataclass(frozen=True)
class Effective:
    """What an agent is left with under all holds together."""

    mode: str = NORMAL
    profiles: tuple[Profile, ...] = ()

    def allows(self, tool: str, only_reads: bool) -> bool:
        """Profiles intersect: every one of them must allow the tool."""
        stopped = self.mode in (HoldKind.KILL, HoldKind.PAUSE)
        return not stopped and all(profile.allows(tool, only_reads) for profile in self.profiles)


def effective(restrictions: Iterable[Restriction], now: datetime) -> Effective:
    """The strictest unexpired kind, and the profiles of all unexpired holds."""
    standing = [held for held in restrictions if now < held.expires_at]
    if not standing:
        return Effective()
    strictest = max((held.kind for held in standing), key=list(HoldKind).index)
    profiles = tuple(held.profile for held in standing if held.profile is not None)
    return Effective(strictest.value, profiles)


@dataclass(frozen=True)
class Target:
    """A kind of hold for a scope: enough for a preview."""

    kind: HoldKind
    scope: Scope
    profile: Profile | None


@dataclass(frozen=True)
class Order:
    """What an operator asked for, complete and within the rules."""

    target: Target
    reason: str
    expires_at: datetime
    idempotency_key: str
    # As a length; None when the end was given as a time.
    lasts: timedelta | None = None


def target(body: Mapping[str, Any]) -> Target:
    """The kind, scope and profile of a request body."""
    kind = _kind(body.get("kind"))
    return Target(kind, _scope(body.get("scope")), _profile(kind, body.get("profile")))


def order(body: Mapping[str, Any], now: datetime) -> Order:
    """A whole command; refuses with the field and what was expected of it."""
    expires_at = _expiry(body, now)
    lasts = None if body.get("expires_at") is not None else expires_at - now
    return Order(target(body), reason(body), expires_at, key(body), lasts)


def reason(body: Mapping[str, Any]) -> str:
    """Why, 3 to 1,000 characters."""
    text = body.get("reason")
    if not isinstance(text, str) or len(text.strip()) not in REASON_LENGTHS:
        raise wrong("reason", "expected why, in 3 to 1,000 characters; it is kept as evidence")
    return _printable("reason", text.strip())


def key(body: Mapping[str, Any]) -> str:
    """What makes a repeated click the same command."""
    value = body.get("idempotency_key")
    if not isinstance(value, str) or not 8 <= len(value) <= 128:
        raise wrong("idempotency_key", "expected 8 to 128 characters, new for each decision")
    return value


def _kind(value: Any) -> HoldKind:
    if not isinstance(value, str) or value not in set(HoldKind):
        raise wrong("kind", f"expected one of {', '.join(HoldKind)}, got {value!r:.80}")
    return HoldKind(value)


def _scope(value: Any) -> Scope:
    if not isinstance(value, dict):
        raise wrong("scope", 'expected an object such as {"agent_name": "rogue"}')
    _known("scope", value, {"agent_name", "instance"})
    instance = value.get("instance")
    return Scope(
        name_of("scope.agent_name", value.get("agent_name")),
        None if instance is None else name_of("scope.instance", instance),
    )


def name_of(field_name: str, value: Any) -> str:
    """A name of something, 1 to 256 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME:
        raise wrong(field_name, f"expected a name of 1 to {LONGEST_NAME} characters")
    return _printable(field_name, value)


def _printable(field_name: str, text: str) -> str:
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text) or not _is_utf8(text):
        raise wrong(field_name, "expected text without control characters")
    return text


def _is_utf8(text: str) -> bool:
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def _known(field_name: str, value: Mapping[str, Any], names: set[str]) -> None:
    for name in value:
        if name not in names:
            raise wrong(f"{field_name}.{name:.80}", f"unknown; expected {', '.join(sorted(names))}")


def _profile(kind: HoldKind, value: Any) -> Profile | None:
    if value is None:
        return Profile() if kind is HoldKind.DEGRADE else None
    if kind is not HoldKind.DEGRADE:
        raise wrong("profile", f"belongs to degrade, not to {kind}")
    return profile_of(value)


def profile_of(value: Any) -> Profile:
    """A profile from its JSON; what names nothing at all means read-only tools."""
    if not isinstance(value, dict):
        raise wrong("profile", 'expected an object such as {"tools": {"class": "read_only"}}')
    _known("profile", value, {"tools", "model_map", "approve"})
    tools = {} if value.get("tools") is None else value["tools"]
    if not isinstance(tools, dict):
        raise wrong("profile.tools", 'expected an object such as {"class": "read_only"}')
    _known("profile.tools", tools, {"class", "allow", "deny"})
    return _named_profile(value, tools)


def _named_profile(value: Mapping[str, Any], tools: Mapping[str, Any]) -> Profile:
    if tools.get("class") not in (None, "read_only"):
        raise wrong("profile.tools.class", f"expected read_only, got {tools['class']!r:.80}")
    allow = _names("profile.tools.allow", tools.get("allow"))
    deny = _names("profile.tools.deny", tools.get("deny"))
    models = model_map(value.get("model_map"))
    names_nothing = not (allow or deny or models)
    return Profile(
        read_only=tools.get("class") == "read_only" or names_nothing,
        allow=allow,
        deny=deny,
        approve=_names("profile.approve", value.get("approve")),
        model_map=models,
    )


def _names(field_name: str, value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or len(value) > MOST_TOOLS:
        raise wrong(field_name, f"expected a list of at most {MOST_TOOLS} names")
    return frozenset(name_of(field_name, name) for name in value)


def model_map(value: Any) -> dict[str, str]:
    """Which model answers in place of which."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_TOOLS:
        raise wrong("profile.model_map", 'expected an object such as {"big": "small"}')
    named = {name: name_of("profile.model_map", other) for name, other in value.items()}
    return {name_of("profile.model_map", name): other for name, other in named.items()}


def _expiry(body: Mapping[str, Any], now: datetime) -> datetime:
    seconds, text = body.get("expires_in_s"), body.get("expires_at")
    if seconds is not None and text is not None:
        raise wrong("expires_at", "expected expires_in_s or expires_at, got both")
    if text is not None:
        return _bounded("expires_at", _until(text), now)
    return _bounded("expires_in_s", _in(seconds, now), now)


def _until(text: Any) -> datetime:
    try:
        return moment(text)
    except (TypeError, ValueError, OverflowError):
        raise wrong("expires_at", "expected a time such as 2026-01-15T12:00:00Z") from None


def _in(seconds: Any, now: datetime) -> datetime:
    whole = isinstance(seconds, int) and not isinstance(seconds, bool)
    if not whole or not 0 <= seconds <= LONGEST.total_seconds():
        raise wrong("expires_in_s", "a hold ends by itself: expected 60 to 2,592,000 seconds")
    return now + timedelta(seconds=seconds)


def _bounded(field_name: str, expires_at: datetime, now: datetime) -> datetime:
    if not SHORTEST <= expires_at - now <= LONGEST:
        raise wrong(field_name, "expected an end between 60 seconds and 30 days from now")
    return expires_at
