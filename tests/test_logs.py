"""The events of the log: each has a name, and its meaning stands in docs/logs.md."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import structlog

from collector import server

ROOT = Path(__file__).parents[1]
_CALL = re.compile(r"_log\.(debug|info|warning|error|exception)\(\s*\"([^\"]*)\"")
_NAMED = re.compile(r"`([a-z_]+)`")


def events_in_code() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in (ROOT / "collector").rglob("*.py"):
        for level, event in _CALL.findall(file.read_text("utf-8")):
            found.setdefault(event, set()).add("error" if level == "exception" else level)
    return found


def events_in_docs() -> dict[str, set[str]]:
    rows = [
        line.split("|")
        for line in (ROOT / "docs" / "logs.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    return {
        event: set(cells[2].replace(" ", "").split(","))
        for cells in rows
        for event in _NAMED.findall(cells[1])
    }


def test_every_event_of_the_log_is_in_the_documentation_and_no_other() -> None:
    assert set(events_in_docs()) == set(events_in_code())


def test_an_event_has_one_of_the_levels_the_documentation_says() -> None:
    told = events_in_docs()

    assert {
        event: levels for event, levels in events_in_code().items() if levels - told[event]
    } == {}


def test_what_is_below_the_level_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    configured = structlog.get_config()
    try:
        server._log_to_stderr("warning")
        log = structlog.get_logger("test")
        log.info("batch_stored")
        log.warning("wal_tail_cut", bytes=7)
    finally:
        structlog.configure(**configured)

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "wal_tail_cut"
    assert json.loads(line)["bytes"] == 7
