"""What the fake collector answers, a file for each page: a function for each question."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from fake_answers import (
    audit,
    commands,
    costs,
    coverage,
    decisions,
    events,
    evidence,
    fleet,
    inventory,
    objectives,
    sequences,
    traces,
)
from fake_answers.common import Fleet, Parameters

QUERIES: dict[str, Callable[[Fleet, Parameters], pl.DataFrame]] = {
    answer.__name__: answer
    for page in (
        audit,
        fleet,
        objectives,
        traces,
        decisions,
        events,
        coverage,
        sequences,
        commands,
        evidence,
        costs,
        inventory,
    )
    for answer in page.ANSWERS
}
