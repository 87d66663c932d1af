"""Pictures of every page, light and dark, wide and narrow.

``python tests/browser/screenshots.py http://127.0.0.1:8501 pictures/ [--code CODE] [--only fleet]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = {
    "agent": "courier",
    "objective": "answers-without-error",
    "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span": "0000000000000009",
    "decision": "dec-00000",
    "hold": "hold-courier",
    "event": "ev-1768476540000000000",
}
PAGES = {
    "fleet": "/",
    "agent": "/agent?agent={agent}",
    "objectives": "/objectives",
    "objective": "/objective?objective={objective}&agent=clerk",
    "traces": "/traces",
    "trace": "/trace?trace={trace}",
    "trace-span": "/trace?trace={trace}&span={span}",
    "trace-table": "/trace?trace={trace}&trace_as=Table",
    "decisions": "/decisions",
    "costs": "/costs",
    "inventory": "/inventory",
    "decision": "/decisions?decision={decision}",
    "coverage": "/coverage",
    "events": "/events",
    "event": "/events?event={event}",
    "sequences": "/sequences",
    "commands": "/commands",
    "commands-contradicted": "/commands?hold={hold}",
    "reports": "/reports",
    "evidence": "/evidence",
    "audit": "/audit",
}


def settled(page: Page, timeout_ms: int = 30_000) -> None:
    """Until the script has run, the socket is up and nothing on the page is stale."""
    page.wait_for_selector(
        "[data-testid=stApp][data-test-script-state=notRunning]"
        "[data-test-connection-state=CONNECTED]",
        timeout=timeout_ms,
    )
    page.wait_for_function(
        "() => !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')",
        timeout=timeout_ms,
    )
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]"
        ".every(chart => chart.querySelector('svg.marks, canvas.marks'))",
        timeout=timeout_ms,
    )
    page.evaluate("() => document.fonts.ready")


def pictures(browser: Browser, chosen: argparse.Namespace) -> None:
    url, only, folder = chosen.url, chosen.only, chosen.folder
    known = signed_in(browser, url, chosen.code)
    for theme in chosen.theme or ("light", "dark"):
        context = browser.new_context(
            color_scheme=theme,
            reduced_motion="reduce",
            timezone_id="America/New_York",
            storage_state=known,
        )
        page = context.new_page()
        for width in chosen.width or (1440, 1024):
            page.set_viewport_size({"width": width, "height": 900})
            for name, path in PAGES.items():
                if only and only not in name:
                    continue
                page.goto(url + path.format(**vars(chosen)))
                settled(page)
                _whole(page, width)
                page.screenshot(path=folder / f"{name}-{theme}-{width}.png")
        context.close()


def signed_in(browser: Browser, url: str, code: str | None) -> StorageState | None:
    """The cookie that a one-time code is changed for; it serves every picture."""
    if code is None:
        return None
    context = browser.new_context()
    context.new_page().goto(f"{url}/signin?code={code}")
    state = context.storage_state()
    context.close()
    return state


def _whole(page: Page, width: int) -> None:
    """A window as high as the page: Streamlit scrolls inside, so full_page sees one screen."""
    page.set_viewport_size({"width": width, "height": 900})
    high = page.evaluate(
        "() => Math.max(900, document.querySelector('.stMainBlockContainer').scrollHeight + 60)"
    )
    page.set_viewport_size({"width": width, "height": min(int(high), 3000)})
    page.wait_for_timeout(400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--code", help="a one-time sign-in code")
    parser.add_argument("--only", help="pages whose name contains this")
    for name, default in NAMES.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--theme", action="append", choices=["light", "dark"])
    parser.add_argument("--width", action="append", type=int)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pictures(browser, chosen)
        browser.close()


if __name__ == "__main__":
    main()
