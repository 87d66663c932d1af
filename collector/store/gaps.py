"""Gaps in the numbers of the log: each stands for a request that was damaged on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Gap", "gaps"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing, the first and the last included."""

    first: int
    last: int


def gaps(after: int, sequences: Iterable[int]) -> Iterator[Gap]:
    """What is missing between `after` and rising numbers, and between these."""
    for sequence in sequences:
        if sequence > after + 1:
            yield Gap(after + 1, sequence - 1)
        after = sequence
