"""The main job as a person does it: see the fleet, stop an agent, see proof, take a report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from stack import Stack

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from screenshots import ARGUMENTS, CHROMIUM, settled  # found beside the browser tests

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 60_000
_PROGRAM = "sample_data.fleet."


@pytest.fixture(scope="module")
def page(demo_stack: Stack) -> Iterator[Page]:
    """A signed-in operator's browser; the sign-in link of the demonstration may be used up."""
    _wait(lambda: _working_agents(demo_stack) == 4)
    made = demo_stack.run(".venv/bin/watchkeeper users link admin --home demo-home")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(made.stdout.strip())
        settled(page)
        yield page
        chromium.close()


def test_the_fleet_page_shows_the_sample_fleet_and_says_that_it_is_one(page: Page) -> None:
    expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
    expect(page.get_by_text("SAMPLE DATA").first).to_be_visible()
    expect(page.locator(".st-key-c-fleet_heat svg.marks")).to_be_visible()


def test_an_agent_is_degraded_and_the_refused_call_proves_it(page: Page, demo_stack: Stack) -> None:
    _open(page, demo_stack, "/agent?agent=clerk")
    page.get_by_role("button", name="Degrade").click()
    page.get_by_label("Why").fill("its budget is nearly spent")

    page.get_by_role("dialog").get_by_role("button", name="Degrade").click()

    _expect_enforced(page, "Degrade clerk")


def test_an_agent_is_stopped_and_the_refused_call_proves_it(page: Page, demo_stack: Stack) -> None:
    _open(page, demo_stack, "/agent?agent=gateway")
    page.get_by_role("button", name="Stop agent").click()
    page.get_by_label("Why").fill("answers with another customer's data")
    page.get_by_label("Type gateway to confirm").fill("gateway")

    page.get_by_role("dialog").get_by_role("button", name="Stop agent").click()

    _expect_enforced(page, "Stop gateway")


def test_a_stopped_agent_stays_stopped_across_its_own_restart(demo_stack: Stack) -> None:
    refused = "select count(*) as n from decisions where agent = 'gateway' "
    refused += "and hold_id is not null"
    before = _count(demo_stack, refused)
    assert demo_stack.run(f"pkill -9 -f '{_PROGRAM}gateway'").returncode == 0

    _wait(lambda: _count(demo_stack, refused) > before)

    assert _ran_since_the_stop(demo_stack) == 0


def _ran_since_the_stop(stack: Stack) -> int:
    return _count(
        stack,
        "select count(*) as n from actions as a, commands as c "
        "where a.agent = 'gateway' and c.agent = 'gateway' and a.outcome = 'ok' "
        "and a.started_at > c.acked_at + interval 1 second",
    )


def test_a_released_agent_works_again(page: Page, demo_stack: Stack) -> None:
    page.get_by_role("button", name="Release").click()
    page.get_by_label("Why").fill("the prompt was corrected")

    page.get_by_role("dialog").get_by_role("button", name="Release").click()

    expect(page.get_by_text("The restriction has ended.")).to_be_visible(timeout=PATIENCE_MS)
    _wait(lambda: _ran_since_the_stop(demo_stack) > 0)


def test_a_report_is_made_downloaded_and_valid(
    page: Page, demo_stack: Stack, tmp_path: Path
) -> None:
    _open(page, demo_stack, "/reports")
    page.get_by_role("button", name="Make report").click()
    link = page.get_by_role("link", name="Download PDF").first
    expect(link).to_be_visible(timeout=4 * PATIENCE_MS)

    with page.expect_download() as downloading:
        link.click()
    file = tmp_path / "report.pdf"
    downloading.value.save_as(file)

    root = demo_stack.home / "reports" / "root.pem"
    valid = demo_stack.run(f".venv/bin/watchkeeper verify {file} --root {root}")
    assert valid.stdout.startswith("VALID"), valid.stdout + valid.stderr

    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    invalid = demo_stack.run(f".venv/bin/watchkeeper verify {file} --root {root}")
    assert invalid.returncode == 1 and invalid.stdout.startswith("INVALID")


def _open(page: Page, stack: Stack, path: str) -> None:
    page.goto(stack.url("ui") + path)
    settled(page)


def _expect_enforced(page: Page, command: str) -> None:
    """The page of the command refreshes itself until the proof has come."""
    expect(page.get_by_role("heading", name="Commands")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("The first refused call is on record.")).to_be_visible(
        timeout=2 * PATIENCE_MS
    )
    expect(page.locator("strong", has_text=command)).to_be_visible()


def _working_agents(stack: Stack) -> int:
    """How many agents of the live fleet have run by now; frameworks take a while to import."""
    return _count(
        stack,
        "select count(distinct agent) as n from runs where started_at > now() - interval 1 minute",
    )


def _wait(until: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)


def _count(stack: Stack, sql: str) -> int:
    answered = stack.run(f'.venv/bin/watchkeeper sql --format csv "{sql}"')
    assert answered.returncode == 0, answered.stderr
    return int(answered.stdout.splitlines()[1].split(",")[0])
