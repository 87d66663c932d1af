"""The published schemas of our events say what the collector reads and control tells."""

from __future__ import annotations

import ast
import json
import re
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from collector.model import (
    ApprovalOutcome,
    CommandPhase,
    DecisionSource,
    Effect,
    GovernanceKind,
    HoldKind,
    LinkPhase,
    Mode,
    Signal,
    Stage,
    TargetTier,
    TargetType,
    Tier,
    Verdict,
)
from collector.receive.normalise import DecisionFact, facts_of_log
from collector.receive.normalise.watchkeeper import DECISION_KEYS
from collector.receive.parse import parse
from collector.receive.values import attributes_of as attributes_of_record

SCHEMAS = {
    entry.name.removesuffix(".json"): json.loads(entry.read_text(encoding="utf-8"))
    for entry in (files("collector") / "schemas").iterdir()
}
DECISION = "watchkeeper.decision"
WORDS: dict[tuple[str, str], type[StrEnum]] = {
    (DECISION, "watchkeeper.decision.verdict"): Verdict,
    (DECISION, "watchkeeper.decision.effect"): Effect,
    (DECISION, "watchkeeper.decision.stage"): Stage,
    (DECISION, "watchkeeper.decision.mode"): Mode,
    (DECISION, "watchkeeper.decision.source"): DecisionSource,
    (DECISION, "watchkeeper.target.type"): TargetType,
    (DECISION, "watchkeeper.target.tier"): TargetTier,
    (DECISION, "watchkeeper.approval.outcome"): ApprovalOutcome,
    (DECISION, "watchkeeper.trust.tier"): Tier,
    ("watchkeeper.command", "watchkeeper.command.kind"): HoldKind,
    ("watchkeeper.command", "watchkeeper.command.phase"): CommandPhase,
    ("watchkeeper.link", "watchkeeper.link.phase"): LinkPhase,
    ("watchkeeper.link", "watchkeeper.link.fallback"): HoldKind,
}
GOOD = {
    "watchkeeper.decision.id": "d-1",
    "watchkeeper.decision.verdict": "deny",
    "watchkeeper.decision.effect": "blocked",
    "watchkeeper.decision.stage": "pre_tool_call",
    "watchkeeper.decision.mode": "enforce",
    "watchkeeper.decision.source": "policy",
    "watchkeeper.decision.reason_code": "spend-limit/03",
}


def attributes_of(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = SCHEMAS[name]["properties"]["attributes"]["properties"]
    return properties


def faults(name: str, attributes: dict[str, Any]) -> list[str]:
    told = {"event_name": name, "severity_number": 17, "attributes": attributes}
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(told)]


def test_there_is_a_valid_schema_for_each_of_the_three_events() -> None:
    assert set(SCHEMAS) == {DECISION, "watchkeeper.command", "watchkeeper.link"}
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_the_words_of_the_schemas_are_those_of_the_model() -> None:
    enumerated = {
        (name, key): kind["enum"]
        for name in SCHEMAS
        for key, kind in attributes_of(name).items()
        if "enum" in kind
    }

    assert enumerated == {place: [*words] for place, words in WORDS.items()}


def test_every_attribute_of_a_decision_that_is_read_is_published() -> None:
    assert set(attributes_of(DECISION)) >= DECISION_KEYS


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"watchkeeper.decision.verdict": "perhaps"}, "is not one of"),
        ({"watchkeeper.decision.reason_code": "no spaces"}, "does not match"),
        ({"watchkeeper.decision.reason_code": None}, "is a required property"),
        ({"watchkeeper.decision.id": None}, "is a required property"),
        ({"watchkeeper.input.hash": "sha256:0"}, "does not match"),
        ({"watchkeeper.trust.score": 640}, "greater than the maximum"),
        ({"watchkeeper.decison.mode": "enforce"}, "is not valid under any"),
        ({"watchkeeper.approval.outcome": "approved"}, "is a dependency of"),
    ],
)
def test_an_event_with_a_fault_is_told_which(change: dict[str, Any], complaint: str) -> None:
    told = {key: value for key, value in {**GOOD, **change}.items() if value is not None}

    assert faults(DECISION, GOOD) == []
    (fault,) = faults(DECISION, told)
    assert complaint in fault


def test_an_allow_needs_no_reason_and_other_conventions_may_stand_beside_ours() -> None:
    told = {**GOOD, "watchkeeper.decision.verdict": "allow", "acme.shade": "blue"}
    del told["watchkeeper.decision.reason_code"]

    assert faults(DECISION, told) == []


def samples(kind: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a property allows."""
    if "enum" in kind:
        return st.sampled_from(kind["enum"])
    if "pattern" in kind:
        return st.from_regex(kind["pattern"].replace("$", r"\Z"))
    if kind["type"] == "string":
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
    if kind["type"] == "boolean":
        return st.booleans()
    least, most = kind.get("minimum"), kind.get("maximum")
    if kind["type"] == "integer":
        return st.integers(least, 2**40)
    return st.floats(least, most, allow_nan=False, allow_infinity=False)


KINDS = attributes_of(DECISION)
valid = st.fixed_dictionaries(
    {key: samples(KINDS[key]) for key in GOOD},
    optional={key: samples(kind) for key, kind in KINDS.items() if key not in GOOD},
).filter(lambda told: not faults(DECISION, told))


@given(valid)
def test_whatever_fits_the_schema_is_read_whole(told: dict[str, Any]) -> None:
    facts = facts_of_log("host", DECISION, None, told, {}, None, None, 1, 1)

    decision = facts[0]
    assert isinstance(decision, DecisionFact)
    assert decision.decision_id == told["watchkeeper.decision.id"]
    for key, column in (
        ("watchkeeper.decision.verdict", decision.verdict),
        ("watchkeeper.decision.effect", decision.effect),
        ("watchkeeper.decision.duration_ms", decision.duration_ms),
        ("watchkeeper.policy.version", decision.policy_version),
        ("watchkeeper.policy.engine", decision.engine),
        ("watchkeeper.target.type", decision.target_type),
        ("watchkeeper.target.tier", decision.target_tier),
        ("watchkeeper.risk.category", decision.risk_category),
        ("watchkeeper.risk.score", decision.risk_score),
        ("watchkeeper.approval.id", decision.approval_id),
        ("watchkeeper.approval.outcome", decision.approval_outcome),
        ("watchkeeper.approval.approver", decision.approver),
        ("watchkeeper.input.hash", decision.input_hash),
        ("watchkeeper.state_gen", decision.state_gen),
        ("watchkeeper.state_epoch", decision.state_epoch),
        ("gen_ai.tool.call.id", decision.tool_call_id),
        ("gen_ai.conversation.id", decision.conversation_id),
        ("gen_ai.agent.version", decision.agent_version),
        ("user.id", decision.user_id),
        ("error.type", decision.error_type),
    ):
        assert column == told.get(key), key


PAGE = (Path(__file__).parents[1] / "docs" / "decision-event.md").read_text(encoding="utf-8")


def test_the_page_lists_every_attribute_and_word_of_the_schema() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    listed = {key for row in rows for key in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}

    assert set(KINDS) <= listed
    for key, kind in KINDS.items():
        if "enum" in kind:
            (row,) = [row for row in rows if f"`{key}`" in row.split("|")[1]]
            assert set(kind["enum"]) <= set(re.findall(r"[a-z_]+", row.split("|")[3])), key
    (row,) = [row for row in rows if "`watchkeeper.governance.kind`" in row]
    assert re.findall(r"[a-z_]+", row.split("|")[2]) == [*GovernanceKind]


def test_the_examples_of_the_page_are_decisions_that_fit() -> None:
    (python,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (posted,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    told = ast.literal_eval(python[python.index("{") : python.rindex("}") + 1])
    request = parse(Signal.LOGS, "json", posted.encode())
    (record,) = request.resource_logs[0].scope_logs[0].log_records

    assert faults(DECISION, told) == []
    assert faults(record.event_name, attributes_of_record(record.attributes)) == []
