"""One text: secrets by shape, JSON inside it, and ways of writing that hide a secret.

Where a secret shows only after undoing full-width or other digits, invisible characters,
percent-encoding, \\u escapes or HTML references, the whole text is masked, because what is
left of it could give the secret away. Two such layers are undone. Out of reach: letters of
another script that look alike, base64, compressed or encrypted text, and a secret that is cut
into several values.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import unquote

from collector.receive.redaction.patterns import Pattern, union

__all__ = ["TRICKS", "TextRedactor", "tricks"]

KeyRule: TypeAlias = Callable[[str, Any], Any]

UNTOUCHED: Any = object()
# 4: JSON in a string of JSON in a string is as deep as real emitters go, plus one.
JSON_LAYERS = 4
WRITING_LAYERS = 2
# 65,536 clean texts of at most 128 characters: most texts repeat, and a look costs 50 ns.
MEMO_ENTRIES = 65_536
MEMO_CHARACTERS = 128
# Code points that may stand for ASCII or for nothing; tags and variation selectors come last.
_SEARCHED = (range(0x80, 0x20000), range(0xE0000, 0xE1000))

TRICKS = (
    r"\\u[0-9a-fA-F]{4}",
    r"\\x[0-9a-fA-F]{2}",
    r"%[0-9a-fA-F]{2}",
    r"&#[xX]?[0-9a-fA-F]{1,6};",
    r"&(?:commat|period|colon|lowbar|hyphen|sol);",
)
_ESCAPE = re.compile(
    r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|&#[xX]([0-9a-fA-F]{1,6});|&#([0-9]{1,7});"
)
_NAMED = {
    "&commat;": "@",
    "&period;": ".",
    "&colon;": ":",
    "&lowbar;": "_",
    "&hyphen;": "-",
    "&sol;": "/",
}


class TextRedactor:
    """Redacts texts by patterns; `by_key` tells what becomes of the value of a JSON key."""

    def __init__(self, patterns: Sequence[Pattern], by_key: KeyRule | None = None) -> None:
        self._patterns = patterns
        self._by_key = by_key
        self._any = union(*(pattern.source for pattern in patterns)) if patterns else None
        self._tricks = union(*tricks())
        self._clean: set[str] = set()

    def redact(self, text: str, counts: Counter[str], layers: int = JSON_LAYERS) -> str:
        """The text without secrets; `layers` of JSON inside it are opened."""
        if text in self._clean:
            return text
        cleaned = self._redact(text, counts, layers)
        # Deep inside a text less is looked at, so what is clean there may not be elsewhere.
        if cleaned == text and layers == JSON_LAYERS and len(text) <= MEMO_CHARACTERS:
            if len(self._clean) >= MEMO_ENTRIES:
                self._clean.clear()
            self._clean.add(text)
        return cleaned

    def _redact(self, text: str, counts: Counter[str], layers: int) -> str:
        if layers and _looks_like_json(text):
            text = self._inside_json(text, counts, layers)
        data = text.encode("utf-8", "surrogatepass")
        shown = self.redact_bytes(data, counts)
        if self._tricks.search(shown) and (mask := self._hidden(shown, counts)):
            return mask
        return text if shown is data else shown.decode("utf-8", "surrogatepass")

    def redact_bytes(self, data: bytes, counts: Counter[str]) -> bytes:
        """The bytes without secrets that are written plainly."""
        if self._any is None or not self._any.search(data):
            return data
        for pattern in self._patterns:
            data, found = pattern.redact(data)
            if found:
                counts[pattern.name] += found
        return data

    def _hidden(self, data: bytes, counts: Counter[str]) -> str:
        """The mask of a secret that shows once its writing is undone, or nothing."""
        text = data.decode("utf-8", "surrogatepass")
        for _ in range(WRITING_LAYERS):
            text = _plainly(text)
            for pattern in self._patterns:
                if pattern.redact(text.encode("utf-8", "surrogatepass"))[1]:
                    counts[pattern.name] += 1
                    return pattern.mask.decode()
        return ""

    def _inside_json(self, text: str, counts: Counter[str], layers: int) -> str:
        walk = _Walk(self, self._by_key, counts, layers)
        try:
            document = json.loads(text, object_pairs_hook=walk.object)
            cleaned = walk.value(document)
        except (ValueError, RecursionError):
            return text
        return _written(cleaned) if walk.changed else text


class _Walk:
    """One JSON document being cleaned from the leaves up."""

    def __init__(
        self, texts: TextRedactor, by_key: KeyRule | None, counts: Counter[str], layers: int
    ) -> None:
        self._texts = texts
        self._by_key = by_key
        self._counts = counts
        self._layers = layers
        self.changed = False

    def object(self, members: list[tuple[str, Any]]) -> dict[str, Any]:
        cleaned = {self.value(key): self._member(key, value) for key, value in members}
        # A reader sees the last of two equal keys; the first must not stay in the text.
        self.changed |= len(cleaned) != len(members)
        return cleaned

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if type(value) is int and not isinstance(written := self._number(value), int):
            return written
        return value

    def _member(self, key: str, value: Any) -> Any:
        if self._by_key is not None:
            ruled = self._by_key(key, value)
            if ruled is not UNTOUCHED:
                self.changed = True
                return ruled
        return self.value(value)

    def _text(self, text: str) -> str:
        cleaned = self._texts.redact(text, self._counts, self._layers - 1)
        self.changed |= cleaned != text
        return cleaned

    def _number(self, value: int) -> int | str:
        digits = str(value).encode()
        cleaned = self._texts.redact_bytes(digits, self._counts)
        if cleaned is digits:
            return value
        self.changed = True
        return cleaned.decode()


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    return len(stripped) > 1 and stripped[0] + stripped[-1] in ("{}", "[]", '""')


def _written(document: Any) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair can be written in JSON and not in UTF-8.
        return json.dumps(document, separators=(",", ":"))
    return text


def _plainly(text: str) -> str:
    """The text with one layer of writing undone."""
    text = _ESCAPE.sub(_unescaped, text)
    for name, letter in _NAMED.items():
        text = text.replace(name, letter)
    return unquote(text, errors="replace").translate(_lookalikes())


def _unescaped(match: re.Match[str]) -> str:
    hexadecimal = match[1] or match[2] or match[3]
    code = int(hexadecimal, 16) if hexadecimal else int(match[4])
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "?"


@cache
def _lookalikes() -> dict[int, str]:
    """Characters that readers take for ASCII, and those they do not see at all.

    A table, because normalising a whole text is quadratic in its combining marks.
    """
    table: dict[int, str] = {}
    for codes in _SEARCHED:
        for code in codes:
            if (plain := _plain(chr(code))) is not None:
                table[code] = plain
    return table


def _plain(character: str) -> str | None:
    category = unicodedata.category(character)
    if category == "Cf" or character in "\u034f\u115f\u1160\u3164\uffa0" or _selects(character):
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category in ("Lo", "Cn", "Co", "Cs"):
        return None
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() and plain.isprintable() else None


def _selects(character: str) -> bool:
    """Variation selectors choose among glyphs and show nothing themselves."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


@cache
def tricks() -> tuple[str, ...]:
    """Expressions that find what `_plainly` would undo."""
    codes = sorted(_lookalikes())
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    listed = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return (*TRICKS, f"[{listed}]")
