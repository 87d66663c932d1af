"""Every string of a request, wherever it sits: found by walking the descriptors of OTLP.

So a field that OTLP grows is covered on the day the library knows it. What the library does
not know is thrown away, because nobody could say what is in it. A record is walked only when
one search over its bytes finds something that could have to go.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Any

import re2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from collector.receive.parse import ExportRequest
from collector.receive.redaction.content import (
    CONTENT_EVENTS,
    CONTENT_KEYS,
    KEPT_KEYS,
    KEPT_OF_EVENTS,
)
from collector.receive.redaction.patterns import Pattern, union
from collector.receive.redaction.text import UNTOUCHED, TextRedactor, tricks
from collector.receive.values import json_text, plain

__all__ = ["Action", "KeyRule", "Redactor"]

# 65,536 keys of at most 256 characters; a sender that invents keys must not grow us.
MEMO_ENTRIES = 65_536
MEMO_CHARACTERS = 256
MOST_DROPPED = 2**32 - 1

_ATTRIBUTE = "opentelemetry.proto.common.v1.KeyValue"
_LOG = "opentelemetry.proto.logs.v1.LogRecord"
_SPAN_EVENT = "opentelemetry.proto.trace.v1.Span.Event"
_RECORDS = frozenset(
    {"opentelemetry.proto.trace.v1.Span", _LOG, "opentelemetry.proto.metrics.v1.Metric"}
)
_CONTENT = "message_content"
# Its attributes are counts and names beside the messages, which go by their keys.
_DETAILS = "gen_ai.client.inference.operation.details"


class Action(StrEnum):
    """What becomes of an attribute whose key is named."""

    DROP = "drop"
    MASK = "mask"
    HASH = "hash"


@dataclass(frozen=True, slots=True)
class KeyRule:
    """An attribute key or a glob, without regard to case."""

    key: str
    action: Action
    reason: str = "key"


class Redactor:
    """Takes secrets out of requests. One may be used from several threads."""

    def __init__(
        self,
        keys: Sequence[KeyRule] = (),
        patterns: Sequence[Pattern] = (),
        *,
        keep_content: bool = True,
        key: bytes = b"",
    ) -> None:
        content = () if keep_content else CONTENT_KEYS
        self._rules = _Rules([*keys, *(KeyRule(glob, Action.MASK, _CONTENT) for glob in content)])
        self._keep_content = keep_content
        self._key = key
        self._texts = TextRedactor(patterns, self._of_json)
        self._suspects = union(
            *(pattern.source for pattern in patterns),
            *tricks(),
            *self._rules.sources(),
            *(re2.escape(name) for name in (() if keep_content else CONTENT_EVENTS)),
        )
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.on_redacted: Callable[[Counter[str]], None] = lambda counts: None

    def redacted(self, request: ExportRequest) -> bytes:
        """The request's bytes for the log, without anything that must go."""
        request.DiscardUnknownFields()
        data: bytes = request.SerializeToString(deterministic=True)
        if self._suspects.search(data) is None:
            return data
        walk = _Walk(
            self._texts, self._rules, self._suspects.search, self._keep_content, self._hash
        )
        walk.visit(request)
        self._add(walk.counts)
        return bytes(request.SerializeToString(deterministic=True))

    def text(self, text: str) -> str:
        """A text of ours that may quote what was sent."""
        return self._texts.redact(text, Counter())

    def _add(self, counts: Counter[str]) -> None:
        with self._lock:
            self.counts.update(counts)
        self.on_redacted(counts)

    def _of_json(self, key: str, value: Any) -> Any:
        """What becomes of a member of a JSON object inside a text."""
        rule = self._rules.of(key)
        if rule is None or value is None:
            return UNTOUCHED
        self._add(Counter([rule.reason]))
        if rule.action is Action.HASH:
            return self._hash(value if isinstance(value, str) else json.dumps(value))
        return _mask(rule)

    def _hash(self, text: str) -> str:
        """Equal for equal values, and of no use without the key."""
        digest = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()
        return f"[redacted:hash:{digest[:32]}]"


class _Rules:
    """Which rule applies to a key; the first one that fits."""

    def __init__(self, rules: Sequence[KeyRule]) -> None:
        self._rules = [(re2.compile(_glob(rule.key), _literally()), rule) for rule in rules]
        self._memo: dict[str, KeyRule | None] = {}

    def of(self, key: str) -> KeyRule | None:
        if key in self._memo:
            return self._memo[key]
        rule = self._first(key)
        if len(key) <= MEMO_CHARACTERS:
            if len(self._memo) >= MEMO_ENTRIES:
                self._memo.clear()
            self._memo[key] = rule
        return rule

    def sources(self) -> Iterable[str]:
        """Expressions that find, in raw bytes, whatever any rule could apply to."""
        for _, rule in self._rules:
            longest = max(_pieces(rule.key), key=len)
            yield f"(?i:{re2.escape(longest)})" if longest else "(?s:.)"

    def _first(self, key: str) -> KeyRule | None:
        data = key.encode("utf-8", "surrogatepass")
        for expression, rule in self._rules:
            if expression.fullmatch(data):
                return None if rule.reason == _CONTENT and key in KEPT_KEYS else rule
        return None


class _Walk:
    """One request being cleaned in place."""

    def __init__(
        self,
        texts: TextRedactor,
        rules: _Rules,
        suspects: Callable[[bytes], Any],
        keep_content: bool,
        hashed: Callable[[str], str],
    ) -> None:
        self._texts = texts
        self._rules = rules
        self._suspects = suspects
        self._keep_content = keep_content
        self._hashed = hashed
        self.counts: Counter[str] = Counter()

    def visit(self, message: Any) -> None:
        plan = _plan(message.DESCRIPTOR)
        if not self._keep_content and plan.name in (_LOG, _SPAN_EVENT):
            self._without_content(message, plan.name)
        for name in plan.strings:
            if text := getattr(message, name):
                self._replace(message, name, text, self._text(text))
        for name in plan.bytes:
            if data := getattr(message, name):
                self._replace(message, name, data, self._bytes(name, data))
        for name in plan.string_lists:
            values = getattr(message, name)
            for at, text in enumerate(values):
                values[at] = self._text(text)
        for name in plan.messages:
            if message.HasField(name):
                self.visit(getattr(message, name))
        for name in plan.attribute_lists:
            self._attributes(message, getattr(message, name))
        for name in plan.message_lists:
            self._each(getattr(message, name))

    def _each(self, messages: Any) -> None:
        for message in messages:
            is_record = message.DESCRIPTOR.full_name in _RECORDS
            if not is_record or self._suspects(message.SerializeToString()):
                self.visit(message)

    def _replace(self, message: Any, name: str, old: Any, new: Any) -> None:
        if new != old:
            setattr(message, name, new)

    def _text(self, text: str) -> str:
        return self._texts.redact(text, self.counts)

    def _bytes(self, name: str, data: bytes) -> bytes:
        cleaned = self._texts.redact_bytes(data, self.counts)
        if name.endswith("_id"):
            # An id of the same length that is no id: the record is refused for it.
            return data if cleaned is data else bytes(len(data))
        try:
            return self._text(cleaned.decode()).encode()
        except UnicodeDecodeError:
            return cleaned

    def _attributes(self, owner: Any, pairs: Any) -> None:
        dropped = []
        for at, pair in enumerate(pairs):
            rule = self._rules.of(pair.key)
            if rule is None:
                self._attribute(pair)
            elif rule.action is Action.DROP:
                self.counts[rule.reason] += 1
                dropped.append(at)
            else:
                self._rule(pair, rule)
        for at in reversed(dropped):
            del pairs[at]
        if dropped and _plan(owner.DESCRIPTOR).counts_dropped:
            total = owner.dropped_attributes_count + len(dropped)
            owner.dropped_attributes_count = min(total, MOST_DROPPED)

    def _attribute(self, pair: Any) -> None:
        """The same as a visit, and shorter for what most attributes are."""
        kind = pair.value.WhichOneof("value")
        if kind == "string_value":
            self._replace(pair, "key", pair.key, self._text(pair.key))
            text = pair.value.string_value
            self._replace(pair.value, kind, text, self._text(text))
        elif kind in _COUNTING:
            self._replace(pair, "key", pair.key, self._text(pair.key))
        else:
            self.visit(pair)

    def _rule(self, pair: Any, rule: KeyRule) -> None:
        self.counts[rule.reason] += 1
        pair.key = self._text(pair.key)
        value = plain(pair.value)
        if rule.action is Action.HASH:
            text = value if isinstance(value, str) else json_text(value)
            pair.value.string_value = self._hashed(text)
        else:
            pair.value.string_value = _mask(rule)

    def _without_content(self, message: Any, kind: str) -> None:
        event = _event_name(message, kind)
        if event not in CONTENT_EVENTS:
            return
        if kind == _LOG:
            if message.HasField("body"):
                message.body.string_value = f"[redacted:{_CONTENT}]"
                self.counts[_CONTENT] += 1
        elif event != _DETAILS:
            for pair in message.attributes:
                if pair.key not in KEPT_OF_EVENTS and pair.value.WhichOneof("value") in _SAYING:
                    pair.value.string_value = f"[redacted:{_CONTENT}]"
                    self.counts[_CONTENT] += 1


# Kinds of values that can say something; numbers and truths only count.
_SAYING = frozenset({"string_value", "bytes_value", "array_value", "kvlist_value"})
_COUNTING = frozenset({"bool_value", "int_value", "double_value"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """The fields of one message type that hold text, or lead to it."""

    name: str
    strings: tuple[str, ...]
    bytes: tuple[str, ...]
    string_lists: tuple[str, ...]
    messages: tuple[str, ...]
    attribute_lists: tuple[str, ...]
    message_lists: tuple[str, ...]
    counts_dropped: bool


@cache
def _plan(descriptor: Descriptor) -> _Plan:
    def named(kind: int, repeated: bool, *, attributes: bool = False) -> tuple[str, ...]:
        return tuple(
            field.name
            for field in descriptor.fields
            if field.type == kind
            and field.is_repeated == repeated
            and (kind != FieldDescriptor.TYPE_MESSAGE or _is_attribute(field) == attributes)
        )

    single = named(FieldDescriptor.TYPE_MESSAGE, False)
    return _Plan(
        descriptor.full_name,
        named(FieldDescriptor.TYPE_STRING, False),
        named(FieldDescriptor.TYPE_BYTES, False),
        named(FieldDescriptor.TYPE_STRING, True),
        (*single, *named(FieldDescriptor.TYPE_MESSAGE, False, attributes=True)),
        named(FieldDescriptor.TYPE_MESSAGE, True, attributes=True),
        named(FieldDescriptor.TYPE_MESSAGE, True),
        "dropped_attributes_count" in descriptor.fields_by_name,
    )


def _is_attribute(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == _ATTRIBUTE


def _event_name(message: Any, kind: str) -> str:
    """Of a log record or span event; some emitters leave the field empty."""
    told: str = message.event_name if kind == _LOG else message.name
    if told:
        return told
    for pair in message.attributes:
        if pair.key == "event.name":
            name: str = pair.value.string_value
            return name
    return ""


def _mask(rule: KeyRule) -> str:
    return f"[redacted:{rule.reason}]"


def _pieces(glob: str) -> list[str]:
    return glob.replace("?", "*").split("*")


def _glob(glob: str) -> bytes:
    expression = re2.escape(glob).replace(r"\*", "(?s:.*)").replace(r"\?", "(?s:.)")
    return f"(?i:{expression})".encode()


def _literally() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    return options
