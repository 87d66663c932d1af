"""OpenSLO documents: what is read, and what is refused with which words on which line."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slo.marked import Refusal
from collector.slo.objective import (
    CalendarWindow,
    Limit,
    Objective,
    Ratio,
    RollingWindow,
    Selection,
)
from collector.slo.openslo import objective_from, read_file

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/objectives.md").read_text(), re.DOTALL)
RATIO, THRESHOLD, REFERENCE = EXAMPLES
FILES = sorted((ROOT / "sample_data/objectives").glob("*.yaml"))


def objectives(text: str) -> list[Objective]:
    documents = read_file(text)
    indicators = {each.name: each for each in documents if each.kind == "SLI"}
    return [objective_from(each, indicators) for each in documents if each.kind == "SLO"]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_documentation_is_an_objective(text: str) -> None:
    assert len(objectives(text)) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_sample_objective_is_read_and_named_like_its_file(path: Path) -> None:
    (objective,) = objectives(path.read_text())

    assert objective.name == path.stem
    assert objective.covers("gateway")


def test_a_ratio_counts_only_what_ended_on_its_own() -> None:
    (objective,) = objectives(RATIO)

    assert objective.target == 0.95
    assert objective.window == RollingWindow(timedelta(days=30))
    assert objective.indicator.counted.outcome == ("ok", "error")
    assert objective.indicator.good_when == Ratio(Selection(outcome=("ok",)), marks_bad=False)
    assert objective.indicator.describe() == "runs with outcome ok"


def test_an_outcome_that_is_named_is_counted() -> None:
    (objective,) = objectives(
        RATIO.replace("{signal: runs}", "{signal: runs, where: {outcome: [ok, error, denied]}}")
    )

    assert objective.indicator.counted.outcome == ("ok", "error", "denied")


def test_a_threshold_has_a_limit_windows_minimums_and_a_calendar() -> None:
    (objective,) = objectives(THRESHOLD)

    assert objective.indicator.good_when == Limit(1500.0, inclusive=True)
    assert objective.indicator.counted.name == ("search", "lookup")
    assert objective.target == 0.99
    assert isinstance(objective.window, CalendarWindow)
    assert [pair.long.label for pair in objective.pairs] == ["1h", "1d"]
    assert (objective.guard.minimum_events, objective.guard.minimum_bad_events) == (20, 3)
    assert objective.covers("gateway")
    assert not objective.covers("clerk")


def test_an_indicator_may_be_a_document_of_its_own() -> None:
    (objective,) = objectives(REFERENCE)

    assert objective.indicator.describe() == "decisions without verdict deny"
    assert objective.agents == ("clerk", "rogue")


def test_pairs_longer_than_the_period_are_left_out() -> None:
    (objective,) = objectives(RATIO.replace("30d", "1d"))

    assert [pair.long.label for pair in objective.pairs] == ["1h", "6h", "1d"]


def test_a_service_is_passed_over() -> None:
    assert read_file("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: agents}\n") == ()


@pytest.mark.parametrize(
    ("text", "old", "new", "below", "words"),
    [
        (RATIO, "target: 0.95", "target: 99.9", 0, "write target: 0.999 or targetPercent: 99.9"),
        (RATIO, "target: 0.95", "targetPercent: 0", 0, "above 0 and at most at 100"),
        (RATIO, "target: 0.95", "target: 0", 0, "above 0 and at most at 1"),
        (RATIO, "target: 0.95", "target: '0.95'", 0, "expected a number, got '0.95'"),
        (RATIO, "target: 0.95", "displayName: none", 0, "exactly one of target"),
        (RATIO, "target: 0.95", "target: 0.9\n      target: 0.8", 1, "given twice"),
        (RATIO, "target: 0.95", "{target: 0.9, op: lte}", 0, "belongs to a thresholdMetric"),
        (THRESHOLD, "op: lte", "operator: lte", 0, "expected the field op"),
        (THRESHOLD, "op: lte", "op: gte", 0, "expected lte or lt"),
        (THRESHOLD, "field: duration_ms", "field: cost_usd", 0, "expected duration_ms"),
        (THRESHOLD, "kind: tool", "kind: gadget", 0, "expected model, tool, retrieval"),
        (THRESHOLD, "kind: tool", "verdict: deny", 0, "not a known field"),
        (THRESHOLD, "Europe/Berlin", "Mars/Olympus", 0, "IANA time zone"),
        (THRESHOLD, "2026-01-01 00", "2026-01-31 00", 0, "day 1 to 28"),
        (THRESHOLD, '"20"', "many", 0, "whole number"),
        (THRESHOLD, "page 1h/5m 14.4", "page hourly", 0, "window pair such as"),
        (THRESHOLD, "minimum-events", "minimum-evts", 0, "minimum-bad-events"),
        (RATIO, "30d", "1M", 0, "write 30d instead of 1M"),
        (RATIO, "30d", "1m", 0, "m is minutes, for months write 30d"),
        (RATIO, "30d", "month", 0, "a whole number and one of"),
        (RATIO, "[{duration: 30d, isRolling: true}]", "{duration: 30d}", 0, "put `- ` before"),
        (RATIO, "Occurrences", "Timeslices", 0, "time slices are not computed"),
        (RATIO, "name: task-success\n", "name: TaskSuccess\n", 0, "try 'task-success'"),
        (RATIO, "openslo/v1", "openslo/v1alpha", 0, "expected openslo/v1"),
        (RATIO, "kind: SLO", "kind: AlertPolicy", 0, "expected SLO, SLI or Service"),
        (RATIO, "type: watchkeeper", "type: prometheus", 0, "expected watchkeeper"),
        (RATIO, "{signal: runs}", "{signal: decisions}", -4, "the signal of total"),
        (RATIO, "{signal: runs}", "{signal: spans}", 0, "expected runs, actions or decisions"),
        (RATIO, "outcome: ok", "outcome: good", 0, "expected ok, error, denied or unknown"),
        (RATIO, "service: agents", "services: agents", -1, "the field service is missing"),
        (REFERENCE, "indicatorRef: denied-share", "indicatorRef: lost", 0, "no SLI named 'lost'"),
        (RATIO, "kind: SLO", "kind: [SLO", 1, "not YAML"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_a_way_out(
    text: str, old: str, new: str, below: int, words: str
) -> None:
    line = text[: text.index(old)].count("\n") + 1 + below

    with pytest.raises(Refusal) as refusal:
        objectives(text.replace(old, new, 1))

    assert words in refusal.value.reason
    assert refusal.value.line == line, refusal.value.reason


@pytest.mark.parametrize(
    "text",
    ["- 1", "just text", "{}", "a: *b", "a: !!python/object:os.system x", "\0", "a: [" * 5000],
)
def test_what_is_no_document_is_refused_and_not_raised(text: str) -> None:
    with pytest.raises(Refusal):
        objectives(text)


def test_aliases_that_multiply_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(Refusal, match="at most"):
        objectives("\n".join(lines))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        objectives(text)
    except Refusal as refusal:
        assert refusal.line >= 1
