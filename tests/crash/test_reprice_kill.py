"""Costs are computed anew also when the collector is killed while it is at it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.crash

WITHIN_S = 90
PRICES = """
apiVersion: watchkeeper/v1
kind: TokenPrices
prices:
  - {provider: acme, models: [large], usd_per_million: {input: %s, output: 0}}
"""
SUMS = (
    "select (select sum(cost_usd) from actions) as calls, (select sum(cost_usd) from runs) as runs,"
    " (select sum(cost_usd) from costs) as counted"
)


def cli(collector: Any, *words: str) -> str:
    command = [sys.executable, "-m", "collector", "prices", *words, "--home", str(collector.home)]
    environment = {**os.environ, "WATCHKEEPER_API": collector.api}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=WITHIN_S, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(number: int, **told: Any) -> dict[str, Any]:
    now = time.time_ns()
    attributes = [
        ("gen_ai.operation.name", {"stringValue": "chat" if number else "invoke_agent"}),
        ("gen_ai.agent.name", {"stringValue": "clerk"}),
        *([("gen_ai.request.model", {"stringValue": "large"})] if number else []),
        *[(f"gen_ai.usage.{name}", value) for name, value in told.items()],
    ]
    return {
        "traceId": "01" * 16,
        "spanId": f"{number + 1:016x}",
        **({"parentSpanId": f"{1:016x}"} if number else {}),
        "name": "chat large",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 10**6),
        "attributes": [{"key": key, "value": value} for key, value in attributes],
    }


def test_a_killed_job_goes_on_and_leaves_what_a_recount_gives(collector: Any) -> None:
    collector.home.mkdir()
    (collector.home / "prices.yaml").write_text(PRICES % 1)
    tokens = {"input_tokens": {"intValue": "1000000"}, "output_tokens": {"intValue": "0"}}
    spans = [call(0), *(call(number, **tokens) for number in range(1, 40))]
    spans.append(call(40, **tokens, cost={"doubleValue": 100.0}))
    collector.start()
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    httpx.post(f"http://{collector.http}/v1/traces", json=body).raise_for_status()
    collector.wait_until_applied()
    assert collector.sql(SUMS) == [{"calls": 139.0, "runs": 139.0, "counted": 139.0}]

    # Saved with the old prices: what is not, is told anew from the log with the new ones.
    collector.stop()
    collector.start()
    (collector.home / "prices.yaml").write_text(PRICES % 2)
    asked = ("reprice", "--since", "2020-01-01", "--reason", "a new contract", "--as", "ada")
    cli(collector, *asked, "--no-wait")
    collector.kill()
    collector.start()

    until = time.monotonic() + WITHIN_S
    while "\tdone\t" not in (told := cli(collector, "history")):
        assert time.monotonic() < until, told
    assert collector.sql(SUMS) == [{"calls": 178.0, "runs": 178.0, "counted": 178.0}]
    assert "a new contract" in told
    assert "\tada\t" in told
    assert "39 calls\t39 to 78 USD\tunpriced 0 to 0" in told
    collector.stop()
