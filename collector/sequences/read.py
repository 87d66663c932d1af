"""Sequence rules as YAML, with a line and a reason for each one refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from collector.model import ActionKind, Outcome
from collector.sequences.rule import LONGEST, MOST_STEPS, Rule, Scope, Severity, Step
from collector.slo.duration import fixed_length
from collector.slo.marked import Marked, read_documents

__all__ = ["API_VERSION", "KIND", "read_rules"]

API_VERSION, KIND = "watchkeeper.dev/v1", "SequenceRule"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_MOST_PATTERNS, _LONGEST_TEXT, _MOST_WAYS = 50, 500, 1_000
_DOCUMENT = frozenset({"apiVersion", "kind", "metadata", "spec"})
_METADATA = frozenset({"name", "displayName"})
_SPEC = frozenset({"description", "severity", "scope", "within", "agents", "steps", "unless"})
_STEP = frozenset({"title", "kinds", "names", "models", "outcomes"})

Word = TypeVar("Word", bound=StrEnum)


def read_rules(text: str) -> tuple[Rule, ...]:
    """Every rule of one file; marked.Refusal for the first that cannot be accepted."""
    rules: dict[str, Rule] = {}
    for document in read_documents(text):
        rule = _rule(document)
        if rule.name in rules:
            document.field("metadata").field("name").refuse(f"{rule.name!r} is there twice")
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(document: Marked) -> Rule:
    document.fields(_DOCUMENT)
    _expect(document.field("apiVersion"), API_VERSION)
    _expect(document.field("kind"), KIND)
    metadata, spec = document.field("metadata"), document.field("spec")
    metadata.fields(_METADATA)
    spec.fields(_SPEC)
    name = _name(metadata.field("name"))
    title, agents, unless = (
        metadata.optional("displayName"),
        spec.optional("agents"),
        spec.optional("unless"),
    )
    rule = Rule(
        name=name,
        display_name=name if title is None else _text(title),
        description=_text(spec.field("description")),
        severity=_word(spec.field("severity"), Severity),
        scope=_word(spec.field("scope"), Scope),
        within=_within(spec.field("within")),
        steps=_steps(spec.field("steps")),
        unless=() if unless is None else _steps(unless),
        agents=None if agents is None else _patterns(agents),
    )
    ways = sum(_ways(rule, step) for step in (*rule.steps, *rule.unless))
    if ways > _MOST_WAYS:
        spec.field("steps").refuse(
            f"expected at most {_MOST_WAYS:,} combinations of agents, names and models, got "
            f"{ways:,}: write patterns with *, or several rules"
        )
    return rule


def _ways(rule: Rule, step: Step) -> int:
    """How many patterns an action is held against: each agent with each name and model."""
    return math.prod(len(told) for told in (rule.agents, step.names, step.models) if told)


def _steps(entry: Marked) -> tuple[Step, ...]:
    items = entry.items()
    if not 1 <= len(items) <= MOST_STEPS:
        entry.refuse(f"expected 1 to {MOST_STEPS} steps, got {len(items)}")
    return tuple(_step(item) for item in items)


def _step(entry: Marked) -> Step:
    entry.fields(_STEP)
    if not {"kinds", "names", "models"} & entry.fields().keys():
        entry.refuse("expected kinds, names or models: a step that fits everything says nothing")
    outcomes = _optional(entry, "outcomes", lambda each: _words(each, Outcome))
    step = Step(
        title=_text(entry.field("title")),
        kinds=_optional(entry, "kinds", lambda each: _words(each, ActionKind)),
        names=_optional(entry, "names", _patterns),
        models=_optional(entry, "models", _patterns),
    )
    return step if outcomes is None else Step(**{**vars(step), "outcomes": outcomes})


Read = TypeVar("Read")


def _optional(entry: Marked, key: str, read: Callable[[Marked], Read]) -> Read | None:
    found = entry.optional(key)
    return None if found is None else read(found)


def _patterns(entry: Marked) -> tuple[str, ...]:
    patterns = entry.texts()
    if len(patterns) > _MOST_PATTERNS:
        entry.refuse(f"expected at most {_MOST_PATTERNS} patterns, got {len(patterns)}")
    if any(len(pattern) > _LONGEST_TEXT for pattern in patterns):
        entry.refuse(f"expected patterns of at most {_LONGEST_TEXT} characters")
    return patterns


def _words(entry: Marked, words: type[Word]) -> tuple[Word, ...]:
    items = entry.items() if isinstance(entry.value, list) else [entry]
    if not items:
        entry.refuse("expected at least one value, got an empty list")
    return tuple(_word(item, words) for item in items)


def _word(entry: Marked, words: type[Word]) -> Word:
    told = entry.text()
    if told not in frozenset(words):
        entry.refuse(f"expected one of {', '.join(words)}, got {told!r}")
    return words(told)


def _within(entry: Marked) -> timedelta:
    try:
        within = fixed_length(entry.text())
    except ValueError as error:
        entry.refuse(str(error))
    if within > LONGEST:
        entry.refuse(f"expected at most {LONGEST.days}d, got {entry.value}")
    return within


def _text(entry: Marked) -> str:
    text = entry.text()
    if len(text) > _LONGEST_TEXT:
        entry.refuse(f"expected at most {_LONGEST_TEXT} characters, got {len(text)}")
    return text


def _name(entry: Marked) -> str:
    name = entry.text()
    if not _NAME.fullmatch(name):
        entry.refuse(f"expected lower-case letters, digits and hyphens (at most 63), got {name!r}")
    return name


def _expect(entry: Marked, word: str) -> None:
    if entry.text() != word:
        entry.refuse(f"expected {word}, got {entry.shown}")
