"""The inventory as CycloneDX: nothing is lost, and references lead somewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from collector.inventory.cyclonedx import bill_of_materials
from collector.inventory.registered import ComponentKind

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
SERIAL = UUID("3e671687-395b-41f5-a30f-a58921a69b79")
OFFICIAL = JsonStrictValidator(SchemaVersion.V1_6)
# Names come from telemetry: markup, quotes, line ends, our own separators, whatever Unicode has.
hostile = ["<script>", '"}],"x":[{"', "a|b||c", "urn:cdx:1", "\x00\x1b[31m", "\u202e", "#card", " "]
names = st.text(min_size=1, max_size=6) | st.sampled_from(hostile) | st.just("x" * 5_000)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from([kind.value for kind in ComponentKind]),
            "name": names,
            "version": st.none() | names,
            "origin": st.none() | names,
            "agents": st.none() | st.lists(names, max_size=3),
            "standing": st.sampled_from([None, "registered", "unregistered"]),
            "first_seen": st.none() | st.just(NOW),
            "last_seen": st.just(NOW),
            "events": st.none() | st.integers(0, 2**62),
            "sample": st.booleans(),
            "owner": st.none() | names,
            "signer": st.none() | names,
            "signed": st.sampled_from([None, True]),
            "sha256": st.none() | st.just("0" * 64),
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


def test_the_official_schema_refuses_what_is_no_bill() -> None:
    bill = made([{"kind": "model", "name": "gpt-4o"}])
    bill["components"][0]["type"] = "model"

    assert OFFICIAL.validate_str(json.dumps(bill)) is not None


def test_a_model_card_says_who_used_it_and_no_more_than_is_known() -> None:
    [model] = made([{"kind": "model", "name": "gpt-4o", "agents": ["clerk"]}])["components"]

    told = [(each["name"], each["value"]) for each in model["modelCard"]["properties"]]
    assert told == [
        ("watchkeeper:basis", "observed telemetry"),
        ("watchkeeper:used_by", "clerk"),
    ]
    assert set(model["modelCard"]) == {"bom-ref", "properties"}


def test_signed_is_true_where_a_signer_is_registered_and_else_not_known() -> None:
    bill = made(
        [
            {"kind": "plugin", "name": "mail", "signer": "acme", "signed": True},
            {"kind": "mcp_server", "name": "files"},
        ]
    )

    def signed(part: dict[str, Any]) -> list[str]:
        return [e["value"] for e in part["properties"] if e["name"] == "watchkeeper:signed"]

    assert signed(bill["components"][0]) == ["true"]
    assert signed(bill["services"][0]) == ["not known"]


@given(rows)
def test_every_row_is_there_once_and_every_reference_leads_to_one(
    told: list[dict[str, Any]],
) -> None:
    bill = made(told)

    assert json.loads(json.dumps(bill)) == bill
    assert OFFICIAL.validate_str(json.dumps(bill)) is None
    parts = [*bill["components"], *bill["services"]]
    references = [part["bom-ref"] for part in parts]
    assert len(references) == len(set(references)) == len(told)
    for dependency in bill["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= set(references)
