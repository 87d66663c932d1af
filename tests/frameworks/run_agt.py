"""Runs the governance toolkit under the bridge, in both versions, against a real collector.

    python tests/frameworks/run_agt.py          # both
    python tests/frameworks/run_agt.py agt_5    # one

Each version has an environment of its own below .frameworks/. What was sent is recorded in
tests/frameworks/recorded/, beside what the toolkit itself answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from console import Collector, collecting
from environments import interpreter_of
from pairs import FOLDER, RECORDED, REPOSITORY
from relay import relaying, written

VERSIONS = ("agt_5", "agt_3_7")
MODES = ("plain", "emitting", "tampered")


def main(asked: list[str]) -> int:
    for version in asked or VERSIONS:
        python = interpreter_of(version, FOLDER / version / "requirements.txt")
        with tempfile.TemporaryDirectory() as folder:
            truths, counted = run(version, python, Path(folder))
        for mode, truth in truths.items():
            told = counted[f"agt-{mode}"]
            print(f"{version} {mode}: {len(truth['decisions'])} verdicts, {told} in `decisions`")
            # A changed record claims another decision.
            if mode != "tampered" and told != len(truth["decisions"]):
                return 1
    return 0


def run(version: str, python: Path, folder: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """What AGT answered in each mode, and how many decisions the collector has of it."""
    with collecting(folder / "home") as collector, relaying(collector.otlp_http) as relay:
        truths = {mode: _mode(mode, python, relay.url, folder) for mode in MODES}
        assert not relay.refused, relay.refused
        counted = _decisions(collector)
    sent = written(relay.kept, str(REPOSITORY))
    (RECORDED / f"{version}.json").write_text(sent, encoding="utf-8")
    happened = json.dumps(truths, indent=1) + "\n"
    (RECORDED / f"{version}.truth.json").write_text(happened, encoding="utf-8")
    return truths, counted


def _mode(mode: str, python: Path, endpoint: str, folder: Path) -> dict[str, Any]:
    truth = folder / f"{mode}.json"
    helpers = (FOLDER, REPOSITORY / "client/tests")
    subprocess.run(
        [str(python), "-W", "ignore", str(FOLDER / "agt/agent.py"), mode, str(truth)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, helpers)),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        },
        timeout=180,
        check=True,
    )
    told: dict[str, Any] = json.loads(truth.read_text(encoding="utf-8"))
    return told


def _decisions(collector: Collector) -> dict[str, int]:
    """By instance, once everything acknowledged can be asked for."""
    collector.settle()
    rows = collector.rows("select instance, count(*) as decisions from decisions group by all")
    return {row["instance"]: row["decisions"] for row in rows}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
