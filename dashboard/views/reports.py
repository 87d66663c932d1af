"""Reports: can I prove it?"""

from __future__ import annotations

from dashboard import data, people
from dashboard.components import page, reports

page.opened("Reports")
person = people.current()
with page.section(
    "Can I prove it?",
    "A report covers one framework and one period, states what telemetry cannot show, "
    "and is signed: one changed bit is found.",
):
    reports.make(person)
with page.section("Which reports exist?"):
    made = data.reports()
    if any(report["state"] == "running" for report in made):
        reports.running()
    if made:
        reports.listing(made, person)
    else:
        page.nothing("None yet. Make the first one above; it takes about half a minute.")
page.footer()
