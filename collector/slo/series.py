"""Counts over time, summed quickly over any stretch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from itertools import accumulate
from operator import itemgetter

from collector.slo.budget import Counts


class Series:
    """Counts in equal buckets, by start; a bucket belongs to the stretch its start lies in.

    A stretch that begins and ends on bucket starts is summed exactly.
    """

    def __init__(self, buckets: Iterable[tuple[datetime, int, int]]) -> None:
        """Each bucket: its start, and how many of its events were good and how many there were."""
        ordered = sorted(buckets, key=itemgetter(0))
        self._first = ordered[0][0] if ordered else None
        # Seconds: to compare instants of two time zone objects is ten times slower.
        self._starts = [start.timestamp() for start, _, _ in ordered]
        self._good = [0, *accumulate(good for _, good, _ in ordered)]
        self._total = [0, *accumulate(total for _, _, total in ordered)]

    @property
    def first(self) -> datetime | None:
        return self._first

    def between(self, since: datetime, until: datetime) -> Counts:
        """The counts of `since <= t < until`."""
        low = bisect_left(self._starts, since.timestamp())
        high = max(low, bisect_left(self._starts, until.timestamp()))
        return Counts(
            self._good[high] - self._good[low],
            self._total[high] - self._total[low],
        )
