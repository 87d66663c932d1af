"""Points in time as the journal writes them: RFC 3339, UTC, microseconds, so that text sorts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """2026-01-15T12:00:00.000000Z"""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """A point in time from RFC 3339; ValueError when the offset is missing."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"expected a time with an offset such as 2026-01-15T12:00:00Z, got {text}")
    return parsed.astimezone(UTC)


def nanoseconds(moment: datetime) -> int:
    """Since 1970, as OTLP counts."""
    return round(moment.timestamp() * 1_000_000) * 1000


def new_id(now: datetime) -> str:
    """A UUID version 7 (RFC 9562 §5.7): it sorts by the time it was made."""
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))
