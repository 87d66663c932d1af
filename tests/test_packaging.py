"""The wheels hold what running needs, and run without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from stack import REPOSITORY, fresh_copy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh_copy(tmp_path_factory.mktemp("packaging"))


@pytest.fixture(scope="module")
def server_wheel(copy: Path) -> Path:
    return _build(copy)


@pytest.fixture(scope="module")
def client_wheel(copy: Path) -> Path:
    return _build(copy / "client")


def _build(project: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"],
        cwd=project,
        # The client's build backend looks for its own program on the path.
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )
    return next((project / "dist").glob("*.whl"))


def test_the_server_wheel_holds_every_file_of_its_packages(server_wheel: Path) -> None:
    packed = set(zipfile.ZipFile(server_wheel).namelist())

    tracked = _files("collector", "dashboard", "mappings", "reports")
    assert tracked - packed == set()
    assert any(name.endswith(".sql") for name in tracked)


def test_the_server_wheel_holds_no_tests_and_no_sample_data(server_wheel: Path) -> None:
    folders = {name.split("/")[0] for name in zipfile.ZipFile(server_wheel).namelist()}

    assert folders == {
        "collector",
        "dashboard",
        "mappings",
        "reports",
        "watchkeeper-0.1.0.dist-info",
    }


def test_the_client_wheel_holds_only_the_client(client_wheel: Path) -> None:
    folders = {name.split("/")[0] for name in zipfile.ZipFile(client_wheel).namelist()}

    assert folders == {"watchkeeper_agent", "watchkeeper_agent-0.1.0.dist-info"}


@pytest.mark.parametrize(
    "arguments",
    [["-m", "collector", "--help"], ["-m", "collector", "up", "--help"], ["-m", "reports", "-h"]],
)
def test_the_unpacked_server_wheel_runs(
    server_wheel: Path, tmp_path: Path, arguments: list[str]
) -> None:
    zipfile.ZipFile(server_wheel).extractall(tmp_path)

    ran = _run(arguments, tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert "example" in ran.stdout or "COMMAND" in ran.stdout


def test_the_unpacked_wheel_reads_its_own_data_files(server_wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(server_wheel).extractall(tmp_path)

    ran = _run(
        ["-c", "from mappings import load; print(len(load.evidence_queries()), load.__file__)"],
        tmp_path,
    )

    count, _, file = ran.stdout.strip().partition(" ")
    assert int(count) >= 10
    assert file.startswith(str(tmp_path))


def test_the_client_imports_nothing_of_the_server(client_wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(client_wheel).extractall(tmp_path)

    ran = _run(
        [
            "-c",
            "import sys, watchkeeper_agent; "
            "print([m for m in sys.modules if m.split('.')[0] in "
            "('collector', 'dashboard', 'reports', 'mappings', 'duckdb', 'streamlit')])",
        ],
        tmp_path,
    )

    assert ran.stdout.strip() == "[]", ran.stderr


def _run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _files(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {name for name in listed if (REPOSITORY / name).is_file()}
