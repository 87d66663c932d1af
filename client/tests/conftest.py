"""A control server that lives in the test: signs documents and speaks OpAMP over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from opentelemetry import _logs
from opentelemetry._opamp.proto import opamp_pb2
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from watchkeeper_agent import Guard, attach

sys.path.insert(0, str(Path(__file__).parent))


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


class Signer:
    """The signing key of control."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key()

    @property
    def jwk(self) -> dict[str, str]:
        x = encoded(self.public.public_bytes_raw()).decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "test"}

    def sign(self, claims: dict[str, Any], **header: Any) -> bytes:
        named = {"alg": "EdDSA", "kid": "test", "typ": "watchkeeper-control+jws", **header}
        head = encoded(json.dumps(named).encode())
        message = head + b"." + encoded(json.dumps(claims).encode())
        return message + b"." + encoded(self._key.sign(message))


def claims(*holds: dict[str, Any], now: float, gen: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "ver": 1,
        "iss": "control",
        "aud": "default/default/*",
        "jti": f"jti-{gen}",
        "iat": int(now),
        "exp": int(now) + 600,
        "epoch": 1,
        "gen": gen,
        "prev": "",
        "lease": {"ttl_s": 30, "grace_s": 30, "on_loss": "degrade"},
        "holds": list(holds),
        **others,
    }


def hold(kind: str, **others: Any) -> dict[str, Any]:
    return {
        "hold_id": f"hold-{kind}",
        "command_id": f"command-{kind}",
        "kind": kind,
        "mode": "enforce",
        "scope": {"agent_name": "clerk", "instance": None},
        **others,
    }


class Control:
    """Offers one document to whoever asks, and keeps what agents said."""

    def __init__(self) -> None:
        self.signer = Signer()
        self.said: list[Any] = []
        self.acks: list[dict[str, Any]] = []
        self.secrets: set[str] = set()
        self._document = b""
        self._gen = 0
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def want(self, *holds: dict[str, Any]) -> None:
        """The new desired state: exactly these holds."""
        self._gen += 1
        self.offer(self.signer.sign(claims(*holds, now=time.time(), gen=self._gen)))

    def offer(self, document: bytes) -> None:
        with self._changed:
            self._document = document
            self._changed.notify_all()

    def answer(self, raw: bytes) -> bytes:
        message = opamp_pb2.AgentToServer.FromString(raw)
        with self._changed:
            self._keep(message)
            known = message.remote_config_status.last_remote_config_hash
            self._changed.wait_for(lambda: self._hash() != (known or self._hash()), timeout=0.3)
            reply = opamp_pb2.ServerToAgent(instance_uid=message.instance_uid)
            if self._document and self._hash() != known:
                self._put(reply)
            return bytes(reply.SerializeToString())

    def _keep(self, message: Any) -> None:
        self.said.append(message)
        if message.custom_message.type == "ack":
            self.acks.append(json.loads(message.custom_message.data))

    def _put(self, reply: Any) -> None:
        file = reply.remote_config.config.config_map["watchkeeper"]
        file.body, file.content_type = self._document, "application/jose"
        reply.remote_config.config_hash = self._hash()

    def _hash(self) -> bytes:
        return hashlib.sha256(self._document).digest()


def _handler(control: Control) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(json.dumps({"keys": [control.signer.jwk]}).encode())

        def do_POST(self) -> None:
            control.secrets.add(self.headers["Authorization"])
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(control.answer(raw))

        def _reply(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@pytest.fixture
def control() -> Iterator[Control]:
    server = Control()
    yield server
    server.close()


@pytest.fixture
def attached(control: Control, tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    guards: list[Guard] = []

    def make(agent: str = "clerk", **options: Any) -> Guard:
        named = {"control": control.url, "state_dir": tmp_path / "state", **options}
        guards.append(attach(agent, **named))
        return guards[-1]

    yield make
    for guard in guards:
        guard.close()


@pytest.fixture(scope="session")
def log_exporter() -> InMemoryLogRecordExporter:
    """The one LoggerProvider of the test process; OpenTelemetry allows it to be set once."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # untyped in the SDK
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    _logs.set_logger_provider(provider)
    return exporter


@pytest.fixture
def told(log_exporter: InMemoryLogRecordExporter) -> Callable[[], list[Any]]:
    """The decision events emitted during this test."""
    log_exporter.clear()
    return lambda: _events(log_exporter, "watchkeeper.decision")


@pytest.fixture
def told_of_link(log_exporter: InMemoryLogRecordExporter) -> Callable[[], list[Any]]:
    """The events of the line to control emitted during this test."""
    log_exporter.clear()
    return lambda: _events(log_exporter, "watchkeeper.link")


def _events(log_exporter: InMemoryLogRecordExporter, name: str) -> list[Any]:
    records = [record.log_record for record in log_exporter.get_finished_logs()]
    return [record for record in records if record.event_name == name]


def eventually(fact: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Wait for something another thread does."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if fact():
            return True
        time.sleep(0.01)
    return fact()


@pytest.fixture
def words() -> dict[str, Any]:
    return {"claims": claims, "hold": hold, "eventually": eventually, "Signer": Signer}
