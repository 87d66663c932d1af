"""The order and place of every span of a trace on the page.

A trace may be incomplete or its clocks wrong: a span whose parent is missing
becomes a root and is counted, times are shown as they were told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from dashboard import words
from dashboard.doors import Json

MOST_ROWS = 300
DEEPEST = 12
# A label starts with a zero-width space, or Vega trims the indent after it.
INDENT = "\u200b" + "\u00a0" * 3
# The words of `op` in docs/query-api.md; any other is drawn as "other".
KIND_OF_OP = {
    "agent": "muted",
    "workflow": "muted",
    "task": "muted",
    "chain": "muted",
    "delegation": "muted",
    "model": "accent",
    "embedding": "accent",
    "tool": "ok",
    "retrieval": "ok",
    "memory": "ok",
    "guardrail": "violet",
    "policy": "violet",
    "evaluator": "violet",
}
# Share of the picture's width kept free on the right for the words beside the longest bar.
ROOM = 0.17
LOUD = {"denied": "crit", "error": "warn"}


@dataclass(frozen=True)
class Waterfall:
    """Rows ready to draw, and what a reader must know about them."""

    rows: pl.DataFrame
    total: int
    orphans: int

    @property
    def hidden(self) -> int:
        drawn: int = self.rows.height
        return self.total - drawn


def laid_out(spans: pl.DataFrame, decisions: pl.DataFrame) -> Waterfall:
    """Depth-first by start; at most MOST_ROWS rows, of which denied and failed ones are kept."""
    told = spans.sort("start_ns", "span_id").to_dicts()
    known = {span["span_id"] for span in told}
    orphans = [s for s in told if s["parent_span_id"] and s["parent_span_id"] not in known]
    ordered = list(in_tree_order(told, known))
    verdicts = {d["span_id"]: d for d in decisions.to_dicts()} if decisions.height else {}
    begin = min((span["start_ns"] for span in told), default=0)
    end_ms = max((_end_ms(span, begin) for span in told), default=0.0)
    critical = critical_path(told)
    rows = [
        row(place, span, depth, begin, end_ms, verdicts.get(span["span_id"]))
        | {"critical": span["span_id"] in critical}
        for place, (span, depth) in enumerate(fitting(ordered))
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=ROW_TYPES)
    return Waterfall(frame, len(told), len(orphans))


def in_tree_order(spans: list[Json], known: set[str]) -> Iterable[tuple[Json, int]]:
    """Every span once, parents before children, with its depth; a cycle cannot hide one."""
    children: dict[str | None, list[Json]] = {}
    for span in spans:
        parent = span["parent_span_id"] if span["parent_span_id"] in known else None
        children.setdefault(parent, []).append(span)
    seen: set[str] = set()
    waiting = [(span, 0) for span in reversed(children.get(None, []))]
    left = iter(spans)
    while True:
        if not waiting:
            stray = next((span for span in left if span["span_id"] not in seen), None)
            if stray is None:
                return
            waiting = [(stray, 0)]
        span, depth = waiting.pop()
        if span["span_id"] in seen:
            continue
        seen.add(span["span_id"])
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span["span_id"], []))]


def critical_path(spans: list[Json]) -> set[str]:
    """The spans that decide when the trace ends: shorten any other and it ends no earlier.

    From the end of the longest root backwards: the child that ends last, then the child that
    ends last before that one began, each followed into its own children. A child that outlives
    its parent counts until its parent ends.
    """
    known = {span["span_id"] for span in spans}
    children: dict[str, list[Json]] = {}
    for span in spans:
        children.setdefault(span["parent_span_id"], []).append(span)
    roots = [span for span in spans if span["parent_span_id"] not in known]
    waiting = [max(roots, key=_length)] if roots else []
    path: set[str] = set()
    while waiting:
        span = waiting.pop()
        path.add(span["span_id"])
        waiting += _decisive(span, children.get(span["span_id"], []))
    return path


def _decisive(parent: Json, children: list[Json]) -> list[Json]:
    """The children that follow one another without overlap, latest end first."""
    begin, whole = parent["start_ns"], _length(parent)
    until, chosen = whole, []
    for child in sorted(children, key=lambda child: _end_ms(child, begin), reverse=True):
        starts = (child["start_ns"] - begin) / 1e6
        if min(_end_ms(child, begin), whole) <= until and starts < until:
            chosen.append(child)
            until = starts
    return chosen


def _length(span: Json) -> float:
    return float(span["duration_ms"] or 0)


def fitting(ordered: list[tuple[Json, int]]) -> list[tuple[Json, int]]:
    """The rows that fit: all loud ones first, then as many others from the top."""
    if len(ordered) <= MOST_ROWS:
        return ordered
    loud = [n for n, (span, _) in enumerate(ordered) if span["outcome"] in LOUD][:MOST_ROWS]
    quiet = [n for n in range(len(ordered)) if n not in set(loud)][: MOST_ROWS - len(loud)]
    return [ordered[n] for n in sorted(loud + quiet)]


def _end_ms(span: Json, begin: int) -> float:
    return float((span["start_ns"] - begin) / 1e6 + (span["duration_ms"] or 0))


ROW_TYPES = {
    "decided_ms": pl.Float64,
    "decided": pl.String,
    "decided_role": pl.String,
    "loud_role": pl.String,
    "agent": pl.String,
}


def row(
    place: int, span: Json, depth: int, begin: int, last_ms: float, decision: Json | None
) -> Json:
    """One line of the waterfall."""
    start_ms = (span["start_ns"] - begin) / 1e6
    end_ms = _end_ms(span, begin)
    loud = span["outcome"] in LOUD
    took = words.milliseconds(span["duration_ms"])
    outcome = f" · {words.OUTCOMES[span['outcome']].lower()}" if loud else ""
    return {
        "row": place,
        "span_id": span["span_id"],
        "name": span["name"],
        "agent": span["agent"],
        "label": INDENT * min(depth, DEEPEST) + shortened(span["name"], 40 - 3 * min(depth, 6)),
        "start_ms": start_ms,
        "end_ms": max(end_ms, start_ms + last_ms / 400),
        "kind_role": KIND_OF_OP.get(span["op"] or "", "accent2"),
        "stripe_role": "faint" if place % 2 else "surface",
        "loud": loud,
        "loud_role": LOUD.get(span["outcome"]),
        "words": took + outcome,
        "words_role": "crit" if span["outcome"] == "denied" else "ink",
        "starts": words.milliseconds(start_ms),
        "room_ms": last_ms / (1 - ROOM),
        "decided_ms": start_ms if decision else None,
        "decided": told_decision(decision) if decision else None,
        "decided_role": "crit" if decision and decision["verdict"] == "deny" else "violet",
    }


def told_decision(decision: Json) -> str:
    rule = decision["rule"] or decision["reason_code"] or decision["policy"] or "no rule told"
    return f"{words.VERDICTS.get(decision['verdict'], decision['verdict'])} by {rule}"


def shortened(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
