"""Durations as OpenSLO writes them: a whole number and one letter, such as 5m, 1h, 30d."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_SHAPE = re.compile(r"([1-9][0-9]{0,5})([mhdwMQY])")
_FIXED = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS = {"M": 1, "Q": 3, "Y": 12}


@dataclass(frozen=True)
class Duration:
    """A count of one unit; m is minutes, M is months."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Duration:
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise ValueError(
                f"expected a whole number and one of m h d w M Q Y such as 30d, got {text!r}"
            )
        return cls(int(shape[1]), shape[2])

    @property
    def length(self) -> timedelta | None:
        """The fixed length; None for months, quarters and years, which vary."""
        unit = _FIXED.get(self.unit)
        return None if unit is None else unit * self.count

    @property
    def months(self) -> int:
        """How many months; 0 for units of fixed length."""
        return _MONTHS.get(self.unit, 0) * self.count

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def fixed_length(text: str) -> timedelta:
    """The length of a duration that does not vary with the calendar."""
    length = Duration.parse(text).length
    if length is None:
        raise ValueError(
            f"{text} varies in length: write days, such as 30d (m is minutes, M is months)"
        )
    return length
