"""Patterns: secrets that can be known by their shape.

`source` finds candidates, `is_real` judges one and answers with the part that is the secret.
Sources are RE2 and know no neighbours, so that they also find their secrets in raw protobuf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

import re2

__all__ = ["CATALOGUE", "Pattern", "union"]

Span: TypeAlias = tuple[int, int]
Judge: TypeAlias = Callable[[bytes, int, int], Iterator[Span]]

_LETTER = re.compile(rb"[0-9A-Za-z]")
# Long runs of digits are read in pieces, each with the most bytes of a card behind it.
_PIECE, _CARD_BYTES = 4096, 40
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# ISO 13616: how long an account number is, by country.
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "NL"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "DE", "GB", "GE", "IE", "ME", "RS"), 22),
    **dict.fromkeys(("AE", "GI", "IL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN"), 24),
    **dict.fromkeys(("PT",), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "CY", "HU", "LB", "PL"), 28),
    **dict.fromkeys(("BR", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
}


@dataclass(frozen=True)
class Pattern:
    """One kind of secret."""

    name: str
    source: str
    is_real: Judge
    own_word: bool = False

    @property
    def mask(self) -> bytes:
        return f"[redacted:{self.name}]".encode()

    def redact(self, text: bytes) -> tuple[bytes, int]:
        """The text with every such secret masked, and how many there were."""
        pieces: list[bytes] = []
        behind = 0
        for start, end in self._found(text):
            if start >= behind:
                pieces += (text[behind:start], self.mask)
                behind = end
        if not pieces:
            return text, 0
        return b"".join((*pieces, text[behind:])), len(pieces) // 2

    def _found(self, text: bytes) -> Iterator[Span]:
        for match in self._regex.finditer(text):
            start = match.start()
            if self.own_word and not _LETTER.match(text, start):
                start = _LETTER.search(text, start).start()  # type: ignore[union-attr]
            yield from self.is_real(text, start, match.end())

    @cached_property
    def _regex(self) -> Any:
        # Not the end of a longer word: "risk-averse" has no key in it.
        before = "(?:^|[^0-9A-Za-z])" if self.own_word else ""
        return re2.compile(f"{before}(?:{self.source})".encode(), _options())


def union(*sources: str) -> Any:
    """One expression that finds whatever any of these finds, in bytes."""
    return re2.compile("|".join(f"(?:{source})" for source in sources).encode(), _options())


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    # 64 MiB: the automaton of all patterns together must not fall back to the slow one.
    options.max_mem = 64 << 20
    return options


def _always(_text: bytes, start: int, end: int) -> Iterator[Span]:
    yield start, end


def _with_digit(text: bytes, start: int, end: int) -> Iterator[Span]:
    """Random enough to be a secret: "sk-learn-pipeline-of-trees" is not."""
    if any(48 <= byte <= 57 for byte in text[start:end]):
        yield start, end


def _cards(text: bytes, start: int, end: int) -> Iterator[Span]:
    """Groups of digits that make a card's number; a part of a longer number is none."""
    for begin in range(start, end, _PIECE):
        stop = begin + _PIECE
        for first, last in _cards_in(text, begin, min(end, stop + _CARD_BYTES)):
            if first < stop:
                yield first, last


def _cards_in(text: bytes, begin: int, end: int) -> Iterator[Span]:
    places = [at for at in range(begin, end) if _is_digit(text, at)]
    digits = bytes(text[at] for at in places)
    sums = _luhn_sums(digits)
    for first, at in enumerate(places):
        if digits[first] not in b"23456" or _is_digit(text, at - 1):
            continue
        for length in _card_lengths(digits[first : first + 4]):
            behind = first + length
            if behind > len(places) or _is_digit(text, places[behind - 1] + 1):
                continue
            of_parity = sums[behind % 2]
            if (of_parity[behind] - of_parity[first]) % 10 == 0:
                yield at, places[behind - 1] + 1
                break


def _is_digit(text: bytes, at: int) -> bool:
    return 0 <= at < len(text) and 48 <= text[at] <= 57


def _card_lengths(digits: bytes) -> Sequence[int]:
    """The lengths that the issuer of these first four digits gives."""
    if len(digits) < 4:
        return ()
    two, four = int(digits[:2]), int(digits)
    if digits[0] == 0x34:
        return (16, 13, 19)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)
    if two in (34, 37):
        return (15,)
    if two in (30, 36, 38, 39):
        return (14, 16)
    if two in (35, 50, 56, 57, 58) or 60 <= two <= 69:
        return range(19, 12, -1)
    return ()


def _luhn_sums(digits: bytes) -> tuple[list[int], list[int]]:
    """ISO/IEC 7812-1, annex B, as running sums, so that any window costs one subtraction.

    A window that ends before an even place is in the first list, before an odd one in the other.
    """
    plain = [digit - 48 for digit in digits]
    doubled = [_DOUBLED[digit] for digit in plain]
    even = (plain[at] if at % 2 else doubled[at] for at in range(len(plain)))
    odd = (doubled[at] if at % 2 else plain[at] for at in range(len(plain)))
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def _ibans(text: bytes, start: int, end: int) -> Iterator[Span]:
    candidate = text[start:end]
    length = _IBAN_LENGTHS.get(candidate[:2].decode())
    if length is None:
        return
    places = [at for at, byte in enumerate(candidate) if byte != 0x20][:length]
    if len(places) == length and _mod_97(bytes(candidate[at] for at in places).decode()) == 1:
        yield start, start + places[-1] + 1


def _mod_97(account: str) -> int:
    """ISO 7064: letters count from 10, the first four characters come last."""
    return int("".join(str(int(letter, 36)) for letter in account[4:] + account[:4])) % 97


CATALOGUE: dict[str, Pattern] = {
    pattern.name: pattern
    for pattern in (
        Pattern(
            "private_key",
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
            _always,
        ),
        Pattern("url_password", r"://[^/\s:@\"'<>]{1,200}:[^/\s@\"'<>]{1,200}@", _always),
        Pattern(
            "email",
            r"[\pL\pN!#$&'*+/=?^_{|}~.-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+",
            _always,
        ),
        Pattern("jwt", r"eyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?", _always),
        Pattern("aws_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", _with_digit, own_word=True),
        Pattern(
            "github_token",
            r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
            _with_digit,
            own_word=True,
        ),
        Pattern("gitlab_token", r"glpat-[A-Za-z0-9_-]{20,}", _with_digit, own_word=True),
        Pattern(
            "slack_token",
            r"xox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
            _always,
        ),
        Pattern("api_key", r"sk-[A-Za-z0-9_-]{16,}", _with_digit, own_word=True),
        Pattern("stripe_key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}", _with_digit, own_word=True),
        Pattern("google_key", r"AIza[A-Za-z0-9_-]{35}", _with_digit, own_word=True),
        Pattern("hugging_face_token", r"hf_[A-Za-z0-9]{30,}", _with_digit, own_word=True),
        Pattern("watchkeeper_token", r"wk_ingest_[A-Za-z0-9_-]{20,}", _always),
        Pattern("bearer", r"(?i:bearer)[ \t]{1,8}[A-Za-z0-9._~+/=-]{16,}", _always),
        Pattern("card", r"[0-9](?:[ -]?[0-9]){12,}", _cards),
        Pattern("iban", r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}", _ibans, own_word=True),
    )
}
