"""A control plane in one process with a clock that tests move, and agents that speak OpAMP."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from opentelemetry._opamp.proto import opamp_pb2 as opamp

from collector.config import Address, Settings
from collector.control import authority
from collector.control.app import app
from collector.control.documents import verified
from collector.control.journal import Journal
from collector.control.process import Parts

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass
class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


def settings_of(home: Path, control_port: int = 0, otlp_port: int = 9) -> Settings:
    nowhere = Address("127.0.0.1", 9)
    return Settings(
        home=home,
        otlp_grpc=nowhere,
        otlp_http=Address("127.0.0.1", otlp_port),
        api=nowhere,
        control=Address("127.0.0.1", control_port),
        ui=Address("127.0.0.1", 8501),
    )


@dataclass
class Agent:
    """One instance of an agent, speaking real protobufs to a client."""

    client: httpx.AsyncClient
    name: str
    uid: UUID = field(default_factory=uuid4)
    secret: str = "a secret of its own making"
    sequence: int = 0
    config_hash: bytes = b""
    body: str = ""

    def message(self, *, describe: bool = False, **fields: Any) -> Any:
        message = opamp.AgentToServer(
            instance_uid=self.uid.bytes, sequence_num=self.sequence, **fields
        )
        self.sequence += 1
        if describe:
            self._describe(message.agent_description)
        return message

    def _describe(self, description: Any) -> None:
        said = {"gen_ai.agent.name": self.name, "service.name": "fleet"}
        for name, value in (said | {"watchkeeper.hooks": "pre_tool_call"}).items():
            attribute = description.identifying_attributes.add(key=name)
            attribute.value.string_value = value
        description.non_identifying_attributes.add(key="process.pid").value.int_value = 42

    async def send(self, message: Any, wait_s: int = 0, zipped: bool = False) -> Any:
        response = await self.post(message.SerializeToString(), wait_s, zipped)
        assert response.status_code == 200, response.content
        answer = opamp.ServerToAgent.FromString(response.content)
        if answer.HasField("remote_config"):
            self.config_hash = answer.remote_config.config_hash
            self.body = answer.remote_config.config.config_map["watchkeeper"].body.decode()
            assert hashlib.sha256(self.body.encode()).digest() == self.config_hash
        return answer

    async def post(self, body: bytes, wait_s: int = 0, zipped: bool = False) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {self.secret}",
            "content-type": "application/x-protobuf",
            "prefer": f"wait={wait_s}",
        }
        if zipped:
            headers["content-encoding"], body = "gzip", gzip.compress(body)
        return await self.client.post("/v1/opamp", content=body, headers=headers)

    async def hello(self) -> Any:
        return await self.send(self.message(describe=True))

    async def poll(self, wait_s: int = 0) -> Any:
        return await self.send(self.message(), wait_s)

    async def apply(self, wait_s: int = 0, mode: str = "normal", error: str = "") -> Any:
        """Answer the last document, as an agent does after it has obeyed it."""
        status = opamp.RemoteConfigStatus(
            last_remote_config_hash=self.config_hash,
            status=opamp.RemoteConfigStatuses_FAILED
            if error
            else opamp.RemoteConfigStatuses_APPLIED,
            error_message=error,
        )
        ack = {
            "effective_mode": mode,
            "hooks": ["pre_tool_call", "pre_model_call"],
            "holds": {held["hold_id"]: "enforcing" for held in self.claims_unverified["holds"]},
        }
        custom = opamp.CustomMessage(
            capability="dev.watchkeeper.agentcontrol/v1",
            type="ack",
            data=json.dumps(ack).encode(),
        )
        message = self.message(remote_config_status=status, custom_message=custom)
        return await self.send(message, wait_s)

    @property
    def claims_unverified(self) -> dict[str, Any]:
        import base64

        payload = self.body.split(".")[1]
        claims: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
        return claims


@dataclass
class Bench:
    """Everything a test needs around one control plane."""

    home: Path
    clock: TestClock
    journal: Journal
    parts: Parts
    client: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    def agent(self, name: str = "rogue", **fields: Any) -> Agent:
        return Agent(self.client, name, **fields)

    async def sign_in(self, role: str) -> dict[str, str]:
        """Headers of an operator of this role; the operator is called like the role."""
        if role not in self.tokens:
            if self.journal.row("find_operator", name=role) is None:
                authority.add_operator(self.journal, role, role, None, self.clock())
            code = authority.new_code(self.journal, role, self.clock())
            answer = await self.client.post("/v1/sessions", json={"code": code})
            self.tokens[role] = answer.json()["token"]
        return {"authorization": f"Bearer {self.tokens[role]}"}

    async def get(self, path: str, role: str = "viewer") -> Any:
        answer = await self.client.get(path, headers=await self.sign_in(role))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, role: str = "operator") -> httpx.Response:
        return await self.client.post(path, json=body, headers=await self.sign_in(role))

    async def command(self, kind: str = "kill", agent: str = "rogue", **fields: Any) -> Any:
        answer = await self.post("/v1/commands", order(kind, agent, **fields))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def release(self, hold_id: str, role: str = "operator", key: str = "") -> httpx.Response:
        body = {"reason": "all clear", "idempotency_key": key or new_key()}
        return await self.post(f"/v1/holds/{hold_id}/release", body, role)

    async def prove(
        self, hold_id: str, agent: Agent, /, token: str = "", **fields: Any
    ) -> httpx.Response:
        body: dict[str, Any] = {
            "hold_id": hold_id,
            "decision_id": "d-1",
            "instance_uid": str(agent.uid),
            "at": "2026-01-15T12:00:01Z",
            "stage": "pre_tool_call",
            **fields,
        }
        bearer = token or self.parts.door.collector_token
        headers = {"authorization": f"Bearer {bearer}"}
        return await self.client.post("/v1/evidence", json=body, headers=headers)

    def claims(self, agent: Agent) -> dict[str, Any]:
        """The claims of the last document, believed only after verification."""
        return verified(agent.body, self.parts.door.signer.public)

    def told(self) -> list[dict[str, Any]]:
        """The attributes of every spooled transition, oldest first."""
        rows = self.journal.rows("next_events", limit=1000)
        return [json.loads(row["event"])["attributes"] for row in rows]


def new_key() -> str:
    return f"click-{next(_numbers):06}"


def order(kind: str = "kill", agent: str = "rogue", **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "scope": {"agent_name": agent},
        "reason": "sends data outside",
        "expires_in_s": 3600,
        "idempotency_key": new_key(),
        **fields,
    }


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path / "control")
    yield opened
    opened.close()


@pytest.fixture
async def bench(tmp_path: Path, clock: TestClock, journal: Journal) -> AsyncIterator[Bench]:
    parts = Parts.of(settings_of(tmp_path), journal, clock)
    transport = httpx.ASGITransport(app(parts.door, frozenset({"127.0.0.1"})))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4320") as client:
        yield Bench(tmp_path, clock, journal, parts, client)
        parts.presence.close()
        await asyncio.sleep(0)
