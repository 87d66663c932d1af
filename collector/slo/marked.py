"""YAML that remembers the line of every value, so that a refusal can name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import yaml

_MOST_VALUES = 10_000
_LONGEST_SHOWN, _LONGEST_REASON = 200, 1_000
_MOST_SHOWN_NUMBER = 10**30


class Refusal(Exception):
    """A document that cannot be accepted; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        told = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
        super().__init__(f"line {line}: {told}")
        self.line = line
        self.reason = told


@dataclass(frozen=True)
class Marked:
    """A YAML value with its place: a scalar, a list of Marked or a dict of Marked."""

    value: object
    line: int
    path: str

    def refuse(self, reason: str) -> NoReturn:
        raise Refusal(self.line, f"{self.path}: {reason}" if self.path else reason)

    def fields(self, allowed: frozenset[str] | None = None) -> dict[str, Marked]:
        """The entries of a mapping; an entry not in `allowed` is refused."""
        if not isinstance(self.value, dict):
            self.refuse(f"expected a mapping, got {self.shown}")
        for key, entry in self.value.items():
            if allowed is not None and key not in allowed:
                entry.refuse(f"not a known field; expected one of {', '.join(sorted(allowed))}")
        return self.value

    def field(self, key: str) -> Marked:
        """An entry that must be there."""
        entry = self.fields().get(key)
        if entry is None:
            self.refuse(f"the field {key} is missing")
        return entry

    def optional(self, key: str) -> Marked | None:
        """An entry that may be missing or null."""
        entry = self.fields().get(key)
        return None if entry is None or entry.value is None else entry

    def items(self) -> list[Marked]:
        if not isinstance(self.value, list):
            self.refuse(f"expected a list, got {self.shown}")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse(f"expected text, got {self.shown}")
        return self.value

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse(f"expected a number, got {self.shown}")
        try:
            return float(self.value)
        except OverflowError:
            self.refuse(f"expected a number below 1e308, got {self.shown}")

    def texts(self) -> tuple[str, ...]:
        """One text or a list of them."""
        if not isinstance(self.value, list):
            return (self.text(),)
        if not self.value:
            self.refuse("expected at least one value, got an empty list")
        return tuple(item.text() for item in self.value)

    @property
    def shown(self) -> str:
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case None:
                return "nothing"
            case int() if abs(self.value) >= _MOST_SHOWN_NUMBER:
                # Python writes no number of more than 4,300 digits.
                return "a number of more than 30 digits"
            case _:
                shown = repr(self.value)
                return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def read_documents(text: str) -> tuple[Marked, ...]:
    """Every document of a YAML (or JSON) text that is not empty."""
    try:
        loader = yaml.SafeLoader(text)
        return tuple(_documents(loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise Refusal(line, f"not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refusal(1, f"not YAML: {error}") from error


def _documents(loader: yaml.SafeLoader) -> Iterator[Marked]:
    reader = _Reader(loader)
    while loader.check_node():
        node = loader.get_node()
        if node is not None and not _is_empty(node):
            yield reader.read(node, "")


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


class _Reader:
    """Turns nodes into marked values; counts them, because aliases can multiply without end."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._values = 0

    def read(self, node: yaml.Node, path: str) -> Marked:
        line = node.start_mark.line + 1
        self._values += 1
        if self._values > _MOST_VALUES:
            raise Refusal(line, f"expected at most {_MOST_VALUES:,} values in one file")
        match node:
            case yaml.MappingNode():
                return Marked(self._mapping(node, path), line, path)
            case yaml.SequenceNode():
                items = [self.read(item, f"{path}[{at}]") for at, item in enumerate(node.value)]
                return Marked(items, line, path)
            case _:
                return Marked(self._scalar(node, line), line, path)

    def _scalar(self, node: yaml.Node, line: int) -> object:
        try:
            value = self._loader.construct_object(node)
        except yaml.YAMLError:
            raise
        # The library trusts a tag: `!!int ""` and `!!bool x` fail in its own code.
        except Exception as error:
            told = str(node.value)[:_LONGEST_SHOWN]
            raise Refusal(line, f"not YAML: {told!r} is no {node.tag}") from error
        if isinstance(value, str):
            _refuse_halves(value, line)
        return value

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Marked]:
        entries: dict[str, Marked] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            _refuse_halves(key, line)
            if key in entries:
                raise Refusal(line, f"the field {key} is given twice; keep one")
            entry = self.read(value_node, f"{path}.{key}" if path else key)
            entries[key] = Marked(entry.value, line, entry.path)
        return entries


def _refuse_halves(value: str, line: int) -> None:
    """Half a character, which YAML can write as an escape, can be stored nowhere."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refusal(
            line, f"expected whole characters, got the half \\u{ord(value[error.start]):04x}"
        ) from error
