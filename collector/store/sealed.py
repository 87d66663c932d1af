"""Sealed files: what the archive's Parquet looks like, and the views that read it back.

Hashes travel as 16 bytes, because Parquet has no 128-bit integers; every column otherwise
keeps its name and its type. The files of one month are one branch of a view, with the
times it holds as constants: a question about other times never opens them.

These statements depend on which files there are, so they are put together here and not
kept as files. Nothing here touches a file or a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

__all__ = [
    "TIMES",
    "Column",
    "SealedFile",
    "archived_view",
    "copy_statement",
    "every_view",
    "sealed_file",
]

# The archived tables, each with the time that tells the day of a row.
TIMES: Mapping[str, str] = {
    "span": "started_at",
    "log_record": "logged_at",
    "metric_point": "measured_at",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# 122880 rows: one row group is what one thread reads; smaller ones cost more bytes.
_OPTIONS = "format parquet, compression zstd, parquet_version v2, row_group_size 122880"

Column = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One row of the manifest."""

    table_name: str
    day: date
    carries: str
    path: str
    rows: int
    bytes: int
    sha256: str
    columns: Sequence[str]
    first_at: datetime
    last_at: datetime
    latest_received_at: datetime
    sealed_at: datetime


def sealed_file(row: Sequence[Any]) -> SealedFile:
    """The file that a row of `archive/files` tells of."""
    return SealedFile(*row[:-4], *(_EPOCH + us * _MICROSECOND for us in row[-4:]))


def copy_statement(table: str, columns: Iterable[Column], target: Path) -> str:
    """Write the rows that `sealing` names and that carry $governs, in order of arrival."""
    selected = ", ".join(_as_stored(name, kind) for name, kind in columns)
    return (
        f"copy (select {selected} from {table} where rowid in"
        f" (select id from sealing where governs = $governs) order by rowid)"
        f" to {_literal(target)} ({_OPTIONS})"
    )


def archived_view(
    table: str, columns: Sequence[Column], files: Sequence[SealedFile], folder: Path
) -> str:
    """`archived_<table>`: the columns of the table, read from its sealed files."""
    branches = [
        _branch(table, columns, group, folder)
        for group in _alike(file for file in files if file.table_name == table)
    ]
    rows = "\nunion all\n".join(branches or [f"select * from {table} where false"])
    return f"create or replace view archived_{table} as\n{rows}"


def every_view(table: str, columns: Iterable[Column]) -> str:
    """`every_<table>`: the rows of the table and the archived ones."""
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return (
        f"create or replace view every_{table} as\n"
        f"select {names} from {table}\nunion all\nselect {names} from archived_{table}"
    )


def _alike(files: Iterable[SealedFile]) -> Iterator[list[SealedFile]]:
    """Files of one month that were written with the same columns."""
    ordered = sorted(files, key=_likeness)
    for _, group in groupby(ordered, key=_likeness):
        yield list(group)


def _likeness(file: SealedFile) -> tuple[int, int, tuple[str, ...]]:
    return file.day.year, file.day.month, tuple(file.columns)


def _branch(
    table: str, columns: Sequence[Column], files: Sequence[SealedFile], folder: Path
) -> str:
    known = set(files[0].columns)
    selected = ", ".join(_as_read(name, kind, name in known) for name, kind in columns)
    paths = ", ".join(_literal(folder / file.path) for file in files)
    first, last = min(f.first_at for f in files), max(f.last_at for f in files)
    within = [f"{TIMES[table]} between {_instant(first)} and {_instant(last)}"]
    if table == "span":
        within.append(f"start_ns between {_ns(first)} and {_ns(last) + 999}")
    return f"select {selected} from read_parquet([{paths}]) where {' and '.join(within)}"


def _as_stored(name: str, kind: str) -> str:
    if kind == "UHUGEINT":
        return f"""unhex(lpad(hex("{name}"), 32, '0')) as "{name}\""""
    return f'"{name}"'


def _as_read(name: str, kind: str, known: bool) -> str:
    if not known:
        return f'cast(null as {kind}) as "{name}"'
    if kind == "UHUGEINT":
        return f"""cast('0x' || hex("{name}") as uhugeint) as "{name}\""""
    return f'cast("{name}" as {kind}) as "{name}"'


def _instant(at: datetime) -> str:
    return f"timestamptz '{at.astimezone(UTC).isoformat(sep=' ')}'"


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND * 1000


def _literal(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    return f"'{quoted}'"
