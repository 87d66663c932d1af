"""Backups: one folder that holds everything a home needs, and a manifest of it with SHA-256.

1. The database at a checkpoint that covers every record acknowledged when the backup began.
2. The archived files that this database names; hard links where the disk is the same.
3. The control journal through SQLite's own backup; objectives, sequence rules, decisions about
   names, the redaction policy, tokens (hashes), reports and acts of retention as they are. Keys
   only when they are asked for.
4. The manifest last; only then the folder gets its name. What lacks a manifest is no backup.

The write-ahead log is not copied: the database holds what it held. A restored home begins a
new log behind the position of its database.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from collector.config import VERSION, Settings
from collector.errors import ConfigurationError, RefusedInput
from collector.store.archive import SUMS
from collector.store.connection import Store
from collector.store.copying import copy_database, copy_file
from collector.store.sealed import SealedFile

__all__ = ["MANIFEST", "back_up", "restore"]

MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.json.sha256"
UNFINISHED = ".unfinished"
FORMAT = 1
_DATABASE = "data/watchkeeper.duckdb"
_JOURNAL = "control/journal.sqlite"
_FILES = (
    "objectives/**/*",
    "sequences/**/*",
    "identities.jsonl",
    "redaction.yaml",
    "prices.yaml",
    "budgets.yaml",
    "inventory.yaml",
    "reports/*.pdf",
    "reports/*.json",
    "data/retention-acts.jws",
    "data/set-aside/**/*",
    "ingest-tokens.json",
)
_KEYS = (
    "control/signing-key.pem",
    "control/collector.token",
    "reports/*.pem",
    "reports/*.key",
    "redaction.key",
    "agt-signing-keys",
)

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup."""

    path: str
    bytes: int
    sha256: str


def back_up(
    store: Store,
    settings: Settings,
    target: Path,
    *,
    now: datetime,
    reaches: int = 0,
    with_keys: bool = False,
    report: Report = lambda step, share: None,
) -> dict[str, Any]:
    """Make a backup in a new folder; answers its manifest. `store` is the open store."""
    if target.exists():
        raise RefusedInput(f"{target} is there already: name a new folder")
    with _draft_for(target) as draft:
        manifest = _filled(store, settings, draft, now, reaches, with_keys, report)
        told = json.dumps(manifest, indent=1).encode()
        _write_synced(draft / MANIFEST, told)
        _write_synced(draft / MANIFEST_SUM, f"{_sha256(told)}  {MANIFEST}\n".encode())
        _give_name(draft, target)
    report("done", 1.0)
    return manifest


def _filled(
    store: Store,
    settings: Settings,
    draft: Path,
    now: datetime,
    reaches: int,
    with_keys: bool,
    report: Report,
) -> dict[str, Any]:
    (draft / "data").mkdir()
    copied = copy_database(
        store,
        draft / _DATABASE,
        reaches=reaches,
        progress=lambda done, size: report("database", 0.6 * done / size if size else 0.0),
    )
    entries = [Entry(_DATABASE, copied.bytes, copied.sha256)]
    damaged: list[str] = []
    for place, file in enumerate(copied.archive):
        report("archive", 0.6 + 0.3 * place / len(copied.archive))
        entry = _linked(settings.home, draft, f"data/archive/{file.path}")
        if entry is None or entry.sha256 != file.sha256:
            damaged.append(file.path)
        if entry is not None:
            entries.append(entry)
    report("settings", 0.95)
    entries += _small_files(settings.home, draft, _FILES + (_KEYS if with_keys else ()))
    if (settings.home / _JOURNAL).exists():
        entries.append(_journal(settings.home, draft))
    entries.append(_sums(draft, copied.archive))
    return {
        "format": FORMAT,
        "watchkeeper": VERSION,
        "made_at": now.isoformat(),
        "position": copied.position,
        "with_keys": with_keys,
        "damaged": damaged,
        "files": [asdict(entry) for entry in entries],
    }


def restore(backup: Path, home: Path, report: Report = lambda step, share: None) -> dict[str, Any]:
    """Put a backup into a new home; answers its manifest. Refuses a changed byte."""
    manifest = _read_manifest(backup)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise RefusedInput(f"{home} is not empty: restore into a new place with --home")
    with _draft_for(home) as draft:
        total = sum(entry.bytes for entry in _entries(manifest)) or 1
        done = 0
        for entry in _entries(manifest):
            _put_back(backup, draft, entry)
            done += entry.bytes
            report(entry.path, done / total)
        _give_name(draft, home)
    return manifest


# Filling a backup


@contextmanager
def _draft_for(target: Path) -> Iterator[Path]:
    """A folder to fill, gone at the end unless it was given its name; one process at a time."""
    draft = target.with_name(target.name + UNFINISHED)
    try:
        draft.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {draft}: {error.strerror}") from error
    try:
        _own(handle, draft)
        # What a process that was killed left behind.
        for left in draft.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield draft
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    finally:
        os.close(handle)


def _own(handle: int, draft: Path) -> None:
    """Lock the folder, and see that it still has its name: the one before may have just ended."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = draft.stat().st_ino == os.fstat(handle).st_ino
    except (BlockingIOError, FileNotFoundError):
        is_ours = False
    if not is_ours:
        raise RefusedInput(
            f"another backup or restore is filling {draft}: wait for it, or name another place"
        )


def _linked(home: Path, draft: Path, path: str) -> Entry | None:
    """An archived file, which never changes: a link costs no room. None when it is missing."""
    source, target = home / path, draft / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)
    return Entry(path, target.stat().st_size, sha256)


def _small_files(home: Path, draft: Path, patterns: Iterable[str]) -> Iterator[Entry]:
    for pattern in patterns:
        for source in sorted(home.glob(pattern)):
            if not source.is_file() or source.is_symlink():
                continue
            target = draft / source.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            sha256, size = copy_file(source, target)
            shutil.copymode(source, target)
            yield Entry(str(source.relative_to(home)), size, sha256)


def _journal(home: Path, draft: Path) -> Entry:
    target = draft / _JOURNAL
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(f"file:{home / _JOURNAL}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    target.chmod(0o600)
    return _entry(draft, _JOURNAL)


def _sums(draft: Path, archive: Iterable[SealedFile]) -> Entry:
    path = f"data/archive/{SUMS}"
    (draft / path).parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{file.sha256}  {file.path}\n" for file in archive]
    _write_synced(draft / path, "".join(lines).encode())
    return _entry(draft, path)


def _entry(draft: Path, path: str) -> Entry:
    with (draft / path).open("rb") as stream:
        os.fsync(stream.fileno())
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Entry(path, (draft / path).stat().st_size, sha256)


# Reading a backup


def _read_manifest(backup: Path) -> dict[str, Any]:
    file = backup / MANIFEST
    try:
        told = file.read_bytes()
        is_whole = (backup / MANIFEST_SUM).read_text("ascii").split()[0] == _sha256(told)
        manifest = json.loads(told)
        known = manifest["format"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RefusedInput(
            f"{backup} is no backup: {file.name} cannot be read ({error})"
        ) from error
    if not is_whole:
        raise RefusedInput(f"{file} was changed since the backup was made: use another backup")
    if known != FORMAT:
        raise RefusedInput(f"{backup} has format {known}, expected {FORMAT}: use a newer version")
    return dict(manifest)


def _entries(manifest: dict[str, Any]) -> list[Entry]:
    try:
        return [_checked(Entry(**file)) for file in manifest["files"]]
    except (KeyError, TypeError) as error:
        raise RefusedInput(f"the manifest is damaged ({error!r}): use another backup") from error


def _checked(entry: Entry) -> Entry:
    parts = PurePosixPath(entry.path).parts
    if not parts or ".." in parts or parts[0] == "/":
        raise RefusedInput(f"the manifest names {entry.path!r}, which leads out of the home")
    return entry


def _put_back(backup: Path, draft: Path, entry: Entry) -> None:
    target = draft / entry.path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        sha256, _ = copy_file(backup / entry.path, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigurationError(
                f"no room left for {target} ({error.strerror}): nothing was restored"
            ) from error
        raise RefusedInput(
            f"{backup / entry.path} cannot be read ({error.strerror}): nothing was restored"
        ) from error
    if sha256 != entry.sha256:
        raise RefusedInput(
            f"{backup / entry.path} was changed since the backup was made: nothing was restored,"
            " use another backup"
        )
    target.chmod(0o600)


def _give_name(draft: Path, target: Path) -> None:
    """Everything reaches the disk before the folder has its name."""
    for folder, _, _ in os.walk(draft):
        _sync_folder(Path(folder))
    try:
        draft.rename(target)
    except OSError as error:
        raise RefusedInput(
            f"{target} cannot be made ({error.strerror}): nothing was changed, name a new place"
        ) from error
    _sync_folder(target.parent)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
