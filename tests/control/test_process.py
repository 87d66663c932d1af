"""The real process: started, killed, restarted, raced and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from collector.control.journal import Journal
from collector.control.process import add_user, new_sign_in_link
from collector.errors import ConfigurationError
from collector.receive.values import attributes_of
from tests.control.conftest import Agent, order, settings_of

PROGRAM = """
import asyncio, sys
from pathlib import Path
from collector.config import Address, Settings
from collector.control.process import serve
from collector.errors import WatchkeeperError

home, control, otlp = sys.argv[1:]
nowhere = Address("127.0.0.1", 9)
settings = Settings(
    home=Path(home), otlp_grpc=nowhere, otlp_http=Address("127.0.0.1", int(otlp)), api=nowhere,
    control=Address("127.0.0.1", int(control)), ui=Address("127.0.0.1", 8501),
)
try:
    asyncio.run(serve(settings))
except WatchkeeperError as error:
    sys.exit(f"watchkeeper: {error}")
"""
ROOT = Path(__file__).parents[2]


@dataclass
class Control:
    """A control process and a client that has signed in."""

    home: Path
    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    ready_s: float
    headers: dict[str, str] = field(default_factory=dict)

    def agent(self, name: str = "rogue") -> Agent:
        return Agent(self.client, name)

    async def sign_in(self) -> None:
        link = new_sign_in_link(settings_of(self.home), "admin")
        code = link.rpartition("code=")[2]
        answer = await self.client.post("/v1/sessions", json={"code": code})
        self.headers = {"authorization": f"Bearer {answer.json()['token']}"}

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers)

    async def get(self, path: str) -> Any:
        return (await self.client.get(path, headers=self.headers)).json()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def launched(home: Path, port: int = 0, otlp: int = 9) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", PROGRAM, str(home), str(port), str(otlp)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def control(home: Path, otlp: int = 9) -> AsyncIterator[Control]:
    since = time.monotonic()
    process = await launched(home, otlp=otlp)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        ready_s = time.monotonic() - since
        assert line.startswith("ready control=127.0.0.1:")
        url = "http://" + line.split("=")[1].strip()
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            running = Control(home, process, client, ready_s)
            await running.sign_in()
            yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_kill_reaches_a_waiting_agent_within_100_ms(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        agent = running.agent()
        await agent.hello()
        await agent.apply()
        seconds = [await _kill_and_measure(running, agent) for _ in range(10)]

    assert sorted(seconds)[5] < 0.1, seconds
    assert min(seconds) < 0.03, seconds


async def _kill_and_measure(running: Control, agent: Agent) -> float:
    waiting = asyncio.create_task(agent.poll(wait_s=10))
    await asyncio.sleep(0.05)
    since = time.monotonic()
    made = asyncio.create_task(running.post("/v1/commands", order()))
    answer = await asyncio.wait_for(waiting, 5)
    took = time.monotonic() - since
    assert answer.HasField("remote_config")
    await agent.apply()
    assert (await made).status_code == 201
    return took


async def test_holds_survive_a_restart_and_the_epoch_grows(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        agent = running.agent()
        await agent.hello()
        command = (await running.post("/v1/commands", order())).json()
        await agent.poll()
        before = agent.claims_unverified
        await running.kill()

    async with control(tmp_path) as restarted:
        agent.client = restarted.client
        await agent.poll()
        after = agent.claims_unverified
        shown = await restarted.get(f"/v1/commands/{command['command_id']}")

    assert (after["epoch"], after["gen"]) > (before["epoch"], before["gen"])
    assert after["prev"]
    assert [held["hold_id"] for held in after["holds"]] == [command["hold_id"]]
    assert shown["state"] == "delivered"


@pytest.mark.crash
async def test_a_command_answered_before_kill_9_is_there_and_no_half_command_is(
    tmp_path: Path,
) -> None:
    answered: list[str] = []
    for round_ in range(4):
        async with control(tmp_path) as running:
            orders = [asyncio.create_task(_answered(running)) for _ in range(30)]
            await asyncio.sleep(0.02 + 0.02 * round_)
            await running.kill()
            answered += [found for found in await asyncio.gather(*orders) if found]

    async with control(tmp_path) as restarted:
        listed = (await restarted.get("/v1/commands?limit=1000"))["commands"]

    assert answered
    assert set(answered) <= {command["command_id"] for command in listed}
    for command in listed:
        assert command["state"] == "signed"
        assert [phase["phase"] for phase in command["phases"]] == ["requested", "signed"]


async def _answered(running: Control) -> str | None:
    try:
        answer = await running.post("/v1/commands", order())
    except httpx.TransportError:
        return None
    return str(answer.json()["command_id"])


async def test_a_retry_after_kill_9_is_the_same_command(tmp_path: Path) -> None:
    body = order()
    async with control(tmp_path) as running:
        first = await running.post("/v1/commands", body)
        await running.kill()

    async with control(tmp_path) as restarted:
        second = await restarted.post("/v1/commands", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["hold_id"] == second.json()["hold_id"]


async def test_a_hold_expires_without_anybody_asking(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        agent = running.agent()
        await agent.hello()
        await running.post("/v1/commands", order(expires_in_s=60))
        await agent.poll()
        await agent.apply()
        await running.kill()
    journal = Journal.open(tmp_path / "control")
    with journal.transaction():
        # The journal's own clock cannot be moved from outside, so its memory is.
        journal._connection.execute("update command set expires_at = '2026-01-15T12:00:00.000000Z'")
    journal.close()

    async with control(tmp_path) as restarted:
        for _ in range(50):
            [command] = (await restarted.get("/v1/commands"))["commands"]
            if command["state"] == "expired":
                break
            await asyncio.sleep(0.05)

    assert command["state"] == "expired"


async def test_sigterm_ends_held_requests_and_the_process(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        agent = running.agent()
        await agent.hello()
        await agent.apply()
        waiting = asyncio.create_task(agent.poll(wait_s=20))
        await asyncio.sleep(0.1)
        since = time.monotonic()

        running.process.send_signal(signal.SIGTERM)
        answer = await asyncio.wait_for(waiting, 5)
        status = await asyncio.wait_for(running.process.wait(), 5)

    assert status == 0
    assert not answer.HasField("remote_config")
    assert time.monotonic() - since < 4


async def test_the_first_start_prints_one_link_and_later_starts_none(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        link_file = tmp_path / "control" / "sign-in-link"
        code = link_file.read_text().strip().rpartition("code=")[2]
        answer = await running.client.post("/v1/sessions", json={"code": code})
        assert running.ready_s < 5
        running.process.terminate()
        assert running.process.stderr is not None
        first = (await running.process.stderr.read()).decode()
    async with control(tmp_path) as again:
        again.process.terminate()
        assert again.process.stderr is not None
        second = (await again.process.stderr.read()).decode()

    assert answer.json()["role"] == "admin"
    assert link_file.stat().st_mode & 0o777 == 0o600
    assert f"http://127.0.0.1:8501/signin?code={code}" in first
    assert "signin" not in second


async def test_operators_can_be_added_beside_the_running_process(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        settings = settings_of(tmp_path)

        add_user(settings, "jo", "operator", "a long enough password")
        body = {"user": "jo", "password": "a long enough password"}
        answer = await running.client.post("/v1/sessions", json=body)

    assert answer.json()["role"] == "operator"


async def _refusal(home: Path, port: int = 0) -> str:
    process = await launched(home, port)
    _, narration = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    return narration.decode()


async def test_one_clear_sentence_says_why_it_cannot_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = await _refusal(tmp_path / "a", port)
    async with control(tmp_path / "b"):
        owned = await _refusal(tmp_path / "b")
    (tmp_path / "c" / "control").mkdir(parents=True)
    (tmp_path / "c" / "control" / "journal.sqlite").write_bytes(b"no database" * 500)
    damaged = await _refusal(tmp_path / "c")

    assert busy.startswith(f"watchkeeper: 127.0.0.1:{port} is taken")
    assert owned.startswith("watchkeeper: another control process already owns")
    assert "is not a usable journal" in damaged
    for sentence in (busy, owned, damaged):
        assert sentence.count("\n") == 1


@dataclass
class Collector:
    """A real HTTP receiver that answers 503 until it is told to be well."""

    status: int = 503
    requests: list[bytes] = field(default_factory=list)
    attempts: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
        self.attempts += 1
        if self.status == 200:
            self.requests.append(body)
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @property
    def records(self) -> list[Any]:
        return [
            record
            for body in self.requests
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


def _faults(record: Any) -> list[str]:
    """What is wrong with an event, in the words of its published schema."""
    schema = ROOT / "collector" / "schemas" / f"{record.event_name}.json"
    told = {
        "event_name": record.event_name,
        "severity_number": record.severity_number,
        "attributes": attributes_of(record.attributes),
    }
    validator = Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(told)]


async def _until(condition: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert condition()


async def test_transitions_wait_for_the_collector_and_arrive_in_order(tmp_path: Path) -> None:
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, control(tmp_path, otlp=port) as running:
        agent = running.agent()
        await agent.hello()
        command = (await running.post("/v1/commands", order("degrade"))).json()
        await agent.poll()
        await agent.apply(mode="degrade")
        await _until(lambda: collector.attempts > 1)
        waiting = (await running.get("/readyz"))["events_waiting"]

        collector.status = 200
        await _until(lambda: len(collector.records) >= 4)
        await asyncio.sleep(0.2)
        left = (await running.get("/readyz"))["events_waiting"]

    told = [{a.key: a.value for a in record.attributes} for record in collector.records]
    phases = [attributes["watchkeeper.command.phase"].string_value for attributes in told]
    assert (waiting, left) == (4, 0)
    assert phases == ["requested", "signed", "delivered", "acked"]
    assert {record.event_name for record in collector.records} == {"watchkeeper.command"}
    assert [_faults(record) for record in collector.records] == [[], [], [], []]
    acked = told[-1]
    assert acked["watchkeeper.command.id"].string_value == command["command_id"]
    assert acked["watchkeeper.command.status"].string_value == "applied"
    assert acked["watchkeeper.command.effective_mode"].string_value == "degrade"
    assert acked["watchkeeper.instance_uid"].string_value == str(agent.uid)
    assert acked["watchkeeper.state_gen"].int_value == 2
    assert acked["watchkeeper.sample"].bool_value is False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_process_stays_light(tmp_path: Path) -> None:
    async with control(tmp_path) as running:
        maps = Path(f"/proc/{running.process.pid}/maps").read_text()

    for heavy in ("duckdb", "polars", "pyarrow", "numpy"):
        assert f"/{heavy}" not in maps


@contextlib.contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """While it lasts the process can write no byte to any file."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit")
async def test_a_full_disk_refuses_new_commands_and_keeps_the_holds_that_stand(
    tmp_path: Path,
) -> None:
    async with control(tmp_path) as running:
        agent = running.agent()
        await agent.hello()
        killed = await running.post("/v1/commands", order("kill"))
        await agent.poll(wait_s=5)
        holds_before = [held["hold_id"] for held in agent.claims_unverified["holds"]]
        await agent.apply()

        with full_disk(running.process.pid):
            refused = await running.post("/v1/commands", order("pause"))
            not_ready = await running.client.get("/readyz")
            # Longer than every kind of upkeep, none of which may end the process.
            await asyncio.sleep(6)
            await agent.poll()
            standing = await running.get("/v1/holds")
        after = await running.post("/v1/commands", order("pause"))

        assert killed.status_code == 201 and len(holds_before) == 1
        assert (refused.status_code, not_ready.status_code) == (503, 503)
        assert "nothing was done" in refused.json()["error"]["message"]
        assert [held["hold_id"] for held in standing["holds"]] == holds_before
        assert after.status_code == 201 and running.process.returncode is None


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [("journal.sqlite", "with it every hold"), ("signing-key.pem", "agents trust no other key")],
)
async def test_a_home_that_lost_a_part_does_not_start_as_if_it_were_new(
    tmp_path: Path, lost: str, sentence: str
) -> None:
    """Or else an empty journal would sign the release of every killed agent."""
    async with control(tmp_path) as running:
        await running.kill()
    for file in (tmp_path / "control").glob(f"{lost}*"):
        file.unlink()

    refusal = await _refusal(tmp_path)

    assert sentence in refusal and refusal.count("\n") == 1
    with pytest.raises(ConfigurationError, match=sentence):
        add_user(settings_of(tmp_path), "jo", "operator", None)


async def test_who_never_sends_a_request_does_not_keep_others_out(tmp_path: Path) -> None:
    """Two hundred callers that send half a header, and one that sends half a body."""
    async with control(tmp_path) as running:
        host, port = running.client.base_url.host, running.client.base_url.port
        slow = [await asyncio.open_connection(host, port) for _ in range(200)]
        for _, writer in slow:
            writer.write(b"POST /v1/opamp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        _, half = await asyncio.open_connection(host, port)
        half.write(b"POST /v1/opamp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx")

        answer = await running.post("/v1/commands", order("kill"))

        assert answer.status_code == 201
        for _, writer in [*slow, (None, half)]:
            writer.close()


def test_a_link_for_a_home_that_is_none_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name its --home"):
        new_sign_in_link(settings_of(tmp_path / "elsewhere"), "admin")

    assert not (tmp_path / "elsewhere").exists()
