"""The demonstration: the three processes, a month of sample history, and four sample agents.

The agents live in the repository's `sample_data` and are no part of the wheel.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.cli.supervise import (
    Child,
    Supervisor,
    announce,
    end_with,
    processes,
    sole_owner,
)
from collector.config import Settings
from collector.errors import ConfigurationError, RefusedInput


async def run(settings: Settings, *, fleet: bool, days: int) -> int:
    """Run the demonstration until a signal stops it."""
    if days < 1:
        raise RefusedInput(f"--days: expected at least 1 day of sample history, got {days}")
    sample_data = _sample_data()
    with sole_owner(settings.home):
        _provide(sample_data / "objectives", settings.objectives)
        _provide(sample_data / "sequences", settings.sequences)
        provide(sample_data / "home", settings.home)
        supervisor = Supervisor(processes(settings))
        supervisor.stop_on_signals()
        try:
            await supervisor.start()
            told = await _load_history(settings, days, supervisor)
            if told is not None:
                await _announced(settings, supervisor, fleet, told)
        finally:
            await supervisor.stop()
    return 0


async def _announced(settings: Settings, supervisor: Supervisor, fleet: bool, told: Told) -> None:
    if fleet:
        await supervisor.add(_fleet(settings))
    announce(settings)
    await supervisor.stopping.wait()
    if fleet:
        # The live fleet told the story until now; the next start goes on from here.
        replace(told, until=datetime.now(UTC)).write(_marker(settings))


def _sample_data() -> Path:
    spec = importlib.util.find_spec("sample_data")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "no sample_data here: the demonstration runs from a checkout of the repository; "
            "`watchkeeper up` runs without it"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _provide(samples: Path, directory: Path) -> None:
    """Give a fresh home the sample files; one that has some keeps its own."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.glob("*.y*ml")):
        return
    for file in sorted(samples.glob("*.yaml")):
        shutil.copy(file, directory / file.name)


def provide(samples: Path, home: Path) -> None:
    """Give a home each sample file that it does not have."""
    for file in sorted(samples.glob("*.yaml")):
        if not (home / file.name).exists():
            shutil.copy(file, home / file.name)


@dataclass(frozen=True)
class Told:
    """How far the sample story has been told, and where it ends."""

    until: datetime
    story_end: datetime

    @classmethod
    def read(cls, marker: Path) -> Told | None:
        if not marker.exists():
            return None
        kept = json.loads(marker.read_text(encoding="utf-8"))
        return cls(**{name: datetime.fromisoformat(text) for name, text in kept.items()})

    def write(self, marker: Path) -> None:
        kept = {"until": self.until.isoformat(), "story_end": self.story_end.isoformat()}
        marker.write_text(json.dumps(kept), encoding="utf-8")


async def _load_history(settings: Settings, days: int, supervisor: Supervisor) -> Told | None:
    """Load what is missing of the last days; a second start loads only the gap.

    None when a signal ended the load: it starts over next time, and doubles nothing.
    """
    if supervisor.stopping.is_set():
        return None
    now = datetime.now(UTC)
    earliest = now - timedelta(days=days)
    told = Told.read(_marker(settings))
    since = max(told.until, earliest) if told else earliest
    story_end = told.story_end if told else now
    if now - since > timedelta(minutes=5):
        started = time.monotonic()
        days_missing = (now - since) / timedelta(days=1)
        print(f"loading {days_missing:.3g} days of sample history ...", file=sys.stderr)
        if not await _history_process(settings, supervisor, since, now, story_end):
            return None
        print(f"loaded in {time.monotonic() - started:.0f} s", file=sys.stderr)
    told = Told(until=now, story_end=story_end)
    told.write(_marker(settings))
    return told


def _marker(settings: Settings) -> Path:
    return settings.home / "sample-history.json"


async def _history_process(
    settings: Settings,
    supervisor: Supervisor,
    since: datetime,
    until: datetime,
    story_end: datetime,
) -> bool:
    """Whether all of it was loaded before a signal came."""
    history = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sample_data.history"),
        *("--endpoint", str(settings.otlp_grpc)),
        *("--since", since.isoformat()),
        *("--until", until.isoformat()),
        *("--story-end", story_end.isoformat()),
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with(os.getpid()),
    )
    ended = asyncio.create_task(history.wait())
    stopped = asyncio.create_task(supervisor.stopping.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.done():
        with contextlib.suppress(ProcessLookupError):
            history.terminate()
    status = await ended
    if status != 0 and not supervisor.stopping.is_set():
        raise ConfigurationError("the sample history did not load; its words are above")
    return status == 0


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
            "SAMPLE_INTERVAL_S": os.environ.get("SAMPLE_INTERVAL_S", "3"),
        },
    )
