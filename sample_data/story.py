"""What the sample fleet is said to have done: six characters and their runs, from a seed.

Pure, and told day by day: which runs a day has, when, and under which ids depends on the
seed and the day alone; what becomes of them depends on the end of the story as well. So
two periods of one story agree wherever they overlap. After its end a story stays as it ended.

Failures and denials are paid in instalments (a share is added per run, each whole one is a
failure), so a budget stands where the story says and not where chance puts it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

DAY = timedelta(days=1)
HELD_AGE = 9 * DAY
HELD_FOR = timedelta(hours=4)
# Multiples of it, taken modulo 1, spread evenly: days share out fractions of a failure.
GOLDEN = 0.6180339887498949
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
    every_days: int = 1

    @property
    def instance(self) -> str:
        return str(UUID(bytes=_digest("instance", self.name)[:16], version=4))


CAST = (
    Character(
        "gateway", "langchain", ("get_customer", "forward_request"), "export_customers", 60,
        steady(0.003), steady(0.002), steady(910),
    ),
    Character(
        "clerk", "openai-agents", ("lookup_invoice", "post_entry"), "void_entry", 240,
        abruptly(0.019, 0.5, 1), steady(0.01), steady(760),
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
        "archivist", "langchain", ("find_record", "file_record"), "delete_record", 1,
        steady(0.0), steady(0.0), steady(820), every_days=4,
    ),
    Character(
        "planner", "langchain", ("read_calendar", "propose_slot"), "book_flight", 40,
        steady(0.005), steady(0.002), steady(880),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Story:
    """A seed and the moment at which everything has come as it had to come."""

    seed: int
    end: datetime

    def age(self, at: datetime) -> float:
        """Days before the end; 0 after it."""
        return max(0.0, (self.end - at) / DAY)


@dataclass(frozen=True)
class Period:
    """From `since`, without it, to `until`, with it."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise ValueError(f"a period ends after it starts, got {self.since} to {self.until}")

    def __contains__(self, at: datetime) -> bool:
        return self.since < at <= self.until

    @property
    def days(self) -> list[date]:
        first, last = self.since.astimezone(UTC).date(), self.until.astimezone(UTC).date()
        return [first + n * DAY for n in range((last - first).days + 1)]


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
    def slips_through(self) -> bool:
        """Whether a call that was denied is told as executed: now and then courier's."""
        return self.is_denied and self.character.name == "courier" and self.trace_id[2] % 8 == 0

    def is_undecided(self, tool: str) -> bool:
        """Whether nobody decided about a call: now and then planner's last one."""
        is_last = tool == self.character.tools[-1]
        return self.character.name == "planner" and is_last and self.trace_id[3] % 8 == 0

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


def runs(character: Character, story: Story, period: Period) -> list[Run]:
    """Every run of one agent in the period, oldest first."""
    told = (run for day in period.days for run in _runs_of_day(character, story, day))
    return [run for run in told if run.started_at in period]


def _runs_of_day(character: Character, story: Story, day: date) -> list[Run]:
    if day.toordinal() % character.every_days:
        return []
    failing = Instalments(_share_owed(story.seed, character.name, "failures", day))
    denying = Instalments(_share_owed(story.seed, character.name, "denials", day))
    return [
        _run(character, story, day, number, failing, denying)
        for number in range(character.runs_a_day)
    ]


def _share_owed(seed: int, name: str, what: str, day: date) -> float:
    """What a day takes over from the days before it, without looking at them."""
    return (_digest(str(seed), name, what)[0] / 256 + day.toordinal() * GOLDEN) % 1


def _run(
    character: Character,
    story: Story,
    day: date,
    number: int,
    failing: Instalments,
    denying: Instalments,
) -> Run:
    key = f"{story.seed}:{character.name}:{day:%Y-%m-%d}:{number}"
    chance = random.Random(key)
    midnight = datetime.combine(day, time(), UTC)
    started_at = midnight + DAY * ((number + chance.random()) / character.runs_a_day)
    age = story.age(started_at)
    return Run(
        character,
        key,
        started_at,
        seconds=chance.lognormvariate(0.5, 0.4),
        fails=failing.due(character.failures(age)),
        is_denied=denying.due(character.denials(age)),
        is_held=character.name == "rogue" and started_at in _held(story),
        trust=min(1000.0, max(0.0, character.trust(age) + chance.gauss(0, 8))),
    )


def _held(story: Story) -> Period:
    given_at = story.end - HELD_AGE
    return Period(given_at, given_at + HELD_FOR)


def hold_of(story: Story) -> Hold:
    """The hold that rogue obeyed, whether or not a period shows it."""
    rogue = next(character for character in CAST if character.name == "rogue")
    held = _held(story)
    first = runs(rogue, story, held)[0]
    return Hold(
        held.since,
        held.until,
        event_id(held.since, first.key, "hold"),
        event_id(held.since, first.key, "command"),
        first,
    )


class Instalments:
    """Pays a share per call, and answers True whenever a whole one is due."""

    def __init__(self, owed: float = 0.5) -> None:
        self._owed = owed

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


def moment(text: str) -> datetime:
    """An ISO time, taken as UTC when it names no zone."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def fleet(story: Story, period: Period) -> Iterator[tuple[Character, Sequence[Run]]]:
    for character in CAST:
        yield character, runs(character, story, period)
