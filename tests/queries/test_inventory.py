"""What agents are made of, asked by name, against a home's inventory.yaml."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.homefile import HomeFile
from collector.inventory.inventory_file import read_inventory
from collector.inventory.registered import Registered
from collector.inventory_queries import register_inventory
from collector.queries import Queries
from collector.store.reader import Reader
from tests.queries.conftest import NOW, Given


def action(agent: str, kind: str, name: str, days_ago: int = 0, **told: Any) -> dict[str, Any]:
    return {
        "trace_id": "01" * 16,
        "span_id": "02" * 8,
        "agent": agent,
        "kind": kind,
        "name": name,
        "outcome": "ok",
        "started_at": NOW - timedelta(days=days_ago),
        **told,
    }


@pytest.fixture
def asked(reader: Reader, given: Given, tmp_path: Path) -> Queries:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "apiVersion: watchkeeper/v1\nkind: Inventory\nmodels: [gpt-4o, claude]\ntools: ['mail.*']\n"
    )
    queries = Queries(reader, now=lambda: NOW)
    register_inventory(queries, HomeFile(path, read_inventory, Registered()))
    given(
        {
            "action": [
                action("clerk", "model", "gpt-4o", model="gpt-4o", provider="openai"),
                action("clerk", "model", "gpt-4o", 3, model="gpt-4o", provider="openai"),
                action("rogue", "model", "llama", model="llama"),
                action("rogue", "tool", "mail.send", mcp_server="mail:8080"),
                action("rogue", "tool", "shell", framework="crewai"),
                action("triage", "tool", "crm-lookup", framework="semantic-kernel"),
            ]
        }
    )
    return queries


def test_the_inventory_names_what_nobody_registered_first(asked: Queries) -> None:
    rows = asked.ask("inventory", {}).to_pylist()

    found = {(row["kind"], row["name"]): row for row in rows}
    assert [(row["kind"], row["name"]) for row in rows[:4]] == [
        ("model", "llama"),
        ("tool", "crm-lookup"),
        ("tool", "shell"),
        ("model", "claude"),
    ]
    model = found["model", "gpt-4o"]
    assert (model["standing"], model["origin"], model["events"]) == ("registered", "openai", 2)
    assert (model["agents"], model["last_seen"] - model["first_seen"]) == (
        ["clerk"],
        timedelta(days=3),
    )
    assert found["model", "claude"]["standing"] == "missing"
    assert found["model", "claude"]["last_seen"] is None
    assert found["tool", "mail.send"]["origin"] == "mail:8080"
    assert found["mcp_server", "mail:8080"]["agents"] == ["rogue"]
    assert found["plugin", "crm"]["agents"] == ["triage"]
    assert found["agent", "rogue"]["standing"] is None


def test_an_agent_that_invents_names_hides_nothing_of_another(
    asked: Queries, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.inventory_queries._MOST", 20)
    given({"action": [action("bomber", "tool", f"a {number}") for number in range(50)]})

    found = {
        (row["kind"], row["name"]): row["standing"]
        for row in asked.ask("inventory", {}).to_pylist()
    }

    assert found["model", "gpt-4o"] == "registered"
    assert found["tool", "mail.send"] == "registered"
    assert {("tool", "shell"), ("tool", "crm-lookup"), ("model", "llama")} <= found.keys()


def test_it_is_narrowed_by_kind_standing_and_agent(asked: Queries) -> None:
    rows = asked.ask(
        "inventory", {"kind": "tool", "standing": "unregistered", "agent": "rogue"}
    ).to_pylist()

    assert [row["name"] for row in rows] == ["shell"]
