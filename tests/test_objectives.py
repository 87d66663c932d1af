"""The directory of objectives: what is in force, and why a file is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collector.objectives import Objectives, check_file

SAMPLES = Path(__file__).parents[1] / "sample_data/objectives"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES, tmp_path / "objectives"))


def names(objectives: Objectives) -> list[str]:
    return [objective.name for objective in objectives.all()]


def change(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_the_sample_objectives_are_in_force(directory: Path) -> None:
    objectives = Objectives(directory)

    assert names(objectives) == ["latency", "policy-compliance", "task-success"]
    assert objectives.listing()["errors"] == []


def test_the_listing_has_the_shape_of_the_query_api(directory: Path) -> None:
    listed = Objectives(directory).listing()["objectives"][2]

    assert listed | {"source": ""} == {
        "name": "task-success",
        "display_name": "Tasks succeed",
        "file": "task-success.yaml",
        "service": "agents",
        "indicator": "runs with outcome ok",
        "target": 0.95,
        "window_days": 30.0,
        "agents": ["*"],
        "source": "",
    }
    assert listed["source"] == (directory / "task-success.yaml").read_text()


def test_a_wrong_file_leaves_its_old_version_and_the_others_in_force(directory: Path) -> None:
    objectives = Objectives(directory)
    change(directory / "task-success.yaml", "target: 0.95", "target: 95")
    change(directory / "latency.yaml", "target: 0.95", "target: 0.9")

    told = objectives.reload()

    assert [(error["file"], error["line"]) for error in told["errors"]] == [
        ("task-success.yaml", 31)
    ]
    assert "write target: 0.95" in told["errors"][0]["reason"]
    in_force = {objective.name: objective.target for objective in objectives.all()}
    assert in_force == {"latency": 0.9, "policy-compliance": 0.9, "task-success": 0.95}


def test_a_file_put_right_is_in_force_again(directory: Path) -> None:
    objectives = Objectives(directory)
    change(directory / "task-success.yaml", "kind: SLO", "kind: [SLO")
    objectives.reload()
    change(directory / "task-success.yaml", "kind: [SLO", "kind: SLO")

    assert objectives.reload()["errors"] == []


def test_a_file_that_was_never_right_is_not_in_force(directory: Path) -> None:
    (directory / "new.yaml").write_text("kind: SLO\n")

    objectives = Objectives(directory)

    assert "task-success" in names(objectives)
    assert [error.file for error in objectives.errors] == ["new.yaml"]


def test_a_removed_file_takes_its_objective_along(directory: Path) -> None:
    objectives = Objectives(directory)
    (directory / "latency.yaml").unlink()
    objectives.reload()

    assert names(objectives) == ["policy-compliance", "task-success"]


def test_a_name_is_taken_once(directory: Path) -> None:
    shutil.copy(directory / "latency.yaml", directory / "zz-copy.yaml")

    objectives = Objectives(directory)

    assert names(objectives).count("latency") == 1
    (error,) = objectives.errors
    assert (error.file, error.line) == ("zz-copy.yaml", 4)
    assert "already taken by latency.yaml" in error.reason


def test_a_directory_that_is_not_there_holds_no_objectives(tmp_path: Path) -> None:
    assert Objectives(tmp_path / "none").listing() == {"objectives": [], "errors": []}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: 1\n" * 100_000, b"\0"])
def test_a_file_that_is_no_text_is_refused(directory: Path, content: bytes) -> None:
    (directory / "bad.yaml").write_bytes(content)

    assert [error.file for error in Objectives(directory).errors] == ["bad.yaml"]


def test_a_file_is_checked_beside_its_neighbours(directory: Path) -> None:
    (directory / "bad.yaml").write_text("kind: SLO\n")

    assert check_file(directory / "latency.yaml") == []
    assert check_file(directory / "bad.yaml") == [
        {"file": "bad.yaml", "line": 1, "reason": "the field apiVersion is missing"}
    ]
    (missing,) = check_file(directory / "missing.yaml")
    assert "cannot be read" in missing["reason"]
