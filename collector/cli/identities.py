"""`watchkeeper identities`: which names are one agent."""

from __future__ import annotations

import argparse
import getpass
import io
from datetime import UTC, datetime

import httpx

from collector.config import Settings
from collector.errors import ConfigurationError, RefusedInput
from collector.identities import Identities, IdentityAct, Verb


def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Decide about a name, or show all; a running collector notices by itself."""
    identities = Identities(settings.identities)
    match arguments.what:
        case "list":
            _print_known(settings)
        case "history":
            for act in identities.all():
                print(
                    act.at.isoformat(),
                    act.actor,
                    act.verb,
                    act.alias,
                    act.agent,
                    act.reason,
                    sep="\t",
                )
        case _:
            identities.add(_decision(arguments))


def _decision(arguments: argparse.Namespace) -> IdentityAct:
    if not arguments.alias:
        raise RefusedInput(f"which name? `watchkeeper identities {arguments.what} NAME`")
    verb = Verb(arguments.what)
    if verb is Verb.JOIN and not arguments.agent:
        raise RefusedInput("joined to which agent? name it with --agent")
    return IdentityAct(
        verb,
        arguments.alias,
        arguments.agent or "",
        arguments.user or getpass.getuser(),
        arguments.reason or "",
        datetime.now(UTC),
    )


def _print_known(settings: Settings) -> None:
    import polars as pl

    url = f"{settings.api.url}/v1/query/identities"
    try:
        answer = httpx.get(url, timeout=30).raise_for_status()
    except httpx.HTTPError as error:
        raise ConfigurationError(f"no collector answers at {settings.api}: {error}") from error
    for row in pl.read_ipc_stream(io.BytesIO(answer.content)).to_dicts():
        by = f"by {row['decided_by']}" if row["decided_by"] else f"from {row['learnt_from']}"
        print(row["state"], row["alias"], row["agent"] or "", by, sep="\t")
