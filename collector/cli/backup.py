"""`watchkeeper backup` and `watchkeeper restore`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from collector.cli.keep import ask
from collector.config import Settings
from collector.errors import WatchkeeperError

_ASK_EVERY_S = 0.2


class BackupFailed(WatchkeeperError):
    """The collector could not make the backup, and why."""


def backup(settings: Settings, arguments: argparse.Namespace) -> int:
    """Ask the running collector for a backup, and wait until it is there."""
    target = Path(arguments.target).resolve()
    wish = {"target": str(target), "with_keys": arguments.with_keys}
    job = ask(settings, "POST", "/v1/backups", wish)
    while job["state"] == "running":
        _tell(job["step"], job["share"])
        time.sleep(_ASK_EVERY_S)
        job = ask(settings, "GET", f"/v1/backups/{job['id']}")
    _end_line()
    if job["state"] == "failed":
        raise BackupFailed(str(job["error"]))
    return _told(target, job["manifest"])


def restore(settings: Settings, arguments: argparse.Namespace) -> int:
    """Put a backup into a home that is not there yet."""
    from collector.backup import restore as put_back

    manifest = put_back(Path(arguments.backup), settings.home, _tell)
    _end_line()
    print(
        f"restored {settings.home}: {len(manifest['files'])} files of {manifest['made_at']},"
        f" up to record {manifest['position']}"
    )
    if not manifest["with_keys"]:
        print(
            "watchkeeper: the backup holds no keys: control will make new ones, which agents do not"
            " trust, and acts of retention cannot be verified; put the old keys back before you"
            " start it, or back up with --with-keys",
            file=sys.stderr,
        )
    return _damage(manifest)


def _told(target: Path, manifest: dict[str, Any]) -> int:
    keys = "with keys: keep it secret" if manifest["with_keys"] else "without keys"
    print(f"{target}: {manifest['files']} files, up to record {manifest['position']}, {keys}")
    return _damage(manifest)


def _damage(manifest: dict[str, Any]) -> int:
    for path in manifest["damaged"]:
        print(f"watchkeeper: {path} was missing or damaged when backed up", file=sys.stderr)
    return 1 if manifest["damaged"] else 0


def _tell(step: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{share:4.0%} {step:.60}\033[K", end="", file=sys.stderr, flush=True)


def _end_line() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
