"""The doctor: every ailment has a name and an advice, and looking changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector import doctor
from collector.config import ADDRESSES, Address, Settings
from collector.doctor import Finding, Level, examine
from collector.model import Signal
from collector.store.connection import Store
from collector.store.segment import segment_paths
from collector.store.wal import WriteAheadLog

NOON_NS = 1_768_478_400_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home with a log of ten requests of which the store has applied seven."""
    ports = [socket.create_server(("127.0.0.1", 0)) for _ in ADDRESSES]
    free = [Address("127.0.0.1", port.getsockname()[1]) for port in ports]
    for port in ports:
        port.close()
    settings = Settings(tmp_path / "home", *free)
    log = WriteAheadLog(settings.data / "log", segment_bytes=65536)
    for number in range(10):
        log.append(Signal.TRACES, "protobuf", "otlp-grpc", NOON_NS, b"%d" % number * 300).result(9)
    log.close()
    with Store(settings.data / "watchkeeper.duckdb") as store:
        store.cursor().execute("update position set sequence = 7")
    yield settings


def found(settings: Settings, check: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.check == check)


def everything(home: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(home.rglob("*"))
        if file.is_file()
    }


def test_a_healthy_home_has_no_finding_but_ok_and_is_left_as_it_was(settings: Settings) -> None:
    before = everything(settings.home)

    findings = examine(settings)

    failed = [finding for finding in findings if finding.level is Level.FAIL]
    assert failed == []
    assert everything(settings.home) == before
    log = found(settings, "log")
    assert log.level is Level.OK
    assert "10 records in 1 files, up to request 10, 3 not applied" in log.found
    assert "applied up to request 7" in found(settings, "database").found


def test_a_home_that_is_not_there_yet_is_no_ailment(settings: Settings, tmp_path: Path) -> None:
    findings = examine(replace(settings, home=tmp_path / "new" / "home"))

    assert [finding for finding in findings if finding.level is Level.FAIL] == []
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_place_of_the_home_fails(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")

    home = found(replace(settings, home=tmp_path / "file"), "home")

    assert home.level is Level.FAIL
    assert "choose another place" in home.advice


def test_a_home_open_to_others_is_a_warning(settings: Settings) -> None:
    settings.data.chmod(0o755)

    assert found(settings, "home").level is Level.WARN


def test_a_nearly_full_disk_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free_bytes", lambda directory: 1024)

    disk = found(settings, "disk")
    assert disk.level is Level.FAIL
    assert "takes nothing until then" in disk.advice


@pytest.mark.parametrize("seconds", [0.000001, 3.0])
def test_a_sync_too_fast_or_too_slow_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(doctor, "sync_seconds", lambda directory: seconds)

    assert found(settings, "sync").level is Level.WARN


def test_the_process_that_uses_the_home_is_named(settings: Settings) -> None:
    lock = os.open(settings.data / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert f"process {os.getpid()}" in found(settings, "lock").found
        database = found(settings, "database")
    finally:
        os.close(lock)
    # It holds the lock and answers nothing.
    assert database.level is Level.FAIL
    assert "no answer from" in database.found


def test_a_damaged_database_fails(settings: Settings) -> None:
    path = settings.data / "watchkeeper.duckdb"
    content = bytearray(path.read_bytes())
    content[:4096] = bytes(4096)
    path.write_bytes(content)

    database = found(settings, "database")
    assert database.level is Level.FAIL
    assert "restore a backup" in database.advice


def test_a_database_of_a_newer_watchkeeper_fails(settings: Settings) -> None:
    with Store(settings.data / "watchkeeper.duckdb") as store:
        store.cursor().execute("update schema_version set version = 99")

    database = found(settings, "database")
    assert database.level is Level.FAIL
    assert "install the one that wrote it" in database.advice


def test_damage_in_the_log_fails_and_says_how_much_is_missing(settings: Settings) -> None:
    [segment] = segment_paths(settings.data / "log")
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b"8" * 300, b"x" * 300))

    log = found(settings, "log")
    assert log.level is Level.FAIL
    assert "1 requests missing" in log.found
    assert segment.read_bytes() != content


def test_damage_kept_aside_is_a_warning(settings: Settings) -> None:
    (settings.data / "log" / "1.damaged").write_bytes(b"x")

    assert found(settings, "log").level is Level.WARN


def test_a_database_ahead_of_the_log_is_a_warning(settings: Settings) -> None:
    with Store(settings.data / "watchkeeper.duckdb") as store:
        store.cursor().execute("update position set sequence = 500")

    assert found(settings, "position").level is Level.WARN


def test_what_an_unclean_end_left_is_a_warning(settings: Settings) -> None:
    (settings.data / "watchkeeper.duckdb.wal").write_bytes(b"torn")

    leftovers = found(settings, "leftovers")
    assert (leftovers.level, leftovers.found) == (Level.WARN, "watchkeeper.duckdb.wal")
    assert found(settings, "database").level is Level.OK


def test_a_taken_port_fails_with_its_flag(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.otlp_http.port)):
        port = found(settings, "port otlp_http")

    assert port.level is Level.FAIL
    assert "--otlp-http" in port.advice


def test_a_clock_that_was_set_back_is_a_warning(settings: Settings) -> None:
    [segment] = segment_paths(settings.data / "log")
    later = segment.stat().st_mtime + 7200
    os.utime(segment, (later, later))

    assert found(settings, "clock").level is Level.WARN


def test_a_key_that_others_may_read_fails(settings: Settings) -> None:
    key = settings.control_home / "signing-key.pem"
    key.parent.mkdir()
    key.write_text("secret")
    key.chmod(0o644)

    keys = found(settings, "keys")
    assert keys.level is Level.FAIL
    assert f"chmod 600 {key}" in keys.advice


def test_an_objective_that_does_not_parse_fails(settings: Settings) -> None:
    settings.objectives.mkdir()
    (settings.objectives / "broken.yaml").write_text("apiVersion: openslo/v1\nkind: [")

    objectives = found(settings, "objectives")
    assert objectives.level is Level.FAIL
    assert "broken.yaml" in objectives.found


def test_a_broken_file_of_tokens_fails(settings: Settings) -> None:
    settings.tokens.write_text("{")

    assert found(settings, "senders").level is Level.FAIL


def test_a_broken_policy_of_redaction_fails_and_a_good_one_is_told(settings: Settings) -> None:
    settings.redaction.write_text("patterns: [emial]")
    broken = found(settings, "redaction")
    settings.redaction.write_text("patterns: [email]\nmessage_content: none")
    good = found(settings, "redaction")

    assert broken.level is Level.FAIL and "got 'emial'" in broken.found
    assert (good.level, good.found) == (
        Level.OK,
        "0 keys, 1 patterns, message content: none",
    )


def test_little_memory_is_a_warning(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_MEMORY_BYTES", 2**60)

    assert found(settings, "memory").level is Level.WARN


@pytest.mark.parametrize("taken", [False, True])
def test_the_exit_status_says_whether_anything_failed(settings: Settings, taken: bool) -> None:
    flags = [
        word
        for setting in ADDRESSES
        for word in (setting.flag, str(getattr(settings, setting.name)))
    ]
    command = [sys.executable, "-m", "collector", "doctor", "--home", str(settings.home), *flags]
    blocker = socket.create_server(("127.0.0.1", settings.api.port)) if taken else None
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True)
    table = subprocess.run(command, capture_output=True, text=True)
    if blocker:
        blocker.close()

    levels = {finding["level"] for finding in json.loads(done.stdout)}
    assert done.returncode == table.returncode == int(taken)
    assert ("FAIL" in levels) == taken
    assert ("FAIL  port api" in table.stdout) == taken
