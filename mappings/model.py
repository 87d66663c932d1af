"""The words of a mapping, and the one rule that turns evidence into a finding.

A provision is decided by telemetry, by people, or by both. Nothing unmeasured
is ever satisfied, and telemetry alone never satisfies what people must state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never


class EvidenceMode(StrEnum):
    """Who can decide a provision."""

    TELEMETRY = "telemetry"
    HYBRID = "hybrid"
    ATTESTED = "attested"
    REFERENCE = "reference"


class Determination(StrEnum):
    """What we can say about a provision; never that anybody complies."""

    SATISFIED = "satisfied"
    PARTIAL = "partial"
    NOT_SATISFIED = "not_satisfied"
    NOT_APPLICABLE = "not_applicable"
    NO_EVIDENCE = "no_evidence"
    ATTESTED = "attested"


@dataclass(frozen=True)
class Requirement:
    """One provision, in our own words, with what telemetry can and cannot show of it."""

    id: str
    ref: str
    title: str
    paraphrase: str
    roles: tuple[str, ...]
    applies_from: date
    mode: EvidenceMode
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    events: tuple[str, ...]
    source: str

    @property
    def article(self) -> str:
        """`12` for `aia-12.2.a`: the article that the provision belongs to."""
        return self.id.partition("-")[2].partition(".")[0]


@dataclass(frozen=True)
class Framework:
    """A catalogue of provisions with its edition."""

    id: str
    title: str
    verified_on: date
    requirements: tuple[Requirement, ...]
    wrong_references: tuple[str, ...]

    def articles(self, wanted: frozenset[str]) -> tuple[Requirement, ...]:
        return tuple(r for r in self.requirements if r.article in wanted)


@dataclass(frozen=True)
class EvidenceQuery:
    """One SQL question about one period: how many cases, and how many break the rule."""

    id: str
    title: str
    population: str
    exception: str
    sql: str
    sha256: str


@dataclass(frozen=True)
class Control:
    """Which query evidences which provision, and from what share of exceptions it fails."""

    requirement: str
    evidence: str
    allowed_exceptions: float
    minimum_population: int
    rationale: str
    author: str
    decided_on: date

    def __post_init__(self) -> None:
        if not 0 <= self.allowed_exceptions < 1:
            raise ValueError(
                f"{self.requirement}: allowed_exceptions is a share from 0 up to but not "
                f"including 1, got {self.allowed_exceptions}"
            )
        if self.minimum_population < 1:
            raise ValueError(
                f"{self.requirement}: minimum_population is at least 1, so that an empty set "
                f"never satisfies; got {self.minimum_population}"
            )


@dataclass(frozen=True)
class Evidence:
    """The answer of one query: cases, exceptions, and the first few exceptions in words."""

    query: EvidenceQuery
    population: int
    exceptions: int
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        return self.exceptions / self.population if self.population else None


@dataclass(frozen=True)
class Finding:
    """What the evidence says about one provision, and why."""

    requirement: Requirement
    determination: Determination
    because: str
    evidence: tuple[tuple[Control, Evidence], ...] = ()


def find(requirement: Requirement, evidence: tuple[tuple[Control, Evidence], ...]) -> Finding:
    """The finding for one provision.

    Rules, first that applies: people decide an attested provision; without a
    query, or with fewer cases than the minimum, there is no evidence; too many
    exceptions do not satisfy; a hybrid provision stays partial until a named
    person has made the statement that telemetry cannot make.
    """
    determination, because = _determine(requirement.mode, evidence)
    return Finding(requirement, determination, because, evidence)


def _determine(
    mode: EvidenceMode, evidence: tuple[tuple[Control, Evidence], ...]
) -> tuple[Determination, str]:
    match mode:
        case EvidenceMode.ATTESTED:
            return Determination.NO_EVIDENCE, "only a named person can state this; nobody has"
        case EvidenceMode.REFERENCE:
            return Determination.NO_EVIDENCE, "listed for context; never scored"
        case EvidenceMode.TELEMETRY | EvidenceMode.HYBRID:
            return _measured(mode, evidence)
    assert_never(mode)


def _measured(
    mode: EvidenceMode, evidence: tuple[tuple[Control, Evidence], ...]
) -> tuple[Determination, str]:
    if not evidence:
        return Determination.NO_EVIDENCE, "no query evidences this provision yet"
    for control, answer in evidence:
        if answer.population < control.minimum_population:
            return Determination.NO_EVIDENCE, (
                f"too few cases: {answer.population:,} {answer.query.population}, "
                f"at least {control.minimum_population:,} needed"
            )
    for control, answer in evidence:
        if answer.exceptions > control.allowed_exceptions * answer.population:
            return Determination.NOT_SATISFIED, _told(answer)
    if mode is EvidenceMode.HYBRID:
        told = "; ".join(_told(answer) for _, answer in evidence)
        return Determination.PARTIAL, f"{told}; the statement of a named person is missing"
    return Determination.SATISFIED, "; ".join(_told(answer) for _, answer in evidence)


def _told(answer: Evidence) -> str:
    return (
        f"{answer.exceptions:,} of {answer.population:,} {answer.query.population} "
        f"{answer.query.exception}"
    )
