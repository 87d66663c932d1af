"""A checkpoint that a power cut ended leaves the database as the checkpoint before left it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from collector.store import undo
from collector.store.connection import Store, StoreError


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database whose metadata block is torn, as a power cut during a checkpoint leaves it."""
    path, survivor = tmp_path / "evidence.duckdb", tmp_path / "cut" / "survivor.duckdb"
    survivor.parent.mkdir()
    with Store(path) as store:
        store.cursor().execute("update position set sequence = 5")
        store.checkpoint()
        before = path.read_bytes()
        with monkeypatch.context() as stopped:
            stopped.setattr(undo, "drop", lambda database: None)
            store.cursor().execute("update position set sequence = 9")
            store.checkpoint()
        shutil.copy(f"{path}.undo", f"{survivor}.undo")
        survivor.write_bytes(_torn(before, Path(f"{path}.undo").read_bytes()))
    return survivor


def _torn(database: bytes, kept: bytes) -> bytes:
    kept_blocks = undo._kept(kept)
    assert kept_blocks is not None
    content = bytearray(database)
    for offset, _ in kept_blocks[1]:
        content[offset + 512 : offset + 1024] = b"\x55" * 512
    return bytes(content)


def test_a_torn_metadata_block_alone_keeps_the_database_from_opening(cut: Path) -> None:
    Path(f"{cut}.undo").unlink()

    with pytest.raises(StoreError, match="is damaged"):
        Store(cut)


def test_half_a_checkpoint_is_undone(cut: Path) -> None:
    with Store(cut) as store:
        assert store.position() == 5


def test_a_whole_checkpoint_is_not_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "evidence.duckdb"
    monkeypatch.setattr(undo, "drop", lambda database: None)
    with Store(path) as store:
        store.cursor().execute("update position set sequence = 5")

    assert Path(f"{path}.undo").exists()
    with Store(path) as store:
        assert store.position() == 5


@pytest.mark.parametrize("length", [0, 10, 5000])
def test_a_copy_that_was_cut_short_is_not_used(tmp_path: Path, length: int) -> None:
    path = tmp_path / "evidence.duckdb"
    Store(path).close()
    Path(f"{path}.undo").write_bytes(b"wkundo01".ljust(length, b"x")[:length])

    with Store(path) as store:
        assert store.position() == 0
