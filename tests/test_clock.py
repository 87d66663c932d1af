"""A clock that was moved back is told when the collector starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.clock import moved_back
from collector.config import Address, Settings
from collector.model import Signal
from collector.server import Parts
from collector.store.wal import WriteAheadLog

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
FREE = Address("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("behind_s", "told_s"), [(-3600, None), (0, None), (60, None), (61, 61), (86_400, 86_400)]
)
def test_a_clock_is_behind_when_the_newest_arrival_is_more_than_a_minute_ahead(
    behind_s: int, told_s: int | None
) -> None:
    behind = moved_back(NOON + timedelta(seconds=behind_s), NOON)

    assert behind == (None if told_s is None else timedelta(seconds=told_s))


def test_a_log_that_holds_nothing_tells_nothing_of_the_clock() -> None:
    assert moved_back(None, NOON) is None


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home whose log holds a request of noon, and a later one that is dated before it."""
    settings = Settings(tmp_path, FREE, FREE, FREE, FREE, FREE)
    log = WriteAheadLog(settings.data / "log")
    for at in (NOON, NOON - timedelta(hours=3)):
        came_ns = int(at.timestamp()) * 10**9
        log.append(Signal.TRACES, "protobuf", "otlp-grpc", came_ns, b"\x0a\x00").result(10)
    log.close()
    yield settings


@pytest.mark.parametrize(
    ("now", "warnings"),
    [(NOON - timedelta(hours=2), [7200]), (NOON - timedelta(seconds=59), []), (NOON, [])],
)
def test_a_start_with_the_clock_moved_back_is_warned_of(
    settings: Settings, now: datetime, warnings: list[int]
) -> None:
    with capture_logs() as told, Parts.opened(settings, lambda: now):
        pass

    found = [line for line in told if line["event"] == "clock_moved_back"]
    assert [line["behind_s"] for line in found] == warnings
    assert all(line["log_level"] == "warning" for line in found)
    assert all(line["newest_received_at"] == str(NOON) for line in found)
