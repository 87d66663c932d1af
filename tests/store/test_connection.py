"""The database file: opened once, by one process, and said plainly when it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collector.store import connection
from collector.store.connection import NoRoom, Store, StoreError


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def test_a_fresh_store_has_applied_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "data" / "evidence.duckdb") as store:
        assert store.position() == 0
        assert store.cursor().execute("select count(*) from spans").fetchall() == [(0,)]


def test_what_was_committed_is_there_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    with Store(path) as store:
        store.cursor().execute("update position set sequence = 41")

    with Store(path) as store:
        assert store.position() == 41


def test_a_path_with_a_quote_is_a_path(tmp_path: Path) -> None:
    with Store(tmp_path / "clerk's data.duckdb") as store:
        assert store.position() == 0


def test_after_an_unclean_end_the_state_is_that_of_the_last_checkpoint(tmp_path: Path) -> None:
    path, survivor = tmp_path / "evidence.duckdb", tmp_path / "survivor.duckdb"
    with Store(path) as store:
        store.cursor().execute("update position set sequence = 5")
        store.checkpoint()
        store.cursor().execute("update position set sequence = 9")
        shutil.copy(path, survivor)
        assert not Path(f"{path}.wal").exists()

    with Store(survivor) as replayed:
        assert replayed.position() == 5


def test_a_log_that_another_program_left_beside_the_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    Store(path).close()
    Path(f"{path}.wal").write_bytes(b"rogue")

    with Store(path) as store:
        assert store.position() == 0
        assert Path(f"{path}.wal.set-aside").read_bytes() == b"rogue"


def test_what_was_set_aside_is_dropped_by_the_next_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    Store(path).close()
    (tmp_path / "evidence.duckdb.wal").write_bytes(b"torn")
    with Store(path) as store:
        store.checkpoint()

        assert names(tmp_path) == ["archive", "evidence.duckdb"]


@pytest.mark.parametrize("part", ["checkpoint", "recovery"])
def test_what_a_checkpoint_left_of_its_log_is_not_applied(tmp_path: Path, part: str) -> None:
    path = tmp_path / "evidence.duckdb"
    Store(path).close()
    (tmp_path / f"evidence.duckdb.wal.{part}").write_bytes(os.urandom(5000))

    with Store(path) as store:
        assert store.position() == 0
    assert names(tmp_path) == ["archive", "evidence.duckdb"]


def test_half_a_new_database_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "evidence.duckdb.new").write_bytes(bytes(6000))
    (tmp_path / "evidence.duckdb.new.wal").write_bytes(b"torn")

    with Store(tmp_path / "evidence.duckdb") as store:
        assert store.position() == 0
    assert names(tmp_path) == ["archive", "evidence.duckdb"]


def test_a_database_of_a_newer_watchkeeper_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    with Store(path) as store:
        store.cursor().execute("update schema_version set version = 99")
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"newer Watchkeeper \(schema 99, this one knows 1\)"):
        Store(path)
    assert path.read_bytes() == before


def test_a_database_without_a_schema_number_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    with Store(path) as store:
        store.cursor().execute("drop table schema_version")

    with Store(path) as store:
        assert store.cursor().execute("from schema_version").fetchall() == [(1,)]


def test_a_checkpoint_that_might_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "evidence.duckdb") as store:
        store.cursor().execute("update position set sequence = 7")
        monkeypatch.setattr(connection, "free_bytes", lambda directory: 1024)
        with pytest.raises(NoRoom, match="make room"):
            store.checkpoint()

        assert store.position() == 7
        assert store.broken is None


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    path.write_bytes(b"rogue " * 4096)

    with pytest.raises(StoreError, match="not a DuckDB database: restore a backup"):
        Store(path)


def test_a_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    Store(path).close()
    data = bytearray(path.read_bytes())
    data[:12288] = bytes(12288)
    path.write_bytes(data)

    with pytest.raises(StoreError, match="restore a backup"):
        Store(path)


def test_a_directory_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory, expected a file"):
        Store(tmp_path)


HOLDER = """
import sys
from pathlib import Path
from collector.store.connection import Store
store = Store(Path(sys.argv[1]))
store.cursor().execute("update position set sequence = 3")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_open_elsewhere_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "evidence.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"

        with pytest.raises(StoreError, match="open in another process"):
            Store(path)
    finally:
        holder.kill()
        holder.communicate()
