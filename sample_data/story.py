"""What the sample fleet is said to have done: six characters and their runs, from a seed.

Pure: the same seed and the same end give the same runs with the same ids. Failures and
denials are paid in instalments (a share is added per run, each whole one is a failure),
so a budget stands where the story says and not where chance puts it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

DAY = timedelta(days=1)
HELD_AGE = 9.0
HELD_FOR = timedelta(hours=4)
Course = Callable[[float], float]


def steady(level: float) -> Course:
    """The same at any age (in days before the end)."""
    return lambda _age: level


def lately(usual: float, last: float, days: float) -> Course:
    """`usual`, then rising evenly to `last` over the last days."""
    return lambda age: usual if age >= days else last + (usual - last) * age / days


def abruptly(usual: float, last: float, days: float) -> Course:
    """`usual`, then `last` from one moment to the next."""
    return lambda age: usual if age >= days else last


@dataclass(frozen=True)
class Character:
    """One agent of the story; courses answer shares (or a trust score) by age in days."""

    name: str
    framework: str
    tools: tuple[str, str]
    temptation: str
    runs_a_day: int
    failures: Course
    denials: Course
    trust: Course

    @property
    def instance(self) -> str:
        return str(UUID(bytes=_digest("instance", self.name)[:16], version=4))


CAST = (
    Character(
        "gateway", "langchain", ("get_customer", "forward_request"), "export_customers", 60,
        steady(0.003), steady(0.002), steady(910),
    ),
    Character(
        "clerk", "openai-agents", ("lookup_invoice", "post_entry"), "void_entry", 45,
        abruptly(0.034, 0.4, 1), steady(0.01), steady(760),
    ),
    Character(
        "courier", "agt", ("read_parcel", "print_label"), "reroute_parcel", 40,
        steady(0.01), lately(0.03, 0.2, 12), lately(850, 450, 12),
    ),
    Character(
        "rogue", "langchain", ("read_mail", "draft_answer"), "send_outside", 30,
        steady(0.01), lately(0.02, 0.9, 2), lately(700, 560, 2),
    ),
    Character(
        "archivist", "langchain", ("find_record", "file_record"), "delete_record", 2,
        steady(0.0), steady(0.0), steady(820),
    ),
    Character(
        "planner", "langchain", ("read_calendar", "propose_slot"), "book_flight", 40,
        steady(0.005), steady(0.002), steady(880),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run of one agent."""

    character: Character
    key: str
    started_at: datetime
    seconds: float
    fails: bool
    is_denied: bool
    is_held: bool
    trust: float

    @property
    def trace_id(self) -> bytes:
        return _digest(self.key)[:16]

    def span_id(self, part: str) -> bytes:
        return _digest(self.key, part)[:8]

    def event_id(self, part: str) -> str:
        """A UUIDv7 whose random bits come from the seed."""
        return event_id(self.started_at, self.key, part)

    @property
    def tools(self) -> tuple[str, ...]:
        extra = (self.character.temptation,) if self.is_denied else ()
        return (*self.character.tools, *extra)


@dataclass(frozen=True)
class Hold:
    """The past kill of rogue: given, obeyed, released."""

    given_at: datetime
    released_at: datetime
    hold_id: str
    command_id: str
    first_refusal: Run


def runs(character: Character, seed: int, days: int, until: datetime) -> list[Run]:
    """Every run of one agent, oldest first, none after `until`."""
    first = (until - days * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    failing, denying = _Instalments(), _Instalments()
    made = []
    for day in range(days + 1):
        for number in range(character.runs_a_day):
            run = _run(character, seed, first + day * DAY, number, until, failing, denying)
            if until - days * DAY <= run.started_at <= until:
                made.append(run)
    return made


def _run(
    character: Character,
    seed: int,
    midnight: datetime,
    number: int,
    until: datetime,
    failing: _Instalments,
    denying: _Instalments,
) -> Run:
    key = f"{seed}:{character.name}:{midnight:%Y-%m-%d}:{number}"
    chance = random.Random(key)
    started_at = midnight + DAY * ((number + chance.random()) / character.runs_a_day)
    age = max(0.0, (until - started_at) / DAY)
    return Run(
        character,
        key,
        started_at,
        seconds=chance.lognormvariate(0.5, 0.4),
        fails=failing.due(character.failures(age)),
        is_denied=denying.due(character.denials(age)),
        is_held=character.name == "rogue" and _within_hold(until - started_at),
        trust=min(1000.0, max(0.0, character.trust(age) + chance.gauss(0, 8))),
    )


def _within_hold(age: timedelta) -> bool:
    return HELD_AGE * DAY - HELD_FOR <= age <= HELD_AGE * DAY


def hold_of(rogue_runs: list[Run], until: datetime) -> Hold | None:
    """The hold that the held runs obeyed; None when the history is too short for it."""
    held = [run for run in rogue_runs if run.is_held]
    if not held:
        return None
    given_at = until - HELD_AGE * DAY
    return Hold(
        given_at,
        given_at + HELD_FOR,
        event_id(given_at, held[0].key, "hold"),
        event_id(given_at, held[0].key, "command"),
        held[0],
    )


class _Instalments:
    """Pays a share per call, and answers True whenever a whole one is due."""

    def __init__(self) -> None:
        self._owed = 0.5

    def due(self, share: float) -> bool:
        self._owed += share
        if self._owed < 1:
            return False
        self._owed -= 1
        return True


def event_id(at: datetime, *parts: str) -> str:
    moment = int(at.timestamp() * 1000)
    value = moment << 80 | int.from_bytes(_digest(*parts)[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def moment(text: str | None) -> datetime:
    """An ISO time, taken as UTC when it names no zone; now when nothing is given."""
    if text is None:
        return datetime.now(UTC)
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def fleet(seed: int, days: int, until: datetime) -> Iterator[tuple[Character, list[Run]]]:
    for character in CAST:
        yield character, runs(character, seed, days, until)
