"""Facts to pages: HTML by Jinja2, PDF/A-3 by WeasyPrint.

Telemetry is untrusted text: everything is escaped, nothing is fetched.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NoReturn

import jinja2
import weasyprint
from weasyprint.urls import URLFetcher

from mappings.model import Determination, Evidence, Finding
from reports.facts import Facts

WORDS = {
    Determination.SATISFIED: "Satisfied by telemetry",
    Determination.PARTIAL: "Partial",
    Determination.NOT_SATISFIED: "Not satisfied",
    Determination.NOT_APPLICABLE: "Not applicable",
    Determination.NO_EVIDENCE: "No evidence",
    Determination.ATTESTED: "Attested",
}
UNKNOWN = "–"
NOT_MEASURED = "not measured"
# Control characters but tab and line break, and what turns the direction of writing around.
_HIDING = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ufffe\\uffff]"
)
# Rows of one printed table; evidence.json has them all.
MOST_ROWS = 200


def html(facts: Facts) -> str:
    """The whole report as one HTML document."""
    template = _environment().get_template("report.html")
    return template.render(
        facts=facts,
        css=_text("report.css"),
        counts=Counter(finding.determination for finding in facts.findings),
        words=WORDS,
        determinations=list(Determination),
        most_rows=MOST_ROWS,
        by_article=_by_article(facts.findings),
        queries=_queries(facts.findings),
        worst=_worst(facts.findings),
    )


def pdf(facts: Facts) -> tuple[bytes, int]:
    """The unsigned PDF/A-3a with the evidence attached, and its number of pages."""
    source = weasyprint.HTML(string=html(facts), url_fetcher=_NothingIsFetched())
    document = source.render(font_config=None)
    document.metadata.attachments = [_attachment(facts)]
    return document.write_pdf(pdf_variant="pdf/a-3a", custom_metadata=True), len(document.pages)


def _attachment(facts: Facts) -> weasyprint.Attachment:
    return weasyprint.Attachment(
        string=facts.evidence_json(),
        name="evidence.json",
        description="Populations, exceptions and query hashes behind every finding",
        relationship="Data",
        created=facts.made_at,
        modified=facts.made_at,
    )


class _NothingIsFetched(URLFetcher):  # type: ignore[misc]  # untyped library
    """A report is made without the network and without the file system."""

    def fetch(self, url: str, headers: Any = None) -> NoReturn:
        raise ValueError(f"a report fetches nothing, and was asked for {url[:80]}")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    environment.filters |= {
        "when": when,
        "share": share,
        "count": count,
        "measured": measured,
        "lag": lag,
        "burn": burn,
        "seconds_after": seconds_after,
        "word": word,
    }
    return environment


def _text(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def _by_article(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.requirement.article, []).append(finding)
    return grouped


def _queries(findings: tuple[Finding, ...]) -> list[Evidence]:
    found = {answer.query.id: answer for finding in findings for _, answer in finding.evidence}
    return [found[name] for name in sorted(found)]


def _worst(findings: tuple[Finding, ...]) -> list[Finding]:
    """The three findings with the most exceptions, those not satisfied first."""
    failed = [f for f in findings if f.determination is Determination.NOT_SATISFIED]
    return sorted(failed, key=lambda f: -max(answer.exceptions for _, answer in f.evidence))[:3]


def visible(value: object) -> object:
    """Text in which every character that would hide or reorder others is named: a⟨U+202E⟩b."""
    return (
        _HIDING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)
        if type(value) is str
        else value
    )


def when(moment: datetime | None) -> str:
    """A time in UTC to the second; the zone is named once per table."""
    if moment is None:
        return UNKNOWN
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def share(value: float | None) -> str:
    """A share as per cent with the digits that matter: 99.5 %, -8 %."""
    return UNKNOWN if value is None else f"{value * 100:.4g} %"


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def measured(value: int | None) -> str:
    """A count that may never have been taken, which is not the same as none."""
    return NOT_MEASURED if value is None else f"{value:,}"


def lag(milliseconds: float | None) -> str:
    """A time in seconds that may lie below zero: `-90.4 s`."""
    return NOT_MEASURED if milliseconds is None else f"{milliseconds / 1000:,.4g} s"


def burn(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g}×"


def seconds_after(later: datetime | None, earlier: datetime | None) -> str:
    """How long after one moment another came: `+0.31 s`."""
    if later is None or earlier is None:
        return UNKNOWN
    return f"+{(later - earlier).total_seconds():.2f} s"


def word(value: object) -> str:
    """An identifier such as at_risk as a person writes it; unknown stays unknown."""
    return UNKNOWN if value is None else str(value).replace("_", " ")
