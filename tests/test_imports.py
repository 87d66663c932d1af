"""Imports go one way, and a machine checks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stack import REPOSITORY


def test_every_import_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    ran = subprocess.run(
        [linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout
