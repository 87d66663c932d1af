"""Hostile and random requests: no crash, no 500, and nothing acknowledged goes missing."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.model import Signal
from collector.receive.parse import empty_request
from tests.receive.fuzzing import PACKERS, Harness, random_request
from tests.receive.refused import otlp_json

HOSTILE = sorted((Path(__file__).parent / "hostile").glob("*.*"))
REPOSITORY = Path(__file__).resolve().parents[2]
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def harness() -> Iterator[Harness]:
    opened = Harness()
    yield opened
    opened.close()


def test_there_is_a_hostile_corpus() -> None:
    assert len(HOSTILE) > 20


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_a_hostile_request_is_accounted_for(harness: Harness, path: Path, tmp_path: Path) -> None:
    encoding: Any = "json" if path.suffix == ".json" else "protobuf"

    status = harness.send(Signal(path.name.split("-")[0]), encoding, path.read_bytes())
    harness.store_all(tmp_path)

    assert status == int(path.stem.rsplit("-", 1)[1])


@pytest.mark.parametrize("coding", sorted(PACKERS))
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("signal", list(Signal))
@given(seed=st.integers(0, 2**32))
@quick
def test_any_request_is_accounted_for(
    harness: Harness, signal: Signal, encoding: Any, coding: str, seed: int
) -> None:
    request = random_request(empty_request(signal), random.Random(seed))
    body = request.SerializeToString() if encoding == "protobuf" else otlp_json(request)

    assert harness.send(signal, encoding, PACKERS[coding](body[: 60 * 1024]), coding) in (200, 400)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@given(
    signal=st.sampled_from(Signal),
    seed=st.integers(0, 2**32),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.binary(max_size=3)), max_size=4),
)
@quick
def test_a_damaged_request_is_accounted_for(
    harness: Harness,
    encoding: Any,
    signal: Signal,
    seed: int,
    changes: list[tuple[int, bytes]],
) -> None:
    request = random_request(empty_request(signal), random.Random(seed))
    body = request.SerializeToString() if encoding == "protobuf" else otlp_json(request)
    for at, piece in changes:
        at %= len(body) + 1
        body = body[:at] + piece + body[at + len(piece) :]

    harness.send(signal, encoding, body)


@pytest.mark.parametrize("signal", list(Signal))
def test_what_random_requests_say_is_stored_or_refused(
    harness: Harness, signal: Signal, tmp_path: Path
) -> None:
    for seed in range(40):
        request = random_request(empty_request(signal), random.Random(seed))
        harness.send(signal, "protobuf", request.SerializeToString())

    harness.store_all(tmp_path)

    assert harness.log.records


def test_a_short_run_of_the_fuzzer_finds_nothing() -> None:
    pytest.importorskip("atheris")

    ran = subprocess.run(
        [sys.executable, "-m", "tests.receive.fuzz", "-runs=2000", "-max_total_time=60"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "Done" in ran.stderr
