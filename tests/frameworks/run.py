"""Runs real frameworks, offline and with fake models, against a real collector and control.

    python tests/frameworks/run.py                   # all of them
    python tests/frameworks/run.py langchain_otel    # one

Each framework has an environment of its own below .frameworks/. What was sent is recorded in
tests/frameworks/recorded/, beside what the script says really happened.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from console import Operator, collecting, commanding
from counting import Facts, told
from environments import ENVIRONMENTS, interpreter_of
from expecting import differences
from pairs import PAIRS, RECORDED, REPOSITORY, SCENARIOS, Pair
from relay import Relay, relaying, written
from stack import environment_with_free_ports

SECONDS = 180
# Frameworks that would otherwise phone home, look for a key or hide what they do.
QUIET = {
    "OPENAI_API_KEY": "not-used",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "TRACELOOP_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS": "true",
    "PYTHONWARNINGS": "ignore",
}
HOLDS: dict[str, dict[str, Any]] = {
    "degrade": {
        "profile": {
            "tools": {"deny": ["transfer"]},
            "model_map": {"fake-large": "fake-small"},
        }
    },
    "kill": {},
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as langchain_otel")
    asked = parser.parse_args().names
    known = {pair.name: pair for pair in PAIRS}
    if unknown := [name for name in asked if name not in known]:
        parser.error(f"expected {', '.join(known)}, got {', '.join(unknown)}")
    failed = [pair for pair in PAIRS if pair.name in (asked or known) and not _ran_well(pair)]
    return 1 if failed else 0


def _ran_well(pair: Pair) -> bool:
    python = interpreter_of(pair.framework, pair.folder / "requirements.txt")
    with tempfile.TemporaryDirectory() as folder:
        truths, counted = run(pair, python, Path(folder))
    wrong = differences(pair.name, truths, counted)
    print(f"{pair.name}: {'as expected' if not wrong else 'NOT as expected'}")
    for line in wrong:
        print(f"  {line}")
    return not wrong


def _call_quietly(command: list[str], log: Path, **others: Any) -> None:
    """Run a framework's script; its words go to a file that is named when it fails."""
    with log.open("wb") as words:
        ended = subprocess.run(
            command, stdout=words, stderr=words, timeout=SECONDS, check=False, **others
        )
    if ended.returncode != 0:
        raise SystemExit(f"{command[1]} ended with {ended.returncode}, see {log}")


def run(pair: Pair, python: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Facts]]:
    """All scenarios of a pair: what happened, and what the collector says happened."""
    ports = environment_with_free_ports()
    home = folder / "home"
    with (
        collecting(home, ports) as collector,
        commanding(home, ports) as operator,
        relaying(collector.otlp_http) as relay,
    ):
        truths = {
            scenario: _scenario(pair, scenario, python, operator, relay, folder, ports)
            for scenario in SCENARIOS
        }
        assert not relay.refused, relay.refused
        collector.settle()
        counted = {scenario: told(collector, pair.instance(scenario)) for scenario in SCENARIOS}
    RECORDED.mkdir(exist_ok=True)
    sent = written(relay.kept, str(REPOSITORY))
    (RECORDED / f"{pair.name}.json").write_text(sent, encoding="utf-8")
    happened = json.dumps(truths, indent=1) + "\n"
    (RECORDED / f"{pair.name}.truth.json").write_text(happened, encoding="utf-8")
    return truths, counted


def _scenario(
    pair: Pair,
    scenario: str,
    python: Path,
    operator: Operator,
    relay: Relay,
    folder: Path,
    ports: dict[str, str],
) -> dict[str, Any]:
    hold = operator.hold(scenario, pair.agent, **HOLDS[scenario]) if scenario in HOLDS else None
    truth = folder / f"{scenario}.json"
    _call_quietly(
        [str(python), str(pair.folder / "agent.py"), pair.instrumentation, scenario, str(truth)],
        ENVIRONMENTS / f"{pair.instance(scenario)}.log",
        cwd=folder,
        env={
            **os.environ,
            **QUIET,
            "PYTHONPATH": str(pair.folder.parent),
            "OTEL_EXPORTER_OTLP_ENDPOINT": relay.url,
            "WATCHKEEPER_CONTROL": f"http://{ports['WATCHKEEPER_CONTROL']}",
            "WATCHKEEPER_AGENT_STATE": str(folder / "agents"),
        },
    )
    if hold is not None:
        operator.release(hold)
    happened: dict[str, Any] = json.loads(truth.read_text(encoding="utf-8"))
    return happened


if __name__ == "__main__":
    raise SystemExit(main())
