"""Power cuts: of what is synced nothing is lost, and the simulation notices what is not.

`make crash` runs 300 states; see docs/durability.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from crash.power import Outcome, Recording, outcomes, record

pytestmark = [pytest.mark.crash, pytest.mark.slow]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(tmp_path_factory.mktemp("power"), seed=7, seconds=4)


def test_after_thirty_power_cuts_nothing_is_lost_doubled_or_changed(
    recording: Recording, tmp_path: Path
) -> None:
    found = list(outcomes(recording, seed=7, count=30, scratch=tmp_path))

    assert [outcome for outcome in found if not outcome.is_right] == []
    assert sum(outcome.acknowledged for outcome in found) > 1000
    assert {outcome.order for outcome in found} == {"prefix", "any order"}


def test_the_recording_has_checkpoints_releases_and_a_second_life(recording: Recording) -> None:
    calls = recording.calls
    headers = [
        call
        for call in calls
        if call.path.endswith(".duckdb") and call.numbers[-1:] in ((4096,), (8192,))
    ]

    assert len(headers) >= 4
    assert sum(call.name == "unlink" and call.path.endswith(".wal") for call in calls) >= 4
    assert sum(call.name == "openat" and call.path.endswith("/lock") for call in calls) == 2


def without(recording: Recording, name: str, suffix: str) -> Recording:
    kept = [c for c in recording.calls if not (c.name == name and c.path.endswith(suffix))]
    return replace(recording, calls=kept)


def wrong(recording: Recording, scratch: Path) -> list[Outcome]:
    return [o for o in outcomes(recording, 7, 12, scratch) if not o.is_right]


def test_the_simulation_finds_a_log_that_is_not_synced(
    recording: Recording, tmp_path: Path
) -> None:
    assert any(one.lost for one in wrong(without(recording, "fdatasync", ".wal"), tmp_path))


def test_the_simulation_finds_a_checkpoint_that_is_not_synced(
    recording: Recording, tmp_path: Path
) -> None:
    assert wrong(without(recording, "fdatasync", ".duckdb"), tmp_path)


def test_the_simulation_finds_a_directory_that_is_not_synced(
    recording: Recording, tmp_path: Path
) -> None:
    assert any(one.lost for one in wrong(without(recording, "fsync", "/log"), tmp_path))
