"""An environment of its own for each framework, below .frameworks/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stack import REPOSITORY

ENVIRONMENTS = REPOSITORY / ".frameworks"


def interpreter_of(name: str, requirements: Path) -> Path:
    """The environment's interpreter; it is made again when its requirements change."""
    home, wanted = ENVIRONMENTS / name, requirements.read_text(encoding="utf-8")
    installed = home / "installed.txt"
    python = home / "bin/python"
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _uv("pip", "install", "--quiet", "--python", str(python), "-r", str(requirements))
        installed.write_text(wanted, encoding="utf-8")
    return python


def _uv(*arguments: str) -> None:
    private = REPOSITORY / ".setup/uv/bin/uv"
    uv = str(private) if private.exists() else "uv"
    subprocess.run([uv, *arguments], cwd=REPOSITORY, check=True)
