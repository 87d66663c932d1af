"""The control process: start order, upkeep, clean stop, and what the command line may ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn

from collector.config import Address, Settings
from collector.control import authority
from collector.control.app import Door, app
from collector.control.authority import TOKEN, Authority, Role
from collector.control.budgets import Budgets
from collector.control.documents import Signer, write_private
from collector.control.events import Spool
from collector.control.journal import Journal
from collector.control.moments import Clock, stamp, wall_clock
from collector.control.opamp import Opamp
from collector.control.plane import Plane
from collector.control.presence import Presence
from collector.control.views import Views
from collector.errors import ConfigurationError

FIRST_OPERATOR = "admin"
EXPIRY_EVERY_S = 0.2
SIGHTINGS_EVERY_S = 5.0
FORGET_EVERY_S = 3600.0
FORGET_AFTER = timedelta(days=7)
UPKEEP_PAUSE_S = 1.0
STOP_S = 3
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; ConfigurationError when it cannot start."""
    with (
        _sole_owner(settings.control_home),
        _listening(settings.control) as listener,
        _journal(settings) as journal,
    ):
        _greet(settings, journal)
        await _run(settings, Parts.of(settings, journal, wall_clock), listener)


def add_user(settings: Settings, name: str, role: str, password: str | None) -> None:
    """A new operator, also beside the running process."""
    with _journal(settings) as journal:
        authority.add_operator(journal, name, role, password, wall_clock())


def new_sign_in_link(settings: Settings, user: str) -> str:
    """A link that signs `user` in once, within an hour; also beside the running process."""
    if not (settings.control_home / "journal.sqlite").exists():
        raise ConfigurationError(
            f"no control process has run in {settings.home} yet: "
            "start one with `watchkeeper up`, or name its --home"
        )
    with _journal(settings) as journal:
        return _link(settings, authority.new_code(journal, user, wall_clock()))


@contextmanager
def _journal(settings: Settings) -> Iterator[Journal]:
    _check_whole(settings.control_home)
    with contextlib.closing(Journal.open(settings.control_home)) as journal:
        try:
            yield journal
        except sqlite3.OperationalError as error:
            raise ConfigurationError(
                f"the journal in {settings.control_home} cannot be written ({error}): "
                "make room for it, or end what else has it open"
            ) from error


def _check_whole(home: Path) -> None:
    """A home that lost a part must not start as if it were new.

    With the key alone it would sign every hold away; with another key no agent believes it.
    """
    key, journal, token = (home / n for n in ("signing-key.pem", "journal.sqlite", TOKEN))
    if key.exists() and not journal.exists():
        raise ConfigurationError(
            f"{journal} is gone, and with it every hold: restore it from a backup, or move {home} "
            "away; killed agents then stay killed until their hold expires"
        )
    if token.exists() and not key.exists():
        raise ConfigurationError(
            f"{key} is gone, and agents trust no other key: restore it from a backup, or move "
            f"{home} away and delete keys.json in the state directory of every agent"
        )


def _link(settings: Settings, code: str) -> str:
    return f"{settings.ui.url}/signin?code={code}"


@dataclass(frozen=True)
class Parts:
    """The parts of a running process."""

    door: Door
    presence: Presence
    spool: Spool

    @classmethod
    def of(cls, settings: Settings, journal: Journal, clock: Clock) -> Parts:
        signer = Signer.of(settings.control_home)
        presence = Presence(clock)
        spool = Spool(journal, settings.otlp_http, settings.intake_socket)
        plane = Plane(journal, signer, spool, presence, clock)
        door = Door(
            journal=journal,
            authority=Authority(journal, clock),
            plane=plane,
            budgets=Budgets(journal, plane, spool, clock),
            views=Views(journal, plane, presence, clock),
            opamp=Opamp(journal, plane, presence, clock),
            signer=signer,
            collector_token=authority.collector_token(settings.control_home),
            clock=clock,
        )
        return cls(door, presence, spool)


class Server(uvicorn.Server):
    """Says when it can serve, and leaves the signals to the process."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._announcement, flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(settings: Settings, parts: Parts, listener: socket.socket) -> None:
    server = Server(_configured(settings, parts), f"ready control={_bound(settings, listener)}")
    stop = _stop(server, parts.presence)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    upkeep = asyncio.gather(parts.spool.run(), *_upkeep(parts))
    # Upkeep never ends by itself: if a part of it fails, the process stops and says why.
    upkeep.add_done_callback(lambda _: stop())
    await server.serve(sockets=[listener])
    if upkeep.done():
        await upkeep
    upkeep.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await upkeep
    with contextlib.suppress(sqlite3.OperationalError):
        save_sightings(parts)


def _stop(server: Server, presence: Presence) -> _Stop:
    return _Stop(server, presence)


@dataclass(frozen=True)
class _Stop:
    """Ends the held requests, then the server."""

    server: Server
    presence: Presence

    def __call__(self) -> None:
        self.presence.close()
        self.server.should_exit = True


def _configured(settings: Settings, parts: Parts) -> uvicorn.Config:
    hosts = LOOPBACK | {settings.control.host} if settings.control.is_loopback else None
    return uvicorn.Config(
        app(parts.door, hosts),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )


def _bound(settings: Settings, listener: socket.socket) -> Address:
    return Address(settings.control.host, listener.getsockname()[1])


def _upkeep(parts: Parts) -> list[asyncio.Future[None]]:
    chores = (
        (EXPIRY_EVERY_S, parts.door.plane.expire),
        (SIGHTINGS_EVERY_S, lambda: save_sightings(parts)),
        (FORGET_EVERY_S, lambda: forget(parts)),
    )
    return [asyncio.ensure_future(_every(seconds, chore)) for seconds, chore in chores]


async def _every(seconds: float, chore: object) -> None:
    assert callable(chore)
    while True:
        try:
            chore()
        except sqlite3.OperationalError as error:
            # A full disk must not end the process: holds that stand are still handed out.
            log.error("upkeep_failed error=%s", error)
            await asyncio.sleep(UPKEEP_PAUSE_S)
        await asyncio.sleep(seconds)


def save_sightings(parts: Parts) -> None:
    """Keep when each instance was last heard."""
    if heard := parts.presence.unsaved():
        with parts.door.journal.transaction():
            for uid, seen in heard:
                parts.door.journal.change("see_instance", instance_uid=uid, last_seen=stamp(seen))


def forget(parts: Parts) -> None:
    """Drop sessions, codes and instances that nothing refers to any more."""
    parts.door.authority.forget()
    limit = parts.door.clock() - FORGET_AFTER
    parts.presence.forget(limit)
    with parts.door.journal.transaction():
        for name in ("forget_documents_of_vanished", "forget_instances"):
            parts.door.journal.change(name, seen_before=stamp(limit))


def _greet(settings: Settings, journal: Journal) -> None:
    """The first start makes an administrator and tells how to sign in."""
    if journal.number("count_operators"):
        return
    now = wall_clock()
    authority.add_operator(journal, FIRST_OPERATOR, Role.ADMIN, None, now)
    link = _link(settings, authority.new_code(journal, FIRST_OPERATOR, now))
    write_private(settings.control_home / "sign-in-link", f"{link}\n".encode())
    print(f"sign in once, within an hour: {link}", file=sys.stderr, flush=True)


@contextmanager
def _sole_owner(home: Path) -> Iterator[None]:
    """Only one control process owns a home; the lock dies with the process."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"{home} cannot be written ({error.strerror}): name another --home"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise ConfigurationError(
            f"another control process already owns {home}: stop it, or name another --home"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigurationError(_why_not(address, error)) from error
    # Accepted sockets inherit it. asyncio sets it only where proto is given, and without it
    # an answer of two writes waits 40 ms for the other side's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


def _why_not(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is taken by another process: stop it, "
            "or name another address with --control"
        )
    return f"cannot listen on {address} ({error.strerror}): name another address with --control"
