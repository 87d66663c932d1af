"""A relay before the collector's HTTP door: passes every export on, and keeps what was sent."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_IDS = {"traceId", "spanId", "parentSpanId"}


class Relay(ThreadingHTTPServer):
    """Listens on a free port of this machine; `kept` has the requests in OTLP/JSON."""

    daemon_threads = True

    def __init__(self, collector: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.collector = collector
        self.kept: dict[str, list[dict[str, Any]]] = {signal: [] for signal in MESSAGES}
        self.refused: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def keep(self, signal: str, body: bytes) -> None:
        message = MESSAGES[signal].FromString(body)
        self.kept[signal].append(
            _otlp_json(json_format.MessageToDict(message, use_integers_for_enums=True))
        )


class _Passing(BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = self._passed_on(body)
        if status == 200:
            zipped = self.headers.get("content-encoding") == "gzip"
            self.server.keep(
                self.path.rpartition("/")[2], gzip.decompress(body) if zipped else body
            )
        else:
            self.server.refused.append(f"{self.path}: {status}")
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _passed_on(self, body: bytes) -> tuple[int, bytes]:
        kept = ("content-type", "content-encoding")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        request = urllib.request.Request(self.server.collector + self.path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def log_message(self, format: str, *args: Any) -> None:
        """The runner says what happened."""


@contextmanager
def relaying(collector: str) -> Iterator[Relay]:
    """A relay that runs beside this thread."""
    relay = Relay(collector)
    thread = threading.Thread(target=relay.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.shutdown()
        relay.server_close()
        thread.join()


def _otlp_json(value: Any, key: str = "") -> Any:
    """OTLP/JSON has hex ids and integer enums where protobuf's own JSON has base64 and names."""
    if isinstance(value, dict):
        return {name: _otlp_json(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_otlp_json(inner, key) for inner in value]
    if key in _IDS and isinstance(value, str):
        return base64.b64decode(value).hex()
    return value


def written(kept: dict[str, list[dict[str, Any]]], folder: str) -> str:
    """A recording as a file's text, one export request a line.

    Stack traces name files: the folder they lie in is nobody's business.
    """
    signals = [
        f'"{signal}": [\n'
        + ",\n".join(json.dumps(r, separators=(",", ":")) for r in requests)
        + "]"
        for signal, requests in kept.items()
    ]
    return ("{" + ",\n".join(signals) + "}\n").replace(folder, "/srv/bank")
