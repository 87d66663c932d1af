"""The questions about coverage: what nobody decided about, and what became of what somebody did."""

from __future__ import annotations

from collector.model import ActionKind, Certainty, MatchedBy
from collector.newest import newest_ungoverned
from collector.queries import ANY_AGENT, LIMIT, SINCE, UNTIL, Kind, Parameter, Queries, Question

__all__ = ["register_coverage"]


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BY = Parameter("by", required=False, default="agent", choices=("agent", "framework", "tool"))
_KIND = Parameter("kind", required=False, choices=(ActionKind.TOOL, ActionKind.MODEL))
_CERTAINTY = Parameter("certainty", required=False, choices=tuple(Certainty))
_BEFORE_NS = Parameter("before_ns", Kind.INTEGER, required=False)
_QUESTIONS = (
    Question(
        "coverage",
        (SINCE, UNTIL, ANY_AGENT, _BY),
        _columns(
            "agent framework kind name actions measured governed monitored ungoverned coverage "
            f"{' '.join(f'by_{how}' for how in MatchedBy)} sample"
        ),
        "queries/coverage",
    ),
    Question(
        "ungoverned",
        (SINCE, UNTIL, ANY_AGENT, _KIND, _BEFORE_NS, LIMIT),
        _columns(
            "action_id trace_id span_id agent framework environment sample kind name "
            "started_at start_ns duration_ms outcome"
        ),
        newest_ungoverned,
    ),
    Question(
        "bypasses",
        (SINCE, UNTIL, ANY_AGENT, _CERTAINTY, _BEFORE_NS, LIMIT),
        _columns(
            "bypass certainty reason agent instance framework environment sample kind name "
            "started_at start_ns duration_ms trace_id span_id decision_id matched_by "
            "verdict effect decided_at policy rule hold_id command_id acked_at"
        ),
        "queries/bypasses",
    ),
    Question(
        "outcomes",
        (SINCE, UNTIL, ANY_AGENT),
        _columns(
            "agent policy rule allowed ok error later_denied never_executed open unknown "
            "not_traced p50_ms p95_ms input_tokens output_tokens cost_usd sample"
        ),
        "queries/outcomes",
    ),
)


def register_coverage(queries: Queries) -> None:
    """Add the questions about coverage to those that are known."""
    for question in _QUESTIONS:
        queries.register(question)
