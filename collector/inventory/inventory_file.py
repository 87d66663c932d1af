"""The inventory file: YAML into what is registered, with a line and a reason for what is refused.

A home's `inventory.yaml` has a list for each kind that is to be judged; see docs/inventory.md.
"""

from __future__ import annotations

import re
from datetime import timedelta

from collector.costs.prices_file import only_document
from collector.inventory.registered import Component, ComponentKind, Registered
from collector.slo.marked import Marked

__all__ = ["read_inventory"]

_LISTS = {f"{kind.value}s": kind for kind in ComponentKind}
_TOP = frozenset({"apiVersion", "kind", "missing_after_days", *_LISTS})
_ENTRY = frozenset({"name", "version", "owner", "signer", "sha256"})
_MOST_STARS = 3


def read_inventory(text: str) -> Registered:
    """What one file registers, the first wrong place refused."""
    body = only_document(text, "Inventory", _TOP)
    components: dict[tuple[ComponentKind, str, str | None], Component] = {}
    kinds = set()
    for listed, kind in _LISTS.items():
        entries = body.optional(listed)
        if entries is None:
            continue
        kinds.add(kind)
        for entry in entries.items():
            component = _component(kind, entry)
            key = (kind, component.name, component.version)
            if key in components:
                entry.refuse(f"{component.name!r} is registered twice; keep one")
            components[key] = component
    return Registered(tuple(components.values()), frozenset(kinds), _missing_after(body))


def _component(kind: ComponentKind, entry: Marked) -> Component:
    if isinstance(entry.value, str):
        return Component(kind, _pattern(entry))
    entry.fields(_ENTRY)
    version, digest = entry.optional("version"), entry.optional("sha256")
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest.text()):
        digest.refuse(f"expected a SHA-256 in 64 hex digits, got {digest.shown}")
    return Component(
        kind,
        _pattern(entry.field("name")),
        None if version is None else _version(version),
        *(_text(entry.optional(name)) for name in ("owner", "signer", "sha256")),
    )


def _pattern(said: Marked) -> str:
    name = said.text()
    if name.count("*") > _MOST_STARS:
        said.refuse(f"expected at most {_MOST_STARS} stars, got {said.shown}")
    return name


def _version(said: Marked) -> str:
    """YAML reads 1.2 as a number; what it would be is not guessed."""
    if not isinstance(said.value, str):
        said.refuse(f"expected a version in quotes such as '1.2', got {said.shown}")
    return _pattern(said)


def _text(said: Marked | None) -> str | None:
    return None if said is None else said.text()


def _missing_after(body: Marked) -> timedelta:
    said = body.optional("missing_after_days")
    if said is None:
        return Registered().missing_after
    days = said.value
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3660:
        said.refuse(f"expected 1 to 3660 days, got {said.shown}")
    return timedelta(days=days)
