"""Backups: consistent while records come in, found out when a byte changes, and a home again."""

from __future__ import annotations

import argparse
import errno
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from house import DAY, NOON, House, logs, spans

from collector.backup import MANIFEST, back_up, restore
from collector.backup_jobs import BackupJobs
from collector.config import Settings, add_arguments, settings_from
from collector.control import process
from collector.control.documents import Signer
from collector.errors import ConfigurationError, RefusedInput
from collector.model import Signal
from collector.store.connection import Store
from collector.store.reader import Reader


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    made = settings_from(parser.parse_args(["--home", str(tmp_path / "home")]))
    for folder in (made.control_home, made.objectives, made.data):
        folder.mkdir(parents=True)
    process.add_user(made, "jo", "operator", None)
    Signer.of(made.control_home)
    (made.objectives / "one.yaml").write_text("an objective")
    return made


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    there = House(settings.data)
    there.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    there.seal()
    there.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON + 11 * DAY)
    yield there
    there.store.close()


def made(house: House, settings: Settings, target: Path, *, with_keys: bool = False) -> Path:
    back_up(house.store, settings, target, now=NOON, reaches=2, with_keys=with_keys)
    return target


def counts(store: Store) -> list[int]:
    reader = Reader(store)
    return [
        reader.text(f"select count(*) as n from {view}").to_pylist()[0]["n"]
        for view in ("spans", "logs", "actions", "decisions")
    ]


def test_a_restored_home_holds_what_the_backup_held(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    manifest = restore(made(house, settings, tmp_path / "backup"), tmp_path / "restored")

    assert manifest["position"] == 2
    with Store(tmp_path / "restored" / "data" / "watchkeeper.duckdb") as again:
        assert (counts(again), again.position()) == ([6, 2, 6, 2], 2)
        assert again.archive_faults == []
    assert (tmp_path / "restored" / "objectives" / "one.yaml").read_text() == "an objective"
    with closing(sqlite3.connect(tmp_path / "restored" / "control" / "journal.sqlite")) as journal:
        assert journal.execute("select name from operator").fetchall() == [("jo",)]


def test_keys_are_copied_only_when_asked_for(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    without = made(house, settings, tmp_path / "without")
    with_keys = made(house, settings, tmp_path / "with", with_keys=True)

    assert list(without.rglob("*.pem")) == []
    [key] = with_keys.rglob("*.pem")
    assert key.read_bytes() == (settings.control_home / "signing-key.pem").read_bytes()
    assert key.stat().st_mode & 0o077 == 0


def test_every_changed_byte_is_found(house: House, settings: Settings, tmp_path: Path) -> None:
    backup = made(house, settings, tmp_path / "backup", with_keys=True)
    files = [path for path in backup.rglob("*") if path.is_file() and path.stat().st_size]

    for file in files:
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[len(changed) // 2] ^= 1
        # Archived files are links into the home, so the copy is replaced and not written to.
        file.unlink()
        file.write_bytes(changed)
        with pytest.raises(RefusedInput):
            restore(backup, tmp_path / "restored")
        assert not (tmp_path / "restored").exists()
        assert not list(tmp_path.glob("restored*"))
        file.write_bytes(whole)

    assert len(files) >= 6
    restore(backup, tmp_path / "restored")


@pytest.mark.parametrize("missing", [MANIFEST, "data/watchkeeper.duckdb"])
def test_a_missing_file_is_named(
    house: House, settings: Settings, tmp_path: Path, missing: str
) -> None:
    backup = made(house, settings, tmp_path / "backup")
    (backup / missing).unlink()

    with pytest.raises(RefusedInput, match=Path(missing).name):
        restore(backup, tmp_path / "restored")


def test_a_home_in_use_is_not_overwritten(house: House, settings: Settings, tmp_path: Path) -> None:
    backup = made(house, settings, tmp_path / "backup")

    with pytest.raises(RefusedInput, match="is not empty"):
        restore(backup, settings.home)
    with pytest.raises(RefusedInput, match="is there already"):
        made(house, settings, backup)
    (tmp_path / "empty").mkdir()
    restore(backup, tmp_path / "empty")


def test_a_manifest_does_not_lead_out_of_the_home(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    backup = made(house, settings, tmp_path / "backup")
    manifest = json.loads((backup / MANIFEST).read_text())
    manifest["files"][0]["path"] = "../outside"
    told = json.dumps(manifest).encode()
    (backup / MANIFEST).write_bytes(told)
    from collector.backup import MANIFEST_SUM, _sha256

    (backup / MANIFEST_SUM).write_text(f"{_sha256(told)}  {MANIFEST}\n")

    with pytest.raises(RefusedInput, match="leads out of the home"):
        restore(backup, tmp_path / "restored")


def test_a_damaged_archived_file_is_said_and_the_rest_is_backed_up(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    file = next(house.store.archive.rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")

    manifest = back_up(house.store, settings, tmp_path / "backup", now=NOON)

    assert manifest["damaged"] == [str(file.relative_to(house.store.archive))]
    restore(tmp_path / "backup", tmp_path / "restored")
    with Store(tmp_path / "restored" / "data" / "watchkeeper.duckdb") as again:
        assert counts(again) == [0, 2, 6, 2]


def test_a_backup_that_breaks_off_leaves_nothing_that_looks_like_one(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    def fail(step: str, share: float) -> None:
        if step == "settings":
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        back_up(house.store, settings, tmp_path / "backup", now=NOON, report=fail)

    assert list(tmp_path.glob("backup*")) == []


def test_what_people_wrote_in_the_home_is_in_the_backup(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    for name in ("sequences/a.yaml", "identities.jsonl", "redaction.yaml", "redaction.key"):
        (settings.home / name).parent.mkdir(exist_ok=True)
        (settings.home / name).write_text(name)

    restore(made(house, settings, tmp_path / "backup"), tmp_path / "home2")

    for name in ("sequences/a.yaml", "identities.jsonl", "redaction.yaml"):
        assert (tmp_path / "home2" / name).read_text() == name
    assert not (tmp_path / "home2" / "redaction.key").exists()


def test_of_two_restores_into_one_place_the_second_is_refused_and_the_first_is_whole(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    backup, refusals = made(house, settings, tmp_path / "backup"), []

    def again(step: str, share: float | None) -> None:
        try:
            restore(backup, tmp_path / "home2")
        except RefusedInput as refusal:
            refusals.append(str(refusal))

    manifest = restore(backup, tmp_path / "home2", again)

    assert len(refusals) == len(manifest["files"])
    assert all("another backup or restore is filling" in refusal for refusal in refusals)
    assert all((tmp_path / "home2" / file["path"]).exists() for file in manifest["files"])


def test_what_a_killed_restore_left_behind_is_cleared_away(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    backup = made(house, settings, tmp_path / "backup")
    left = tmp_path / "home2.unfinished" / "data" / "half"
    left.parent.mkdir(parents=True)
    left.write_text("half")

    restore(backup, tmp_path / "home2")

    assert not (tmp_path / "home2" / "data" / "half").exists()
    assert list(tmp_path.glob("*.unfinished")) == []


def test_no_room_is_told_as_such(
    house: House, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = made(house, settings, tmp_path / "backup")

    def full(source: Path, target: Path) -> tuple[str, int]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("collector.backup.copy_file", full)

    with pytest.raises(ConfigurationError, match="nothing was restored"):
        restore(backup, tmp_path / "home2")
    assert not (tmp_path / "home2").exists()


def test_a_backup_under_load_is_one_moment_of_the_store(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    """Records and checkpoints go on while it is made: one record, one span, never half of one."""
    stop = threading.Event()

    def load() -> None:
        number = 100
        while not stop.is_set():
            at = NOON + 11 * DAY
            house.take(Signal.TRACES, spans(at, number), at)
            house.store.try_checkpoint()
            number += 1

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for number in range(5):
            made(house, settings, tmp_path / f"backup-{number}")
    finally:
        stop.set()
        loading.join()

    for number in range(5):
        manifest = restore(tmp_path / f"backup-{number}", tmp_path / f"restored-{number}")
        with Store(tmp_path / f"restored-{number}" / "data" / "watchkeeper.duckdb") as again:
            assert again.position() == manifest["position"] >= 2
            assert counts(again)[0] == 6 + manifest["position"] - 2


def test_a_job_tells_how_far_it_is_and_how_it_ended(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    jobs = BackupJobs(house.store, house.archive, settings, lambda: 2, lambda: NOON)
    job = jobs.start(str(tmp_path / "backup"), with_keys=False)
    deadline = time.monotonic() + 60
    while job["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
        job = jobs.get(job["id"])
    assert (job["state"], job["share"], job["manifest"]["position"]) == ("done", 1.0, 2)

    again = jobs.start(str(tmp_path / "backup"), with_keys=False)
    jobs.stop()

    assert "is there already" in jobs.get(again["id"])["error"]
    with pytest.raises(RefusedInput, match="absolute"):
        jobs.start("backup", with_keys=False)
