"""Fixtures of the report tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report_cast import make_facts  # the cast lives beside this file

from reports.facts import Facts


@pytest.fixture
def facts() -> Facts:
    return make_facts()
