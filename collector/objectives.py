"""The objectives in force: a directory of OpenSLO files, each in its last good version."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.homefile import FileError, text_of
from collector.slo.marked import Refusal
from collector.slo.objective import Objective
from collector.slo.openslo import Document, objective_from, read_file


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class LoadedFile:
    """One file as it is in force."""

    name: str
    text: str
    documents: tuple[Document, ...]
    objectives: tuple[Objective, ...] = ()


class Objectives:
    """The directory of objectives. A wrong file leaves its old version in force.

    Only `reload` reads the directory; it is read once when made.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime] = utc_now) -> None:
        self._directory = directory
        self._now = now
        self._lock = threading.Lock()
        self._files: dict[str, LoadedFile] = {}
        self._errors: tuple[FileError, ...] = ()
        self.reload()

    def all(self) -> tuple[Objective, ...]:
        """Every objective in force, by name."""
        files = tuple(self._files.values())
        return tuple(
            sorted((each for file in files for each in file.objectives), key=lambda one: one.name)
        )

    def get(self, name: str) -> Objective | None:
        return next((objective for objective in self.all() if objective.name == name), None)

    @property
    def errors(self) -> tuple[FileError, ...]:
        return self._errors

    def reload(self) -> dict[str, Any]:
        """Read the directory again; answers what `listing` answers."""
        with self._lock:
            self._files, self._errors = _load(yaml_files(self._directory), self._files)
        return self.listing()

    def listing(self) -> dict[str, Any]:
        """What GET /v1/objectives answers."""
        files = tuple(self._files.values())
        return {
            "objectives": [
                _listed(each, file, self._now()) for file in files for each in file.objectives
            ],
            "errors": [vars(error) for error in self._errors],
        }


def check_file(path: Path) -> list[dict[str, Any]]:
    """What is wrong with one file, read beside its neighbours, which may hold its SLI."""
    _, errors = _load(sorted({*yaml_files(path.parent), path}), {})
    return [vars(error) for error in errors if error.file == path.name]


def window_days(objective: Objective, now: datetime) -> float:
    """Days of the period; those of the period that holds `now` when it varies."""
    return objective.period(now) / timedelta(days=1)


def _load(
    paths: Iterable[Path], old: Mapping[str, LoadedFile]
) -> tuple[dict[str, LoadedFile], tuple[FileError, ...]]:
    errors: dict[str, FileError] = {}
    files = {path.name: _read(path, old, errors) for path in paths}
    fresh = {name: file for name, file in files.items() if file is not None}
    indicators = {
        document.name: document
        for file in fresh.values()
        for document in file.documents
        if document.kind == "SLI"
    }
    resolved: dict[str, LoadedFile] = {}
    taken: dict[str, str] = {}
    for name, file in fresh.items():
        loaded = _resolved(file, old.get(name), indicators, taken, errors)
        if loaded is not None:
            resolved[name] = loaded
            taken.update({objective.name: name for objective in loaded.objectives})
    return resolved, tuple(errors[name] for name in sorted(errors))


def yaml_files(directory: Path) -> list[Path]:
    """The files of a directory that may hold YAML, by name."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml", ".json"))


def _read(
    path: Path, old: Mapping[str, LoadedFile], errors: dict[str, FileError]
) -> LoadedFile | None:
    try:
        text = text_of(path)
        return LoadedFile(path.name, text, read_file(text))
    except Refusal as refusal:
        errors[path.name] = FileError(path.name, refusal.line, refusal.reason)
    except OSError as error:
        errors[path.name] = FileError(path.name, 1, f"cannot be read: {error.strerror}")
    return old.get(path.name)


def _resolved(
    file: LoadedFile,
    old: LoadedFile | None,
    indicators: Mapping[str, Document],
    taken: Mapping[str, str],
    errors: dict[str, FileError],
) -> LoadedFile | None:
    try:
        return LoadedFile(file.name, file.text, file.documents, _built(file, indicators, taken))
    except Refusal as refusal:
        errors.setdefault(file.name, FileError(file.name, refusal.line, refusal.reason))
        return old


def _built(
    file: LoadedFile, indicators: Mapping[str, Document], taken: Mapping[str, str]
) -> tuple[Objective, ...]:
    names = dict(taken)
    built = []
    for document in file.documents:
        if document.kind != "SLO":
            continue
        objective = objective_from(document, indicators)
        if objective.name in names:
            document.body.field("metadata").field("name").refuse(
                f"{objective.name!r} is already taken by {names[objective.name]}; choose another"
            )
        names[objective.name] = file.name
        built.append(objective)
    return tuple(built)


def _listed(objective: Objective, file: LoadedFile, now: datetime) -> dict[str, Any]:
    days = window_days(objective, now)
    return {
        "name": objective.name,
        "display_name": objective.display_name,
        "file": file.name,
        "service": objective.service,
        "indicator": objective.indicator.describe(),
        "target": objective.target,
        "window_days": int(days) if days.is_integer() else days,
        "agents": list(objective.agents),
        "source": file.text,
    }
