"""Files that this user may not touch: named in one sentence, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.load import request_of

pytestmark = pytest.mark.crash

# Root may do anything; root without capabilities is a user like others.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
DATABASE = "data/watchkeeper.duckdb"


def powerless() -> tuple[str, ...]:
    """What makes the kernel ask for modes: nothing, unless these tests run as root."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("as root, modes are only asked for with setpriv (util-linux)")
    return POWERLESS


@pytest.fixture
def powerless_collector(collector: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    program = collector.program()
    monkeypatch.setattr(collector, "program", lambda: [*powerless(), *program])
    return collector


@pytest.fixture
def closed() -> Iterator[Any]:
    """Takes modes away until the test is over."""
    before: list[tuple[Path, int]] = []

    def close(path: Path, mode: int) -> None:
        before.append((path, path.stat().st_mode & 0o777))
        path.chmod(mode)

    yield close
    for path, mode in before:
        path.chmod(mode)


def as_it_is(home: Path) -> dict[str, tuple[int, bytes]]:
    """Every name with its mode and content."""
    paths = [home, *sorted(home.rglob("*"))]
    return {
        str(path.relative_to(home)): (
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in paths
    }


def used_home(collector: Any) -> Path:
    """A home with a database and a segment in its log, left cleanly."""
    collector.start()
    answer = httpx.post(
        f"http://{collector.http}/v1/traces",
        content=request_of("traces", 0, 0, 1, 100).SerializeToString(),
        headers={"content-type": "application/x-protobuf"},
    )
    assert answer.status_code == 200
    collector.stop()
    return Path(collector.home)


def place_in(home: Path, name: str) -> Path:
    if name == "segment":
        [segment] = (home / "data" / "log").glob("*.wal")
        return segment
    return home / name


def refusal(collector: Any) -> str:
    collector.process = collector.run()
    try:
        out, told = collector.process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        collector.kill()
        raise
    status, collector.process = collector.process.returncode, None
    assert (status, out) == (1, ""), told
    [line] = told.splitlines()
    assert "Traceback" not in told
    return str(line)


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        (".", 0o000, "choose another place with --home"),
        ("data", 0o000, "choose another place with --home"),
        ("data", 0o500, "choose another place with --home"),
        ("data/log", 0o000, "mend owner, mode or mount"),
        ("data/log", 0o500, "mend owner, mode or mount"),
        ("segment", 0o000, "mend owner, mode or mount"),
        ("segment", 0o400, "mend owner, mode or mount"),
        (DATABASE, 0o000, "change its owner or mode"),
        (DATABASE, 0o400, "change its owner or mode"),
    ],
)
def test_what_may_not_be_used_is_named_and_nothing_is_changed(
    powerless_collector: Any, closed: Any, name: str, mode: int, told: str
) -> None:
    home = used_home(powerless_collector)
    place = place_in(home, name)
    usual = place.stat().st_mode & 0o777
    before = as_it_is(home)
    closed(place, mode)

    line = refusal(powerless_collector)
    place.chmod(usual)

    assert "ermission denied" in line
    assert str(place) in line
    assert told in line
    assert as_it_is(home) == before


def test_a_home_that_may_not_be_made_is_named(powerless_collector: Any, closed: Any) -> None:
    home = powerless_collector.home = powerless_collector.home / "inner"
    home.parent.mkdir()
    closed(home.parent, 0o500)

    line = refusal(powerless_collector)

    assert f"cannot write to {home / 'data'}: Permission denied" in line
    assert list(home.parent.iterdir()) == []


def test_a_home_that_is_opened_again_holds_what_it_held(
    powerless_collector: Any, closed: Any
) -> None:
    home = used_home(powerless_collector)
    closed(home / DATABASE, 0o400)
    refusal(powerless_collector)
    (home / DATABASE).chmod(0o600)

    powerless_collector.start()

    [row] = powerless_collector.sql("select count(*) as spans from spans")
    assert row["spans"] == 1
