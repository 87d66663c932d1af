"""`watchkeeper prices`: what tokens cost, and which models are called without a price."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from collector.cli import lines
from collector.cli.ask import print_errors, rows_of
from collector.cli.lines import print_row
from collector.config import Settings
from collector.costs.prices_file import read_prices
from collector.errors import RefusedInput
from collector.homefile import FileError, text_of
from collector.slo.marked import Refusal

__all__ = ["run"]


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exit status 1 when a file is wrong."""
    if arguments.what == "check":
        return _check(arguments.file or settings.prices)
    for row in rows_of(settings, "prices"):
        print_row(*_columns(row))
    for row in rows_of(settings, "models"):
        if row["unpriced_calls"]:
            print(_unpriced(row), file=sys.stderr)
    refused = [row for row in rows_of(settings, "home_files") if row["state"] == "refused"]
    return print_errors([row for row in refused if row["file"] == settings.prices.name])


def _check(path: Path) -> int:
    try:
        prices = read_prices(text_of(path), path.name)
    except Refusal as refusal:
        return print_errors([vars(FileError(path.name, refusal.line, refusal.reason))])
    except OSError as error:
        raise RefusedInput(f"cannot read {path}: {error.strerror}; name a file to check") from error
    print(f"{len(prices)} prices, no error")
    return 0


def _columns(row: dict[str, Any]) -> list[str]:
    rates = [f"{name} {_usd(row[f'{name}_usd'])}" for name in ("input", "output", "cache_read")]
    since = "" if row["valid_from"] is None else f"since {row['valid_from']:%Y-%m-%d}"
    until = "" if row["valid_until"] is None else f"until {row['valid_until']:%Y-%m-%d}"
    return [row["model"], row["provider"], *rates, " ".join((since, until)).strip(), row["origin"]]


def _usd(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:g}"


def _unpriced(row: dict[str, Any]) -> str:
    model, provider = row["model"] or "(no model told)", row["provider"] or "no provider told"
    return lines.row(f"without a price: {model} ({provider}), {row['unpriced_calls']} calls")
