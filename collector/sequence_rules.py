"""The sequence rules in force: a directory of YAML files, each in its last good version."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from collector.homefile import FileError, text_of
from collector.objectives import yaml_files
from collector.sequences.read import read_rules
from collector.sequences.rule import Rule
from collector.slo.marked import Refusal
from collector.smallfile import state_of

__all__ = ["SequenceRules", "check_file"]

# Files are edited by hand: seconds later is soon enough.
_LOOK_AGAIN_S = 2.0
_UNREAD = "cannot be read: "

_log = structlog.get_logger("collector.sequence_rules")

_Stamp = tuple[tuple[str, tuple[int, ...] | None], ...]


@dataclass(frozen=True)
class _File:
    """One file as it is in force."""

    name: str
    rules: tuple[Rule, ...]


class SequenceRules:
    """The directory of rules. A wrong file leaves its old version in force and says why."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._stamp: _Stamp | None = None
        self._files: dict[str, _File] = {}
        self._errors: tuple[FileError, ...] = ()
        self._rules: tuple[Rule, ...] = ()

    def all(self) -> tuple[Rule, ...]:
        """Every rule in force; the very same value until a file changes."""
        with self._lock:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_S:
                self._looked_at = now
                self._look()
            return self._rules

    @property
    def errors(self) -> tuple[FileError, ...]:
        """Why files are not in force as they stand."""
        self.all()
        return self._errors

    def file_of(self, rule: str) -> str:
        """The name of the file that a rule in force is from."""
        with self._lock:
            found = (file.name for file in self._files.values() if _has(file, rule))
            return next(found, "")

    def _look(self) -> None:
        try:
            paths = _paths(self._directory)
        except OSError as error:
            self._stamp = None
            self._tell([FileError(self._directory.name, 1, f"{_UNREAD}{error.strerror}")])
            return
        stamp = tuple(_stamps(paths))
        if stamp == self._stamp:
            return
        self._files, errors = _load(paths, self._files)
        # What keeps a file from being read may pass without a change of the file.
        unread = any(error.reason.startswith(_UNREAD) for error in errors)
        self._stamp = None if unread else stamp
        self._tell(errors)
        rules = tuple(rule for file in self._files.values() for rule in file.rules)
        if rules != self._rules:
            self._rules = rules

    def _tell(self, errors: Sequence[FileError]) -> None:
        for error in errors:
            if error not in self._errors:
                _log.error("sequence_file_refused", **vars(error))
        self._errors = tuple(errors)


def check_file(path: Path) -> tuple[Rule, ...]:
    """The rules of one file; Refusal for the first that cannot be accepted."""
    return read_rules(text_of(path))


def _paths(directory: Path) -> list[Path]:
    """The files of rules; OSError where something is there that cannot be listed."""
    try:
        os.scandir(directory).close()
    except FileNotFoundError:
        return []
    return yaml_files(directory)


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[str, tuple[int, ...] | None]]:
    for path in paths:
        yield path.name, state_of(path)


def _load(
    paths: Iterable[Path], old: Mapping[str, _File]
) -> tuple[dict[str, _File], tuple[FileError, ...]]:
    files: dict[str, _File] = {}
    errors: list[FileError] = []
    taken: dict[str, str] = {}
    for path in paths:
        try:
            file = _read(path, taken)
        except Refusal as refusal:
            errors.append(FileError(path.name, refusal.line, refusal.reason))
        except OSError as error:
            errors.append(FileError(path.name, 1, f"{_UNREAD}{error.strerror}"))
        else:
            files[path.name] = file
            taken.update({rule.name: path.name for rule in file.rules})
            continue
        kept = old.get(path.name)
        if kept is not None and not any(rule.name in taken for rule in kept.rules):
            files[path.name] = kept
            taken.update({rule.name: path.name for rule in kept.rules})
    return files, tuple(errors)


def _read(path: Path, taken: Mapping[str, str]) -> _File:
    rules = check_file(path)
    for rule in rules:
        if rule.name in taken:
            raise Refusal(1, f"the rule {rule.name!r} is in {taken[rule.name]} already")
    return _File(path.name, rules)


def _has(file: _File, rule: str) -> bool:
    return any(each.name == rule for each in file.rules)
