"""Policy: what an operator wants redacted, from `redaction.yaml` in the home.

attributes:
  - {key: user.email, action: hash}
  - {key: "http.request.header.*", action: drop}
patterns: all                  # or a list of names
own_patterns:
  - {name: employee, regex: 'EMP-[0-9]{6}'}
message_content: none          # or keep
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import re2
import yaml

from collector.errors import ConfigurationError
from collector.receive.redaction.messages import Action, KeyRule, Redactor
from collector.receive.redaction.patterns import CATALOGUE, Pattern, union

__all__ = ["MessageContent", "Policy", "read_policy", "redactor_of"]

KEY_BYTES = 32

_FIELDS = ("attributes", "patterns", "own_patterns", "message_content")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class MessageContent(StrEnum):
    """Whether what was said to and by models is kept."""

    KEEP = "keep"
    NONE = "none"


@dataclass(frozen=True)
class Policy:
    """Rules in the order in which they are tried."""

    keys: tuple[KeyRule, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    message_content: MessageContent = MessageContent.KEEP

    @property
    def is_empty(self) -> bool:
        return not (self.keys or self.patterns) and self.message_content is MessageContent.KEEP

    @property
    def needs_key(self) -> bool:
        return any(rule.action is Action.HASH for rule in self.keys)


def read_policy(file: Path) -> Policy:
    """The policy of a file; ConfigurationError names the place and what was expected there."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return _policy({} if document is None else document)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is not YAML: {error}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def redactor_of(file: Path, key_file: Path) -> Redactor | None:
    """What redacts according to the file; None where there is no file or nothing in it."""
    if not file.exists():
        return None
    policy = read_policy(file)
    if policy.is_empty:
        return None
    return Redactor(
        policy.keys,
        policy.patterns,
        keep_content=policy.message_content is MessageContent.KEEP,
        key=_key(key_file) if policy.needs_key else b"",
    )


def _policy(document: Any) -> Policy:
    _expect(isinstance(document, dict), f"expected a mapping with {', '.join(_FIELDS)}", document)
    for field in document:
        _expect(field in _FIELDS, f"expected one of {', '.join(_FIELDS)}", field)
    content = document.get("message_content", "keep")
    _expect(content in tuple(MessageContent), "message_content is keep or none", content)
    return Policy(
        tuple(_rule(at, entry) for at, entry in enumerate(_list(document, "attributes"))),
        (*_chosen(document.get("patterns", [])), *_own(document)),
        MessageContent(content),
    )


def _rule(at: int, entry: Any) -> KeyRule:
    where = f"attributes[{at}]"
    _expect(isinstance(entry, dict), f"{where} is {{key: …, action: …}}", entry)
    _expect(set(entry) <= {"key", "action"}, f"{where} has key and action only", sorted(entry))
    key, action = entry.get("key"), entry.get("action", "mask")
    _expect(isinstance(key, str) and key != "", f"{where}.key is an attribute key or a glob", key)
    _expect(action in tuple(Action), f"{where}.action is {', '.join(Action)}", action)
    return KeyRule(key, Action(action))


def _chosen(names: Any) -> tuple[Pattern, ...]:
    if names == "all":
        return tuple(CATALOGUE.values())
    _expect(isinstance(names, list), "patterns is 'all' or a list of names", names)
    for name in names:
        _expect(name in CATALOGUE, f"patterns are {', '.join(CATALOGUE)}", name)
    # In the catalogue's order: a password in a URL before the e-mail address it looks like.
    return tuple(pattern for name, pattern in CATALOGUE.items() if name in names)


def _own(document: Mapping[str, Any]) -> tuple[Pattern, ...]:
    patterns = []
    for at, entry in enumerate(_list(document, "own_patterns")):
        where = f"own_patterns[{at}]"
        _expect(isinstance(entry, dict), f"{where} is {{name: …, regex: …}}", entry)
        name, regex = entry.get("name"), entry.get("regex")
        _expect(
            isinstance(name, str) and _NAME.fullmatch(name) is not None and name not in CATALOGUE,
            f"{where}.name is a new name in lower case",
            name,
        )
        _expect(isinstance(regex, str) and regex != "", f"{where}.regex is an expression", regex)
        patterns.append(Pattern(name, regex, lambda _text, start, end: iter([(start, end)])))
        _compiled(where, regex)
    return tuple(patterns)


def _compiled(where: str, regex: str) -> None:
    try:
        matches_nothing = union(regex).search(b"") is not None
    except re2.error as error:
        raise ValueError(f"{where}.regex is not an RE2 expression: {error}") from error
    _expect(not matches_nothing, f"{where}.regex must not match an empty text", regex)


def _list(document: Mapping[str, Any], field: str) -> list[Any]:
    entries = document.get(field) or []
    _expect(isinstance(entries, list), f"{field} is a list", entries)
    return list(entries)


def _expect(holds: bool, expected: str, got: Any) -> None:
    if not holds:
        raise ValueError(f"{expected}, got {got!r}")


def _key(file: Path) -> bytes:
    """The key of the hashes: made once, so that equal values stay equal over restarts."""
    if not file.exists():
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"expected {KEY_BYTES} bytes in {file}, got {len(key)}: restore it from a backup"
        )
    return key
