"""Numbers for the events this process tells: whoever keeps them sees what never came.

A stream counts from 1. Every process, and every forked child, begins a stream of its own.
"""

from __future__ import annotations

import itertools
import os

from watchkeeper_agent.identifiers import uuid7

__all__ = ["next_number"]


class _Stream:
    def __init__(self) -> None:
        self.name = str(uuid7())
        # next() of a counter is atomic, so threads need no lock.
        self.numbers = itertools.count(1)


_streams = [_Stream()]


def next_number() -> dict[str, str | int]:
    """The attributes that number one event."""
    stream = _streams[0]
    return {
        "watchkeeper.sequence.stream": stream.name,
        "watchkeeper.sequence.number": next(stream.numbers),
    }


def _begin_anew() -> None:
    _streams[0] = _Stream()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
