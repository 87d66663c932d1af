"""The applier: the only writer of evidence. Records of the log become rows, a batch at a time.

1. Read what the write-ahead log holds behind the position.
2. Decode it; when there is much, while the batch before it is being stored.
3. In one transaction: leave out what is stored already, keep the rest, derive what the
   touched traces amount to, count, and move the position.
4. When only deriving fails, store the batch without it; its traces are derived later.
5. On another error roll back and try once more; then go record by record, and set the one
   aside that cannot be stored. What is the machine's fault (a full disk, say) is never a
   record's: then nothing moves, and the same batch is tried again later.
6. When idle, or when much has been applied, checkpoint; only then may the write-ahead log
   forget.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from collector.model import Signal
from collector.store.ahead import Ahead, Decoding, Ready
from collector.store.batch import SCHEMAS, Batch
from collector.store.connection import NoRoom, Store
from collector.store.derivation import Derivation, Derive, NotDerived, Touched
from collector.store.derive import REACH, derive, rederive
from collector.store.fold import fold
from collector.store.gaps import Gap, gaps
from collector.store.gateways import drop_counted
from collector.store.identities import renew_names
from collector.store.matching import Matching, Rederive, note_decisions
from collector.store.repeated import EVIDENCE, without_stored
from collector.store.rollup import compact, count_new_decisions
from collector.store.seen import SeenTraces
from collector.store.tally import tallies
from collector.store.transaction import MACHINE, NotCommitted, registered, run, transaction
from collector.store.wal import Record

__all__ = ["Applied", "Applier", "Decoding", "Log"]

MIB = 1024 * 1024
BATCH_BYTES = 32 * MIB
TICK_S = 0.25
LONGEST_GATHERING_S = 1.0
IDLE_CHECKPOINT_S = 5.0
COMPACT_S = 60.0
LONGEST_PAUSE_S = 30.0

_SIGNALS = {
    Signal.TRACES.value: "span",
    Signal.LOGS.value: "log_record",
    Signal.METRICS.value: "metric_point",
}
_FACTS = (
    "trust_point",
    "command_event",
    "governance_event",
    "logged_call",
    "agent_alias",
    "refused_record",
)
# What brings runs and actions about, each with the time it tells.
_TRACED = {"span": "started_at", "logged_call": "started_at", "decision": "decided_at"}

_log = structlog.get_logger("collector.store.applier")

Tables: TypeAlias = dict[str, pa.Table]


class Log(Protocol):
    """What the applier needs of the write-ahead log."""

    def continue_after(self, sequence: int) -> None: ...

    def read(self, after: int, max_bytes: int) -> list[Record]: ...

    def wait(self, after: int, timeout: float) -> bool: ...

    def release(self, sequence: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What one transaction kept. `hold_ids` are those that newly stored decisions name.

    counts: what became of the records of each source, as in table source_count
    refusals: what was refused, as in table refused_record
    seconds: how long the transaction took
    """

    position: int
    spans: int
    logs: int
    points: int
    decisions: int
    hold_ids: frozenset[str]
    counts: Sequence[Mapping[str, Any]] = field(default=(), compare=False)
    refusals: Sequence[Mapping[str, Any]] = field(default=(), compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class _Pace:
    batch_bytes: int
    tick_s: float
    idle_checkpoint_s: float


class Applier:
    """Moves records from the log into the store, in a thread of its own."""

    def __init__(
        self,
        store: Store,
        log: Log,
        decoder: Decoding,
        *,
        on_applied: Callable[[Applied], None] | None = None,
        on_checkpoint: Callable[[float], None] = lambda seconds: None,
        on_lost: Callable[[Gap], None] = lambda gap: None,
        derive: Derive = derive,
        rederive: Rederive = rederive,
        renew: Sequence[Callable[[duckdb.DuckDBPyConnection], None]] = (),
        seen: SeenTraces | None = None,
        batch_bytes: int = BATCH_BYTES,
        tick_s: float = TICK_S,
        idle_checkpoint_s: float = IDLE_CHECKPOINT_S,
    ) -> None:
        """`renew`: what is called between batches, outside any transaction."""
        self._store = store
        self._log = log
        self._ahead = Ahead(log, decoder, batch_bytes)
        self._on_applied = on_applied
        self._on_checkpoint = on_checkpoint
        self._on_lost = on_lost
        self._renew = renew
        self._pace = _Pace(batch_bytes, tick_s, idle_checkpoint_s)
        self._cursor = store.cursor()
        self._derivation = Derivation(self._cursor, derive)
        self._matching = Matching(self._cursor, rederive)
        self._seen = seen or SeenTraces()
        self._position = store.position()
        # A number given twice would look like a record that is applied already.
        log.continue_after(self._position)
        self._checkpointed = self._position
        self._last_work = self._compacted_at = time.monotonic()
        self._stopping = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name="applier", daemon=True)
        self.fault: str | None = None

    @property
    def position(self) -> int:
        """The last sequence whose rows can be queried."""
        return self._position

    @property
    def traces_not_derived(self) -> int:
        """Traces that are stored, and whose runs and actions wait because deriving failed."""
        return self._derivation.waiting

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self, drain_s: float = 10.0) -> None:
        """Apply what the log still holds, at most so long, checkpoint and end."""
        self._drain_until = time.monotonic() + drain_s
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        with contextlib.suppress(duckdb.Error):
            self._checkpoint()
        self._ahead.close()
        self._cursor.close()

    def step(self) -> int:
        """Apply one batch, if there is one, and do what is owed to earlier ones.

        Answers how many bytes of records the batch had.
        """
        for renew in self._renew:
            renew(self._cursor)
        ready = self._ahead.next(self._position)
        if ready is None:
            self._derivation.again(self._position)
            self._matching.again()
            self._when_idle()
            return 0
        size = ready.size
        if size >= self._pace.batch_bytes // 2:
            # There is more: a small batch would only keep the next records from gathering.
            self._ahead.begin(ready.last)
        for gap in gaps(self._position, [record.sequence for record in ready.records]):
            self._tell_lost(gap)
        self._apply(ready)
        self._derivation.again(self._position)
        self._matching.again()
        self._last_work = time.monotonic()
        self._store.unsaved_bytes += size
        if self._store.checkpoint_due:
            self._checkpoint()
        return size

    def match_all(self) -> None:
        """Match at once all that is noted, without leaving time for batches."""
        while self._matching.again(at_once=True):
            pass

    # The thread

    def _run(self) -> None:
        failures = 0
        while self._goes_on():
            try:
                began = time.monotonic()
                size = self.step()
                failures, self.fault = 0, None
                self._wait(size, began)
            # The outermost loop of the thread: say what happened, and try again later.
            except Exception as error:
                failures += 1
                self.fault = f"the store takes no records: {error}"
                pause = min(LONGEST_PAUSE_S, self._pace.tick_s * 2**failures)
                _log.exception("batch_not_stored", position=self._position, retry_in_s=pause)
                if self._stopping.wait(pause):
                    return

    def _goes_on(self) -> bool:
        if not self._stopping.is_set():
            return True
        behind = self._log.wait(self._position, 0)
        return behind and time.monotonic() < self._drain_until

    def _wait(self, size: int, began: float) -> None:
        """Go on at once behind a large batch, else let records gather.

        A batch costs tens of milliseconds however small it is, so a trickle of small ones
        gets a fifth of the time, and no record waits longer than a second for it.
        """
        if size == 0:
            self._log.wait(self._position, self._pace.tick_s)
        elif size < self._pace.batch_bytes // 2:
            took = time.monotonic() - began
            self._stopping.wait(max(self._pace.tick_s - took, min(4 * took, LONGEST_GATHERING_S)))

    # Applying

    def _apply(self, ready: Ready) -> None:
        self._apply_first(ready.records, ready.decoded.result)
        # A batch ends early when its records tell more than memory should hold at once.
        while rest := [each for each in ready.records if each.sequence > self._position]:
            self._apply_first(rest, partial(self._ahead.decode, rest))

    def _apply_first(self, records: Sequence[Record], first: Callable[[], Batch]) -> None:
        """Apply the records, or as many of the first as make one batch."""
        for decoded in (first, partial(self._ahead.decode, records)):
            try:
                self._store_batch(decoded())
                return
            except MACHINE:
                raise
            # Whatever a record does to our code or to DuckDB, the log must not stop at it.
            except Exception as error:
                _log.warning("batch_failed", behind=self._position, error=str(error))
        for record in records:
            self._apply_alone(record)

    def _tell_lost(self, gap: Gap) -> None:
        """Numbers are given without a gap: what is missing was written, and is damaged."""
        _log.error("log_records_lost", first=gap.first, last=gap.last)
        with transaction(self._cursor):
            run(self._cursor, "apply/note_lost", {**asdict(gap), "found_at": datetime.now(UTC)})
        self._on_lost(gap)

    def _apply_alone(self, record: Record) -> None:
        try:
            self._store_batch(self._ahead.decode([record]))
        except MACHINE:
            raise
        except Exception as error:
            _log.error("record_refused", sequence=record.sequence, error=str(error))
            self._store_batch(self._ahead.refuse(record, "not_storable", str(error)))

    def _store_batch(self, batch: Batch) -> None:
        try:
            applied = self._committed(batch, self._derive_touched)
        except NotDerived as cause:
            if self._store.archive_is_to_blame(cause.__cause__):
                raise NotCommitted("an archived file is missing or damaged") from cause
            _log.error("derivation_failed", position=self._position, error=str(cause))
            applied = self._committed(batch, partial(self._derive_later, cause=cause))
            self._derivation.recount()
        self._position = batch.sequence
        self._tell(applied)

    def _committed(self, batch: Batch, derive: Callable[[Tables], None]) -> Applied:
        began = time.monotonic()
        try:
            with transaction(self._cursor):
                applied = self._write(batch, derive)
        except duckdb.Error as error:
            # No record is to blame: the same batch is stored once the file is left out.
            if self._store.archive_is_to_blame(error):
                raise NotCommitted("an archived file is missing or damaged") from error
            raise
        return replace(applied, seconds=time.monotonic() - began)

    def _tell(self, applied: Applied) -> None:
        if self._on_applied is None:
            return
        try:
            self._on_applied(applied)
        # The rows are committed; a listener that fails must not have them stored again.
        except Exception:
            _log.exception("listener_failed", position=applied.position)

    def _write(self, batch: Batch, derive: Callable[[Tables], None]) -> Applied:
        tables = dict(batch.tables)
        for table in EVIDENCE:
            tables[table] = without_stored(self._cursor, table, tables[table])
        for table in ("resource", "scope", *EVIDENCE, *_FACTS):
            self._insert(table, tables[table])
        if tables["agent_alias"].num_rows:
            renew_names(self._cursor)
        holds = self._insert("decision", tables["decision"])
        if holds:
            count_new_decisions(self._cursor)
            note_decisions(self._cursor)
            drop_counted(self._cursor, tables["decision"])
        counts = _recounted(tables)
        self._insert("source_count", counts)
        for table, tally in _tallied(tables).items():
            self._insert(table, tally)
        derive(tables)
        run(self._cursor, "apply/set_position", {"sequence": batch.sequence})
        return Applied(
            position=batch.sequence,
            spans=tables["span"].num_rows,
            logs=tables["log_record"].num_rows,
            points=tables["metric_point"].num_rows,
            decisions=len(holds),
            hold_ids=frozenset(hold for (hold,) in holds if hold),
            counts=counts.to_pylist(),
            refusals=tables["refused_record"].to_pylist(),
        )

    def _insert(self, table: str, incoming: pa.Table) -> list[tuple[Any, ...]]:
        if not incoming.num_rows:
            return []
        with registered(self._cursor, "incoming", incoming):
            return run(self._cursor, f"apply/insert_{table}")

    def _derive_touched(self, tables: Tables) -> None:
        self._derivation.now(lambda: self._touched(tables))

    def _derive_later(self, tables: Tables, cause: NotDerived) -> None:
        self._derivation.later(_all_traces(tables), self._position, cause)

    def _touched(self, tables: Tables) -> Touched | None:
        self._seen.load(self._cursor)
        acting = self._acting_traces(tables["span"])
        self._remember(tables)
        touched = _touched_traces(tables, acting)
        told = sum(tables[table].num_rows for table in ("decision", "trust_point", "command_event"))
        if not touched.num_rows and not told:
            return None
        return touched, self._seen.reach(touched["trace_id"])

    def _remember(self, tables: Tables) -> None:
        """The traces of a batch are known before it is derived."""
        for table, told in _TRACED.items():
            traced = tables[table].filter(pc.is_valid(tables[table]["trace_id"]))
            if traced.num_rows:
                times = pc.cast(traced[told], pa.int64()).to_numpy()
                self._seen.add(traced["trace_id"], times)

    def _acting_traces(self, spans: pa.Table) -> list[bytes]:
        """Traces with actions to which a plain span came late: it may link them to their agent."""
        plain = spans.filter(pc.is_null(spans["op"]))
        if not plain.num_rows:
            return []
        bounds = pc.min_max(plain["started_at"]).as_py()
        window = {"low": bounds["min"] - REACH, "high": bounds["max"] + REACH}
        traces = pc.unique(plain["trace_id"])
        if self._seen.is_complete_from(window["low"]):
            traces = traces.filter(pa.array(self._seen.may_be_known(traces)))
        if not len(traces):
            return []
        with registered(self._cursor, "incoming_trace", pa.table({"trace_id": traces})):
            return [trace for (trace,) in run(self._cursor, "apply/acting_traces", window)]

    # Checkpoints

    def _when_idle(self) -> None:
        idle_s = time.monotonic() - self._last_work
        if self._checkpointed < self._position and idle_s >= self._pace.idle_checkpoint_s:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Make the position durable in the file itself; then the log may forget up to it."""
        if self._checkpointed == self._position:
            return
        self._last_work = began = time.monotonic()
        try:
            self._compact()
            self._store.checkpoint()
        # Another connection is writing, or the disk is full: the next quiet moment will do.
        except (duckdb.TransactionException, NoRoom) as error:
            _log.info("checkpoint_postponed", reason=str(error))
            return
        self._log.release(self._position)
        self._checkpointed = self._position
        self._on_checkpoint(time.monotonic() - began)

    def _compact(self) -> None:
        """Add up partial counts; only now and then, because it reads all of them."""
        if time.monotonic() - self._compacted_at >= COMPACT_S:
            self._compacted_at = time.monotonic()
            try:
                compact(self._cursor)
            # Partial counts answer the same; that they are many must not keep the log from ending.
            except (duckdb.OutOfMemoryException, duckdb.TransactionException) as error:
                _log.warning("compaction_postponed", reason=str(error))
            # A checkpoint of another thread would give the chosen rows other ids.
            with self._store.checkpoints_paused_if_free() as is_free:
                if is_free:
                    fold(self._cursor)


def _tallied(tables: Tables) -> dict[str, pa.Table]:
    """The tallies of a batch; a fault in counting must not keep evidence from the store."""
    try:
        return tallies(tables)
    except Exception:
        _log.exception("batch_not_tallied")
        return {}


def _all_traces(tables: Tables) -> pa.Table:
    """Every trace of a batch, and the empty one for what it told outside of any."""
    chunks = [chunk for table in _TRACED for chunk in tables[table]["trace_id"].chunks]
    traces = pa.chunked_array([*chunks, pa.array([b""], pa.binary())], pa.binary())
    return pa.table({"trace_id": pc.unique(pc.drop_null(traces))})


def _touched_traces(tables: Tables, acting: list[bytes]) -> pa.Table:
    """The traces of the spans that mean something, of the decisions, and those that act."""
    spans = tables["span"]
    telling = (spans.filter(pc.is_valid(spans["op"])), tables["logged_call"], tables["decision"])
    chunks = [chunk for each in telling for chunk in each["trace_id"].chunks]
    traces = pa.chunked_array([*chunks, pa.array(acting, pa.binary())], pa.binary())
    return pa.table({"trace_id": pc.unique(pc.drop_null(traces))})


def _recounted(tables: Tables) -> pa.Table:
    """The counts by source, now that it is known what was stored already."""
    rows = tables["source_count"].to_pylist()
    stored = {signal: _by_source(tables[table]) for signal, table in _SIGNALS.items()}
    for row in rows:
        row["stored"] = stored[row["signal"]].get(row["source"], 0)
        row["duplicate"] = row["received"] - row["refused"] - row["stored"]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["source_count"])


def _by_source(table: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(table["source"]).to_pylist()
    return {entry["values"]: entry["counts"] for entry in counted}
