"""Evidence: is the record complete?"""

from __future__ import annotations

from dashboard import data
from dashboard.components import evidence, page

page.opened("Evidence", ranges=True)
sources = data.sources()
with page.section(
    "Is the record complete?", "Since the collector began to count. A gap here is a gap in proof."
):
    if sources.is_empty():
        page.nothing("No record has come in yet, so there is nothing to be complete.")
    else:
        evidence.tiles(sources)
        evidence.accounted(sources)
if sources.height:
    with page.section("Who sends, and what became of it?", "UTC, by way in and kind of record."):
        evidence.listing(sources)
with page.section("What was refused, and why?", f"Newest first, last {page.range_words()}, UTC."):
    evidence.refusals(page.window())
page.footer()
