"""What an exporter can write of a value: one that it cannot would cost it a whole batch.

Names of tools come from models and may hold anything, so half a character must not be able to
keep a refusal, or what other agents did, from being told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["sendable", "sendable_attributes"]

_MOST_TEXT = 1_000


def sendable_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an event, without those that say nothing."""
    return {key: sendable(value) for key, value in attributes.items() if value is not None}


def sendable(value: Any) -> Any:
    """Texts in whole characters, numbers of 64 bits and lists of them; the rest as text."""
    if isinstance(value, str):
        plain = str.__str__(value)
        return plain if plain.isascii() else plain.encode("utf-8", "replace").decode()
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, list | tuple) and all(
        isinstance(each, str | int | float) for each in value
    ):
        return [sendable(each) for each in value]
    return sendable(str(value)[:_MOST_TEXT])
