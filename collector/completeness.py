"""Completeness: what is known to be missing from the record, and what cannot be known.

Nothing here reads a clock, a file or a database. A sender that numbers its records shows
each loss as a number that never came; one that does not, but reports at regular times,
shows silence; SDKs count what they had to drop. What none of these tells is not measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import Any

__all__ = [
    "DROP_COUNTERS",
    "GROWTH",
    "REMEDIES",
    "TOLERANCE",
    "Clock",
    "Drop",
    "Presence",
    "Rhythm",
    "bucket_of",
    "clock_of",
    "counted_drop",
    "lag_ms_of",
    "presence_of",
    "ranges",
]

# 8: with fewer, one late beat moves the median.
LEAST_INTERVALS = 8
LEAST_REQUESTS = 8
# Exporters wait a second or more between their batches. What comes faster is a burst, such as
# a file being loaded, and its end is no silence.
LEAST_BEAT = timedelta(seconds=1)
# Two clocks kept by NTP differ by milliseconds; a second is a clock that is wrong.
TOLERANCE = timedelta(seconds=1)
# Exporters give up after a minute: who is always later than that has a slow clock or a queue.
LATE = timedelta(minutes=1)
# After a day without a word a sender is taken to be gone for good, not to be silent.
GONE = timedelta(days=1)
# The median absolute deviation of a normal distribution is this part of its standard deviation.
_MAD_OF_SIGMA = 0.6745


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The numbers as ranges (lowest, highest), in order, without what repeats."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


class Presence(StrEnum):
    """Whether a sender that reports at regular times still does."""

    REPORTING = "reporting"
    SILENT = "silent"
    GONE = "gone"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How regularly a sender reports: the middle of its intervals and how far they lie from it."""

    median: timedelta
    deviation: timedelta
    intervals: int

    @classmethod
    def of(cls, intervals: Sequence[timedelta]) -> Rhythm:
        """The rhythm of so many intervals between one request and the next."""
        if not intervals:
            return cls(timedelta(0), timedelta(0), 0)
        seconds = [interval.total_seconds() for interval in intervals]
        middle = median(seconds)
        deviation = median([abs(each - middle) for each in seconds])
        return cls(timedelta(seconds=middle), timedelta(seconds=deviation), len(intervals))

    @property
    def is_regular(self) -> bool:
        """Whether a longer silence than usual means anything."""
        enough = self.intervals >= LEAST_INTERVALS and self.median >= LEAST_BEAT
        return enough and self.deviation <= self.median / 5

    @property
    def longest(self) -> timedelta | None:
        """The longest interval that is no silence: one beat may be late, two may not be missing."""
        if not self.is_regular:
            return None
        return self.median * 2.5 + self.deviation * (5 / _MAD_OF_SIGMA)

    def silences(self, intervals: Sequence[timedelta]) -> int | None:
        """How many of these intervals were silences; None when the sender is not regular."""
        longest = self.longest
        return None if longest is None else sum(interval > longest for interval in intervals)


def presence_of(rhythm: Rhythm, quiet_for: timedelta) -> Presence:
    """What it means that a sender has been quiet for so long."""
    if rhythm.longest is None:
        return Presence.NOT_MEASURED
    if quiet_for > max(GONE, rhythm.longest):
        return Presence.GONE
    return Presence.SILENT if quiet_for > rhythm.longest else Presence.REPORTING


class Clock(StrEnum):
    """What the times of a sender's records say of its clock."""

    AGREES = "agrees"
    AHEAD = "ahead"
    LATE = "late"
    NOT_MEASURED = "not_measured"


def clock_of(least_lag: timedelta | None, requests: int) -> Clock:
    """What the shortest time from a newest record to its arrival says of the sender's clock.

    Waiting only ever makes a record arrive later, so the shortest lag is the one to believe.
    Below zero the clock is ahead for certain. Always long, it is behind, or every batch waits.
    """
    if least_lag is None:
        return Clock.NOT_MEASURED
    if least_lag < -TOLERANCE:
        return Clock.AHEAD
    if requests < LEAST_REQUESTS:
        return Clock.NOT_MEASURED
    return Clock.LATE if least_lag > LATE else Clock.AGREES


# Lags are counted in buckets that grow by a quarter; below zero they mirror those above.
GROWTH = math.log(1.25)


def bucket_of(lag_ms: float) -> int:
    """The bucket of a lag; 0 holds what is shorter than a quarter of a millisecond."""
    return int(math.copysign(math.floor(math.log1p(abs(lag_ms)) / GROWTH), lag_ms))


def lag_ms_of(bucket: int) -> float:
    """The middle of a bucket, at most an eighth away from any lag in it and one millisecond."""
    if bucket == 0:
        return 0.0
    return math.copysign(math.expm1((abs(bucket) + 0.5) * GROWTH), bucket)


@dataclass(frozen=True, slots=True)
class Drop:
    """What a point of a drop counter counts: records of one signal, and why they are lost.

    Without a reason it counts what went well: the sender counts, and lost nothing there.
    """

    signal: str
    reason: str | None


_SIGNALS = {
    "span": "traces",
    "spans": "traces",
    "log": "logs",
    "logs": "logs",
    "log_records": "logs",
    "metric": "metrics",
    "metric_data_point": "metrics",
    "metric_points": "metrics",
}
# OpenTelemetry semantic conventions, "SDK metrics": with error.type the record is lost.
_BY_ERROR = {
    f"otel.sdk.{part}.{what}.{done}": _SIGNALS[what]
    for part, what, done in (
        ("processor", "span", "processed"),
        ("processor", "log", "processed"),
        ("exporter", "span", "exported"),
        ("exporter", "log", "exported"),
        ("exporter", "metric_data_point", "exported"),
    )
}
# The Java SDK before it followed the conventions.
_BY_DROPPED = {"processedSpans": "traces", "processedLogs": "logs"}
_BY_SUCCESS = "otlp.exporter.exported"
# The OpenTelemetry Collector's own. What its receiver refuses is sent again, so is no loss.
_COLLECTOR = {
    f"otelcol_{part}_{what}": (_SIGNALS[what], reason)
    for part, reason in (
        ("exporter_send_failed", "send_failed"),
        ("exporter_enqueue_failed", "queue_full"),
        ("processor_dropped", "dropped"),
    )
    for what in ("spans", "log_records", "metric_points")
}
_NAMES = (*_BY_ERROR, *_BY_DROPPED, _BY_SUCCESS, *_COLLECTOR)
# Prometheus receivers append what a counter is.
DROP_COUNTERS = frozenset({*_NAMES, *(f"{name}_total" for name in _NAMES)})


def counted_drop(name: str, attributes: Mapping[str, Any]) -> Drop | None:
    """What a point of this metric counts; None when that is nothing about losses."""
    name = name.removesuffix("_total")
    if name in _COLLECTOR:
        return Drop(*_COLLECTOR[name])
    if name in _BY_ERROR:
        error = attributes.get("error.type")
        return Drop(_BY_ERROR[name], str(error) if error else None)
    if name in _BY_DROPPED:
        dropped = _says(attributes, "dropped", True)
        return Drop(_BY_DROPPED[name], "queue_full" if dropped else None)
    signal = _SIGNALS.get(str(attributes.get("type")))
    if name == _BY_SUCCESS and signal:
        failed = _says(attributes, "success", False)
        return Drop(signal, "export_failed" if failed else None)
    return None


def _says(attributes: Mapping[str, Any], key: str, wanted: bool) -> bool:
    return str(attributes.get(key)).lower() == str(wanted).lower()


# What the sender of a refused record can do about it, by the reason it was refused for.
REMEDIES: Mapping[str, str] = {
    "invalid_trace_id": "Send the trace id as 16 bytes that are not all zero (32 hexadecimal "
    "digits in JSON). Look for a proxy that encodes ids anew.",
    "invalid_span_id": "Send the span id as 8 bytes that are not all zero (16 hexadecimal "
    "digits in JSON).",
    "invalid_parent_span_id": "Leave the parent span id out, or send the 8 bytes of a span.",
    "time_out_of_range": "Send times as nanoseconds since 1970, before the year 2262. A time in "
    "another unit usually lands here.",
    "metric_without_name": "Give the instrument a name.",
    "metric_without_data": "Update the SDK: it sent a metric without a kind of data.",
    "point_without_value": "Record a number: the point held neither an integer nor a real.",
    "invalid_buckets": "Update the SDK: a histogram needs one count more than it has bounds, and "
    "its bounds must rise.",
    "agent_not_allowed": "Use the token of this agent, or let the administrator allow the agent "
    "to the token that was used.",
    "environment_not_allowed": "Use the token of this environment, or let the administrator "
    "allow the environment to the token that was used.",
    "undecodable": "The whole request could not be read. Its bytes are kept on the collector's "
    "machine: look at them with an OTLP tool, mend the sender, and send them again.",
    "damaged_in_log": "Nothing the sender can do: the disk lost what was acknowledged. Look at "
    "the disk, and at the files that end in .damaged beside the log.",
    "not_storable": "The request could be read and not stored. Its bytes are kept on the "
    "collector's machine; its log says why. They can be sent again once that is mended.",
}
