"""OpenSLO v1 documents into objectives, with a line and a reason for each one refused.

Read are SLO and SLI; a Service is known and passed over. Of the two budgeting methods
only Occurrences is computed. The metric source is always `type: watchkeeper`, whose
spec is a closed vocabulary: {signal, where} and, for a threshold, {field: duration_ms}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.model import ActionKind, Outcome, Verdict
from collector.slo.burn import Guard, WindowPair
from collector.slo.duration import Duration
from collector.slo.marked import Marked, read_documents
from collector.slo.objective import (
    EVERY_AGENT,
    CalendarWindow,
    EventSignal,
    Indicator,
    Limit,
    Objective,
    Ratio,
    RollingWindow,
    Selection,
)
from collector.slo.windows import parse_pairs, standard

API_VERSION = "openslo/v1"
PREFIX = "watchkeeper.dev/"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SHORTEST, _LONGEST = timedelta(days=1), timedelta(days=366)
_WORDS = {"outcome": Outcome, "verdict": Verdict, "kind": ActionKind}
_FIELDS = {
    EventSignal.RUNS: ("outcome", "environment", "agent"),
    EventSignal.ACTIONS: ("outcome", "kind", "name", "model", "environment", "agent"),
    EventSignal.DECISIONS: ("verdict", "name", "environment", "agent"),
}
# An operator's stop (denied) is not the agent's failure, and unknown is not measured.
_COUNTED_OUTCOMES = (Outcome.OK.value, Outcome.ERROR.value)
_ANNOTATIONS = frozenset({"windows", "minimum-events", "minimum-bad-events"})


@dataclass(frozen=True)
class Document:
    """One SLO or SLI as read, not yet resolved."""

    kind: str
    name: str
    body: Marked


def read_file(text: str) -> tuple[Document, ...]:
    """The SLO and SLI documents of one file."""
    documents = (_document(document) for document in read_documents(text))
    return tuple(document for document in documents if document is not None)


def objective_from(document: Document, indicators: Mapping[str, Document]) -> Objective:
    """The objective of an SLO document; `indicators` are the SLI documents by name."""
    metadata, spec = document.body.field("metadata"), document.body.field("spec")
    _refuse_known_mistakes(spec)
    goal = _only(spec.field("objectives"), "objective")
    _refuse_foreign_fields(goal)
    window = _window(_only(spec.field("timeWindow"), "time window"))
    display_name = metadata.optional("displayName")
    return Objective(
        name=document.name,
        display_name=document.name if display_name is None else display_name.text(),
        service=spec.field("service").text(),
        indicator=_indicator(_indicator_spec(spec, indicators), goal),
        target=_target(goal),
        window=window,
        agents=_agents(metadata),
        pairs=_pairs(metadata, window),
        guard=_guard(metadata),
    )


def _document(body: Marked) -> Document | None:
    if isinstance(body.value, list):
        body.refuse("expected one document, got a list: separate documents with a line of ---")
    version, kind = body.field("apiVersion"), body.field("kind")
    if version.text() != API_VERSION:
        version.refuse(f"expected {API_VERSION}, got {version.shown}")
    if kind.text() == "Service":
        return None
    if kind.text() not in ("SLO", "SLI"):
        kind.refuse(
            f"expected SLO, SLI or Service, got {kind.shown}; "
            f"alerts come from window pairs, see the annotation {PREFIX}windows"
        )
    return Document(kind.text(), _name(body.field("metadata").field("name")), body)


def _name(entry: Marked) -> str:
    name = entry.text()
    if not _NAME.fullmatch(name):
        suggestion = re.sub(
            r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
        )
        entry.refuse(
            f"expected lower-case letters, digits and hyphens (at most 63), got {name!r}; "
            f"try {suggestion.strip('-')[:63]!r} and keep the other in displayName"
        )
    return name


def _refuse_known_mistakes(spec: Marked) -> None:
    fields = spec.fields()
    method = spec.field("budgetingMethod")
    if method.value != "Occurrences":
        method.refuse(
            f"expected Occurrences, got {method.shown}; time slices are not computed, "
            "because agents' events are counted, not minutes"
        )
    if "timeWindows" in fields:
        fields["timeWindows"].refuse("expected timeWindow: [{duration: 30d, isRolling: true}]")
    policies = spec.optional("alertPolicies")
    if policies is not None and policies.items():
        policies.refuse(
            f"alert policies are not read; alerts come from window pairs, "
            f"see the annotation {PREFIX}windows"
        )


def _refuse_foreign_fields(goal: Marked) -> None:
    fields = goal.fields()
    if "operator" in fields:
        fields["operator"].refuse("expected the field op, as in op: lte")
    for name in ("timeSliceTarget", "timeSliceWindow"):
        if name in fields:
            fields[name].refuse("belongs to Timeslices, which are not computed; remove it")
    for name in ("indicator", "indicatorRef", "compositeWeight"):
        if name in fields:
            fields[name].refuse("composite objectives are not computed; write one SLO for each")


def _only(entry: Marked, what: str) -> Marked:
    if isinstance(entry.value, dict):
        entry.refuse(f"expected a list with one {what}, got a mapping: put `- ` before it")
    items = entry.items()
    if len(items) != 1:
        entry.refuse(f"expected exactly one {what}, got {len(items)}; write one SLO for each")
    return items[0]


def _target(goal: Marked) -> float:
    share, percent = goal.optional("target"), goal.optional("targetPercent")
    if (share is None) == (percent is None):
        goal.refuse("expected exactly one of target (0.995) and targetPercent (99.5)")
    if share is not None:
        return _share(share)
    assert percent is not None
    number = percent.number()
    if not 0 < number <= 100:
        percent.refuse(f"a target lies above 0 and at most at 100 percent, got {number}")
    return float(Decimal(repr(number)) / 100)


def _share(entry: Marked) -> float:
    number = entry.number()
    if 1 < number <= 100:
        share = Decimal(repr(number)) / 100
        entry.refuse(
            f"a target is a share: write target: {share.normalize():f} or targetPercent: {number}"
        )
    if not 0 < number <= 1:
        entry.refuse(f"a target lies above 0 and at most at 1, got {number}")
    return float(number)


def _window(entry: Marked) -> RollingWindow | CalendarWindow:
    duration, rolling = entry.field("duration"), entry.field("isRolling")
    if not isinstance(rolling.value, bool):
        rolling.refuse(f"expected true or false, got {rolling.shown}")
    try:
        length = Duration.parse(duration.text())
    except ValueError as error:
        duration.refuse(str(error))
    if rolling.value:
        return _rolling(entry, duration, length)
    return _calendar(entry.field("calendar"), length)


def _rolling(entry: Marked, duration: Marked, length: Duration) -> RollingWindow:
    calendar = entry.optional("calendar")
    if calendar is not None:
        calendar.refuse("belongs to isRolling: false; remove one of the two")
    if length.length is None:
        days = length.months * 30
        duration.refuse(f"a rolling window has a fixed length: write {days}d instead of {length}")
    if not _SHORTEST <= length.length <= _LONGEST:
        hint = (
            f"; m is minutes, for months write {length.count * 30}d" if length.unit == "m" else ""
        )
        duration.refuse(f"expected 1d to 366d, got {length}{hint}")
    return RollingWindow(length.length)


def _calendar(entry: Marked, step: Duration) -> CalendarWindow:
    start, zone = entry.field("startTime"), entry.field("timeZone")
    try:
        return CalendarWindow(_start(start), ZoneInfo(zone.text()), step)
    except (ZoneInfoNotFoundError, OSError):
        zone.refuse(f"expected an IANA time zone such as Europe/Berlin, got {zone.shown}")
    except ValueError as error:
        entry.refuse(str(error))


def _start(entry: Marked) -> datetime:
    if isinstance(entry.value, datetime):
        return entry.value
    try:
        return datetime.strptime(entry.text(), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        entry.refuse(f'expected "YYYY-MM-DD HH:MM:SS", got {entry.shown}')


def _indicator_spec(spec: Marked, indicators: Mapping[str, Document]) -> Marked:
    inline, reference = spec.optional("indicator"), spec.optional("indicatorRef")
    if (inline is None) == (reference is None):
        spec.refuse("expected exactly one of indicator and indicatorRef")
    if inline is not None:
        return inline.field("spec")
    assert reference is not None
    found = indicators.get(reference.text())
    if found is None:
        reference.refuse(f"no SLI named {reference.text()!r} in the directory of objectives")
    return found.body.field("spec")


def _indicator(spec: Marked, goal: Marked) -> Indicator:
    ratio, threshold = spec.optional("ratioMetric"), spec.optional("thresholdMetric")
    if (ratio is None) == (threshold is None):
        spec.refuse("expected exactly one of ratioMetric and thresholdMetric")
    if threshold is not None:
        return _threshold(threshold, goal)
    assert ratio is not None
    for name in ("op", "value"):
        entry = goal.optional(name)
        if entry is not None:
            entry.refuse("belongs to a thresholdMetric; a ratioMetric has only a target; remove it")
    return _ratio(ratio)


def _threshold(metric: Marked, goal: Marked) -> Indicator:
    source = _source(metric, frozenset({"signal", "field", "where"}))
    signal = _signal(source)
    if signal is EventSignal.DECISIONS:
        source.field("signal").refuse("a threshold needs runs or actions: decisions take no time")
    field = source.field("field")
    if field.value != "duration_ms":
        field.refuse(f"expected duration_ms, got {field.shown}")
    return Indicator(signal, _counted(source, signal), _limit(goal))


def _limit(goal: Marked) -> Limit:
    op, value = goal.field("op"), goal.field("value")
    if op.value not in ("lte", "lt"):
        op.refuse(f"expected lte or lt, because faster is better, got {op.shown}")
    if value.number() <= 0:
        value.refuse(f"expected milliseconds above 0, got {value.shown}")
    return Limit(float(value.number()), inclusive=op.value == "lte")


def _ratio(metric: Marked) -> Indicator:
    if "raw" in metric.fields():
        metric.field("raw").refuse("a raw ratio is not read; give total and one of good and bad")
    good, bad = metric.optional("good"), metric.optional("bad")
    if (good is None) == (bad is None):
        metric.refuse("expected total and exactly one of good and bad")
    marked = good or bad
    assert marked is not None
    total_source = _source(metric.field("total"), frozenset({"signal", "where"}))
    marked_source = _source(marked, frozenset({"signal", "where"}))
    signal = _signal(total_source)
    if _signal(marked_source) is not signal:
        marked_source.field("signal").refuse(f"expected {signal}, the signal of total")
    marked_source.field("where")
    ratio = Ratio(_selection(marked_source, signal), marks_bad=good is None)
    return Indicator(signal, _counted(total_source, signal), ratio)


def _source(metric: Marked, allowed: frozenset[str]) -> Marked:
    source = metric.field("metricSource")
    kind = source.field("type")
    if kind.value != "watchkeeper":
        kind.refuse(f"expected watchkeeper, the only source here, got {kind.shown}")
    spec = source.field("spec")
    spec.fields(allowed)
    return spec


def _signal(source: Marked) -> EventSignal:
    entry = source.field("signal")
    try:
        return EventSignal(entry.text())
    except ValueError:
        entry.refuse(f"expected {_listed(EventSignal)}, got {entry.shown}")


def _counted(source: Marked, signal: EventSignal) -> Selection:
    selection = _selection(source, signal)
    if signal is EventSignal.DECISIONS or selection.outcome is not None:
        return selection
    return replace(selection, outcome=_COUNTED_OUTCOMES)


def _selection(source: Marked, signal: EventSignal) -> Selection:
    where = source.optional("where")
    if where is None:
        return Selection()
    fields = where.fields(frozenset(_FIELDS[signal]))
    return Selection(**{name: _values(name, entry) for name, entry in fields.items()})


def _values(name: str, entry: Marked) -> tuple[str, ...]:
    values, words = entry.texts(), _WORDS.get(name)
    for value in values:
        if words is not None and value not in set(words):
            entry.refuse(f"expected {_listed(words)}, got {value!r}")
    return values


def _agents(metadata: Marked) -> tuple[str, ...]:
    labels = metadata.optional("labels")
    agent = None if labels is None else labels.optional("agent")
    return (EVERY_AGENT,) if agent is None else agent.texts()


def _pairs(metadata: Marked, window: RollingWindow | CalendarWindow) -> tuple[WindowPair, ...]:
    """The window pairs of the annotation, else the standard ones that fit into the period."""
    entry = _annotations(metadata).get("windows")
    shortest = window.length if isinstance(window, RollingWindow) else _shortest_step(window)
    if entry is None:
        return tuple(pair for pair in standard().pairs if pair.long.length <= shortest)
    try:
        pairs = parse_pairs(entry.text())
    except ValueError as error:
        entry.refuse(str(error))
    if any(pair.long.length > shortest for pair in pairs):
        entry.refuse("a burn window may not be longer than the period of the objective")
    return pairs


def _shortest_step(window: CalendarWindow) -> timedelta:
    return window.step.length or timedelta(days=28 * window.step.months)


def _guard(metadata: Marked) -> Guard:
    annotations = _annotations(metadata)
    guard = standard().guard
    return replace(
        guard,
        minimum_events=_minimum(annotations.get("minimum-events"), guard.minimum_events),
        minimum_bad_events=_minimum(
            annotations.get("minimum-bad-events"), guard.minimum_bad_events
        ),
    )


def _minimum(entry: Marked | None, otherwise: int) -> int:
    if entry is None:
        return otherwise
    text = str(entry.value)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1_000_000:
        entry.refuse(f'expected a whole number such as "20", got {entry.shown}')
    return int(text)


def _annotations(metadata: Marked) -> dict[str, Marked]:
    """Our own annotations without their prefix; those of others are none of our business."""
    entry = metadata.optional("annotations")
    if entry is None:
        return {}
    ours = {
        name.removeprefix(PREFIX): value
        for name, value in entry.fields().items()
        if name.startswith(PREFIX)
    }
    for name, value in ours.items():
        if name not in _ANNOTATIONS:
            value.refuse(f"expected {PREFIX} and one of {', '.join(sorted(_ANNOTATIONS))}")
    return ours


def _listed(words: type[StrEnum]) -> str:
    *most, last = [word.value for word in words]
    return f"{', '.join(most)} or {last}"
