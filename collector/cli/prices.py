"""`watchkeeper prices`: what tokens cost, which models have no price, and costs computed anew."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector.cli import lines
from collector.cli.ask import print_errors, rows_of
from collector.cli.keep import ask, instant
from collector.cli.lines import print_row
from collector.config import Settings
from collector.costs.prices_file import read_prices
from collector.errors import RefusedInput
from collector.homefile import FileError, text_of
from collector.slo.marked import Refusal

__all__ = ["run"]

_LOOK_AGAIN_S = 0.5


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exit status 1 when a file is wrong."""
    match arguments.what:
        case "check":
            return _check(arguments.file or settings.prices)
        case "reprice":
            return _reprice(settings, arguments)
        case "history":
            return _history(settings)
    return _list(settings)


def _list(settings: Settings) -> int:
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


def _reprice(settings: Settings, arguments: argparse.Namespace) -> int:
    since, until = instant("--since", arguments.since), instant("--until", arguments.until)
    if since is None:
        raise RefusedInput("from when on? say it with --since, such as --since 2026-01-01")
    if not arguments.reason:
        raise RefusedInput("why? say it with --reason; it is kept with what changed")
    asked = {
        "since": since.isoformat(),
        "until": (until or datetime.now(UTC)).isoformat(),
        "actor": arguments.user or getpass.getuser(),
        "reason": arguments.reason,
    }
    job = ask(settings, "POST", "/v1/reprices", asked)
    while job["state"] == "running" and not arguments.no_wait:
        print(f"{job['share'] * 100:.0f} %", file=sys.stderr)
        time.sleep(_LOOK_AGAIN_S)
        job = ask(settings, "GET", f"/v1/reprices/{job['job_id']}")
    _print_job(job)
    return 1 if job["state"] == "failed" else 0


def _history(settings: Settings) -> int:
    for job in ask(settings, "GET", "/v1/reprices")["reprices"]:
        _print_job(job)
    return 0


def _print_job(job: dict[str, Any]) -> None:
    period = f"{job['since'][:19]} to {job['until'][:19]}"
    state = job["state"] if job["error"] is None else f"failed: {job['error']}"
    prices = f"prices {job['prices'] or '-'}"
    print_row(
        job["job_id"], job["asked_at"][:19], job["actor"], period, state, prices, job["reason"]
    )
    for change in job["changes"]:
        model = f"{change['model'] or '(no model told)'} ({change['provider'] or '-'})"
        unpriced = f"unpriced {change['unpriced_before']} to {change['unpriced_after']}"
        usd = f"{change['usd_before']:.6g} to {change['usd_after']:.6g} USD"
        print_row("", model, f"{change['calls']} calls", usd, unpriced)


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
