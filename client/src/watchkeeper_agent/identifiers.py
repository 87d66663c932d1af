"""Identifiers that sort by the time they were made: UUID version 7 (RFC 9562 §5.7)."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def uuid7(unix_ms: int | None = None) -> UUID:
    """48 bits of milliseconds, then version, variant and 74 random bits."""
    moment = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    value = (moment & 0xFFFF_FFFF_FFFF) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
