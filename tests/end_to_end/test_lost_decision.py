"""A decision that is lost on the way is a gap in the record, for programs and for Prometheus."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.stack import ADDRESSES, free_ports

AGENT = '''
import sys
from opentelemetry import _logs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from watchkeeper_agent import attach

class Loses(SimpleLogRecordProcessor):
    """A network that loses one record."""
    def on_emit(self, log):
        if log.log_record.attributes["watchkeeper.sequence.number"] != 3:
            super().on_emit(log)

provider = LoggerProvider(resource=Resource({"service.name": "clerk"}))
provider.add_log_record_processor(Loses(OTLPLogExporter(endpoint=sys.argv[1])))
_logs.set_logger_provider(provider)
guard = attach("clerk", control="http://127.0.0.1:9", state_dir=sys.argv[2], emit_allow=True)
for _ in range(5):
    guard.check_tool("transfer")
provider.shutdown()
guard.close()
'''


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A collector of its own."""
    named = {
        name: f"127.0.0.1:{port}"
        for name, port in zip(ADDRESSES, free_ports(len(ADDRESSES)), strict=True)
    }
    command = [sys.executable, "-m", "collector", "collector", "--home", str(tmp_path / "home")]
    for name, address in named.items():
        command += [f"--{name.replace('_', '-')}", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready ")
        yield named
        process.terminate()


def rows(api: str, question: str) -> list[dict[str, Any]]:
    period = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    answer = httpx.get(f"http://{api}/v1/query/{question}", params=period).raise_for_status()
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as stream:
        told: list[dict[str, Any]] = stream.read_all().to_pylist()
        return told


def test_one_decision_that_is_lost_on_the_way_is_one_gap(
    addresses: dict[str, str], tmp_path: Path
) -> None:
    logs = f"http://{addresses['otlp_http']}/v1/logs"
    agent = [sys.executable, "-c", AGENT, logs, str(tmp_path / "state")]
    subprocess.run(agent, check=True, timeout=60)

    until = time.monotonic() + 20
    while not rows(addresses["api"], "sequence_gaps") and time.monotonic() < until:
        time.sleep(0.1)

    (gap,) = rows(addresses["api"], "sequence_gaps")
    assert (gap["service_name"], gap["first_missing"], gap["missing"]) == ("clerk", 3, 1)
    (source,) = rows(addresses["api"], "sources")
    assert (source["received"], source["stored"], source["gaps"]) == (4, 4, 1)
    assert source["clock"] in ("agrees", "not_measured")
    page = httpx.get(f"http://{addresses['api']}/metrics").text
    stored = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "watchkeeper_records_stored_total"
    ]
    assert stored == [4]
