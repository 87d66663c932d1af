"""Fixtures that more than one folder of tests shares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from stack import Stack, environment_with_free_ports, fresh_copy, running

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# Files that take minutes start first, so that no worker is left with one alone at the end.
LONGEST = ("test_readme.py", "test_kill.py", "test_main_job.py", "test_any_order.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="module")
def demo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`make demo` in a fresh copy of the repository."""
    folder = fresh_copy(tmp_path_factory.mktemp("clone"))
    environment = environment_with_free_ports()
    with running(folder, ["make", "demo"], environment, seconds=240) as stack:
        yield stack
