"""What commands print, into pipes and terminals, of names that nobody here chose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.__main__ import main
from collector.cli.lines import row, write_text
from collector.errors import RefusedInput

JOIN = ["identities", "join", "billing-v2", "--agent", "billing"]


def test_a_row_stays_one_line_and_tells_a_terminal_nothing() -> None:
    assert row("a\nb", "tab\there", "\x1b[31mred", "\u202eliat", "\u2028", "fine 🤖 é") == (
        "a\\nb\ttab\\there\t\\x1b[31mred\t\\u202eliat\t\\u2028\tfine 🤖 é"
    )


@pytest.mark.parametrize("place", [".", "missing/file.txt"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(RefusedInput, match=r"cannot write .*; name a file in a directory"):
        write_text(tmp_path / place, "x")


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    for number in range(3):
        assert main([*JOIN, "--reason", f"{number} {'x' * 900}", *home]) == 0
    file = tmp_path / "identities.jsonl"
    file.write_text(file.read_text() * 500)

    with subprocess.Popen(
        [sys.executable, "-m", "collector", "identities", "history", *home],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as history:
        assert history.stdout is not None
        assert history.stderr is not None
        history.stdout.read(10)
        history.stdout.close()
        said = history.stderr.read()

    assert (history.returncode, said) == (141, b"")


def test_a_decision_in_a_home_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "typo"

    assert main([*JOIN, "--reason", "renamed", "--home", str(missing)]) == 1
    assert "there is no home at" in capsys.readouterr().err
    assert not missing.exists()


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    words = [*JOIN, "--reason", "renamed", "--home", str(tmp_path), "--user"]

    joined = subprocess.run(
        [sys.executable, "-m", "collector", *words, b"\xff"], capture_output=True, check=False
    )

    assert joined.returncode == 1
    assert joined.stderr.startswith(b"watchkeeper: expected the operator in 1 to 1000 characters")
