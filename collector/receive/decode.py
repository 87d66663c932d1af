"""Decoding: records of the write-ahead log become rows of the store.

Every OTLP field has a column or a place in one. What `check` refuses is set aside record
by record; a request that cannot be read at all is set aside whole, and never stops the rest.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from collector.model import Signal
from collector.receive.check import check
from collector.receive.logs import LogDecoder
from collector.receive.metrics import MetricDecoder
from collector.receive.parse import parse
from collector.receive.rows import Rows
from collector.receive.senders import Senders
from collector.receive.spans import SpanDecoder
from collector.store.batch import Batch
from collector.store.wal import Record

__all__ = ["Decoder", "decode"]

# A counter of a hundred bytes may tell a thousand decisions: 1 KiB of memory each.
_MOST_DECISIONS = 100_000

_log = structlog.get_logger("collector.receive.decode")


class Decoder:
    """Turns records into batches; remembers what repeats, so keep one and use it in one thread.

    `keep` puts the bytes of a record aside that cannot be decoded or stored, and answers with
    words that tell where they are.
    """

    def __init__(self, keep: Callable[[Record], str] = lambda record: "not kept") -> None:
        self._keep = keep
        senders = Senders()
        self._spans = SpanDecoder(senders)
        self._logs = LogDecoder(senders)
        self._metrics = MetricDecoder(senders)

    def decode(self, records: Sequence[Record]) -> Batch:
        """One batch of the records, whatever is wrong with some of them.

        It ends early, and tells so by its sequence, when few records tell too many decisions.
        """
        with _uncollected():
            return self._batch(records)

    def _batch(self, records: Sequence[Record]) -> Batch:
        rows = Rows()
        try:
            for record in records:
                self._add(record, rows)
                if rows.decisions >= _MOST_DECISIONS:
                    break
            self._spans.finish(rows)
            return rows.batch()
        # Whatever one record does to our code must not keep the others from the store.
        except Exception:
            return self._one_by_one(records)

    def refuse(self, record: Record, reason: str, detail: str) -> Batch:
        """A batch that sets one record aside, whole."""
        return self._set_aside(record, reason, detail).batch()

    def _set_aside(self, record: Record, reason: str, detail: str) -> Rows:
        return _refused(record, reason, f"{self._keep(record)}: {detail}")

    def _one_by_one(self, records: Sequence[Record]) -> Batch:
        rows = Rows()
        for record in records:
            rows.merge(self._alone(record))
            if rows.decisions >= _MOST_DECISIONS:
                break
        return rows.batch()

    def _alone(self, record: Record) -> Rows:
        try:
            trial = Rows()
            self._add(record, trial)
            self._spans.finish(trial)
            trial.batch()
            rows = Rows()
            self._add(record, rows)
            self._spans.finish(rows)
            return rows
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            _log.warning("record_refused", sequence=record.sequence, detail=detail)
            return self._set_aside(record, "undecodable", detail)

    def _add(self, record: Record, rows: Rows) -> None:
        rows.sequence = max(rows.sequence, record.sequence)
        if record.signal is Signal.TRACES:
            self._spans.add(record, rows)
            return
        request = parse(record.signal, record.encoding, record.body)
        refused = check(record.signal, request)
        paths = frozenset(refusal.path for refusal in refused)
        decoder: Any = self._logs if record.signal is Signal.LOGS else self._metrics
        decoder.add(record, request, paths, rows)
        rows.refuse_all(record, refused)


def decode(records: Sequence[Record]) -> Batch:
    """One batch of all records."""
    return Decoder().decode(records)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold back the cycle collector.

    Decoding makes a million objects and no cycle; looking for one costs a quarter of its speed.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _refused(record: Record, reason: str, detail: str) -> Rows:
    rows = Rows()
    rows.sequence = record.sequence
    rows.count(record.source, record.signal, record.received_ns // 1000, 1)
    rows.refuse(record, reason, detail)
    return rows
