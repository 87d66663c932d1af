"""A real dashboard over the fake fleet, and a real chromium to look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS / "dashboard"))
sys.path.insert(0, str(TESTS / "browser"))
from fake_api import FakeApis, lively_fleet, serving  # noqa: E402 - found beside the page tests
from screenshots import ARGUMENTS, CHROMIUM, settled  # noqa: E402 - found beside this file

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def apis() -> Iterator[FakeApis]:
    with serving(lively_fleet()) as running:
        yield running


@pytest.fixture(scope="session")
def url(apis: FakeApis) -> Iterator[str]:
    """The dashboard's address, once it serves."""
    command = [sys.executable, "-m", "dashboard", "--ui", "127.0.0.1:0"]
    command += ["--api", apis.api, "--control", apis.control]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("ready ui="), ready
        yield "http://" + ready.removeprefix("ready ui=").strip()
        process.terminate()
        assert process.wait(10) == 0


# A module, not the session: playwright keeps an event loop running meanwhile.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, url: str, apis: FakeApis) -> Iterator[Open]:
    """Open a page in a fresh context; signed in unless told otherwise."""
    apis.fleet.sent.clear()
    contexts = []

    def opened(path: str = "/", *, theme: str = "light", signed_in: bool = True) -> Page:
        context = browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]  # light or dark
            reduced_motion="reduce",
            timezone_id="America/New_York",
            viewport={"width": 1440, "height": 1000},
        )
        contexts.append(context)
        page = context.new_page()
        if signed_in:
            page.goto(f"{url}/signin?code=code-admin")
        page.goto(url + path)
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
