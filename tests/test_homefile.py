"""A file of a home: read again when it changes, its last good version in force when it is wrong."""

from __future__ import annotations

import os
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
    assert (file.error.line, file.error.reason) == (
        2,
        "expected text in UTF-8, got the byte 0xff: save it as UTF-8",
    )


def test_a_pipe_in_the_place_of_a_file_stops_nobody(file: HomeFile[str], clock: Clock) -> None:
    os.mkfifo(file.path)

    assert file.current() == "nothing"
    assert file.error is not None
    assert "got a directory, a pipe or a device" in file.error.reason

    file.path.unlink()
    file.path.write_text("mended")
    clock.now += 5
    assert (file.current(), file.error) == ("MENDED", None)


@pytest.mark.parametrize("place", ["/dev/zero", ".", "words.yaml"])
def test_a_link_to_what_is_no_file_is_refused(file: HomeFile[str], place: str) -> None:
    file.path.symlink_to(place)

    assert file.current() == "nothing"
    assert file.error is not None
    assert file.error.reason.startswith("cannot be read: ")


def test_of_a_file_that_is_too_large_only_the_beginning_is_read(file: HomeFile[str]) -> None:
    with file.path.open("wb") as opened:
        opened.truncate(2**40)

    assert file.current() == "nothing"
    assert file.error is not None
    assert "expected at most 262,144 bytes, got more" in file.error.reason


def test_a_file_that_could_not_be_read_is_tried_again_though_it_stays_the_same(
    file: HomeFile[str], clock: Clock
) -> None:
    file.path.write_text("hello")
    opened, blocked = os.open, True

    def failing(path: object, flags: int) -> int:
        if blocked:
            raise OSError(24, "Too many open files")
        return opened(path, flags)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", failing)
        assert file.current() == "nothing"
        assert file.error is not None

        blocked = False
        clock.now += 5
        assert (file.current(), file.error) == ("HELLO", None)


def test_a_file_whose_permission_alone_changed_is_read_again(
    file: HomeFile[str], clock: Clock
) -> None:
    """Who may read it is the time of change, not that of the content."""
    file.path.write_text("all wrong")
    assert file.current() == "nothing"
    before = file.path.stat()
    file.path.write_text("all right")
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    clock.now += 5

    assert file.current() == "ALL RIGHT"
