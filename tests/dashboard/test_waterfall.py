"""Every span once, parents first, whatever the trace looks like."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dashboard import waterfall

IDS = ["a", "b", "c", "d", "e"]
traces = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from([None, *IDS, "gone"]), st.integers(0, 99)),
    unique_by=lambda span: span[0],
    min_size=1,
)


def span(span_id: str, parent: str | None = None, start: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "parent_span_id": parent,
        "name": f"span {span_id}",
        "op": "tool",
        "agent": "clerk",
        "start_ns": start * 1_000_000,
        "duration_ms": 5.0,
        "outcome": "ok",
        **more,
    }


def laid(*spans: dict[str, Any]) -> waterfall.Waterfall:
    frame = pl.DataFrame(list(spans), schema_overrides={"parent_span_id": pl.String})
    return waterfall.laid_out(frame, pl.DataFrame())


def test_children_follow_their_parent_and_are_indented() -> None:
    rows = laid(span("b", "a", 2), span("a"), span("c", "a", 1)).rows

    assert rows["span_id"].to_list() == ["a", "c", "b"]
    assert rows["label"].to_list() == ["span a", *[waterfall.INDENT + f"span {n}" for n in "cb"]]


def test_a_span_whose_parent_is_missing_is_shown_and_counted() -> None:
    drawn = laid(span("a"), span("b", "gone"))

    assert drawn.orphans == 1
    assert drawn.rows.height == 2


def test_denied_spans_are_kept_when_not_all_fit() -> None:
    many = [span(f"s{n}", start=n) for n in range(400)]
    many.append(span("denied", start=401, outcome="denied"))

    drawn = laid(*many)

    assert drawn.rows.height == waterfall.MOST_ROWS
    assert drawn.hidden == 101
    assert "denied" in drawn.rows["span_id"].to_list()


def critical(*spans: dict[str, Any]) -> set[str]:
    return waterfall.critical_path(list(spans))


def test_of_two_children_at_the_same_time_the_later_end_is_critical() -> None:
    root = span("a", duration_ms=20.0)
    short, long = span("b", "a", 1, duration_ms=5.0), span("c", "a", 1, duration_ms=15.0)

    assert critical(root, short, long) == {"a", "c"}


def test_children_one_after_the_other_are_all_critical() -> None:
    root = span("a", duration_ms=20.0)

    assert critical(root, span("b", "a", 0), span("c", "a", 5)) == {"a", "b", "c"}


def test_a_child_that_outlives_its_parent_is_critical_to_its_end() -> None:
    assert critical(span("a", duration_ms=4.0), span("b", "a", 1)) == {"a", "b"}


@given(traces)
def test_every_critical_span_has_a_critical_parent(
    told: list[tuple[str, str | None, int]],
) -> None:
    spans = [span(name, parent, start) for name, parent, start in told]
    known = {each["span_id"] for each in spans}

    path = critical(*spans)

    for each in spans:
        if each["span_id"] in path and each["parent_span_id"] in known:
            assert each["parent_span_id"] in path


@given(traces)
def test_every_span_appears_exactly_once(told: list[tuple[str, str | None, int]]) -> None:
    drawn = laid(*[span(name, parent, start) for name, parent, start in told])

    assert sorted(drawn.rows["span_id"]) == sorted(name for name, _, _ in told)
