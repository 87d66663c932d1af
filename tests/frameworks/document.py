"""Writes docs/frameworks.md from the recordings: what arrives of what really happened.

python tests/frameworks/document.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import recorded
from console import Collector, collecting
from counting import Facts, happened, shown, told
from expecting import losses
from pairs import PAIRS, REPOSITORY, SCENARIOS, Pair

DOCUMENT = REPOSITORY / "docs" / "frameworks.md"
WORDS = {
    "agents": "agent",
    "conversations": "conversation",
    "runs": "run",
    "errors": "error",
    "models": "model calls",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "executed": "executed tools",
    "refused": "refused calls",
}
HEAD = Path(__file__).parent / "head.md"


class Seen:
    """A pair's recordings as a collector tells them, beside what happened."""

    def __init__(self, pair: Pair, collector: Collector) -> None:
        truths = recorded.truths(pair)
        self.pair = pair
        self.truth: Mapping[str, Facts] = {s: happened(truths[s]) for s in SCENARIOS}
        self.told: Mapping[str, Facts] = {s: told(collector, pair.instance(s)) for s in SCENARIOS}
        self.shown: Mapping[str, Facts] = {s: shown(collector, pair.instance(s)) for s in SCENARIOS}

    def row(self) -> list[str]:
        return [
            self.pair.title,
            self.pair.how,
            self._share("agents"),
            self._share("conversations"),
            self._share("models"),
            self._share("input_tokens"),
            self._share("executed"),
            self._denied_call(),
            self._killed_run(),
            str(sum(seen["copies"] for seen in self.shown.values()) or "none"),
        ]

    def _share(self, fact: str) -> str:
        """yes, no, or how much of what happened is told."""
        there = sum(_size(self.truth[s][fact]) for s in SCENARIOS)
        arrived = sum(_overlap(self.told[s][fact], self.truth[s][fact]) for s in SCENARIOS)
        surplus = any(_size(self.told[s][fact]) > _size(self.truth[s][fact]) for s in SCENARIOS)
        if arrived == there:
            return "yes, and more" if surplus else "yes"
        return f"{arrived} of {there}" if arrived else "no"

    def _denied_call(self) -> str:
        own = self.shown["degrade"]["denied_call"]
        guarded = self.told["degrade"]["refused"] == self.truth["degrade"]["refused"]
        return f"{own}; told by the guard" if guarded else own

    def _killed_run(self) -> str:
        runs = self.told["kill"]["runs"]
        errors = ", ".join(map(_error, self.told["kill"]["errors"]))
        return ", ".join([*runs, *([errors] if errors else [])]) or "no"


def _error(error_type: str) -> str:
    return "a text for an error type" if " " in error_type else f"`{error_type}`"


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return int(sum(value.values()))
    return len(value) if isinstance(value, list) else int(value or 0)


def _overlap(told: Any, truth: Any) -> int:
    if isinstance(truth, dict):
        return sum(min(told.get(key, 0), count) for key, count in truth.items())
    if isinstance(truth, list):
        return len(set(told) & set(truth))
    return min(told or 0, truth or 0)


def document(collector: Collector) -> str:
    """The whole page, from a collector that has taken all recordings in."""
    seen = [Seen(pair, collector) for pair in PAIRS]
    return "\n".join(
        [HEAD.read_text(encoding="utf-8"), *_table(seen), "", *_losses(), *_versions()]
    )


def _table(seen: list[Seen]) -> Iterator[str]:
    head = ["framework", "told by", "agent", "conversation", "model calls", "tokens", "tools"]
    head += ["denied call", "killed run", "copies"]
    yield _line(head)
    yield "|" + "---|" * len(head)
    yield from (_line(one.row()) for one in seen)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _losses() -> Iterator[str]:
    known = losses()
    yield "## What is lost, and why"
    yield ""
    for pair in PAIRS:
        for loss in known.get(pair.name, []):
            what = {WORDS[fact]: None for arriving in loss["arrives"].values() for fact in arriving}
            where = ", ".join(loss["arrives"])
            yield f"- **{pair.title}, {pair.how}**, {', '.join(what)} ({where}): {loss['because']}"
    yield ""


def _versions() -> Iterator[str]:
    yield "## Versions and scripts"
    yield ""
    yield "The script shows where each framework can be made to ask the guard."
    yield ""
    yield "| framework | package | told by | script |"
    yield "|---|---|---|---|"
    for pair in PAIRS:
        script = f"[agent.py](../tests/frameworks/{pair.framework}/agent.py)"
        packages = [_version(pair, package) for package in (pair.package, pair.teller)]
        yield _line([pair.title, *packages, script])
    yield ""


def _version(pair: Pair, package: str) -> str:
    locked = (pair.folder / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}==(\S+)$", locked, re.MULTILINE)
    assert found, f"{pair.folder / 'requirements.txt'} does not name {package}"
    return f"{package} {found[1]}"


def main() -> None:
    with tempfile.TemporaryDirectory() as home, collecting(Path(home)) as collector:
        for pair in PAIRS:
            recorded.send(pair, collector)
        collector.settle()
        DOCUMENT.write_text(document(collector), encoding="utf-8")


if __name__ == "__main__":
    main()
