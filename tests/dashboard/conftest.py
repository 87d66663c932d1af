"""A fleet to look at, the dashboard's doors pointed to it, and pages run in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import doors, people

sys.path.insert(0, str(Path(__file__).parent))
from fake_api import FakeApis, lively_fleet, serving

APP = Path(people.__file__).with_name("app.py")
Visit = Callable[..., AppTest]


@pytest.fixture
def apis() -> Iterator[FakeApis]:
    with serving(lively_fleet()) as running:
        yield running


def point_doors(monkeypatch: pytest.MonkeyPatch, api: str, control: str) -> None:
    monkeypatch.setenv("WATCHKEEPER_API", api)
    monkeypatch.setenv("WATCHKEEPER_CONTROL", control)
    doors.collector.cache_clear()
    doors.control.cache_clear()
    st.cache_resource.clear()


@pytest.fixture
def visit(apis: FakeApis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open a page; `token` is what the browser's cookie would hold."""
    point_doors(monkeypatch, apis.api, apis.control)

    def opened(page: str | None = None, token: str | None = "good-token", **query: str) -> AppTest:
        monkeypatch.setattr(people, "token", lambda: token)
        app = AppTest.from_file(APP, default_timeout=30)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page:
            app.switch_page(f"views/{page}.py")
            for name, value in query.items():
                app.query_params[name] = value
            app.run()
        return app

    yield opened
    doors.collector.cache_clear()
    doors.control.cache_clear()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Take one process away: nothing listens at its address any more."""

    def take(process: str) -> None:
        monkeypatch.setenv(f"WATCHKEEPER_{process.upper()}", "127.0.0.1:9")
        doors.collector.cache_clear()
        doors.control.cache_clear()
        st.cache_resource.clear()

    return take
