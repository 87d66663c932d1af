"""The inventory as CycloneDX: nothing is lost, and references lead somewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from collector.inventory.cyclonedx import bill_of_materials
from collector.inventory.registered import ComponentKind

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
SERIAL = UUID("3e671687-395b-41f5-a30f-a58921a69b79")
names = st.text(min_size=1, max_size=6)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from([kind.value for kind in ComponentKind]),
            "name": names,
            "version": st.none() | names,
            "origin": st.none() | names,
            "agents": st.none() | st.lists(names, max_size=3),
            "standing": st.sampled_from([None, "registered", "unregistered"]),
            "first_seen": st.just(NOW),
        }
    ),
    max_size=8,
    unique_by=lambda row: (row["kind"], row["name"], row["version"] or "", row["origin"] or ""),
)


def made(told: list[dict[str, Any]]) -> dict[str, Any]:
    return bill_of_materials(told, version="1.0", made_at=NOW, serial=SERIAL)


def test_a_model_is_an_ml_component_that_its_agents_depend_on() -> None:
    bill = made(
        [
            {"kind": "agent", "name": "clerk", "agents": ["clerk"]},
            {"kind": "model", "name": "gpt-4o", "origin": "openai", "agents": ["clerk"]},
            {"kind": "mcp_server", "name": "files:8080", "agents": ["clerk"], "sample": False},
        ]
    )

    clerk, model = bill["components"]
    assert (clerk["type"], model["type"]) == ("application", "machine-learning-model")
    assert model["supplier"] == {"name": "openai"}
    assert bill["services"][0]["name"] == "files:8080"
    [dependency] = bill["dependencies"]
    assert dependency["ref"] == clerk["bom-ref"]
    assert dependency["dependsOn"] == sorted([model["bom-ref"], bill["services"][0]["bom-ref"]])


@given(rows)
def test_every_row_is_there_once_and_every_reference_leads_to_one(
    told: list[dict[str, Any]],
) -> None:
    bill = made(told)

    assert json.loads(json.dumps(bill)) == bill
    parts = [*bill["components"], *bill["services"]]
    references = [part["bom-ref"] for part in parts]
    assert len(references) == len(set(references)) == len(told)
    for dependency in bill["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= set(references)
