"""`watchkeeper identities`: which names are one agent."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime

from collector.cli.ask import rows_of
from collector.cli.lines import print_row
from collector.config import Settings
from collector.errors import RefusedInput
from collector.identities import Identities, IdentityAct, Verb


def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Decide about a name, or show all; a running collector notices by itself."""
    identities = Identities(settings.identities)
    match arguments.what:
        case "list":
            _print_known(settings)
        case "history":
            for act in identities.all():
                at = act.at.isoformat()
                print_row(at, act.actor, act.verb.value, act.alias, act.agent, act.reason)
        case _:
            act = _decision(arguments)
            _refuse_without_home(settings)
            identities.add(act)


def _refuse_without_home(settings: Settings) -> None:
    """A decision in a home that nobody uses would never count."""
    if not settings.home.is_dir():
        raise RefusedInput(
            f"there is no home at {settings.home}: name yours with --home, or start it with "
            "`watchkeeper up`"
        )


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
    for row in rows_of(settings, "identities"):
        by = f"by {row['decided_by']}" if row["decided_by"] else f"from {row['learnt_from']}"
        print_row(row["state"], row["alias"], row["agent"] or "", by)
