"""The collector process: its parts, the order in which they start, and how they stop.

Start: home, lock, log, store, applier, evaluator, doors. What is behind can be
asked for before the doors open. Stop: doors first, so that nothing new is
acknowledged, then what was acknowledged is applied, then the store is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from collector.acts import Acts
from collector.admin import create_admin
from collector.api import create_app
from collector.audit_queries import register_audit
from collector.backup_jobs import BackupJobs
from collector.budget_steps import BudgetSteps
from collector.clock import warn_if_moved_back
from collector.config import VERSION, Address, Settings
from collector.control.retention import verifier
from collector.cost_queries import register_costs
from collector.costs.budget import SpendBudget
from collector.costs.budgets_file import read_budgets
from collector.costs.price import PriceList
from collector.costs.prices_file import built_in, read_prices
from collector.coverage_queries import register_coverage
from collector.errors import ConfigurationError
from collector.evaluator import Evaluator
from collector.homefile import HomeFile
from collector.identities import MOST_BYTES, Identities, IdentityAct, WrongLine, acts_of
from collector.instruments import Instruments, WatchedIntake, watched_api, watched_door
from collector.intake_queries import register_intake
from collector.inventory.inventory_file import read_inventory
from collector.inventory.registered import Registered
from collector.inventory_queries import register_inventory
from collector.local import listening_locally
from collector.objectives import Objectives, utc_now
from collector.proof import ProofNotifier
from collector.queries import Meta, Queries
from collector.receive.caps import Caps
from collector.receive.credentials import Credentials
from collector.receive.decode import Decoder
from collector.receive.grpc import GrpcDoor
from collector.receive.http import HttpDoor
from collector.receive.intake import Intake
from collector.receive.limits import Headroom, floor_bytes
from collector.receive.patience import KEEP_ALIVE_S, PatientProtocol
from collector.receive.peers import CertifiedProtocol
from collector.receive.rate import Rates
from collector.receive.redaction import redactor_of
from collector.receive.tls import Tls
from collector.receive.tokens import TokenFile
from collector.reported_queries import register_reported
from collector.reporting import Reports
from collector.repricing import Repricing
from collector.sequence_queries import register_sequences
from collector.sequence_rules import SequenceRules
from collector.slo.marked import Refusal
from collector.slo_queries import register_slo
from collector.store.applier import Applied, Applier
from collector.store.archive import Archive
from collector.store.connection import Store
from collector.store.derive import derive, rederive
from collector.store.disk import free_bytes, make_directory, segment_bytes
from collector.store.identities import NameKeeper
from collector.store.reader import Reader
from collector.store.sequences import Sequences
from collector.store.set_aside import SetAside
from collector.store.wal import WriteAheadLog
from collector.traces import traces_from
from collector.upkeep import Upkeep

DOORS_GRACE_S = 5
DRAIN_S = 30.0
# 8 MiB: about what one batch of the applier clears in a second.
UPKEEP_WAITS_BYTES = 8 * 1024 * 1024

_log = structlog.get_logger("collector.server")


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; ConfigurationError when it cannot start."""
    _log_to_stderr(settings.log_level)
    stop = _stop_signal()
    with _sole_owner(settings.data), _listening(settings) as listeners:
        settings = replace(settings, otlp_http=listeners.http_address, api=listeners.api_address)
        with Parts.opened(settings) as parts:
            await _run(settings, parts, listeners, stop)


@dataclass(frozen=True)
class Listeners:
    """Ports that are ours already; gRPC binds its own."""

    http: socket.socket
    api: socket.socket
    local: socket.socket
    admin: socket.socket

    @property
    def http_address(self) -> Address:
        return _address_of(self.http)

    @property
    def api_address(self) -> Address:
        return _address_of(self.api)


@dataclass(frozen=True)
class Parts:
    """What stands behind the doors."""

    log: WriteAheadLog
    store: Store
    applier: Applier
    evaluator: Evaluator
    objectives: Objectives
    queries: Queries
    reports: Reports
    proof: ProofNotifier
    budget_steps: BudgetSteps
    headroom: Headroom
    archive: Archive
    acts: Acts
    upkeep: Upkeep
    backups: BackupJobs
    repricing: Repricing
    instruments: Instruments

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings, now: Callable[[], datetime] = utc_now) -> Iterator[Parts]:
        """Every part, started; closed again in the opposite order."""
        with ExitStack() as stack:
            traces = traces_from(settings)
            if traces:
                stack.callback(traces.close)
            instruments = Instruments(VERSION, traces)
            log = WriteAheadLog(
                settings.data / "log",
                segment_bytes=segment_bytes(str(settings.data)),
                on_synced=instruments.synced,
            )
            stack.callback(log.close)
            warn_if_moved_back(log.newest_received_ns, now())
            store = Store(settings.data / "watchkeeper.duckdb")
            stack.callback(store.close)
            log.continue_after(store.position())
            parts = cls._made(settings, log, store, instruments)
            stack.callback(parts.reports.close)
            parts.applier.start()
            stack.callback(parts.drain)
            parts.evaluator.start()
            stack.callback(parts.evaluator.stop)
            parts.upkeep.start()
            stack.callback(parts.upkeep.stop)
            stack.callback(parts.backups.stop)
            yield parts

    @classmethod
    def _made(
        cls, settings: Settings, log: WriteAheadLog, store: Store, instruments: Instruments
    ) -> Parts:
        archive = Archive(
            store.cursor(),
            store.archive,
            store.checkpoints_paused,
            hot_days=settings.hot_days,
            whole=store.archive_whole,
        )
        reader = Reader(store, archive_kept=archive.kept_readable)
        objectives = Objectives(settings.objectives)
        queries = Queries(
            reader, utc_now, lambda: {one.name: one.period(utc_now()) for one in objectives.all()}
        )
        register_slo(queries, objectives)
        register_coverage(queries)
        register_intake(queries)
        register_audit(queries, settings.home)
        register_reported(queries)
        names = NameKeeper(Identities(settings.identities))
        rules = SequenceRules(settings.sequences)
        sequences = Sequences(rules.all)
        register_sequences(queries, rules, lambda: sequences.suspended)
        prices = _prices(settings)
        repricing = Repricing(settings.data / "reprices", store, prices, utc_now)
        inventory = HomeFile(settings.inventory, read_inventory, Registered())
        budgets: HomeFile[tuple[SpendBudget, ...]] = HomeFile(settings.budgets, read_budgets, ())
        register_costs(queries, prices, budgets, inventory, _identities(settings))
        register_inventory(queries, inventory)
        acts = Acts(settings.retention_acts, verifier(settings.control_home))
        control = (settings.control.url, settings.control_home / "collector.token")
        proof = ProofNotifier(reader, *control)
        return cls(
            log=log,
            store=store,
            applier=Applier(
                store,
                log,
                _warm(Decoder(SetAside(settings.data / "set-aside").keep)),
                derive=partial(derive, follow=sequences.follow, prices=prices.current),
                rederive=partial(rederive, follow=sequences.follow, prices=prices.current),
                renew=(names.renew, sequences.renew, repricing.step),
                on_applied=_notifying(proof, instruments),
                on_checkpoint=instruments.checkpointed,
                on_lost=instruments.lost,
            ),
            evaluator=Evaluator(store, objectives),
            objectives=objectives,
            queries=queries,
            reports=Reports(settings.reports, settings.api.url),
            proof=proof,
            budget_steps=BudgetSteps(reader, budgets, *control, utc_now),
            instruments=instruments,
            headroom=Headroom(
                unapplied_bytes=lambda: log.unread_bytes,
                free_bytes=partial(free_bytes, str(settings.data)),
                least_free_bytes=floor_bytes(settings.data),
                owed_bytes=lambda: store.room_for(log.unread_bytes),
            ),
            archive=archive,
            acts=acts,
            repricing=repricing,
            backups=BackupJobs(store, archive, settings, lambda: log.last_sequence, utc_now),
            upkeep=Upkeep(
                store, archive, acts, is_busy=lambda: log.unread_bytes > UPKEEP_WAITS_BYTES
            ),
        )

    def unready(self) -> str | None:
        """Why nothing can be taken or stored at the moment."""
        return self.log.failure or self.applier.fault or self.headroom.shortage()

    def lag(self) -> int:
        """Records that are acknowledged and not yet in the store."""
        return self.log.last_sequence - self.applier.position

    def gauges(self) -> dict[str, float]:
        """What the way from the doors to the store looks like at the moment."""
        return {
            "wal_lag_records": self.lag(),
            "wal_lag_bytes": self.log.unread_bytes,
            "wal_damaged_files": self.log.damaged_files,
            "wal_waiting_bytes": self.log.waiting_bytes,
            "disk_free_bytes": self.headroom.free_bytes(),
            "disk_floor_bytes": self.headroom.least_free_bytes,
            "traces_not_derived": self.applier.traces_not_derived,
        }

    def drain(self) -> None:
        """Apply what has been acknowledged, and say what was done."""
        before, began = self.applier.position, time.monotonic()
        self.applier.stop(DRAIN_S)
        _log.info(
            "drained",
            records=self.applier.position - before,
            left_in_log=self.lag(),
            position=self.applier.position,
            seconds=round(time.monotonic() - began, 3),
        )


class Server(uvicorn.Server):
    """Leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(settings: Settings, parts: Parts, listeners: Listeners, stop: asyncio.Event) -> None:
    intake = _intake(settings, parts)
    tls = _tls(settings)
    grpc = GrpcDoor(intake, settings.otlp_grpc, tls)
    door, inside = (HttpDoor(intake, parts.unready, is_local=local) for local in (False, True))
    http = _server(watched_door(door, parts.instruments), tls)
    local = _server(watched_door(inside, parts.instruments, "local"))
    api = _server(watched_api(_api(settings, parts), parts.instruments))
    admin = _server(create_admin(parts.acts, parts.upkeep, parts.backups, parts.repricing, utc_now))
    async with AsyncExitStack() as running:
        await running.enter_async_context(_background(parts.proof.run()))
        await running.enter_async_context(_background(parts.budget_steps.run()))
        await running.enter_async_context(_served(api, listeners.api))
        await running.enter_async_context(_served(http, listeners.http))
        await running.enter_async_context(_served(local, listeners.local))
        await running.enter_async_context(_served(admin, listeners.admin))
        await grpc.start()
        running.push_async_callback(grpc.stop, DOORS_GRACE_S)
        # What has been imported stays: the cycle collector need not look at it again and again.
        gc.freeze()
        print(_ready_line(grpc.address, settings), flush=True)
        await _until(stop, parts, http, local, api, admin)
        _log.info("stopping", lag_records=parts.lag())


def _prices(settings: Settings) -> HomeFile[PriceList]:
    def over_built_in(text: str) -> PriceList:
        return PriceList(read_prices(text, settings.prices.name), built_in())

    return HomeFile(settings.prices, over_built_in, built_in())


def _identities(settings: Settings) -> HomeFile[tuple[IdentityAct, ...]]:
    def read(text: str) -> tuple[IdentityAct, ...]:
        try:
            return acts_of(settings.identities, text.encode())
        except WrongLine as wrong:
            raise Refusal(wrong.line, wrong.reason) from wrong

    return HomeFile(settings.identities, read, (), most_bytes=MOST_BYTES)


def _intake(settings: Settings, parts: Parts) -> Intake:
    tokens = TokenFile(settings.tokens)
    # A broken file ends the start; later the last tokens stay in force.
    tokens.read()
    return WatchedIntake(
        parts.instruments,
        parts.log,
        shortage=parts.headroom.shortage,
        credentials=Credentials(tokens, mode=settings.ingest_auth, exposed=settings.is_exposed),
        rates=Rates(time.monotonic, settings.source_rate),
        redactor=redactor_of(settings.redaction, settings.redaction_key),
        caps=Caps(settings.max_value, settings.max_body),
    )


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def _ready_line(grpc: Address, settings: Settings) -> str:
    return f"ready otlp_grpc={grpc} otlp_http={settings.otlp_http} api={settings.api}"


async def _until(stop: asyncio.Event, parts: Parts, *servers: Server) -> None:
    """Wait for the signal; what cannot be mended from inside ends the process.

    Nothing is lost by that: the log holds what the store has not saved, and is applied again.
    """
    while not stop.is_set():
        if parts.applier.fault and (reason := parts.store.broken):
            raise ConfigurationError(f"{reason}; start the collector again")
        if any(server.should_exit for server in servers):
            raise ConfigurationError("an HTTP server ended by itself: see the log above")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=1)


def _api(settings: Settings, parts: Parts) -> Starlette:
    return create_app(
        parts.queries,
        meta=Meta(parts.queries, VERSION, parts.lag),
        objectives=parts.objectives,
        reports=parts.reports,
        unready=parts.unready,
        gauges=parts.gauges,
        metrics=parts.instruments.page,
        host=settings.api.host,
    )


def _server(app: Any, tls: Tls | None = None) -> Server:
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            # Nobody here speaks WebSocket: an upgrade is passed over, as RFC 9110 §7.8 allows.
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=DOORS_GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            http=CertifiedProtocol if tls else PatientProtocol,
            ssl_context_factory=(lambda *_: tls.context()) if tls else None,
        )
    )


@asynccontextmanager
async def _served(server: Server, listener: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _tell_failure(task: asyncio.Task[None]) -> None:
    """What runs beside the doors must not take them with it, nor fail unseen."""
    if not task.cancelled() and (error := task.exception()):
        _log.error("background_ended", reason=str(error), exc_info=error)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


@contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends."""
    try:
        make_directory(data)
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {data}: {error.strerror}; choose another place with --home"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigurationError(
            f"another collector uses {data}: stop it, or choose another place with --home"
        ) from error
    finally:
        os.close(lock)


@contextmanager
def _listening(settings: Settings) -> Iterator[Listeners]:
    with ExitStack() as stack:
        _probe(settings.otlp_grpc)
        http = stack.enter_context(_bound(settings.otlp_http, "--otlp-http"))
        api = stack.enter_context(_bound(settings.api, "--api"))
        local = stack.enter_context(listening_locally(settings.intake_socket))
        admin = stack.enter_context(listening_locally(settings.admin_socket))
        yield Listeners(http, api, local, admin)


def _probe(address: Address) -> None:
    """gRPC explains a taken port badly, so ask before."""
    _bound(address, "--otlp-grpc").close()


def _bound(address: Address, flag: str) -> socket.socket:
    try:
        family = socket.getaddrinfo(address.host, address.port)[0][0]
        listener = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        taken = "another program listens there" if error.errno == errno.EADDRINUSE else error
        raise ConfigurationError(
            f"cannot listen on {address}: {taken}; choose another address with {flag}"
        ) from error
    # Accepted sockets inherit it. asyncio sets it only where proto is given, and without it
    # an answer in two pieces waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _address_of(listener: socket.socket) -> Address:
    host, port = listener.getsockname()[:2]
    return Address(host, port)


def _notifying(proof: ProofNotifier, instruments: Instruments) -> Callable[[Applied], None]:
    def applied(what: Applied) -> None:
        instruments.applied(what)
        _log.debug(
            "batch_stored",
            position=what.position,
            spans=what.spans,
            logs=what.logs,
            points=what.points,
            seconds=round(what.seconds, 4),
        )
        if what.hold_ids:
            proof.notify()

    return applied


def _warm(decoder: Decoder) -> Decoder:
    """The first list that pyarrow converts makes it look for pandas, which takes a second and is
    of no use here: for that moment there is none, and pyarrow does not look again."""
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        decoder.decode(())
    finally:
        del sys.modules["pandas"]
    return decoder


def _log_to_stderr(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
