"""The doctor: looks at a home and its surroundings, says what is wrong and what to do about it.

Nothing is changed, and a collector may run meanwhile. A finding is FAIL when the collector
cannot start, or would lose or refuse telemetry; WARN when somebody should look; else OK.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import platform
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median

import httpx

from collector.config import ADDRESSES, VERSION, Address, IngestAuth, Settings
from collector.errors import ConfigurationError
from collector.objectives import check_file
from collector.receive.limits import floor_bytes
from collector.receive.redaction import read_policy
from collector.receive.tls import Tls
from collector.receive.tokens import TokenFile, utc_now
from collector.store.connection import StoreError
from collector.store.disk import free_bytes
from collector.store.inspect import leftovers, look_at_log, look_at_store
from collector.store.schema import SCHEMA_VERSION

MIB = 1024 * 1024
# A disk that is asked to sync takes 0.05 ms at the least; less means that nobody asked it.
FASTEST_SYNC_S = 0.00002
SLOWEST_SYNC_S = 0.1
SYNCS = 8
LEAST_MEMORY_BYTES = 1024 * MIB
PACKAGES = ("duckdb", "pyarrow", "grpcio", "protobuf", "starlette", "streamlit")
SECRETS = (
    "control/signing-key.pem",
    "control/collector.token",
    "reports/*.key",
    "*tokens.json",
    "agt-signing-keys",
)


class Level(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do when that is not as it should be."""

    check: str
    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at."""

    settings: Settings
    running: bool

    @property
    def data(self) -> Path:
        return self.settings.data

    @property
    def nearest(self) -> Path:
        """The data directory, or what there is of the way to it."""
        return next(each for each in (self.data, *self.data.parents) if each.exists())


Check = Callable[[Patient], Iterator[Finding]]


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order of the checks; a check that breaks is a finding, too."""
    patient = Patient(settings, running=_is_locked(settings.data / "lock"))
    return [finding for check in CHECKS for finding in _made(check, patient)]


def _made(check: Check, patient: Patient) -> list[Finding]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return list(check(patient))
    except OSError as error:
        return [Finding(name, Level.FAIL, f"cannot be looked at: {error}", "mend owner and mode")]


def _versions(patient: Patient) -> Iterator[Finding]:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    found = f"watchkeeper {VERSION}, Python {platform.python_version()}, {packages}"
    yield Finding("versions", Level.OK, found)


def _home(patient: Patient) -> Iterator[Finding]:
    there = patient.nearest
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK) or _is_read_only(there):
        yield Finding(
            "home",
            Level.FAIL,
            f"{there} cannot be written by this user",
            "change owner, mode or mount, or choose another place with --home",
        )
        return
    if not patient.data.exists():
        yield Finding("home", Level.OK, f"{patient.data} will be created at the first start")
        return
    mode = stat.S_IMODE(patient.data.stat().st_mode)
    if mode & 0o077:
        yield Finding(
            "home",
            Level.WARN,
            f"{patient.data} has mode {mode:o}: others of this machine may look into it",
            f"chmod 700 {patient.data}",
        )
    else:
        yield Finding("home", Level.OK, f"{patient.data}, mode {mode:o}")


def _disk(patient: Patient) -> Iterator[Finding]:
    free, floor = free_bytes(str(patient.nearest)), floor_bytes(patient.nearest)
    found = f"{free // MIB} MiB free, {floor // MIB} MiB must stay so"
    if free < floor:
        yield Finding(
            "disk", Level.FAIL, found, "make room: the collector takes nothing until then"
        )
    elif free < 4 * floor:
        yield Finding("disk", Level.WARN, found, "make room soon")
    else:
        yield Finding("disk", Level.OK, found)


def _sync(patient: Patient) -> Iterator[Finding]:
    took = sync_seconds(patient.nearest)
    found = f"fdatasync takes {took * 1000:.2f} ms"
    if took > SLOWEST_SYNC_S:
        advice = "every acknowledgement waits for it: use a faster disk, or look who else writes"
        yield Finding("sync", Level.WARN, found, advice)
    elif took < FASTEST_SYNC_S:
        advice = "no disk is that fast: if this is memory, a power cut takes what was acknowledged"
        yield Finding("sync", Level.WARN, found, advice)
    else:
        yield Finding("sync", Level.OK, found)


def sync_seconds(directory: Path) -> float:
    """The median of a few synced writes to a file without a name."""
    times = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return median(times)


def _lock(patient: Patient) -> Iterator[Finding]:
    if not patient.running:
        yield Finding("lock", Level.OK, "no collector uses this home")
        return
    holder = _holder(patient.data / "lock")
    yield Finding("lock", Level.OK, f"a collector uses this home: {holder}")


def _database(patient: Patient) -> Iterator[Finding]:
    path = patient.data / "watchkeeper.duckdb"
    if patient.running:
        yield _asked(patient.settings.api)
        return
    if not path.exists():
        yield Finding("database", Level.OK, "none yet")
        return
    try:
        look = look_at_store(path)
    except StoreError as error:
        advice = "restore a backup, or move the file away; the log is applied again"
        yield Finding("database", Level.FAIL, str(error), advice)
        return
    found = f"opens; applied up to request {look.position}, schema {look.schema_version}"
    if look.schema_version > SCHEMA_VERSION:
        advice = f"this Watchkeeper knows schema {SCHEMA_VERSION}: install the one that wrote it"
        yield Finding("database", Level.FAIL, found, advice)
    else:
        yield Finding("database", Level.OK, found)


def _asked(api: Address) -> Finding:
    try:
        answer = httpx.get(f"{api.url}/readyz", timeout=5)
    except httpx.TransportError as error:
        advice = "name its address with --api, or look into its log"
        return Finding("database", Level.FAIL, f"no answer from {api.url}: {error}", advice)
    said = answer.text.strip()[:300]
    if answer.is_success:
        return Finding("database", Level.OK, f"the collector at {api} says: {said}")
    return Finding(
        "database", Level.FAIL, f"the collector at {api} says: {said}", "see what it says"
    )


def _log(patient: Patient) -> Iterator[Finding]:
    position = _position_or_none(patient)
    look = look_at_log(patient.data / "log", after=position or 0)
    waiting = "" if position is None else f", {max(0, look.last - position)} not applied"
    found = f"{look.records} records in {look.segments} files, up to request {look.last}{waiting}"
    if patient.running:
        yield Finding("log", Level.OK, f"{found} (a look while it is written)")
        return
    if look.torn_bytes:
        found += f", {look.torn_bytes} bytes torn at the end"
    if look.damaged_bytes or (look.missing and position is not None):
        missing = sum(gap.last - gap.first + 1 for gap in look.missing)
        yield Finding(
            "log",
            Level.FAIL,
            f"{found}; {look.damaged_bytes} bytes damaged, {missing} requests missing",
            "check the disk; at the next start the rest is applied, the damage is kept as "
            "*.damaged and told as a refused record",
        )
        return
    if look.kept_aside:
        found += f", {look.kept_aside} damaged stretches kept aside"
        yield Finding("log", Level.WARN, found, "look at the refused records, then remove them")
    else:
        yield Finding("log", Level.OK, found)
    if position is not None and 0 < look.last < position:
        yield Finding(
            "position",
            Level.WARN,
            f"the database is at request {position}, the log ends at {look.last}",
            "the log is older than the database: if it was put there by hand, its records are "
            "taken for applied ones",
        )


def _position_or_none(patient: Patient) -> int | None:
    path = patient.data / "watchkeeper.duckdb"
    if patient.running:
        return None
    if not path.exists():
        return 0
    try:
        return look_at_store(path).position
    except StoreError:
        return None


def _leftovers(patient: Patient) -> Iterator[Finding]:
    left = leftovers(patient.data / "watchkeeper.duckdb")
    names = ", ".join(file.name for file in left)
    if left and not patient.running:
        yield Finding("leftovers", Level.WARN, names, "nothing to do: the next start clears them")
    else:
        yield Finding("leftovers", Level.OK, names or "none")


def _ports(patient: Patient) -> Iterator[Finding]:
    for setting in ADDRESSES:
        address: Address = getattr(patient.settings, setting.name)
        name = f"port {setting.name}"
        if _is_free(address):
            yield Finding(name, Level.OK, f"{address} is free")
        elif patient.running:
            yield Finding(name, Level.OK, f"{address} is in use, and a collector runs")
        else:
            advice = f"stop that program, or choose another address with {setting.flag}"
            yield Finding(name, Level.FAIL, f"another program listens on {address}", advice)


def _clock(patient: Patient) -> Iterator[Finding]:
    now = time.time()
    # Segments are written with every request: the youngest tells the latest time that was.
    files = [*(patient.data / "log").glob("*.wal"), *patient.data.glob("*.duckdb")]
    latest = max((file.stat().st_mtime for file in files), default=now)
    if latest > now + 60:
        yield Finding(
            "clock",
            Level.WARN,
            f"the clock is {latest - now:.0f} s behind the last time the collector wrote",
            "set the clock: arrival times of evidence follow it",
        )
    elif now < 1_735_689_600:
        yield Finding("clock", Level.WARN, "the clock stands before 2025", "set the clock")
    else:
        yield Finding("clock", Level.OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def _keys(patient: Patient) -> Iterator[Finding]:
    home = patient.settings.home
    files = [file for pattern in SECRETS for file in sorted(home.glob(pattern))]
    loose = [file for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    for file in loose:
        found = f"{file} has mode {stat.S_IMODE(file.stat().st_mode):o}: others may read it"
        yield Finding("keys", Level.FAIL, found, f"chmod 600 {file}; if it was read, replace it")
    if not loose:
        names = ", ".join(str(file.relative_to(home)) for file in files)
        yield Finding("keys", Level.OK, names or "none yet: the first start makes them")


def _objectives(patient: Patient) -> Iterator[Finding]:
    files = sorted(patient.settings.objectives.glob("*.y*ml"))
    errors = [error for file in files for error in check_file(file)]
    for error in errors:
        found = f"{error['file']}:{error['line']}: {error['reason']}"
        yield Finding("objectives", Level.FAIL, found, "mend the file; others stay in force")
    if not errors:
        yield Finding("objectives", Level.OK, f"{len(files)} files")


def _senders(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    try:
        tokens = TokenFile(settings.tokens).read().all
        if settings.tls_cert and settings.tls_key:
            Tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    except ConfigurationError as error:
        yield Finding("senders", Level.FAIL, str(error), "mend or restore the file")
        return
    active = sum(token.state(utc_now()) == "active" for token in tokens)
    if settings.ingest_auth is IngestAuth.OPEN and settings.is_exposed:
        advice = "make tokens with `watchkeeper tokens add`, and leave --ingest-auth at auto"
        found = "anybody who reaches this machine may send telemetry"
        yield Finding("senders", Level.WARN, found, advice)
    else:
        yield Finding("senders", Level.OK, f"{active} active of {len(tokens)} tokens")


def _redaction(patient: Patient) -> Iterator[Finding]:
    file = patient.settings.redaction
    if not file.exists():
        yield Finding("redaction", Level.OK, "off: telemetry is kept as it is sent")
        return
    try:
        policy = read_policy(file)
    except ConfigurationError as error:
        yield Finding("redaction", Level.FAIL, str(error), "mend the file")
        return
    found = (
        f"{len(policy.keys)} keys, {len(policy.patterns)} patterns, "
        f"message content: {policy.message_content}"
    )
    yield Finding("redaction", Level.OK, found)


def _memory(patient: Patient) -> Iterator[Finding]:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = [line for line in lines if line.startswith("MemAvailable")]
        free = int(available[0].split()[1]) * 1024 if available else free
    except (OSError, ValueError):
        yield Finding("memory", Level.WARN, "not measured", "2 GiB should be free")
        return
    found = f"{free // MIB} MiB available"
    if free < LEAST_MEMORY_BYTES:
        yield Finding("memory", Level.WARN, found, "the database alone may use 2 GiB")
    else:
        yield Finding("memory", Level.OK, found)


CHECKS: tuple[Check, ...] = (
    _versions,
    _home,
    _disk,
    _sync,
    _lock,
    _database,
    _log,
    _leftovers,
    _ports,
    _clock,
    _keys,
    _objectives,
    _senders,
    _redaction,
    _memory,
)


def _is_locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _holder(lock: Path) -> str:
    """Which process, by the kernel's list of locks, which names files by their inode."""
    inode = str(lock.stat().st_ino)
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return "process unknown"
    for words in (line.split() for line in lines):
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
            return f"process {words[4]}"
    return "process unknown"


def _is_free(address: Address) -> bool:
    try:
        family = socket.getaddrinfo(address.host, address.port)[0][0]
        socket.create_server((address.host, address.port), family=family).close()
    except OSError:
        return False
    return True


def _is_read_only(place: Path) -> bool:
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)


def as_table(findings: list[Finding]) -> str:
    """One line a finding, what to do beneath it."""
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<4}  {finding.check:<{width}}  {finding.found}")
        if finding.advice:
            lines.append(f"{'':<4}  {'':<{width}}  → {finding.advice}")
    return "\n".join(lines)
