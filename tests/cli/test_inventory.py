"""`watchkeeper inventory`: help, a table, JSON, CycloneDX, an empty home and wrong files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from collector.__main__ import main
from collector.cli import inventory

GOOD = """\
apiVersion: watchkeeper/v1
kind: Inventory
models: [gpt-4o, {name: "claude-*", owner: platform}]
"""
SEEN = datetime(2026, 1, 15, 12, tzinfo=UTC)
ROW = {
    "kind": "tool",
    "name": "mail\tsend\n\x1b[31m",
    "version": None,
    "origin": "files:8080",
    "standing": "unregistered",
    "agents": ["clerk"],
    "events": 3,
    "first_seen": SEEN,
    "last_seen": SEEN,
    "sample": False,
    "signed": None,
    "signer": None,
    "sha256": None,
    "owner": None,
}
MISSING = {**ROW, "kind": "model", "name": "claude-*", "standing": "missing", "last_seen": None}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What a running collector would answer."""
    told: dict[str, list[dict[str, Any]]] = {"inventory": [ROW, MISSING], "home_files": []}
    monkeypatch.setattr(inventory, "rows_of", lambda settings, name, **asked: told[name])
    yield told


def run(*words: str) -> int:
    return main(["inventory", *words])


def test_help_has_an_example_that_the_command_line_understands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--help")

    assert ended.value.code == 0
    assert "watchkeeper inventory --format cyclonedx" in capsys.readouterr().out


def test_what_nobody_registered_is_a_row_whatever_it_is_called(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[:2] == ["unregistered", "tool"]
    assert "\x1b" not in first
    assert first.endswith("files:8080\tseen 2026-01-15 12:00")
    assert second.endswith("never seen")


def test_json_has_every_row_as_it_is(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--format", "json") == 0

    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [ROW["name"], "claude-*"]
    assert rows[0]["last_seen"] == "2026-01-15T12:00:00+00:00"
    assert rows[0]["signed"] is None


def test_a_bill_of_materials_is_written_to_a_file_and_valid(
    answers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "aibom.json"

    assert run("--format", "cyclonedx", "--output", str(path)) == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("form", "told"), [("table", "\n"), ("json", "[]\n")])
def test_an_empty_home_has_nothing_to_show(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str], form: str, told: str
) -> None:
    answers["inventory"] = []

    assert run("--format", form) == 0
    assert capsys.readouterr().out == told


def test_a_file_in_force_that_is_wrong_is_told_and_fails(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answers["home_files"] = [
        {"file": "inventory.yaml", "state": "refused", "line": 3, "reason": "twice"},
        {"file": "prices.yaml", "state": "refused", "line": 1, "reason": "not this command's"},
    ]

    assert run() == 1
    told = capsys.readouterr().err
    assert told.startswith("inventory.yaml:3: ")
    assert "prices.yaml" not in told


def test_without_a_collector_it_says_what_to_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--home", str(tmp_path), "--api", "127.0.0.1:9") != 0
    assert "watchkeeper up" in capsys.readouterr().err


def test_a_good_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inventory.yaml").write_text(GOOD)

    assert run("check", "--home", str(tmp_path)) == 0
    assert capsys.readouterr().out == "2 components, no error\n"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (GOOD.replace("gpt-4o", "a*b*c*d*e").encode(), 3),
        (GOOD.replace("models", "modls").encode(), 3),
        (b"\xff\xfe", 1),
        (b"", 1),
        (b"a: [", 1),
    ],
)
def test_a_wrong_file_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], raw: bytes, line: int
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(raw)

    assert run("check", str(path)) == 1
    assert capsys.readouterr().err.startswith(f"mine.yaml:{line}: ")


def test_a_file_that_is_not_there_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "--home", str(tmp_path)) == 1
    assert "cannot read" in capsys.readouterr().err
