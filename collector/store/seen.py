"""Which traces were stored when, so that derivation looks no further than it has to.

A trace may go on for hours, so what a batch touches could have begun hours ago; mostly it
has not. Traces are remembered in chunks, each with the time from its earliest to its latest
row and a Bloom filter of its traces. A filter never forgets a trace; at worst it claims to
know one that it does not, and then derivation looks further than it had to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.store.schema import statement

__all__ = ["Reach", "SeenTraces"]

Ints: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

# 16 bits and 6 places a trace: one in 2,500 is taken for a known one.
CHUNK_TRACES = 262_144
_BITS_A_TRACE = 16
_PLACES = np.arange(6, dtype=np.uint64)
# 64 MiB of filters.
MOST_CHUNKS = 128
# Twice how far derivation reaches.
_LOADED = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where all stored rows of some traces lie, in microseconds since 1970.

    It holds for rows from `complete_from_us` on; of earlier ones nothing is known.
    """

    low_us: int
    high_us: int
    complete_from_us: int


@dataclass(slots=True)
class _Chunk:
    size: int
    traces: int = 0
    low_us: int = 2**62
    high_us: int = -(2**62)
    bits: npt.NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.bits = np.zeros(self.size * _BITS_A_TRACE // 8, np.uint8)

    def add(self, words: Words, low_us: int, high_us: int) -> None:
        places = self._places(words).ravel()
        np.bitwise_or.at(self.bits, places >> 3, (1 << (places & 7)).astype(np.uint8))
        self.traces += len(words)
        self.low_us, self.high_us = min(self.low_us, low_us), max(self.high_us, high_us)

    def knows(self, words: Words) -> npt.NDArray[np.bool_]:
        places = self._places(words)
        known: npt.NDArray[np.bool_] = ((self.bits[places >> 3] >> (places & 7)) & 1).all(axis=1)
        return known

    def _places(self, words: Words) -> Ints:
        mixed = words[:, :1] + words[:, 1:] * _PLACES
        return (mixed % np.uint64(self.size * _BITS_A_TRACE)).astype(np.int64)


class SeenTraces:
    """The traces of one store, for the thread that writes it."""

    def __init__(
        self,
        *,
        since: datetime | None = None,
        chunk_traces: int = CHUNK_TRACES,
        most_chunks: int = MOST_CHUNKS,
    ) -> None:
        """`since`: how far back the store is read at first; by default twelve hours."""
        self._since = since
        self._chunk_traces = chunk_traces
        self._most_chunks = most_chunks
        self._chunks: list[_Chunk] = []
        self._complete_from_us: int | None = None

    def load(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Remember what the store holds of the last hours, once."""
        if self._complete_from_us is not None:
            return
        since = self._since or datetime.fromtimestamp(time.time(), UTC) - _LOADED
        self._complete_from_us = int(since.timestamp() * 1_000_000)
        for batch in _stored(cursor, since):
            self.add(batch["trace_id"], batch["told_us"].to_numpy())

    def add(self, traces: pa.Array, told_us: Ints) -> None:
        """Remember rows by their traces and the times they tell."""
        words = _words(traces)
        told_us = told_us[_is_whole(traces)]
        for part in range(0, len(words), self._chunk_traces):
            rows = slice(part, part + self._chunk_traces)
            times = told_us[rows]
            distinct = np.unique(words[rows], axis=0)
            self._open(len(distinct)).add(distinct, int(times.min()), int(times.max()))

    def is_complete_from(self, moment: datetime) -> bool:
        """Whether every row that was told of this moment or later is remembered."""
        complete = self._complete_from_us
        return complete is not None and int(moment.timestamp() * 1_000_000) >= complete

    def may_be_known(self, traces: pa.Array) -> npt.NDArray[np.bool_]:
        """The traces of which something may be stored; all ids have 16 bytes."""
        words = _words(traces)
        known = np.zeros(len(words), bool)
        for chunk in self._chunks:
            known |= chunk.knows(words)
        return known

    def reach(self, traces: pa.Array) -> Reach | None:
        """Where the rows of these traces lie; None when nothing of them is known."""
        words = _words(traces)
        if len(words) < len(traces):
            return None
        holding = [chunk for chunk in self._chunks if chunk.knows(words).any()]
        if not holding or self._complete_from_us is None:
            return None
        return Reach(
            min(chunk.low_us for chunk in holding),
            max(chunk.high_us for chunk in holding),
            self._complete_from_us,
        )

    def _open(self, traces: int) -> _Chunk:
        """A chunk with room; the oldest is forgotten when there are too many."""
        if not self._chunks or self._chunks[-1].traces + traces > self._chunk_traces:
            self._chunks.append(_Chunk(self._chunk_traces))
        if len(self._chunks) > self._most_chunks:
            forgotten = self._chunks.pop(0)
            complete = self._complete_from_us
            if complete is not None:
                self._complete_from_us = max(complete, forgotten.high_us + 1)
        return self._chunks[-1]


def _stored(cursor: duckdb.DuckDBPyConnection, since: datetime) -> Iterator[pa.RecordBatch]:
    found = cursor.sql(statement("derive/stored_traces"), params={"since": since})
    yield from found.to_arrow_reader(1_000_000)


def _words(traces: pa.Array) -> Words:
    """Each whole trace id as two numbers."""
    whole = traces.filter(pa.array(_is_whole(traces)))
    data: Any = b"".join(whole.to_pylist())
    return np.frombuffer(data, "<u8").reshape(-1, 2)


def _is_whole(traces: pa.Array) -> npt.NDArray[np.bool_]:
    """Ids of 16 bytes: a decision may name a trace in other words."""
    whole: npt.NDArray[np.bool_] = pc.equal(pc.binary_length(traces), 16).to_numpy(
        **({} if isinstance(traces, pa.ChunkedArray) else {"zero_copy_only": False})
    )
    return whole
