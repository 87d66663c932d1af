"""Upkeep and the acts of retention, with real keys, and through the running collector's socket."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house import DAY, NOON, House, logs, spans

from collector.acts import Acts
from collector.cli import keep
from collector.config import Settings, add_arguments, settings_from
from collector.control import process
from collector.control.documents import Signer
from collector.control.retention import ACT_TYPE, signed_act, verifier
from collector.errors import ConfigurationError, RefusedInput
from collector.keeping import Act, Kind
from collector.keeping import Signal as Kept
from collector.model import Signal
from collector.upkeep import Upkeep


def act(kind: Kind, number: int = 1, at: datetime = NOON, by: str = "admin", **what: Any) -> Act:
    return Act(f"act-{number}", kind, by, at, "case 4711", **what)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home in which control has run, with an admin, an operator and a viewer."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    made = settings_from(parser.parse_args(["--home", str(tmp_path / "home")]))
    made.control_home.mkdir(parents=True)
    made.data.mkdir()
    for name, role in (("admin", "admin"), ("jo", "operator"), ("vic", "viewer")):
        process.add_user(made, name, role, None)
    Signer.of(made.control_home)
    return made


@pytest.fixture
def acts(settings: Settings) -> Acts:
    return Acts(settings.retention_acts, verifier(settings.control_home))


@pytest.fixture
def sign(settings: Settings) -> Callable[[Act], str]:
    return lambda wanted: signed_act(settings.control_home, wanted)


Sign = Callable[[Act], str]


def test_an_act_of_an_admin_counts_and_is_read_again(
    settings: Settings, acts: Acts, sign: Sign
) -> None:
    acts.add(sign(act(Kind.SET, signal=Kept.SPANS, days=30)), NOON)
    acts.add(sign(act(Kind.HOLD, 2, by="jo", since=NOON)), NOON)

    again = Acts(settings.retention_acts, verifier(settings.control_home))

    assert again.rules == acts.rules
    assert again.rules.days[Kept.SPANS] == 30
    assert [hold.by for hold in again.rules.holds] == ["jo"]


@pytest.mark.parametrize(
    ("kind", "by"),
    [(Kind.SET, "jo"), (Kind.OVERRIDE, "jo"), (Kind.RELEASE, "jo"), (Kind.HOLD, "vic")],
)
def test_who_may_not_is_not_signed_for(sign: Sign, kind: Kind, by: str) -> None:
    with pytest.raises(RefusedInput, match="takes an admin"):
        sign(act(kind, by=by))


def test_a_stranger_is_not_signed_for(sign: Sign) -> None:
    with pytest.raises(RefusedInput, match="no operator 'mallory'"):
        sign(act(Kind.HOLD, by="mallory"))


def test_an_act_that_this_home_did_not_sign_is_refused(
    acts: Acts, sign: Sign, tmp_path: Path
) -> None:
    claims = act(Kind.SET, signal=Kept.SPANS, days=30).claims()
    (tmp_path / "other").mkdir()
    whole = sign(act(Kind.SET, signal=Kept.SPANS, days=30))
    header, body, signature = whole.split(".")
    forged = [
        Signer.of(tmp_path / "other").sign(claims, ACT_TYPE),
        f"{header}.{body[:-2]}AA.{signature}",
        "",
        "not a token",
    ]

    for token in forged:
        with pytest.raises(RefusedInput, match="not a control document"):
            acts.add(token, NOON)
    assert acts.all() == []


def test_an_act_counts_once_and_only_when_it_is_new(acts: Acts, sign: Sign) -> None:
    token = sign(act(Kind.HOLD))
    acts.add(token, NOON)

    with pytest.raises(RefusedInput, match="done already"):
        acts.add(token, NOON)
    with pytest.raises(RefusedInput, match="sign it again"):
        acts.add(sign(act(Kind.HOLD, 2)), NOON + timedelta(hours=1))


def test_an_act_that_breaks_the_rules_is_not_written(acts: Acts, sign: Sign) -> None:
    with pytest.raises(RefusedInput, match="at least 183 days"):
        acts.add(sign(act(Kind.SET, signal=Kept.GOVERNANCE, days=30)), NOON)

    assert not acts.path.exists()


def test_a_line_cut_by_a_power_failure_was_never_confirmed(
    settings: Settings, acts: Acts, sign: Sign
) -> None:
    acts.add(sign(act(Kind.HOLD)), NOON)
    with acts.path.open("a") as file:
        file.write("half a tok")

    again = Acts(settings.retention_acts, verifier(settings.control_home))

    assert again.fault is None
    again.add(sign(act(Kind.HOLD, 2)), NOON)
    last = Acts(settings.retention_acts, verifier(settings.control_home))
    assert len(last.rules.holds) == 2


class Clock:
    def __init__(self) -> None:
        self.at = NOON
        self.ticks = 0.0

    def pass_by(self, time: timedelta) -> None:
        self.at += time
        self.ticks += time.total_seconds()


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    there = House(settings.data)
    there.take(Signal.TRACES, spans(NOON, *range(6), tool="refund"), NOON)
    there.take(Signal.LOGS, logs(NOON, 1, 2, decision=True), NOON)
    yield there
    there.store.close()


def upkeep(house: House, acts: Acts, clock: Clock) -> Upkeep:
    return Upkeep(
        house.store,
        house.archive,
        acts,
        now=lambda: clock.at,
        monotonic=lambda: clock.ticks,
    )


def test_a_round_seals_and_a_later_one_deletes(house: House, acts: Acts) -> None:
    clock = Clock()
    tended = upkeep(house, acts, clock)
    tended.round()
    clock.pass_by(12 * DAY)
    tended.round()
    sealed = (house.count("span"), house.count("spans"), house.count("logs"))

    clock.pass_by(190 * DAY)
    tended.round()
    tended.stop()

    assert sealed == (0, 6, 2)
    assert [house.count(view) for view in ("spans", "logs", "decisions")] == [0, 0, 0]
    assert list(house.store.archive.rglob("*.parquet")) == []


def test_a_clock_that_jumps_ahead_deletes_nothing(house: House, acts: Acts) -> None:
    clock = Clock()
    tended = upkeep(house, acts, clock)
    tended.round()
    clock.at += 4000 * DAY

    tended.round()

    assert [house.count(view) for view in ("spans", "logs", "decisions")] == [6, 2, 2]


def test_acts_that_cannot_be_read_stop_every_deletion(
    settings: Settings, house: House, acts: Acts, sign: Sign
) -> None:
    acts.add(sign(act(Kind.HOLD)), NOON)
    acts.path.write_text(acts.path.read_text().replace("A", "B", 1))
    broken = Acts(settings.retention_acts, verifier(settings.control_home))
    clock = Clock()
    tended = upkeep(house, broken, clock)
    tended.round()
    clock.pass_by(400 * DAY)

    tended.round()

    assert broken.fault is not None
    assert house.count("spans") == 6
    with pytest.raises(RefusedInput, match="cannot be read"):
        broken.add(sign(act(Kind.HOLD, 2)), NOON)


def command(settings: Settings, what: str, **chosen: Any) -> int:
    names = ("signal", "days", "since", "until", "agent", "hold", "reason")
    given: Mapping[str, Any] = {**dict.fromkeys(names), "user": "admin", **chosen}
    return keep.retention(settings, argparse.Namespace(what=what, **given))


def test_without_a_collector_the_command_says_so(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="no collector runs in"):
        command(settings, "show")


def test_an_act_without_a_reason_is_refused(settings: Settings) -> None:
    with pytest.raises(RefusedInput, match="--reason"):
        command(settings, "hold")


def test_verify_finds_a_changed_byte(
    settings: Settings, house: House, acts: Acts, capsys: pytest.CaptureFixture[str]
) -> None:
    house.seal()
    assert command(settings, "verify") == 0
    file = next(house.store.archive.rglob("*.parquet"))
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)

    assert command(settings, "verify") == 1
    assert str(file) in capsys.readouterr().err


def test_a_date_begins_at_midnight_utc() -> None:
    assert keep.instant("--since", "2026-01-15") == datetime(2026, 1, 15, tzinfo=UTC)
    with pytest.raises(RefusedInput, match="names no zone"):
        keep.instant("--since", "2026-01-15T12:00:00")
