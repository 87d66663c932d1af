"""How long evidence is kept: `watchkeeper retention`, said to the collector of the same home."""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from collector.config import Settings
from collector.errors import ConfigurationError, RefusedInput
from collector.keeping import Act, Kind, Signal
from collector.local import LocalConnection

TIMEOUT_S = 60.0


def retention(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show the rules, or sign one act that changes them."""
    if arguments.what == "show":
        _show(ask(settings, "GET", "/v1/retention"))
    elif arguments.what == "verify":
        return _verify(settings)
    else:
        _do(settings, _act(arguments))
    return 0


def ask(settings: Settings, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The answer of the collector that runs in this home."""
    connection = LocalConnection(settings.admin_socket, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise ConfigurationError(
            f"no collector runs in {settings.home} ({error}): start one with `watchkeeper up`,"
            " or name its --home"
        ) from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise RefusedInput(str(told["error"]["message"]))
    return dict(told)


def _do(settings: Settings, act: Act) -> None:
    from collector.control.retention import signed_act

    done = ask(settings, "POST", "/v1/retention", {"act": signed_act(settings.control_home, act)})
    print(done["act_id"])


def _act(arguments: argparse.Namespace) -> Act:
    if not arguments.reason:
        raise RefusedInput("why? say it with --reason; it is kept as evidence")
    signal = Signal.GOVERNANCE if arguments.what == "override" else arguments.signal
    return Act(
        act_id=str(uuid.uuid4()),
        kind=Kind(arguments.what),
        by=arguments.user,
        at=datetime.now(UTC),
        reason=arguments.reason,
        signal=signal and Signal(signal),
        days=arguments.days,
        since=instant("--since", arguments.since),
        until=instant("--until", arguments.until),
        agent=arguments.agent,
        hold_id=arguments.hold,
    )


def instant(flag: str, text: str | None) -> datetime | None:
    """A time with its zone, or a date, which begins at midnight UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedInput(f"{flag} takes a date or a time such as 2026-01-15T12:00:00Z") from error
    if at.tzinfo is None and len(text) > len("2026-01-15"):
        raise RefusedInput(f"{flag} {text} names no zone: write {text}Z")
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def _show(rules: dict[str, Any]) -> None:
    for signal, days in rules["days"].items():
        floor = f"\tfloor {rules['floor_days']} days" if signal == "governance" else ""
        print(f"{signal}\t{days} days{floor}")
    if override := rules["override"]:
        print(
            f"override\tgovernance {override['days']} days until {override['until']}"
            f"\t{override['by']}: {override['reason']}"
        )
    for hold in rules["holds"]:
        period = f"{hold['since'][:19]} to {hold['until'][:19]}"
        print(
            f"hold\t{hold['hold_id']}\t{hold['agent'] or 'every agent'}\t{period}"
            f"\t{hold['by']}: {hold['reason']}"
        )
    for fault in rules["faults"]:
        print(f"watchkeeper: {fault}", file=sys.stderr)


def _verify(settings: Settings) -> int:
    """Compare every file of the archive with its SHA-256; needs no collector."""
    sums = settings.data / "archive" / "SHA256SUMS"
    if not sums.exists():
        raise ConfigurationError(f"{sums} is not there: nothing is archived in {settings.home}")
    lines = [line.partition("  ") for line in sums.read_text("ascii").splitlines()]
    wrong = 0
    for sha256, _, path in lines:
        file = sums.parent / path
        try:
            with file.open("rb") as stream:
                is_same = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        except OSError:
            is_same = False
        if not is_same:
            wrong += 1
            print(f"{file}: missing or changed; restore it from a backup", file=sys.stderr)
    print(f"{len(lines)} files, {wrong} wrong")
    return 1 if wrong else 0
