"""`watchkeeper export`: all rows of a table or statement, in a file that is whole or not there.

Rows come from the collector a batch at a time and are written as they come, so that neither
end holds more than a few batches. The file gets its name once the last row is on the disk.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import pyarrow as pa

from collector.cli.keep import instant
from collector.config import Settings
from collector.errors import ConfigurationError, RefusedInput

# The time by which --since and --until choose the rows of a view.
TIMES = {
    "spans": "started_at",
    "logs": "logged_at",
    "metric_points": "measured_at",
    "runs": "started_at",
    "actions": "started_at",
    "decisions": "decided_at",
    "governance_events": "told_at",
    "trust": "at",
    "commands": "requested_at",
    "holds": "signed_at",
    "acknowledgements": "acked_at",
    "budgets": "at",
    "burn_rates": "at",
    "refused": "received_at",
    "retention_runs": "deleted_at",
    "retention_acts": "acted_at",
}
_TELL_EVERY_S = 0.2
_UNFINISHED = ".unfinished"


class Writer(Protocol):
    """Whatever takes batches and writes a file of them."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def export(settings: Settings, arguments: argparse.Namespace) -> None:
    """Write the rows that were asked for to a file."""
    sql = _statement(arguments)
    rows = _export(settings, sql, arguments.format, arguments.output)
    print(f"{arguments.output}: {rows} rows")


def _statement(arguments: argparse.Namespace) -> str:
    since, until = (instant(f"--{name}", getattr(arguments, name)) for name in ("since", "until"))
    if arguments.sql:
        if arguments.table or since or until:
            raise RefusedInput(
                "--sql stands alone: put the table and the period into the statement"
            )
        return str(arguments.sql)
    if not arguments.table:
        raise RefusedInput("what? name a table such as decisions, or a statement with --sql")
    if not arguments.table.isidentifier():
        raise RefusedInput(f"expected the name of a table, got {arguments.table!r:.80}")
    return f"select * from {arguments.table}{_period(arguments.table, since, until)}"


def _period(table: str, since: datetime | None, until: datetime | None) -> str:
    if since is None and until is None:
        return ""
    if table not in TIMES:
        known = ", ".join(sorted(TIMES))
        raise RefusedInput(f"--since and --until choose rows of {known}; for {table} use --sql")
    bounds = ((">=", since), ("<", until))
    chosen = [f"\"{TIMES[table]}\" {sign} timestamptz '{at}'" for sign, at in bounds if at]
    return f" where {' and '.join(chosen)}"


def _export(settings: Settings, sql: str, form: str, output: Path) -> int:
    total = _count(settings, sql) if sys.stderr.isatty() else None
    with _asked(settings, sql) as batches, _named_when_whole(output) as file:
        writer = _WRITERS[form](file, batches.schema)
        rows, told_at = 0, 0.0
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
            if time.monotonic() - told_at > _TELL_EVERY_S:
                told_at = time.monotonic()
                _tell(rows, total)
        writer.close()
    _tell(rows, total, end="\n")
    return rows


@contextmanager
def _asked(settings: Settings, sql: str) -> Iterator[pa.RecordBatchReader]:
    """The rows as they come; an answer that breaks off raises."""
    url = f"{settings.api.url}/v1/export"
    timeout = httpx.Timeout(30, read=None)
    try:
        with httpx.stream("POST", url, json={"sql": sql}, timeout=timeout) as answer:
            if answer.is_error:
                raise RefusedInput(_said(answer))
            with pa.ipc.open_stream(io.BufferedReader(_Raw(answer.iter_bytes()))) as batches:
                yield batches
    except httpx.ConnectError as error:
        raise ConfigurationError(
            f"the collector does not answer at {settings.api.url} ({error}): start it with"
            " `watchkeeper up`, or name its address"
        ) from error
    except (httpx.TransportError, pa.ArrowInvalid, OSError) as error:
        raise ConfigurationError(f"the export broke off ({error}): no file was written") from error


def _said(answer: httpx.Response) -> str:
    try:
        return str(json.loads(answer.read())["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"the collector answered {answer.status_code}"


def _count(settings: Settings, sql: str) -> int | None:
    """How many rows will come; not known when counting takes too long or is refused."""
    asked = {"sql": f"select count(*) as n from ({sql.rstrip().rstrip(';')})", "limit": 1}
    try:
        answer = httpx.post(f"{settings.api.url}/v1/sql", json=asked, timeout=60)
        return int(pa.ipc.open_stream(answer.raise_for_status().content).read_all()["n"][0].as_py())
    except (httpx.HTTPError, pa.ArrowInvalid):
        return None


class _Raw(io.RawIOBase):
    """A file that Arrow can read from the pieces of an answer."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


@contextmanager
def _named_when_whole(output: Path) -> Iterator[Any]:
    draft = output.with_name(output.name + _UNFINISHED)
    try:
        file = draft.open("wb")
    except OSError as error:
        raise ConfigurationError(f"cannot write {draft}: {error.strerror}") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(output)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _tell(rows: int, total: int | None, end: str = "") -> None:
    if sys.stderr.isatty():
        share = f"{rows / total:4.0%} " if total else ""
        print(f"\r{share}{rows:,} rows\033[K", end=end, file=sys.stderr, flush=True)


# Formats


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns of types that every format knows: DuckDB's own as what they travel as."""
    columns = [
        column.storage if isinstance(column, pa.ExtensionArray) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    empty = [pa.array([], field.type) for field in schema]
    return _plain(pa.RecordBatch.from_arrays(empty, schema.names)).schema


class _Parquet:
    def __init__(self, file: Any, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(file, _plain_schema(schema), compression="zstd")

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(_plain(batch))

    def close(self) -> None:
        self._writer.close()


class _Csv:
    def __init__(self, file: Any, schema: pa.Schema) -> None:
        import pyarrow.csv as pc

        types = [_text_type(field.type) for field in _plain_schema(schema)]
        self._schema = pa.schema(list(zip(schema.names, types, strict=True)))
        self._writer = pc.CSVWriter(file, self._schema)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [
            _as_text(column) if kind != column.type else column
            for column, kind in zip(_plain(batch).columns, self._schema.types, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class _Json:
    """One array, one row a line."""

    def __init__(self, file: Any, schema: pa.Schema) -> None:
        self._file = file
        self._before = "[\n"

    def write_batch(self, batch: pa.RecordBatch) -> None:
        for row in _plain(batch).to_pylist():
            self._file.write(f"{self._before}{_json(row)}".encode())
            self._before = ",\n"

    def close(self) -> None:
        opened = self._before == "[\n"
        self._file.write(b"[]\n" if opened else b"\n]\n")


def _text_type(kind: pa.DataType) -> pa.DataType:
    """Nested values and bytes have no place in a CSV cell but as text."""
    has_no_text = pa.types.is_nested(kind) or pa.types.is_binary(kind)
    return pa.string() if has_no_text or pa.types.is_fixed_size_binary(kind) else kind


def _as_text(column: pa.Array) -> pa.Array:
    values = column.to_pylist()
    return pa.array([v if v is None else _cell(v) for v in values], pa.string())


def _cell(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(_finite(value), default=_told, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are told as text."""
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return value


def _told(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


_WRITERS: dict[str, Callable[[Any, pa.Schema], Writer]] = {
    "csv": _Csv,
    "parquet": _Parquet,
    "json": _Json,
}
