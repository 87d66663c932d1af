"""What the frameworks sent, sent again: through the HTTP door of a collector, as OTLP/JSON."""

from __future__ import annotations

import json
from typing import Any

import httpx
from console import Collector
from pairs import RECORDED, Pair


def truths(pair: Pair) -> dict[str, Any]:
    """By scenario, what the script of a pair says really happened."""
    loaded: dict[str, Any] = json.loads(
        (RECORDED / f"{pair.name}.truth.json").read_text(encoding="utf-8")
    )
    return loaded


def text(pair: Pair) -> str:
    """The recording as it lies on the disk."""
    return (RECORDED / f"{pair.name}.json").read_text(encoding="utf-8")


def send(pair: Pair, collector: Collector) -> None:
    """Every recorded export of a pair, in the order it was sent."""
    with httpx.Client(base_url=collector.otlp_http, timeout=30) as door:
        for signal, requests in json.loads(text(pair)).items():
            for request in requests:
                answer = door.post(f"/v1/{signal}", json=request)
                assert answer.status_code == 200, answer.text
                assert not answer.json().get("partialSuccess"), answer.text
