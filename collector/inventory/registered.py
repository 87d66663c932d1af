"""What may be there: the components that somebody registered, and how observed ones stand to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

__all__ = ["Component", "ComponentKind", "Registered", "Standing", "judged"]


class ComponentKind(StrEnum):
    """What telemetry tells of."""

    AGENT = "agent"
    MODEL = "model"
    PROVIDER = "provider"
    TOOL = "tool"
    MCP_SERVER = "mcp_server"
    PLUGIN = "plugin"
    FRAMEWORK = "framework"
    INSTRUMENTATION = "instrumentation"


class Standing(StrEnum):
    """How a component stands to what is registered."""

    UNREGISTERED = "unregistered"
    MISSING = "missing"
    REGISTERED = "registered"


@dataclass(frozen=True)
class Component:
    """One registered component; a star in its name or version stands for any text."""

    kind: ComponentKind
    name: str
    version: str | None = None
    owner: str | None = None
    signer: str | None = None
    sha256: str | None = None

    @property
    def is_signed(self) -> bool | None:
        """Telemetry tells no signature: what is not registered with one is not known."""
        return True if self.signer else None

    def fits(self, name: str, version: str | None) -> bool:
        return _fits(self.name, name) and (
            self.version is None or _fits(self.version, version or "")
        )

    @property
    def is_pattern(self) -> bool:
        return "*" in self.name


@dataclass(frozen=True)
class Registered:
    """All that is registered. A kind that has no list is not judged."""

    components: tuple[Component, ...] = ()
    kinds: frozenset[ComponentKind] = frozenset()
    missing_after: timedelta = timedelta(days=30)

    def find(self, kind: str, name: str, version: str | None) -> Component | None:
        """An exact name decides before one with a star, a longer one before a shorter."""
        candidates = (*self._exact.get((kind, name), ()), *self._patterns.get(kind, ()))
        return next((each for each in candidates if each.fits(name, version)), None)

    @cached_property
    def _exact(self) -> Mapping[tuple[str, str], list[Component]]:
        found: dict[tuple[str, str], list[Component]] = defaultdict(list)
        for each in self.components:
            if not each.is_pattern:
                found[each.kind, each.name].append(each)
        return dict(found)

    @cached_property
    def _patterns(self) -> Mapping[str, list[Component]]:
        found: dict[str, list[Component]] = defaultdict(list)
        for each in sorted(self.components, key=lambda one: len(one.name), reverse=True):
            if each.is_pattern:
                found[each.kind].append(each)
        return dict(found)


def judged(
    registered: Registered, observed: Iterable[Mapping[str, Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    """Observed components with their standing, then those that are registered and were never seen.

    What is registered and was not seen for long is missing too, with when it was last seen.
    """
    met: set[Component] = set()
    for row in observed:
        found = registered.find(row["kind"], row["name"], row["version"])
        if found is not None:
            met.add(found)
        yield {**row, **_registration(found), "standing": _standing(registered, row, found, now)}
    for component in registered.components:
        if component not in met:
            never = {"kind": component.kind.value, "name": component.name}
            facts = {**never, "version": component.version, **_registration(component)}
            yield {**facts, "standing": Standing.MISSING.value}


def _standing(
    registered: Registered, row: Mapping[str, Any], found: Component | None, now: datetime
) -> str | None:
    if row["kind"] not in registered.kinds:
        return None
    if found is None:
        return Standing.UNREGISTERED.value
    long_ago = now - row["last_seen"] > registered.missing_after
    return (Standing.MISSING if long_ago else Standing.REGISTERED).value


def _registration(found: Component | None) -> dict[str, Any]:
    return {
        "owner": found and found.owner,
        "signer": found and found.signer,
        "sha256": found and found.sha256,
        "signed": found and found.is_signed,
    }


def _fits(pattern: str, text: str) -> bool:
    """Each part where it first comes: names are long and hostile, so nothing is tried twice."""
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == text
    last = middle.pop()
    at, end = len(first), len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last)) or at > end:
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
