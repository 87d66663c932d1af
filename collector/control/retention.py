"""Acts of retention are signed by control's key, for an admin that its journal knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.control.authority import Role
from collector.control.documents import Signer, verified
from collector.control.journal import Journal
from collector.errors import ConfigurationError, RefusedInput
from collector.keeping import Act, Kind

__all__ = ["signed_act", "verifier"]

ACT_TYPE = "watchkeeper-retention+jws"


def signed_act(control_home: Path, act: Act) -> str:
    """A token for an act; refuses whoever may not do it.

    Placing a hold only keeps more, so an operator may; what lets evidence go takes an admin.
    """
    _check_started(control_home)
    with closing(Journal.open(control_home)) as journal:
        operator = journal.row("find_operator", name=act.by)
    if operator is None:
        raise RefusedInput(f"there is no operator {act.by!r}: name one with --as")
    role = Role(operator["role"])
    allowed = (Role.ADMIN, Role.OPERATOR) if act.kind is Kind.HOLD else (Role.ADMIN,)
    if role not in allowed:
        raise RefusedInput(f"{act.kind} takes an admin, and {act.by} is {role}: name one with --as")
    return Signer.of(control_home).sign(act.claims(), ACT_TYPE)


def verifier(control_home: Path) -> Callable[[str], Mapping[str, Any]]:
    """Answers the claims of a token that this home's key signed."""

    def verify(token: str) -> Mapping[str, Any]:
        _check_started(control_home)
        return verified(token, Signer.of(control_home).public, ACT_TYPE)

    return verify


def _check_started(control_home: Path) -> None:
    for name in ("journal.sqlite", "signing-key.pem"):
        if not (control_home / name).exists():
            raise ConfigurationError(
                f"{control_home / name} is not there: acts of retention are signed by the control"
                " process of the same home; start it once with `watchkeeper up`"
            )
