"""The demonstration: the three processes, a month of sample history, and four sample agents.

The agents live in the repository's `sample_data` and are no part of the wheel.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import os
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.cli.supervise import Child, Supervisor, announce, processes
from collector.config import Settings
from collector.errors import ConfigurationError


async def run(settings: Settings, *, fleet: bool, days: int) -> int:
    """Run the demonstration until a signal stops it."""
    sample_data = _sample_data()
    _provide_objectives(sample_data, settings.objectives)
    supervisor = Supervisor(processes(settings))
    supervisor.stop_on_signals()
    try:
        await supervisor.start()
        await _load_history(settings, days)
        if fleet:
            await supervisor.add(_fleet(settings))
        announce(settings)
        await supervisor.stopping.wait()
    finally:
        await supervisor.stop()
    return 0


def _sample_data() -> Path:
    spec = importlib.util.find_spec("sample_data")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "no sample_data here: the demonstration runs from a checkout of the repository; "
            "`watchkeeper up` runs without it"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _provide_objectives(sample_data: Path, objectives: Path) -> None:
    """Give a fresh home the sample objectives; one that has some keeps its own."""
    objectives.mkdir(parents=True, exist_ok=True)
    if any(objectives.glob("*.y*ml")):
        return
    for file in sorted((sample_data / "objectives").glob("*.yaml")):
        shutil.copy(file, objectives / file.name)


async def _load_history(settings: Settings, days: int) -> None:
    """Load what is missing of the last days; a second start loads only the gap."""
    marker = settings.home / "sample-history.json"
    until = datetime.now(UTC)
    missing = _missing(marker, until, timedelta(days=days))
    if missing < timedelta(hours=1):
        return
    started = time.monotonic()
    print(f"loading {_in_days(missing)} of sample history ...", file=sys.stderr)
    await _history_process(settings, until, missing)
    marker.write_text(json.dumps({"until": until.isoformat()}), encoding="utf-8")
    print(f"loaded in {time.monotonic() - started:.0f} s", file=sys.stderr)


def _missing(marker: Path, until: datetime, wanted: timedelta) -> timedelta:
    if not marker.exists():
        return wanted
    loaded_until = datetime.fromisoformat(json.loads(marker.read_text())["until"])
    return min(wanted, until - loaded_until)


def _in_days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.3g} days"


async def _history_process(settings: Settings, until: datetime, length: timedelta) -> None:
    history = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sample_data.history",
        "--endpoint",
        str(settings.otlp_grpc),
        "--days",
        str(math.ceil(length / timedelta(days=1))),
        "--until",
        until.isoformat(),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await history.wait() != 0:
        raise ConfigurationError("the sample history did not load; its words are above")


def _fleet(settings: Settings) -> Child:
    return Child(
        "sample fleet",
        ["-m", "sample_data.fleet"],
        settings.home / "logs" / "fleet.log",
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_grpc.url,
            "WATCHKEEPER_CONTROL": settings.control.url,
            "WATCHKEEPER_AGENT_STATE": str(settings.home / "agents"),
            # Slow enough that a month of history is not dwarfed, fast enough to watch.
            "SAMPLE_INTERVAL_S": os.environ.get("SAMPLE_INTERVAL_S", "6"),
        },
    )
