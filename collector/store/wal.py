"""The write-ahead log: what was received, synced to disk before anyone is told "accepted".

One thread writes. It takes whatever is waiting as one group, writes it, calls
fdatasync once and only then resolves the futures. Sequence numbers start at 1,
rise, and are given at the moment of writing, so a failed group leaves no gap.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path

import structlog

from collector.errors import WatchkeeperError
from collector.model import Signal
from collector.store.disk import check_usable, make_directory, sync_directory
from collector.store.frame import Damage, Encoding, Found, Record, frame_size, pack, scan, unpack
from collector.store.segment import Segment, segment_paths, set_aside

__all__ = [
    "Busy",
    "Closed",
    "Encoding",
    "LogError",
    "Record",
    "Unusable",
    "WriteAheadLog",
    "WriteFailed",
]

MIB = 1024 * 1024
# 8 MiB: larger groups do not sync faster, they only make the first sender wait longer.
GROUP_BYTES = 8 * MIB
# 8: every unclean end may leave one, and a machine that keeps dying must not fill its disk.
MOST_TORN = 8

_log = structlog.get_logger("collector.store.wal")


class LogError(WatchkeeperError):
    """The log could not take a record; the sender must not be told "accepted"."""


class Busy(LogError):
    """Too many bytes wait for the disk; try again shortly."""


class Closed(LogError):
    """The log has been closed."""


class WriteFailed(LogError):
    """The disk did not take the record."""


class Unusable(LogError):
    """The log on disk cannot be opened as it stands; nothing was changed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    signal: Signal
    encoding: Encoding
    source: str
    received_ns: int
    body: bytes
    size: int
    done: Future[int] = field(default_factory=Future)

    def numbered(self, sequence: int) -> Record:
        return Record(
            sequence, self.signal, self.encoding, self.source, self.received_ns, self.body
        )


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where the last read stopped: behind `sequence`."""

    sequence: int
    ordinal: int
    offset: int


class WriteAheadLog:
    """Segments in one directory, one writer; the caller makes sure it is the only process."""

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = 64 * MIB,
        max_waiting_bytes: int = 64 * MIB,
        on_synced: Callable[[int, float], None] = lambda records, seconds: None,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._max_waiting_bytes = max_waiting_bytes
        self._on_synced = on_synced
        self._changed = threading.Condition()
        self._reading = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._closing = False
        self._failure: str | None = None
        self._cursor = _Cursor(0, 0, 0)
        self.damaged: list[Path] = []
        self.torn: list[Path] = []
        try:
            make_directory(directory)
            check_usable(directory)
            self._segments = self._recovered()
        except OSError as error:
            raise Unusable(_explained(directory, error)) from error
        self._active = self._segments[-1] if self._segments else None
        self._ordinal = self._active.ordinal if self._active else 0
        self._last_sequence = self._highest_sequence()
        self._writer = threading.Thread(target=self._write_groups, name="wal-writer", daemon=True)
        self._writer.start()

    @property
    def last_sequence(self) -> int:
        """The newest synced sequence, 0 before the first."""
        return self._last_sequence

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait to be written and synced."""
        return self._waiting_bytes

    @property
    def failure(self) -> str | None:
        """Why the last write failed; None while writing works."""
        return self._failure

    @property
    def newest_received_ns(self) -> int | None:
        """The latest arrival in what the log held when it was opened; None if it held nothing."""
        return max((s.newest_received_ns for s in self._segments), default=0) or None

    @property
    def damaged_files(self) -> int:
        """Files of damaged bytes that lie beside the log, those of earlier starts included."""
        return sum(1 for _ in self._directory.glob("*.damaged"))

    @property
    def unread_bytes(self) -> int:
        """Synced bytes behind what was read last: how far the reader lags, in bytes."""
        read = self._cursor
        return sum(
            segment.end - (read.offset if segment.ordinal == read.ordinal else 0)
            for segment in self._segments
            if segment.last_sequence > read.sequence
        )

    def append(
        self, signal: Signal, encoding: Encoding, source: str, received_ns: int, body: bytes
    ) -> Future[int]:
        """The future resolves with the sequence once the record is synced, or fails with LogError.

        Raises Busy when too much waits for the disk and Closed after `close`.
        """
        entry = _Waiting(signal, encoding, source, received_ns, body, frame_size(source, body))
        # A sender that hangs up cannot take back what is on its way to the disk.
        entry.done.set_running_or_notify_cancel()
        with self._changed:
            self._refuse_if_full(entry.size)
            self._waiting.append(entry)
            self._waiting_bytes += entry.size
            self._changed.notify_all()
        return entry.done

    def read(self, after: int, max_bytes: int) -> list[Record]:
        """Synced records behind `after`, oldest first; at least one if there is one."""
        with self._reading:
            for segment in self._segments_behind(after):
                if records := self._read_segment(segment, after, max_bytes):
                    return records
            if after > self._cursor.sequence:
                self._cursor = _Cursor(after, 0, 0)
            return []

    def wait(self, after: int, timeout: float) -> bool:
        """Wait until a record behind `after` can be read; False when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._readable(after), timeout)
            return self._readable(after)

    def release(self, sequence: int) -> None:
        """Delete the segments whose every record is at or before `sequence`."""
        with self._reading:
            with self._changed:
                covered = [s for s in self._segments if s.last_sequence <= sequence]
                covered = [s for s in covered if s is not self._active]
                self._segments = [s for s in self._segments if s not in covered]
            for segment in covered:
                segment.delete()
            if covered:
                sync_directory(self._directory)

    def continue_after(self, sequence: int) -> None:
        """Give no number up to `sequence` again, because the store has already applied it."""
        with self._changed:
            if sequence <= self._last_sequence:
                return
            self._last_sequence = sequence
            self._open_segment(sequence + 1, self._segment_bytes)

    def close(self) -> None:
        """Write what waits, then stop. Reading ends here as well."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._writer.join()
        with self._reading:
            for segment in self._segments:
                segment.close()

    def _refuse_if_full(self, size: int) -> None:
        if self._closing:
            raise Closed("the log is closed because the collector is stopping: send again later")
        # What is being synced counts as well; only with nothing in flight is one of any size taken.
        if self._waiting_bytes and self._waiting_bytes + size > self._max_waiting_bytes:
            raise Busy(
                f"{self._waiting_bytes} bytes wait for the disk and at most "
                f"{self._max_waiting_bytes} may: send again in a second"
            )

    def _readable(self, after: int) -> bool:
        return any(segment.last_sequence > after for segment in self._segments)

    # Writing: everything below runs in the writer thread.

    def _write_groups(self) -> None:
        while group := self._next_group():
            try:
                self._write(group)
            except Exception as error:
                self._fail(group, error)
            with self._changed:
                self._waiting_bytes -= sum(entry.size for entry in group)

    def _next_group(self) -> list[_Waiting]:
        """What waits, up to the size of a group; empty when the log is closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            group: list[_Waiting] = []
            room = min(GROUP_BYTES, self._segment_bytes)
            while self._waiting and (not group or self._waiting[0].size <= room):
                group.append(self._waiting.popleft())
                room -= group[-1].size
            return group

    def _write(self, group: list[_Waiting]) -> None:
        first = self._last_sequence + 1
        last = self._last_sequence + len(group)
        segment = self._segment_with_room(sum(entry.size for entry in group))
        frames = [
            pack(segment.marker, entry.numbered(sequence))
            for sequence, entry in enumerate(group, first)
        ]
        began = time.monotonic()
        segment.append(b"".join(frames), last)
        self._on_synced(len(group), time.monotonic() - began)
        with self._changed:
            self._last_sequence = last
            self._failure = None
            self._changed.notify_all()
        for sequence, entry in enumerate(group, first):
            entry.done.set_result(sequence)

    def _segment_with_room(self, size: int) -> Segment:
        if self._active is not None and self._active.room >= size:
            return self._active
        with self._changed:
            return self._open_segment(self._last_sequence + 1, max(size, self._segment_bytes))

    def _open_segment(self, first_sequence: int, capacity: int) -> Segment:
        full, self._active = self._active, None
        if full is not None:
            full.seal()
        self._ordinal += 1
        segment = Segment.create(self._directory, self._ordinal, first_sequence, capacity)
        self._segments = [*self._segments, segment]
        self._active = segment
        return segment

    def _fail(self, group: list[_Waiting], error: Exception) -> None:
        """Nobody is told "accepted", and the next group starts a fresh segment.

        After a failed sync nobody knows what the file holds, so it is cut back to
        what was synced before; what the cut leaves behind, `recover` ignores.
        """
        reason = f"the log could not write to {self._directory}: {error}"
        _log.error("wal_write_failed", reason=reason, records=len(group))
        with self._changed:
            self._failure = reason
            broken, self._active = self._active, None
        if broken is not None:
            with suppress(OSError):
                broken.seal()
        for entry in group:
            entry.done.set_exception(WriteFailed(f"{reason}; nothing of this request was kept"))

    # Reading

    def _segments_behind(self, after: int) -> list[Segment]:
        with self._changed:
            return [segment for segment in self._segments if segment.last_sequence > after]

    def _read_segment(self, segment: Segment, after: int, max_bytes: int) -> list[Record]:
        offset = self._offset_behind(segment, after)
        size = max(max_bytes, 1)
        while True:
            data = segment.read(offset, size)
            found = self._found_behind(segment, offset, data, after)
            if found:
                # More than was asked for had to be read to get one whole frame.
                found = found if size <= max_bytes else found[:1]
                last = found[-1]
                self._cursor = _Cursor(last.sequence, segment.ordinal, offset + last.end)
                return [unpack(data, piece) for piece in found]
            if offset + len(data) >= segment.end:
                self._give_up_on(segment, after)
                return []
            size *= 4

    def _offset_behind(self, segment: Segment, after: int) -> int:
        known = self._cursor
        if known.sequence == after and known.ordinal == segment.ordinal:
            return known.offset
        return 0

    def _found_behind(self, segment: Segment, offset: int, data: bytes, after: int) -> list[Found]:
        found = []
        for piece in scan(data, segment.marker):
            if isinstance(piece, Damage):
                self._report(segment, Damage(offset + piece.offset, piece.size))
            elif piece.sequence > after:
                found.append(piece)
        return found

    def _give_up_on(self, segment: Segment, after: int) -> None:
        """The disk lost synced frames since they were written; readers must not wait for them."""
        _log.error("wal_records_lost", segment=segment.path.name, after=after)
        segment.last_sequence = min(segment.last_sequence, after)

    # Opening

    def _recovered(self) -> list[Segment]:
        segments = [Segment.open(path) for path in segment_paths(self._directory)]
        _refuse_strangers(segments)
        ceilings = [segment.first_sequence for segment in segments[1:]]
        for segment, ceiling in zip_longest(segments, ceilings):
            for damage in segment.recover(ceiling):
                self._report(segment, damage)
        if segments:
            self._cut_tail(segments[-1])
        return segments

    def _cut_tail(self, segment: Segment) -> None:
        """What was being written when the machine stopped, nobody was told "accepted" for.

        From inside the file a torn write and an acknowledged frame that rotted look alike, so
        the bytes are kept. Where they cannot be, they stay, and the next frame goes elsewhere.
        """
        torn = segment.torn()
        try:
            if torn is not None:
                self._keep_torn(segment, torn)
            segment.cut_tail(self._segment_bytes)
        except OSError as error:
            segment.capacity = segment.end
            _log.warning("wal_tail_not_cut", segment=segment.path.name, reason=str(error))

    def _keep_torn(self, segment: Segment, torn: Damage) -> None:
        path = set_aside(segment, torn, "torn")
        self.torn.append(path)
        _log.warning(
            "wal_tail_cut", segment=segment.path.name, torn_bytes=torn.size, kept_in=path.name
        )
        for old in sorted(self._directory.glob("*.torn"))[:-MOST_TORN]:
            old.unlink(missing_ok=True)

    def _highest_sequence(self) -> int:
        return max((max(s.last_sequence, s.first_sequence - 1) for s in self._segments), default=0)

    def _report(self, segment: Segment, damage: Damage) -> None:
        try:
            path = set_aside(segment, damage)
        except OSError as error:
            _log.error("wal_damage_not_kept", segment=segment.path.name, reason=str(error))
            return
        if path not in self.damaged:
            self.damaged.append(path)
            _log.error("wal_damaged", kept_in=path.name, damaged_bytes=damage.size)


def _refuse_strangers(segments: list[Segment]) -> None:
    """Where numbers fall although the files go on, a file is from another log.

    Going on would mean to take records of ours for such that were never acknowledged.
    """
    for before, after in pairwise(segments):
        if after.first_sequence < before.first_sequence or after.ordinal == before.ordinal:
            raise Unusable(
                f"{before.path} and {after.path.name} cannot belong to the same log: "
                f"expected a file that starts at {before.first_sequence} or later; "
                "move the one that came from elsewhere out of the directory"
            )


def _explained(directory: Path, error: OSError) -> str:
    return (
        f"the log {error.filename or directory} cannot be used ({error.strerror or error}): "
        "expected a directory and files that this user may read and write; "
        "mend owner, mode or mount, or choose another place with --home"
    )
