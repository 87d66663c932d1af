"""`watchkeeper prices`: checking a file, and what a running collector would answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.__main__ import main

GOOD = """\
apiVersion: watchkeeper/v1
kind: TokenPrices
prices:
  - {provider: acme, models: [large], usd_per_million: {input: 1, output: 2}}
"""


def test_a_good_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prices.yaml").write_text(GOOD)

    assert main(["prices", "check", "--home", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 prices, no error\n"


def test_a_wrong_file_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("input: 1", "input: one"))

    assert main(["prices", "check", str(path)]) == 1
    assert capsys.readouterr().err.startswith("mine.yaml:4: ")


def test_a_file_that_is_not_there_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "check", "--home", str(tmp_path)]) == 1
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--reason", "a contract"], "--since"),
        (["--since", "2026-01-01"], "--reason"),
        (["--since", "yesterday", "--reason", "a contract"], "--since takes a date"),
        (["--since", "2026-01-01T12:00", "--reason", "a contract"], "names no zone"),
        (["--since", "2026-01-01", "--reason", "a contract"], "watchkeeper up"),
    ],
)
def test_computing_costs_anew_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["prices", "reprice", "--home", str(tmp_path), *words]) == 1
    assert told in capsys.readouterr().err
