"""What a collector must say: what really happened, less what a dialect is known to lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from counting import Facts, happened

LOSSES = Path(__file__).parent / "losses.yaml"


def losses() -> dict[str, list[dict[str, Any]]]:
    """By pair: why something does not arrive as it happened, and what arrives by scenario."""
    loaded: dict[str, list[dict[str, Any]]] = yaml.safe_load(LOSSES.read_text(encoding="utf-8"))
    return loaded


def expected(name: str, truths: dict[str, Any]) -> dict[str, Facts]:
    """By scenario, what must be told of a pair."""
    facts = {scenario: happened(truth) for scenario, truth in truths.items()}
    for loss in losses().get(name, []):
        for scenario, arriving in loss["arrives"].items():
            facts[scenario].update(arriving)
    return facts


def differences(name: str, truths: dict[str, Any], counted: dict[str, Facts]) -> list[str]:
    """One line for each fact that is not told as it must be."""
    return [
        f"{scenario}, {fact}: expected {value}, the collector says {counted[scenario][fact]}"
        for scenario, facts in expected(name, truths).items()
        for fact, value in facts.items()
        if counted[scenario][fact] != value
    ]
