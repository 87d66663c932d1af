"""Runs the governance toolkit under the bridge, in both versions, against a real collector.

    python tests/frameworks/run_agt.py          # both
    python tests/frameworks/run_agt.py agt_5    # one

Each version has an environment of its own below .frameworks/. What was sent is recorded in
tests/frameworks/recorded/, beside what the toolkit itself answered.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path.insert(0, str(Path(__file__).parents[1]))

from stack import environment_with_free_ports

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]

VERSIONS = ("agt_5", "agt_3_7")
MODES = ("plain", "emitting", "tampered")
MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def main(asked: list[str]) -> int:
    for version in asked or VERSIONS:
        python = environment_of(version)
        with tempfile.TemporaryDirectory() as folder:
            truths, counted = run(version, python, Path(folder))
        for mode, truth in truths.items():
            told = counted[f"agt-{mode}"]
            print(f"{version} {mode}: {len(truth['decisions'])} verdicts, {told} in `decisions`")
            # A changed record claims another decision.
            if mode != "tampered" and told != len(truth["decisions"]):
                return 1
    return 0


def environment_of(version: str) -> Path:
    """The version's interpreter; its environment is made again when its packages change."""
    home, wanted = REPOSITORY / ".frameworks" / version, HERE / version / "requirements.txt"
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        private = REPOSITORY / ".setup/uv/bin/uv"
        uv = str(private) if private.exists() else "uv"
        for command in (
            ("venv", "--quiet", "--clear", "--python", sys.executable, str(home)),
            ("pip", "install", "--quiet", "--python", str(home / "bin/python"), "-r", str(wanted)),
        ):
            subprocess.run([uv, *command], cwd=REPOSITORY, check=True)
        installed.write_text(wanted.read_text())
    return home / "bin/python"


def run(version: str, python: Path, folder: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """What AGT answered in each mode, and how many decisions the collector has of it."""
    ports = environment_with_free_ports()
    with (
        collecting(folder / "home", ports) as api,
        relaying(ports["WATCHKEEPER_OTLP_HTTP"]) as relay,
    ):
        truths = {mode: _mode(mode, python, relay, folder) for mode in MODES}
        counted = _settled(api)
    recorded = HERE / "recorded"
    recorded.mkdir(exist_ok=True)
    (recorded / f"{version}.json").write_text(_written(relay.kept))
    (recorded / f"{version}.truth.json").write_text(json.dumps(truths, indent=1) + "\n")
    return truths, counted


def _mode(mode: str, python: Path, relay: Relay, folder: Path) -> dict[str, Any]:
    truth = folder / f"{mode}.json"
    subprocess.run(
        [str(python), "-W", "ignore", str(HERE / "agt/agent.py"), mode, str(truth)],
        cwd=folder,
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": relay.url},
        timeout=180,
        check=True,
    )
    told: dict[str, Any] = json.loads(truth.read_text())
    return told


@contextmanager
def collecting(home: Path, ports: dict[str, str]) -> Iterator[str]:
    """A collector of its own; answers where it is asked."""
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", "collector", "--home", str(home)],
        cwd=REPOSITORY,
        env=ports,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready"), f"the collector did not become ready: {line}"
        yield f"http://{ports['WATCHKEEPER_API']}"
    finally:
        process.terminate()
        process.wait(60)


def _settled(api: str) -> dict[str, int]:
    """Decisions by instance, once everything acknowledged can be asked for."""
    until = time.monotonic() + 60
    while httpx.get(f"{api}/v1/meta").json()["wal_lag_records"] and time.monotonic() < until:
        time.sleep(0.1)
    sql = "select instance, count(*) as decisions from decisions group by all"
    answer = httpx.post(f"{api}/v1/sql", json={"sql": sql, "limit": 1000})
    rows = pl.read_ipc_stream(io.BytesIO(answer.content)).to_dicts()
    return {row["instance"]: row["decisions"] for row in rows}


class Relay(ThreadingHTTPServer):
    """Passes every export on to the collector and keeps what was sent."""

    daemon_threads = True

    def __init__(self, collector: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.collector = collector
        self.kept: dict[str, list[Any]] = {signal: [] for signal in MESSAGES}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Passing(BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        coding = self.headers.get("content-encoding")
        headers = {"content-type": self.headers["content-type"]}
        headers |= {"content-encoding": coding} if coding else {}
        url = f"http://{self.server.collector}{self.path}"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            told = answer.read()
        signal = self.path.rpartition("/")[2]
        message = MESSAGES[signal].FromString(gzip.decompress(body) if coding else body)
        plain = json_format.MessageToDict(message, use_integers_for_enums=True)
        self.server.kept[signal].append(_hex_ids(plain))
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        """The runner says what happened."""


@contextmanager
def relaying(collector: str) -> Iterator[Relay]:
    relay = Relay(collector)
    thread = threading.Thread(target=relay.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.shutdown()
        relay.server_close()


def _hex_ids(value: Any, key: str = "") -> Any:
    """OTLP/JSON has hex ids where protobuf's own JSON has base64."""
    if isinstance(value, dict):
        return {name: _hex_ids(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hex_ids(inner, key) for inner in value]
    if key in ("traceId", "spanId", "parentSpanId"):
        return base64.b64decode(value).hex()
    return value


def _written(kept: dict[str, list[Any]]) -> str:
    """One export request a line."""
    signals = [
        f'"{signal}": [\n' + ",\n".join(json.dumps(r, separators=(",", ":")) for r in told) + "]"
        for signal, told in kept.items()
    ]
    return "{" + ",\n".join(signals) + "}\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
