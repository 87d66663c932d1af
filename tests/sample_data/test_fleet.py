"""Each sample agent as the process it is, exporting to a real gRPC port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sample_data.fleet.courier import QUALITY_AT_END, QUALITY_AT_START, quality_of
from sample_data.fleet.rogue import BAD_PLAN, GOOD_PLAN, Temper

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def start(intake: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def make(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{intake.address}",
                "WATCHKEEPER_CONTROL": "http://127.0.0.1:9",
                "WATCHKEEPER_AGENT_STATE": str(tmp_path / "agents"),
                "SAMPLE_INTERVAL_S": "0.1",
                "OPENAI_API_KEY": "not-used",
                **environment,
            },
        )
        started.append(process)
        return process

    yield make
    for process in started:
        process.kill()
        process.wait(10)


def eventually(fact: Callable[[], bool], seconds: float = 45) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not fact():
        time.sleep(0.1)
    return fact()


def decisions(intake: Any, **wanted: str) -> list[dict[str, Any]]:
    named = {f"watchkeeper.decision.{key}": value for key, value in wanted.items()}
    return [a for _, a in intake.events if named.items() <= a.items()]


def trust_of(intake: Any) -> list[float]:
    return [
        pair.value.double_value
        for span in intake.spans
        for pair in span.attributes
        if pair.key == "agt.trust.score"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["gateway", "clerk", "courier"])
def test_an_agent_tells_its_runs_its_models_and_its_tools(
    intake: Any, start: Callable[..., Any], agent: str
) -> None:
    process = start(f"sample_data.fleet.{agent}")

    def told() -> bool:
        words = {span.name.partition(" ")[0] for span in intake.spans}
        return {"invoke_agent", "chat", "execute_tool"} <= words

    assert eventually(told)
    assert f"invoke_agent {agent}" in {span.name for span in intake.spans}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.slow
def test_the_clerk_fails_now_and_then(intake: Any, start: Callable[..., Any]) -> None:
    start("sample_data.fleet.clerk", SAMPLE_INTERVAL_S="0.005")

    def runs(failed: bool) -> int:
        named = [span for span in intake.spans if span.name == "invoke_agent clerk"]
        return sum((span.status.code == 2) is failed for span in named)

    assert eventually(lambda: runs(True) >= 5)
    assert runs(False) > runs(True)


@pytest.mark.slow
def test_the_courier_is_governed_by_the_real_toolkit(
    intake: Any, start: Callable[..., Any]
) -> None:
    start("sample_data.fleet.courier")

    assert eventually(lambda: any("agt.audit.decision" in a for _, a in intake.events))
    names = {span.name for span in intake.spans}
    assert eventually(lambda: "agt.trust.verify" in {span.name for span in intake.spans})
    assert "agt.policy.evaluate" in names
    assert all(300 < score < 550 for score in trust_of(intake))


@pytest.mark.slow
def test_the_rogue_turns_when_asked_and_its_policy_denies_it(
    intake: Any, start: Callable[..., Any]
) -> None:
    process = start("sample_data.fleet.rogue", SAMPLE_ROGUE_AFTER="1000000")
    assert eventually(lambda: bool(decisions(intake, verdict="allow")))
    assert not decisions(intake, verdict="deny")

    process.send_signal(signal.SIGUSR1)

    assert eventually(lambda: bool(decisions(intake, verdict="deny", source="policy")))


@pytest.mark.slow
def test_the_supervisor_restarts_an_agent_that_dies_and_stops_when_told(
    intake: Any, start: Callable[..., Any]
) -> None:
    supervisor = start("sample_data.fleet", "--only", "gateway")
    assert eventually(lambda: bool(intake.spans))
    child = _child_of(supervisor.pid)

    os.kill(child, signal.SIGKILL)

    assert eventually(lambda: _child_of(supervisor.pid) not in (0, child))
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == 0


def _child_of(parent: int) -> int:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(listed[0]) if listed else 0


def test_the_quality_of_the_courier_sinks_and_stays_down() -> None:
    shares = [quality_of(number) for number in range(0, 4000, 10)]

    assert shares == sorted(shares, reverse=True)
    assert shares[0] == QUALITY_AT_START and shares[-1] == pytest.approx(QUALITY_AT_END)


def test_the_rogue_turns_when_its_patience_ends_and_behaves_again_after_a_refusal() -> None:
    seconds = iter((0, 59, 60, 3600, 3659, 3660))
    temper = Temper(patience_s=60, clock=lambda: next(seconds))
    before = [temper.plan(), temper.plan()]

    temper.calm()

    assert before == [GOOD_PLAN, BAD_PLAN]
    assert [temper.plan(), temper.plan()] == [GOOD_PLAN, BAD_PLAN]
