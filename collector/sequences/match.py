"""Where a sequence happened among the actions of one conversation, agent, trace or instance.

1. Actions are ordered by when they began, then by their id, so the order of arrival is no matter.
2. Each action that fits the last step completes at most one match.
3. Backwards from it, every step is the latest action that fits and lies before the next one. No
   other choice is shorter, so when this one lasts too long, every one does.
4. An action that clears lies strictly between the first and the last.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from collector.sequences.rule import CLEARED, Rule

__all__ = ["Acted", "Match", "matches"]


class Acted(NamedTuple):
    """An action, and the numbers of the steps that it fits."""

    start_ns: int
    action_id: str
    fits: frozenset[int]


class Match(NamedTuple):
    """The actions of one sequence, in the order of the steps."""

    actions: tuple[Acted, ...]

    @property
    def completed(self) -> Acted:
        return self.actions[-1]


def matches(rule: Rule, actions: Iterable[Acted]) -> list[Match]:
    """Every match among the actions of one key of the rule's scope, by completion."""
    ordered = sorted(set(actions), key=_place)
    fitting = _fitting(ordered)
    last = len(rule.steps)
    found = (_ending_at(rule, ordered, fitting, end) for end in fitting.get(last, ()))
    return [match for match in found if match is not None]


def _place(action: Acted) -> tuple[int, str]:
    return action.start_ns, action.action_id


def _fitting(ordered: Sequence[Acted]) -> dict[int, list[int]]:
    """For each step the places of the actions that fit it, ascending."""
    fitting: dict[int, list[int]] = {}
    for at, action in enumerate(ordered):
        for step in action.fits:
            fitting.setdefault(step, []).append(at)
    return fitting


def _ending_at(
    rule: Rule,
    ordered: Sequence[Acted],
    fitting: dict[int, list[int]],
    end: int,
) -> Match | None:
    chain = list(_backwards(fitting, len(rule.steps), end))
    if len(chain) < len(rule.steps):
        return None
    first = chain[-1]
    lasted_us = (ordered[end].start_ns - ordered[first].start_ns) // 1000
    if lasted_us > rule.within.total_seconds() * 1_000_000 or _is_cleared(fitting, first, end):
        return None
    return Match(tuple(ordered[at] for at in reversed(chain)))


def _backwards(fitting: dict[int, list[int]], last: int, end: int) -> Iterator[int]:
    """The places of the steps from the last to the first, as far as there are any."""
    yield end
    at = end
    for step in range(last - 1, 0, -1):
        candidates = fitting.get(step, [])
        before = bisect_left(candidates, at)
        if not before:
            return
        at = candidates[before - 1]
        yield at


def _is_cleared(fitting: dict[int, list[int]], first: int, end: int) -> bool:
    clearing = fitting.get(CLEARED, [])
    return bisect_right(clearing, first) < bisect_left(clearing, end)
