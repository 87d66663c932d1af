"""What a report says, as HTML that is read in the diff and as a PDF that others open."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from pathlib import Path

import pypdf
from report_cast import NOON, command_row, fleet_row, make_facts

from reports import render
from reports.facts import Facts

GOLDEN = Path(__file__).parent / "golden" / "report.html"


def test_the_report_of_the_cast_reads_as_it_did_before(facts: Facts) -> None:
    """Set UPDATE_GOLDEN=1 to write it anew, then read the diff."""
    page = render.html(facts)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(page, encoding="utf-8")

    assert page == GOLDEN.read_text(encoding="utf-8")


def test_a_report_never_calls_anybody_compliant(facts: Facts) -> None:
    page = render.html(facts).lower()

    assert "compliant" not in page


def test_an_unknown_number_is_a_dash_and_never_a_zero(facts: Facts) -> None:
    text = _text(facts)

    assert "12 of 1,000 – – burning" in text


def test_what_was_never_counted_is_not_measured_and_never_a_zero(facts: Facts) -> None:
    text = _text(facts)

    assert "otlp-grpc traces 2 not measured 1 0 -90.4 s ahead" in text


def test_a_number_that_never_came_is_in_the_report(facts: Facts) -> None:
    assert "clerk clerk-1 7 8 2" in _text(facts)


def test_an_agent_that_names_itself_like_markup_is_printed_not_obeyed() -> None:
    hostile = make_facts(fleet=(fleet_row("<script>alert(1)</script>", "healthy"),))

    page = render.html(hostile)

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_agent_named_like_an_image_makes_no_request() -> None:
    hostile = make_facts(fleet=(fleet_row('"><img src="http://192.0.2.1/x">', "healthy"),))

    document, pages = render.pdf(hostile)

    assert pages > 5 and document.startswith(b"%PDF")


def test_sample_data_is_marked_on_every_page_after_the_cover() -> None:
    sample = make_facts(fleet=(fleet_row("gateway", "healthy", sample=True),))

    document, _ = render.pdf(sample)

    pages = pypdf.PdfReader(io.BytesIO(document)).pages
    assert all("SAMPLE DATA" in page.extract_text() for page in pages)


def test_real_data_carries_no_sample_mark(facts: Facts) -> None:
    assert "SAMPLE DATA" not in _text(facts)


def test_a_contradicted_stop_is_said_loudly() -> None:
    later = NOON - timedelta(hours=1)
    lying = make_facts(commands=(command_row(contradicted_at=later, actions_after_ack=7),))

    assert "contradicted: 7 actions after the acknowledgement" in _text(lying)


def test_a_period_without_anything_still_makes_a_report() -> None:
    empty = make_facts(fleet=(), objectives=(), verdicts=(), reasons=(), commands=(), sources=())

    text = _text(empty)

    assert "No agent reported in this period." in text
    assert "nothing was promised, so nothing was judged" in text


def test_the_same_facts_give_the_same_report_name() -> None:
    assert make_facts().report_id == make_facts().report_id
    assert make_facts().report_id != make_facts(commands=()).report_id


def test_the_evidence_is_inside_the_file(facts: Facts) -> None:
    document, _ = render.pdf(facts)

    attached = pypdf.PdfReader(io.BytesIO(document)).attachments
    assert attached["evidence.json"] == [facts.evidence_json()]


def _text(facts: Facts) -> str:
    document, _ = render.pdf(facts)
    pages = pypdf.PdfReader(io.BytesIO(document)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


HOSTILE = (
    "W" * 256,
    "\u202egnp.eliforp",
    "שלום العربية",
    "👩‍💻🚨",
    "a\x00b\x07\x1b[31m",
    "\ufffe\ud7ff",
    "{{ 7*7 }}",
)


def test_whatever_agents_call_themselves_the_report_is_made() -> None:
    hostile = make_facts(
        fleet=tuple(fleet_row(name, "healthy") for name in HOSTILE),
        commands=tuple(command_row(agent=name, reason=name * 4) for name in HOSTILE),
    )

    page = render.html(hostile)
    document, _ = render.pdf(hostile)

    assert document.startswith(b"%PDF")
    assert "שלום العربية" in page
    assert "{{ 7*7 }}" in page
    assert "⟨U+202E⟩gnp.eliforp" in page and "\u202e" not in page
    assert "a⟨U+0000⟩b⟨U+0007⟩⟨U+001B⟩[31m" in page


def test_thousands_of_rows_are_cut_and_counted_and_kept_as_evidence() -> None:
    many = make_facts(
        fleet=tuple(fleet_row(f"clerk-{n}", "healthy") for n in range(5000)),
        commands=tuple(command_row(agent=f"rogue-{n}") for n in range(5000)),
    )

    document, pages = render.pdf(many)

    text = " ".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(document)).pages)
    assert pages < 60
    assert text.count("And 4,800 more") == 2
    assert b"rogue-4999" in many.evidence_json() and b"clerk-4999" in many.evidence_json()


def test_a_report_of_a_period_that_is_not_over_says_so() -> None:
    early = make_facts(made_at=NOON - timedelta(hours=1))

    assert "The period had not ended when this report was made." in _text(early)
    assert "had not ended" not in _text(make_facts())
