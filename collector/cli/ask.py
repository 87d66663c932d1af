"""Commands that ask a running process and print its answer."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx

from collector.cli.lines import print_row, write_text
from collector.config import Settings
from collector.errors import ConfigurationError, RefusedInput

_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def sql(settings: Settings, arguments: argparse.Namespace) -> None:
    """One read-only statement, printed or written in the format that was asked for."""
    if arguments.format == "parquet" and arguments.output is None:
        raise RefusedInput("parquet is not text: name a file with --output rows.parquet")
    answer = _call(
        "the collector",
        "POST",
        f"{settings.api.url}/v1/sql",
        json={"sql": arguments.sql, "limit": arguments.limit},
        timeout=60,
    )
    _write_rows(answer.content, arguments.format, arguments.output)


def _write_rows(stream: bytes, form: str, output: Path | None) -> None:
    import polars as pl

    rows = pl.read_ipc_stream(io.BytesIO(stream))
    if form == "parquet" and output is not None:
        try:
            rows.write_parquet(output)
        except OSError as error:
            raise RefusedInput(f"cannot write {output}: {error}") from error
        return
    text = _as_text(rows, form)
    if output is None:
        print(text)
    else:
        write_text(output, f"{text}\n")


def _as_text(rows: Any, form: str) -> str:
    import polars as pl

    if form == "csv":
        return str(rows.write_csv()).rstrip("\n")
    if form == "json":
        return json.dumps(rows.to_dicts(), default=str, indent=2, ensure_ascii=False)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=80, tbl_hide_dataframe_shape=True):
        return str(rows)


def slo(settings: Settings, arguments: argparse.Namespace) -> int:
    """Objectives in force, or what is wrong with files; exit status 1 when something is."""
    if arguments.what == "check":
        return _check_files(arguments.files or sorted(settings.objectives.glob("*.y*ml")))
    listing = _call("the collector", "GET", f"{settings.api.url}/v1/objectives").json()
    for objective in listing["objectives"]:
        print(f"{objective['name']}\t{objective['target']:.4g}\t{objective['window_days']} d")
    return print_errors(listing["errors"])


def _check_files(files: list[Path]) -> int:
    from collector.objectives import check_file

    if not files:
        raise RefusedInput("no file to check: name one, or put OpenSLO files into the home")
    errors = [error for file in files for error in check_file(file)]
    if errors:
        return print_errors(errors)
    print(f"{len(files)} files, no error")
    return 0


def sequences(settings: Settings, arguments: argparse.Namespace) -> int:
    """Sequence rules in force with what they found, or what is wrong with files."""
    if arguments.what == "check":
        return _check_sequences(arguments.files or sorted(settings.sequences.glob("*.y*ml")))
    failed = 0
    for row in rows_of(settings, "sequence_rules"):
        if row["state"] == "in_force":
            print_row(row["rule"], row["severity"], f"{row['matches']} matches")
        else:
            failed = 1
            print(f"{row['rule'] or row['file']}: {row['state']}: {row['reason']}", file=sys.stderr)
    return failed


def _check_sequences(files: list[Path]) -> int:
    from collector.sequence_rules import check_file
    from collector.slo.marked import Refusal

    if not files:
        raise RefusedInput("no file to check: name one, or put sequence rules into the home")
    failed = 0
    for file in files:
        try:
            check_file(file)
        except Refusal as refusal:
            failed = 1
            print(f"{file.name}:{refusal.line}: {refusal.reason}", file=sys.stderr)
        except OSError as error:
            raise RefusedInput(f"{file} cannot be read: {error.strerror}") from error
    if not failed:
        print(f"{len(files)} files, no error")
    return failed


def rows_of(settings: Settings, question: str, **sent: str) -> list[dict[str, Any]]:
    """The answer of the running collector to one question."""
    import polars as pl

    url = f"{settings.api.url}/v1/query/{question}"
    answer = _call("the collector", "GET", url, params=sent, timeout=60)
    return list(pl.read_ipc_stream(io.BytesIO(answer.content)).to_dicts())


def print_errors(errors: list[dict[str, Any]]) -> int:
    for error in errors:
        print(f"{error['file']}:{error['line']}: {error['reason']}", file=sys.stderr)
    return 1 if errors else 0


def command(settings: Settings, arguments: argparse.Namespace) -> None:
    """Order something, as an operator of this machine."""
    with _Operator(settings, arguments.user) as operator:
        if arguments.what == "list":
            _print_commands(operator.get("/v1/commands"))
        elif arguments.what == "release":
            _print_command(_release(operator, arguments))
        else:
            _print_command(_order(operator, arguments))


def _order(operator: _Operator, arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.agent:
        raise RefusedInput("which agent? name it with --agent")
    return operator.post(
        "/v1/commands",
        {
            "kind": arguments.what,
            "scope": {"agent_name": arguments.agent},
            "reason": arguments.reason,
            "expires_in_s": seconds(arguments.expires),
            "idempotency_key": str(uuid.uuid4()),
        },
    )


def _release(operator: _Operator, arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.hold:
        raise RefusedInput("which hold? name it with --hold; `watchkeeper command list` shows them")
    return operator.post(
        f"/v1/holds/{arguments.hold}/release",
        {"reason": arguments.reason, "idempotency_key": str(uuid.uuid4())},
    )


def seconds(text: str | None) -> int:
    """A length of time such as 30m, 4h or 7d in seconds."""
    match = re.fullmatch(r"(\d+)([mhd])", text or "")
    if not match:
        raise RefusedInput(f"--expires takes a time such as 30m, 4h or 7d, got {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def _print_commands(listing: dict[str, Any]) -> None:
    for entry in listing["commands"]:
        _print_command(entry)


def _print_command(entry: dict[str, Any]) -> None:
    print(
        entry["hold_id"],
        entry["kind"],
        entry["scope"]["agent_name"],
        entry["state"],
        f"until {entry['expires_at']}",
        entry["reason"],
        sep="\t",
    )


class _Operator:
    """A session with the control process, opened by whoever may write its home."""

    def __init__(self, settings: Settings, user: str) -> None:
        self._settings = settings
        self._user = user
        self._client = httpx.Client(base_url=settings.control.url, timeout=30)

    def __enter__(self) -> _Operator:
        from collector.control.process import new_sign_in_link

        code = new_sign_in_link(self._settings, self._user).rpartition("code=")[2]
        session = self.post("/v1/sessions", {"code": code})
        self._client.headers["authorization"] = f"Bearer {session['token']}"
        return self

    def __exit__(self, *_: object) -> None:
        _call("control", "DELETE", "/v1/session", client=self._client)
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        return dict(_call("control", "GET", path, client=self._client).json())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(_call("control", "POST", path, client=self._client, json=body).json())


def users(settings: Settings, arguments: argparse.Namespace) -> None:
    """Add an operator, and print a link that signs in once."""
    from collector.control import process

    if arguments.what == "add":
        process.add_user(settings, arguments.name, arguments.role, None)
    print(process.new_sign_in_link(settings, arguments.name))


def keys(settings: Settings) -> None:
    """The public keys of the control process as a JWK set."""
    answer = _call("control", "GET", f"{settings.control.url}/v1/keys")
    print(json.dumps(answer.json(), indent=2))


def _call(
    whom: str, method: str, url: str, client: httpx.Client | None = None, **options: Any
) -> httpx.Response:
    try:
        answer = (client or httpx).request(method, url, **options)
    except httpx.TransportError as error:
        raise ConfigurationError(
            f"{whom} does not answer at {url} ({error}): start it with `watchkeeper up`, "
            "or name its address"
        ) from error
    if answer.is_error:
        raise RefusedInput(_said(answer))
    return answer


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
