"""The question about what agents are made of: observed, against what is registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from collector.homefile import HomeFile
from collector.inventory.registered import ComponentKind, Registered, Standing, judged
from collector.queries import ANY_AGENT, Kind, Parameter, Question, Registry, Values
from collector.store.reader import Reader

__all__ = ["register_inventory"]

_KIND = Parameter("kind", required=False, choices=tuple(ComponentKind))
_STANDING = Parameter("standing", required=False, choices=tuple(Standing))
_LIMIT = Parameter("limit", Kind.INTEGER, required=False, default=1_000, highest=10_000)
_MOST = 10_000
_KINDS = [kind.value for kind in ComponentKind]
_STANDINGS = [None, *(standing.value for standing in Standing)]
_WHEN = pa.timestamp("us", tz="UTC")
_INVENTORY = pa.schema(
    [
        ("kind", pa.string()),
        ("name", pa.string()),
        ("version", pa.string()),
        ("origin", pa.string()),
        ("standing", pa.string()),
        ("agent_count", pa.int64()),
        ("agents", pa.list_(pa.string())),
        ("events", pa.int64()),
        ("first_seen", _WHEN),
        ("last_seen", _WHEN),
        ("sample", pa.bool_()),
        ("signed", pa.bool_()),
        ("signer", pa.string()),
        ("sha256", pa.string()),
        ("owner", pa.string()),
    ]
)


def register_inventory(queries: Registry, file: HomeFile[Registered]) -> None:
    """Add the question to those that are known."""
    parameters = (_KIND, ANY_AGENT, _STANDING, _LIMIT)
    queries.register(Question("inventory", parameters, tuple(_INVENTORY.names), _against(file)))


def _against(file: HomeFile[Registered]) -> Callable[[Reader, Values], pa.Table]:
    def answer(reader: Reader, values: Values) -> pa.Table:
        # What is missing can only be known from everything that was seen.
        observed = reader.rows("inventory/observed", {"most": _MOST})
        rows = judged(file.current(), observed, values["now"])
        asked = sorted((row for row in rows if _is_asked(row, values)), key=_place)
        return pa.Table.from_pylist(asked[: values["limit"]], schema=_INVENTORY)

    return answer


def _is_asked(row: dict[str, Any], values: Values) -> bool:
    return (
        values["kind"] in (None, row["kind"])
        and values["standing"] in (None, row["standing"])
        and (values["agent"] is None or values["agent"] in (row.get("agents") or ()))
    )


def _place(row: dict[str, Any]) -> tuple[int, int, str, str, str]:
    """What nobody registered first, then what is missing; by kind and name."""
    standing = _STANDINGS.index(row["standing"]) or len(_STANDINGS)
    texts = (row["name"], row.get("version") or "", row.get("origin") or "")
    return (standing, _KINDS.index(row["kind"]), *texts)
