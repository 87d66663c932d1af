"""A disk that loses its power: which states it may be in, given what was written and synced.

The model is POSIX, not one file system. A sync of a file makes its content and size lasting, a
sync of a directory the names in it. Everything else may be there or not:

- *prefix*: of each file and directory the operations up to some point are there, no later one;
- *any order*: each operation that is not synced is there or not, whatever came after it, and a
  write is torn at sectors, of which each is there or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

from crash.recording import Call

T = TypeVar("T")
Order = Literal["prefix", "any order"]


@dataclass(slots=True)
class Change:
    """One change of a file: bytes at a place, or a size."""

    offset: int
    data: bytes | None
    size: int | None
    grows_only: bool = False


@dataclass(slots=True)
class Inode:
    """A file, as it was and what changed; changes before `synced` are lasting."""

    changes: list[Change] = field(default_factory=list)
    synced: int = 0
    length: int = 0


@dataclass(slots=True)
class Naming:
    """A name given to a file (or directory, without inode), or taken away."""

    name: str
    inode: Inode | None
    is_there: bool
    old_name: str = ""


@dataclass(slots=True)
class Directory:
    namings: list[Naming] = field(default_factory=list)
    synced: int = 0


class Disk:
    """Follows recorded calls; `after_power_cut` makes one of the states they allow."""

    def __init__(self, home: Path) -> None:
        self.home = str(home)
        self.syncs = 0
        self._files: dict[str, Inode] = {}
        self._directories: dict[str, Directory] = {str(home.parent): Directory()}
        self._appends: set[str] = set()
        self._offsets: dict[str, int] = {}

    def follow(self, call: Call) -> None:
        getattr(self, f"_{call.name.rstrip('0123456789')}", self._ignore)(call)

    def after_power_cut(self, chance: random.Random, order: Order, sector: int) -> dict[str, bytes]:
        """Path below the home to content; a directory is a path that ends in a slash."""
        names = {path: self._surviving(each, chance, order) for path, each in self._sorted()}
        state: dict[str, bytes] = {}
        reached = {str(Path(self.home).parent)}
        for path, namings in names.items():
            if path not in reached:
                continue
            for name, inode in _applied(namings).items():
                full = f"{path}/{name}"
                below = full.removeprefix(self.home).lstrip("/")
                if inode is None:
                    reached.add(full)
                    state[f"{below}/"] = b""
                else:
                    state[below] = _content(inode, chance, order, sector)
        return state

    def _sorted(self) -> Iterable[tuple[str, Directory]]:
        return sorted(self._directories.items())

    def _surviving(self, directory: Directory, chance: random.Random, order: Order) -> list[Naming]:
        lasting = directory.namings[: directory.synced]
        return lasting + _some(directory.namings[directory.synced :], chance, order)

    # What calls do

    def _ignore(self, call: Call) -> None:
        pass

    def _openat(self, call: Call) -> None:
        self._offsets[call.path] = 0
        if "O_APPEND" in call.flags:
            self._appends.add(call.path)
        else:
            self._appends.discard(call.path)
        if call.path not in self._files and "O_CREAT" in call.flags:
            self._files[call.path] = inode = Inode()
            self._name(call.path, inode, is_there=True)
        elif call.path in self._files and "O_TRUNC" in call.flags:
            self._resize(self._files[call.path], 0)

    def _pwrite(self, call: Call) -> None:
        if call.path in self._files:
            self._put(self._files[call.path], call.numbers[-1], call.data)

    def _write(self, call: Call) -> None:
        if call.path not in self._files:
            return
        inode = self._files[call.path]
        offset = inode.length if call.path in self._appends else self._offsets[call.path]
        self._put(inode, offset, call.data)
        self._offsets[call.path] = offset + len(call.data)

    def _ftruncate(self, call: Call) -> None:
        if call.path in self._files:
            self._resize(self._files[call.path], call.numbers[-1])

    def _fallocate(self, call: Call) -> None:
        if call.path in self._files:
            inode, size = self._files[call.path], sum(call.numbers[-2:])
            inode.changes.append(Change(0, None, size, grows_only=True))
            inode.length = max(inode.length, size)

    def _fdatasync(self, call: Call) -> None:
        self._fsync(call)

    def _fsync(self, call: Call) -> None:
        self.syncs += 1
        if call.path in self._directories:
            directory = self._directories[call.path]
            directory.synced = len(directory.namings)
        elif call.path in self._files:
            inode = self._files[call.path]
            inode.synced = len(inode.changes)

    def _mkdir(self, call: Call) -> None:
        self._directories[call.path] = Directory()
        self._name(call.path, None, is_there=True)

    def _mkdirat(self, call: Call) -> None:
        self._mkdir(call)

    def _rmdir(self, call: Call) -> None:
        self._directories.pop(call.path, None)
        self._name(call.path, None, is_there=False)

    def _unlink(self, call: Call) -> None:
        if self._files.pop(call.path, None) is not None:
            self._name(call.path, None, is_there=False)

    def _unlinkat(self, call: Call) -> None:
        self._unlink(call)

    def _rename(self, call: Call) -> None:
        inode = self._files.pop(call.path)
        self._files[call.target] = inode
        old, new = Path(call.path), Path(call.target)
        assert old.parent == new.parent, "a rename across directories is not modelled"
        self._directories[str(new.parent)].namings.append(Naming(new.name, inode, True, old.name))

    def _renameat(self, call: Call) -> None:
        self._rename(call)

    def _put(self, inode: Inode, offset: int, data: bytes) -> None:
        inode.changes.append(Change(offset, data, None))
        inode.length = max(inode.length, offset + len(data))

    def _resize(self, inode: Inode, size: int) -> None:
        inode.changes.append(Change(0, None, size))
        inode.length = size

    def _name(self, path: str, inode: Inode | None, *, is_there: bool) -> None:
        parent, name = path.rsplit("/", 1)
        if parent in self._directories:
            self._directories[parent].namings.append(Naming(name, inode, is_there))


def _some(changes: Sequence[T], chance: random.Random, order: Order) -> list[T]:
    """Those that reached the disk although nobody waited for them."""
    if order == "prefix":
        return list(changes[: chance.randint(0, len(changes))])
    share = chance.choice((0.1, 0.5, 0.9))
    return [change for change in changes if chance.random() < share]


def _applied(namings: list[Naming]) -> dict[str, Inode | None]:
    entries: dict[str, Inode | None] = {}
    for naming in namings:
        if naming.old_name:
            entries.pop(naming.old_name, None)
        if naming.is_there:
            entries[naming.name] = naming.inode
        else:
            entries.pop(naming.name, None)
    return entries


def _content(inode: Inode, chance: random.Random, order: Order, sector: int) -> bytes:
    content = bytearray()
    for change in inode.changes[: inode.synced]:
        _change(content, change)
    rest = inode.changes[inode.synced :]
    if order == "prefix":
        kept = _some(rest, chance, order)
        for change in kept:
            _change(content, change)
        if len(kept) < len(rest) and rest[len(kept)].data:
            _tear(content, rest[len(kept)], chance, sector, "prefix")
        return bytes(content)
    share = chance.choice((0.1, 0.5, 0.9))
    for change in rest:
        if change.data is not None:
            _tear(content, change, chance, sector, order)
        elif chance.random() < share:
            _change(content, change)
    return bytes(content)


def _change(content: bytearray, change: Change) -> None:
    if change.data is not None:
        _grow(content, change.offset + len(change.data))
        content[change.offset : change.offset + len(change.data)] = change.data
    elif change.size is not None and (change.size > len(content) or not change.grows_only):
        del content[change.size :]
        _grow(content, change.size)


def _tear(
    content: bytearray, change: Change, chance: random.Random, sector: int, order: Order
) -> None:
    """Of a write some sectors are there: the first ones, or any."""
    assert change.data is not None
    end = change.offset + len(change.data)
    cuts = [change.offset, *range((change.offset // sector + 1) * sector, end, sector), end]
    pieces = list(pairwise(cuts))
    if order == "prefix":
        pieces = pieces[: chance.randint(0, len(pieces))]
    else:
        share = chance.choice((0.0, 0.3, 0.7, 0.95, 1.0))
        pieces = [piece for piece in pieces if chance.random() < share]
    for begin, stop in pieces:
        data = change.data[begin - change.offset : stop - change.offset]
        _change(content, Change(begin, data, None))


def _grow(content: bytearray, size: int) -> None:
    if size > len(content):
        content.extend(bytes(size - len(content)))


def lay_out(state: dict[str, bytes], home: Path) -> None:
    """Write a state to a real directory."""
    for path in sorted(state):
        place = home / path
        if path.endswith("/") or not path:
            place.mkdir(parents=True, exist_ok=True)
    for path, content in state.items():
        if path and not path.endswith("/"):
            (home / path).write_bytes(content)
