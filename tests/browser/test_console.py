"""What only a real browser can show: focus, keys, drawing, cookies, requests."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fake_answers.common import TRACE_ID
from fake_api import FakeApis
from playwright.sync_api import Page, expect
from screenshots import settled

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]


def stop_dialog(page: Page) -> None:
    page.get_by_role("button", name="Stop agent").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_fleet_opens_with_its_tiles_and_charts(visit: Visit) -> None:
    page = visit()

    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
    expect(page.get_by_text("6 of 7")).to_be_visible()
    expect(page.get_by_text("SAMPLE DATA").first).to_be_visible()
    expect(page.locator(".st-key-c-fleet_heat svg.marks")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/", "c-fleet_heat"),
        ("/agent?agent=courier", "c-agent_trust"),
        ("/objective?objective=answers-without-error&agent=clerk", "c-objective_burn_down"),
        (f"/trace?trace={TRACE_ID}", "c-trace_waterfall"),
        ("/evidence", "c-evidence_intake"),
        ("/costs", "c-costs_time"),
        ("/costs", "c-costs_budgets"),
    ],
)
def test_charts_are_drawn_in_both_themes(visit: Visit, theme: str, path: str, key: str) -> None:
    page = visit(path, theme=theme)

    marks = page.locator(f".st-key-{key} svg.marks path")
    assert marks.count() > 3


def test_a_chart_takes_its_colours_from_the_theme(visit: Visit) -> None:
    def colours(theme: str) -> set[str]:
        page = visit(f"/trace?trace={TRACE_ID}", theme=theme)
        bars = page.locator(".st-key-c-trace_waterfall svg.marks path[fill]")
        return {bar.get_attribute("fill") or "" for bar in bars.all()}

    assert "#156159" in colours("light")
    assert "#56edc0" in {colour.lower() for colour in colours("dark")}


def test_the_page_asks_nobody_but_its_own_server(visit: Visit, url: str) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for path in ("/", "/commands", f"/trace?trace={TRACE_ID}", "/reports"):
        page.goto(url + path)
        settled(page)

    own = re.compile(rf"^(data:|blob:|{re.escape(url)}|{re.escape(url.replace('http', 'ws'))})")
    assert [address for address in asked if not own.match(address)] == []


def test_the_security_policy_stops_nothing_of_ours(visit: Visit, url: str) -> None:
    page = visit()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(f"{url}/trace?trace={TRACE_ID}")
    settled(page)

    assert [text for text in complaints if "Content Security Policy" in text] == []


def test_escape_closes_the_dialog_and_gives_the_focus_back(visit: Visit, apis: FakeApis) -> None:
    page = visit("/agent?agent=rogue")
    stop_dialog(page)

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop agent")).to_be_focused()
    settled(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert apis.fleet.sent == []


def test_the_dialog_keeps_the_focus_inside(visit: Visit) -> None:
    page = visit("/agent?agent=rogue")
    stop_dialog(page)

    inside = []
    for _ in range(12):
        page.keyboard.press("Tab")
        inside.append(page.evaluate("() => !!document.activeElement.closest('[role=dialog]')"))

    assert all(inside)


def test_enter_in_a_field_sends_nothing(visit: Visit, apis: FakeApis) -> None:
    page = visit("/agent?agent=rogue")
    stop_dialog(page)
    page.get_by_label("Why").fill("sends data outside")
    name = page.get_by_label("Type rogue to confirm")
    name.fill("rogue")

    name.press("Enter")
    settled(page)

    expect(page.get_by_role("dialog")).to_be_visible()
    assert apis.fleet.sent == []


def test_a_wrong_name_sends_nothing_and_the_dialog_says_so(visit: Visit, apis: FakeApis) -> None:
    page = visit("/agent?agent=rogue")
    stop_dialog(page)
    page.get_by_label("Why").fill("sends data outside")
    page.get_by_label("Type rogue to confirm").fill("clerk")

    page.get_by_role("dialog").get_by_role("button", name="Stop agent").click()

    expect(page.get_by_role("dialog").get_by_text("Nothing was sent")).to_be_visible()
    assert apis.fleet.sent == []


def test_the_right_name_sends_one_stop_and_leads_to_its_proof(visit: Visit, apis: FakeApis) -> None:
    page = visit("/agent?agent=rogue")
    stop_dialog(page)
    page.get_by_label("Why").fill("sends data outside")
    page.get_by_label("Type rogue to confirm").fill("rogue")

    page.get_by_role("dialog").get_by_role("button", name="Stop agent").dblclick()

    expect(page.get_by_role("heading", name="Commands")).to_be_visible()
    settled(page)
    keys = {sent["idempotency_key"] for sent in apis.fleet.sent}
    assert len(keys) == 1
    expect(page.get_by_text("Not yet signed")).to_be_visible()
    assert "hold=hold-" in page.url


def test_a_link_restores_range_and_filters(visit: Visit) -> None:
    page = visit("/decisions?range=7d&decisions_verdict=deny")

    expect(page.get_by_role("radio", name="7 d")).to_be_checked()
    expect(page.get_by_text("Decisions, last 7 d, UTC.")).to_be_visible()
    expect(page.locator(".st-key-decisions_verdict input")).to_have_value("Denied")


def test_a_click_on_a_span_opens_its_panel_and_its_address(visit: Visit) -> None:
    page = visit(f"/trace?trace={TRACE_ID}")
    chart = page.locator(".st-key-c-trace_waterfall svg.marks").bounding_box()
    assert chart

    page.mouse.click(chart["x"] + 520, chart["y"] + 70 + 27 * 2.5)

    expect(page.locator(".st-key-trace_span")).to_be_visible()
    assert "span=" in page.url


def test_a_click_on_a_heat_cell_opens_the_decisions_of_that_hour(visit: Visit) -> None:
    page = visit()
    cells = page.locator(".st-key-c-fleet_heat svg.marks path[aria-roledescription='rect mark']")

    cells.nth(5).click()

    expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
    settled(page)
    expect(page.get_by_role("button", name="Show the whole range")).to_be_visible()
    assert "decisions_agent=" in page.url and "decisions_since=" in page.url


def test_an_agents_page_shows_its_toolkits_figures_beside_ours(visit: Visit) -> None:
    page = visit("/agent?agent=courier")

    heading = page.get_by_role("heading", name="What does its toolkit say of it?")
    heading.scroll_into_view_if_needed()
    expect(heading).to_be_visible()
    table = page.get_by_role("region", name="Figures of the toolkit beside those computed here")
    expect(table).to_be_visible()
    expect(page.get_by_text("2,592,000 times too large")).to_be_visible()


def test_the_critical_path_is_underlined(visit: Visit) -> None:
    page = visit(f"/trace?trace={TRACE_ID}")

    bars = page.locator(".st-key-c-trace_waterfall svg.marks path[aria-roledescription=bar]")
    inked = page.locator(".st-key-c-trace_waterfall svg.marks path[fill='#0F131A' i]")
    assert 1 < inked.count() < bars.count() / 2


def test_a_stranger_signs_in_with_name_and_password_and_out_again(visit: Visit, url: str) -> None:
    page = visit(signed_in=False)
    page.get_by_role("link", name="Sign in").click()

    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("correct")
    page.get_by_role("button", name="Sign in").click()

    settled(page)
    expect(page.get_by_text("admin · operator")).to_be_visible()
    cookie = next(c for c in page.context.cookies() if c["name"] == "watchkeeper_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    settled(page)
    expect(page.get_by_text("Not signed in")).to_be_visible()


def test_a_used_link_says_what_is_wrong(visit: Visit, url: str) -> None:
    page = visit(signed_in=False)

    answer = page.goto(f"{url}/signin?code=used")

    assert answer is not None and answer.status == 401
    expect(page.get_by_role("alert")).to_contain_text("this link was used")


def test_a_report_is_for_people_who_are_signed_in(visit: Visit, url: str) -> None:
    known, stranger = visit("/reports"), visit("/reports", signed_in=False)

    assert known.request.get(f"{url}/reports/rep-0.pdf").body().startswith(b"%PDF")
    assert stranger.request.get(f"{url}/reports/rep-0.pdf").status == 401


def test_a_filter_of_the_evidence_is_in_the_address_and_restores_the_page(visit: Visit) -> None:
    page = visit("/evidence")
    page.get_by_role("combobox", name="Signal").click()
    page.get_by_role("option", name="Logs").click()
    expect(page.get_by_text("Nothing was refused in the last 24 h")).to_be_visible()

    page.reload()
    settled(page)

    expect(page.get_by_text("Nothing was refused in the last 24 h")).to_be_visible()
    assert "evidence_signal" in page.url


def test_a_chosen_sequence_shows_its_steps_and_leads_to_its_trace(visit: Visit) -> None:
    page = visit("/sequences?sequences_agent=rogue")
    box = page.locator(".st-key-sequences_list canvas").first.bounding_box()
    assert box is not None

    page.mouse.click(box["x"] + 15, box["y"] + 48)

    detail = page.locator(".st-key-sequences_detail")
    expect(detail).to_contain_text("send_outside")
    detail.get_by_role("link", name="Open trace").click()
    expect(page).to_have_url(re.compile(f"trace={TRACE_ID}"))


def test_a_chosen_event_shows_its_record_and_leads_to_its_trace_and_agent(visit: Visit) -> None:
    page = visit("/events?events_agent=rogue")
    lanes = page.locator(".st-key-c-events_lanes svg.marks text")
    assert {"Kill", "Signal", "Ring"} <= set(lanes.all_text_contents())
    box = page.locator(".st-key-events_list canvas").first.bounding_box()
    assert box is not None

    page.mouse.click(box["x"] + 15, box["y"] + 48)

    detail = page.locator(".st-key-events_detail")
    expect(detail).to_contain_text("Ring 2 breach: writes outside its sandbox")
    expect(detail.get_by_role("link", name="Open agent")).to_have_attribute(
        "href", re.compile("agent=rogue")
    )
    assert "event=ev-" in page.url
    detail.get_by_role("link", name="Open trace").click()
    expect(page).to_have_url(re.compile(f"trace={TRACE_ID}"))


def test_a_failed_audit_record_shows_why_and_leads_to_its_trace(visit: Visit) -> None:
    page = visit("/audit")
    page.get_by_role("button", name="Check the rest").click()
    expect(page.get_by_text("Looked at 54 records: all from")).to_be_visible()
    settled(page)
    box = page.locator(".st-key-audit_list canvas").first.bounding_box()
    assert box is not None

    page.mouse.click(box["x"] + 15, box["y"] + 48)

    detail = page.locator(".st-key-audit_detail")
    expect(detail).to_contain_text("its content does not have the hash it names")
    expect(detail.get_by_role("link", name="Open decision")).to_be_visible()
    detail.get_by_role("link", name="Open trace").click()
    expect(page).to_have_url(re.compile(f"trace={TRACE_ID}"))


def test_an_agent_leads_to_its_own_coverage(visit: Visit) -> None:
    page = visit("/agent?agent=rogue")

    page.get_by_role("link", name="Open its coverage").click()

    expect(page).to_have_url(re.compile("/coverage.*coverage_agent=rogue"))
    expect(page.get_by_role("combobox", name="Agent")).to_have_value("rogue")


def test_every_page_stands_in_the_navigation(visit: Visit) -> None:
    page = visit("/")

    names = page.get_by_test_id("stSidebarNavLink").all_inner_texts()

    assert {"Events", "Audit records", "Inventory"} <= {name.split("\n")[-1] for name in names}
    expect(page.get_by_text("View 3 more")).to_have_count(0)


def test_the_inventory_is_exported_as_a_file(visit: Visit) -> None:
    page = visit("/inventory?inventory_kind=tool")

    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export as CSV").click()

    lines = downloading.value.path().read_text().splitlines()
    assert lines[0].startswith("kind,name,version")
    assert [line.split(",")[1] for line in lines[1:]] == ["shell.run", "crm.lookup"]


def test_a_chosen_bypass_shows_both_sides_and_leads_to_its_trace(visit: Visit) -> None:
    page = visit("/coverage?coverage_agent=rogue")
    box = page.locator(".st-key-coverage_bypasses canvas").first.bounding_box()
    assert box is not None

    page.mouse.click(box["x"] + 15, box["y"] + 48)

    evidence = page.locator(".st-key-coverage_evidence")
    expect(evidence).to_contain_text("looks fine for a refused call")
    expect(evidence).to_contain_text("dec-00000")
    evidence.get_by_role("link", name="Open trace").click()
    expect(page).to_have_url(re.compile(f"trace={TRACE_ID}"))


def test_a_proposal_of_a_budget_is_declined_with_a_reason(visit: Visit, apis: FakeApis) -> None:
    page = visit("/costs")
    page.get_by_role("button", name="Decline").first.click()
    page.get_by_label("Why").fill("a load test, agreed")
    page.get_by_test_id("stDialog").get_by_role("button", name="Decline").click()
    page.get_by_test_id("stDialog").wait_for(state="detached")

    assert [(sent["step_id"], sent["decision"]) for sent in apis.fleet.sent] == [
        ("step-1", "decline")
    ]
