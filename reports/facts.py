"""Everything a report says, asked for once and then fixed.

The same facts always give the same pages, so that a report can be made again.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pyarrow as pa

from mappings import load
from mappings.model import Control, Evidence, EvidenceQuery, Finding, Framework, find
from reports.errors import NoAnswer

# What the query API answers at most; more than this many in all need shorter records.
MOST_COMMANDS = 10_000
MOST_SENDERS = 1_000
MOST_GAPS = 100

Row = dict[str, Any]
Progress = Callable[[float, str], None]

# The articles of the first edition: record-keeping, oversight, robustness, retention, use.
ARTICLES = {"eu-ai-act": frozenset({"12", "14", "15", "19", "26"})}


@dataclass(frozen=True)
class Period:
    """since <= t < until, both in UTC."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("a period needs times with a zone, such as 2026-01-15T12:00:00Z")
        if self.since >= self.until:
            raise ValueError(f"a period ends after it begins, got {self.since} to {self.until}")


@dataclass(frozen=True)
class Facts:
    """What was known of one period when the report was made."""

    period: Period
    made_at: datetime
    version: str
    framework: Framework
    fleet: tuple[Row, ...]
    objectives: tuple[Row, ...]
    verdicts: tuple[Row, ...]
    reasons: tuple[Row, ...]
    commands: tuple[Row, ...]
    sources: tuple[Row, ...]
    senders: tuple[Row, ...]
    gaps: tuple[Row, ...]
    refused: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def sample(self) -> bool:
        """Whether any of it is sample data, which every page must then say."""
        return any(row.get("sample") for row in (*self.fleet, *self.commands))

    @property
    def report_id(self) -> str:
        """A name that follows from the facts: the same evidence has the same name."""
        return hashlib.sha256(self.evidence_json()).hexdigest()[:12]

    def evidence_json(self) -> bytes:
        """The evidence behind every finding, as attached to the PDF."""
        document = {
            "framework": self.framework.id,
            "since": self.period.since.isoformat(),
            "until": self.period.until.isoformat(),
            "findings": [_finding_json(finding) for finding in self.findings],
            "agents": list(self.fleet),
            "objectives": list(self.objectives),
            "commands": list(self.commands),
            "decisions": list(self.verdicts),
            "sources": list(self.sources),
            "senders": list(self.senders),
            "sequence_gaps": list(self.gaps),
            "refused": list(self.refused),
        }
        return json.dumps(document, default=str, indent=1, sort_keys=True).encode()


def _finding_json(finding: Finding) -> Row:
    return {
        "requirement": finding.requirement.id,
        "determination": finding.determination.value,
        "because": finding.because,
        "evidence": [
            {
                "query": answer.query.id,
                "query_sha256": answer.query.sha256,
                "population": answer.population,
                "exceptions": answer.exceptions,
                "examples": list(answer.examples),
                "allowed_exceptions": control.allowed_exceptions,
                "minimum_population": control.minimum_population,
            }
            for control, answer in finding.evidence
        ],
    }


class Collector:
    """The query API, seen from a report."""

    def __init__(self, url: str, period: Period) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._period = {"since": period.since.isoformat(), "until": period.until.isoformat()}

    def rows(self, name: str, **parameters: Any) -> tuple[Row, ...]:
        """One frame of the query API as rows.

        Raises NoAnswer with the collector's own words.
        """
        try:
            answer = self._client.get(f"/v1/query/{name}", params=parameters)
        except httpx.TransportError as error:
            raise NoAnswer(
                f"the collector does not answer at {self._client.base_url}: "
                "start it with `watchkeeper up`, or name it with --api"
            ) from error
        if answer.is_error:
            raise NoAnswer(f"the collector refused {name!r}: {answer.text[:300]}")
        try:
            with pa.ipc.open_stream(io.BytesIO(answer.content)) as stream:
                return tuple(stream.read_all().to_pylist())
        except pa.ArrowInvalid as error:
            raise NoAnswer(
                f"the answer to {name!r} is not a table ({error}): is this the query API?"
            ) from error

    def during(self, name: str, **parameters: Any) -> tuple[Row, ...]:
        """A frame of the report's period."""
        return self.rows(name, **self._period, **parameters)

    def evidence(self, query: EvidenceQuery) -> Evidence:
        row = self.during(f"evidence_{query.id}")[0]
        return Evidence(
            query=query,
            population=row["population"],
            exceptions=row["exceptions"],
            examples=tuple(row.get("examples") or ()),
        )


def gather(
    url: str, period: Period, framework_id: str, made_at: datetime, version: str, tell: Progress
) -> Facts:
    """Ask the collector for everything that the report says."""
    if made_at <= period.since:
        raise ValueError(f"the period has not begun: it starts {period.since}, now is {made_at}")
    framework = load.framework(framework_id)
    collector = Collector(url, period)
    tell(0.1, "asking for agents, objectives and decisions")
    frames = {
        "fleet": collector.during("fleet"),
        "objectives": collector.rows("objectives"),
        "verdicts": _verdicts(collector.during("decisions_over_time")),
        "reasons": collector.during("decision_reasons")[:25],
        "commands": _during(collector.rows("command_proof", limit=MOST_COMMANDS), period),
        "sources": collector.during("sources"),
        "senders": _noticed(collector.during("senders", limit=MOST_SENDERS)),
        "gaps": collector.during("sequence_gaps", limit=MOST_GAPS),
        "refused": collector.during("refused_reasons"),
    }
    tell(0.3, "running the evidence queries")
    findings = _findings(framework, collector)
    return Facts(
        period=period,
        made_at=made_at,
        version=version,
        framework=framework,
        findings=findings,
        **frames,
    )


def _findings(framework: Framework, collector: Collector) -> tuple[Finding, ...]:
    answers: dict[str, Evidence] = {}
    controls: dict[str, list[Control]] = {}
    queries = load.evidence_queries()
    for control in load.controls(framework.id):
        controls.setdefault(control.requirement, []).append(control)
        if control.evidence not in answers:
            answers[control.evidence] = collector.evidence(queries[control.evidence])
    return tuple(
        find(
            requirement,
            tuple((c, answers[c.evidence]) for c in controls.get(requirement.id, ())),
        )
        for requirement in framework.articles(ARTICLES[framework.id])
    )


def _verdicts(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["verdict"]] = totals.get(row["verdict"], 0) + row["decisions"]
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return tuple({"verdict": verdict, "decisions": count} for verdict, count in ordered)


def _noticed(senders: tuple[Row, ...]) -> tuple[Row, ...]:
    """The senders of whom something speaks against a complete record."""
    return tuple(
        sender
        for sender in senders
        if sender["presence"] in ("silent", "gone")
        or sender["clock"] in ("ahead", "late")
        or any(sender[name] for name in ("gaps", "silences", "dropped"))
    )


def _during(rows: tuple[Row, ...], period: Period) -> tuple[Row, ...]:
    return tuple(
        row
        for row in rows
        if row["requested_at"] is not None and period.since <= row["requested_at"] < period.until
    )
