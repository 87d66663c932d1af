"""`watchkeeper tokens`: who may send telemetry."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta

from collector.cli.ask import seconds
from collector.config import Settings, parse_rate
from collector.errors import RefusedInput
from collector.receive.tokens import Token, TokenFile, utc_now


def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Change or show the tokens of a home; a running collector notices by itself."""
    file = TokenFile(settings.tokens)
    if arguments.what == "list":
        _print_all(file)
        return
    if not arguments.name:
        raise RefusedInput(f"which token? `watchkeeper tokens {arguments.what} NAME`")
    if arguments.what == "revoke":
        file.revoke(arguments.name)
    else:
        _add(file, arguments)


def _add(file: TokenFile, arguments: argparse.Namespace) -> None:
    presented = file.add(
        arguments.name,
        agents=_words(arguments.agents),
        environments=_words(arguments.environments),
        expires_at=_expiry(arguments.expires),
        bytes_per_second=parse_rate(arguments.rate),
    )
    print(presented, flush=True)
    print(
        "This token is shown once. An exporter sends it with\n"
        f'  OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20{presented}"',
        file=sys.stderr,
    )


def _expiry(text: str | None) -> datetime | None:
    return utc_now() + timedelta(seconds=seconds(text)) if text else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _print_all(file: TokenFile) -> None:
    for token in file.read().all:
        print(*_columns(token), sep="\t")


def _columns(token: Token) -> tuple[str, ...]:
    return (
        token.name,
        token.state(utc_now()),
        f"agents {','.join(token.agents) or 'any'}",
        f"environments {','.join(token.environments) or 'any'}",
        f"expires {_moment(token.expires_at)}",
        f"bytes a second {token.bytes_per_second or 'unlimited'}",
        f"made {_moment(token.created_at)}",
    )


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else moment.isoformat(timespec="seconds")
