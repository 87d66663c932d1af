"""A look at log and database that changes nothing, beside a running collector as well."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from collector.store.connection import CATALOG, StoreError, explain
from collector.store.frame import Damage, Found, scan
from collector.store.gaps import Gap, gaps
from collector.store.schema import SCHEMA_VERSION, statement
from collector.store.segment import marker_of, segment_paths

__all__ = ["LogLook", "StoreLook", "leftovers", "look_at_log", "look_at_store"]


@dataclass(frozen=True, slots=True)
class LogLook:
    """What the segments hold: whole records, damaged bytes between them, numbers that miss."""

    segments: int
    records: int
    first: int
    last: int
    damaged_bytes: int
    torn_bytes: int
    missing: tuple[Gap, ...]
    kept_aside: int


@dataclass(frozen=True, slots=True)
class StoreLook:
    """What the database says of itself."""

    position: int
    schema_version: int


def look_at_log(directory: Path, after: int) -> LogLook:
    """Scan every segment; numbers up to `after` may be gone, because the store has them."""
    sequences: list[int] = []
    damaged = torn = 0
    paths = segment_paths(directory) if directory.is_dir() else []
    for path in paths:
        data = path.read_bytes()
        end = 0
        for piece in scan(data, marker_of(path)):
            match piece:
                case Damage(size=size):
                    damaged += size
                case Found(sequence=sequence):
                    sequences.append(sequence)
                    end = piece.end
        torn += len(data[end:].rstrip(b"\0"))
    waiting = sorted(sequence for sequence in sequences if sequence > after)
    return LogLook(
        segments=len(paths),
        records=len(sequences),
        first=min(sequences, default=0),
        last=max(sequences, default=0),
        damaged_bytes=damaged,
        torn_bytes=torn,
        missing=tuple(gaps(after, waiting)),
        kept_aside=sum(1 for _ in directory.glob("*.damaged")) if directory.is_dir() else 0,
    )


def look_at_store(path: Path) -> StoreLook:
    """Open the file to read; StoreError says in words why it cannot be.

    Through another name, so that DuckDB neither finds nor replays a log beside the file.
    """
    with tempfile.TemporaryDirectory(prefix="watchkeeper-doctor-") as name:
        alias = Path(name) / "database"
        alias.symlink_to(path.resolve())
        try:
            with duckdb.connect() as connection:
                connection.execute(f"attach '{alias}' as {CATALOG} (read_only)")
                connection.execute(f"use {CATALOG}")
                return StoreLook(_position(connection), _schema_version(connection))
        except (duckdb.Error, OSError) as error:
            raise StoreError(explain(path, str(error))) from error


def leftovers(database: Path) -> list[Path]:
    """Files that an unclean end has left beside the database; the next start clears them."""
    parts = (".wal", ".wal.checkpoint", ".wal.recovery", ".wal.set-aside", ".new", ".spilled")
    files = [database.with_name(database.name + part) for part in parts]
    return [file for file in files if file.exists()]


def _position(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute(statement("apply/position")).fetchall()[0][0])


def _schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    try:
        found = connection.execute(statement("apply/schema_version")).fetchall()
    except duckdb.CatalogException:
        return SCHEMA_VERSION
    return int(found[0][0]) if found else SCHEMA_VERSION
