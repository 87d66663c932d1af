"""What a process did to its files, in order: the trace of strace, read back.

Data is recorded whole. Each operation carries when it ended: what is acknowledged later than
that may rely on it, and nothing earlier may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat,pwrite64,pwritev,write,writev,ftruncate,fallocate,rename,renameat,renameat2,unlink,"
    "unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,close"
)
# 64 MiB: no write of the collector is longer.
LONGEST = 64 * 1024 * 1024

_LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$", re.S)
_ENDED = re.compile(r"^(\w+)\((.*)\) += (-?\d+|\?)(.*?)(?: <(\d+\.\d+)>)?$", re.S)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.S)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?', re.S)
_PATH_OF_FD = re.compile(r"^(\d+)<((?:[^>\\]|\\.)*)>", re.S)


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that did what it should: name, paths, data and numbers, when it ended."""

    name: str
    began: float
    ended: float
    path: str
    target: str = ""
    data: bytes = b""
    numbers: tuple[int, ...] = ()
    flags: str = ""
    result: int = 0


def command(trace: Path) -> list[str]:
    """What to put before a command so that it is recorded."""
    flags = ["-f", "-y", "-xx", "-ttt", "-T", "--seccomp-bpf", "-s", str(LONGEST)]
    return ["strace", *flags, "-e", f"trace={CALLS}", "-o", str(trace)]


def read(trace: Path, home: Path) -> list[Call]:
    """The calls that concern files below `home`, in the order in which they ended."""
    found = [call for call in _calls(trace) if _concerns(call, home)]
    return sorted(found, key=lambda call: call.ended)


def _concerns(call: Call, home: Path) -> bool:
    """The directory that holds the name of the home is synced, too."""
    return f"{call.path}/".startswith(f"{home}/") or call.path == str(home.parent)


def _calls(trace: Path) -> Iterator[Call]:
    begun: dict[str, tuple[float, str]] = {}
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            match = _LINE.match(line.rstrip("\n"))
            if match is None:
                continue
            thread, moment, text = match[1], float(match[2]), match[3]
            if text.endswith("<unfinished ...>"):
                begun[thread] = moment, text.removesuffix("<unfinished ...>")
                continue
            if resumed := _RESUMED.match(text):
                moment, start = begun.pop(thread)
                text = start.rstrip() + resumed[2].lstrip()
            if (call := _call(text, moment)) is not None:
                yield call


def _call(text: str, began: float) -> Call | None:
    match = _ENDED.match(text)
    if match is None or match[3] in ("?", "-1"):
        return None
    name, arguments, result = match[1], match[2], int(match[3])
    ended = began + float(match[5] or 0)
    strings = [_decoded(found[1]) for found in _STRING.finditer(arguments)]
    bare = _STRING.sub("", arguments)
    texts = [string.decode(errors="replace") for string in strings]
    opened = _PATH_OF_FD.match(arguments)
    of_fd = _decoded(opened[2]).decode(errors="replace") if opened else ""
    numbers = tuple(int(found) for found in re.findall(r"(?:^|, )(-?\d+)(?=,|$)", bare))
    if name == "openat":
        return Call(name, began, ended, texts[0], flags=bare, result=result)
    if name in ("rename", "renameat", "renameat2"):
        return Call(name, began, ended, texts[0], target=texts[1])
    if name in ("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"):
        return Call(name, began, ended, texts[0])
    data = b"".join(strings)
    return Call(name, began, ended, of_fd, data=data[:result], numbers=numbers, result=result)


def _decoded(text: str) -> bytes:
    if "\\" not in text:
        return text.encode()
    if text.startswith("\\x") and text.count("\\x") * 4 == len(text):
        return bytes.fromhex(text.replace("\\x", ""))
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
