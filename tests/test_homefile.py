"""A file of a home: read again when it changes, its last good version in force when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.homefile import HomeFile
from collector.slo.marked import Refusal


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shouted(text: str) -> str:
    if "wrong" in text:
        raise Refusal(3, "expected something right")
    return text.upper()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> HomeFile[str]:
    return HomeFile(tmp_path / "words.yaml", shouted, "nothing", monotonic=clock)


def test_a_file_counts_from_when_it_is_there_until_it_is_gone(
    file: HomeFile[str], clock: Clock
) -> None:
    assert file.current() == "nothing"

    file.path.write_text("hello")
    assert file.current() == "nothing", "it is not looked at all the time"
    clock.now += 5
    assert file.current() == "HELLO"

    file.path.unlink()
    clock.now += 5
    assert file.current() == "nothing"


def test_a_wrong_file_leaves_its_last_good_version_in_force_and_says_why(
    file: HomeFile[str], clock: Clock
) -> None:
    file.path.write_text("good")
    assert file.current() == "GOOD"

    file.path.write_text("all wrong")
    clock.now += 5

    assert file.current() == "GOOD"
    assert file.error is not None
    assert (file.error.file, file.error.line) == ("words.yaml", 3)

    file.path.write_text("mended")
    clock.now += 5
    assert (file.current(), file.error) == ("MENDED", None)


def test_what_is_no_text_is_refused(file: HomeFile[str]) -> None:
    file.path.write_bytes(b"first\n\xff")

    assert file.current() == "nothing"
    assert file.error is not None
    assert (file.error.line, file.error.reason) == (2, "expected text in UTF-8")
