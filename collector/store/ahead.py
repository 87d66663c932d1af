"""One batch ahead: the next records are read and decoded while the store takes those before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from collector.store.batch import Batch
from collector.store.wal import Record

__all__ = ["Ahead", "Decoding", "Ready"]


class Readable(Protocol):
    """What is needed of the write-ahead log."""

    def read(self, after: int, max_bytes: int) -> list[Record]: ...


class Decoding(Protocol):
    """What is needed of the decoder."""

    def decode(self, records: Sequence[Record]) -> Batch: ...

    def refuse(self, record: Record, reason: str, detail: str) -> Batch: ...


@dataclass(frozen=True, slots=True)
class Ready:
    """Records of the log, and the batch that is being made of them."""

    records: Sequence[Record]
    decoded: Future[Batch]

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(len(record.body) for record in self.records)

    @property
    def last(self) -> int:
        return self.records[-1].sequence


class Ahead:
    """Reads and decodes in a thread of its own: a decoder is for one thread only."""

    def __init__(self, log: Readable, decoder: Decoding, batch_bytes: int) -> None:
        self._log = log
        self._decoder = decoder
        self._batch_bytes = batch_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoder")
        self._begun: tuple[int, Future[Ready | None]] | None = None

    def next(self, after: int) -> Ready | None:
        """The batch behind `after`, if there is one."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == after and (ready := begun[1].result()):
            return ready
        records = self._read(after)
        return (
            Ready(records, self._thread.submit(self._decoder.decode, records)) if records else None
        )

    def begin(self, after: int) -> None:
        """Start with the batch behind `after`."""
        self._begun = after, self._thread.submit(self._prepare, after)

    def decode(self, records: Sequence[Record]) -> Batch:
        """One batch, now."""
        return self._thread.submit(self._decoder.decode, records).result()

    def refuse(self, record: Record, reason: str, detail: str) -> Batch:
        """A batch that sets one record aside."""
        return self._thread.submit(self._decoder.refuse, record, reason, detail).result()

    def close(self) -> None:
        self._thread.shutdown()

    def _prepare(self, after: int) -> Ready | None:
        records = self._read(after)
        if not records:
            return None
        decoded: Future[Batch] = Future()
        try:
            decoded.set_result(self._decoder.decode(records))
        # Whoever takes the batch is told.
        except Exception as error:
            decoded.set_exception(error)
        return Ready(records, decoded)

    def _read(self, after: int) -> list[Record]:
        records = self._log.read(after, self._batch_bytes)
        return [record for record in records if record.sequence > after]
