"""The database file: opened once, by one process, and said plainly when it cannot be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collector.store.connection import Store, StoreError


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
