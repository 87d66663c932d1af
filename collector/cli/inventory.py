"""`watchkeeper inventory`: what was seen against what is registered; as CycloneDX too."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from collector.cli.ask import print_errors, rows_of
from collector.cli.lines import row, write_text
from collector.config import VERSION, Settings
from collector.errors import RefusedInput
from collector.homefile import FileError, text_of
from collector.inventory.cyclonedx import bill_of_materials
from collector.inventory.inventory_file import read_inventory
from collector.slo.marked import Refusal

__all__ = ["run"]

_MOST = "10000"


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exit status 1 when the file is wrong."""
    if arguments.what == "check":
        return _check(arguments.file or settings.inventory)
    rows = rows_of(settings, "inventory", limit=_MOST)
    text = _written(rows, arguments.format)
    if arguments.output is None:
        print(text)
    else:
        write_text(arguments.output, f"{text}\n")
    refused = [row for row in rows_of(settings, "home_files") if row["state"] == "refused"]
    return print_errors([row for row in refused if row["file"] == settings.inventory.name])


def _written(rows: list[dict[str, Any]], form: str) -> str:
    if form == "table":
        return "\n".join(row(*_columns(each)) for each in rows)
    if form == "json":
        return json.dumps(rows, default=_iso, indent=2, ensure_ascii=False)
    made = bill_of_materials(rows, version=VERSION, made_at=datetime.now(UTC), serial=uuid4())
    return json.dumps(made, indent=2, ensure_ascii=False)


def _columns(told: dict[str, Any]) -> list[str]:
    last = told["last_seen"]
    seen = "never seen" if last is None else f"seen {last:%Y-%m-%d %H:%M}"
    name = told["name"] if told["version"] is None else f"{told['name']} {told['version']}"
    return [told["standing"] or "-", told["kind"], name, told["origin"] or "-", seen]


def _iso(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _check(path: Path) -> int:
    try:
        registered = read_inventory(text_of(path))
    except Refusal as refusal:
        return print_errors([vars(FileError(path.name, refusal.line, refusal.reason))])
    except OSError as error:
        raise RefusedInput(f"cannot read {path}: {error.strerror}; name a file to check") from error
    print(f"{len(registered.components)} components, no error")
    return 0
