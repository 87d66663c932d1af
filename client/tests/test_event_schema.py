"""What the client really tells is what the published schemas of its events allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agentmesh.governance.govern import GovernanceDenied
from agt_bank import governed_tool
from jsonschema import Draft202012Validator
from opentelemetry.sdk.trace import TracerProvider
from watchkeeper_agent import Guard, Refused
from watchkeeper_agent.adapters.agt import bridge
from watchkeeper_agent.document import OnLoss, verify
from watchkeeper_agent.state import StateDirectory

SCHEMAS = Path(__file__).parents[2] / "collector" / "schemas"


def faults(record: Any) -> list[str]:
    """What is wrong with one event, in the words of the schema of its name."""
    schema = json.loads((SCHEMAS / f"{record.event_name}.json").read_text(encoding="utf-8"))
    told = {
        "event_name": record.event_name,
        "severity_number": record.severity_number.value,
        "attributes": dict(record.attributes),
    }
    if record.trace_id:
        told |= {"trace_id": f"{record.trace_id:032x}", "span_id": f"{record.span_id:016x}"}
    return [error.message for error in Draft202012Validator(schema).iter_errors(told)]


def test_every_kind_of_decision_of_the_guard_fits(
    control: Any, attached: Any, words: dict[str, Any], told: Callable[[], list[Any]]
) -> None:
    guard = attached(emit_allow=True, version="7", read_only_tools=("get_balance",))
    guard.check_model("large", conversation="c-1")
    guard.check_tool("get_balance", {"account": 1}, call_id="call-1")
    held = {"profile": {"approve": ["transfer"]}}
    for gen, hold in enumerate(
        [
            words["hold"]("kill", mode="dry_run"),
            words["hold"]("require_approval", **held),
            words["hold"]("degrade", profile={"model_map": {"large": "small"}}),
            words["hold"]("kill"),
        ],
        1,
    ):
        control.want(hold)
        assert words["eventually"](lambda gen=gen: guard.position == (1, gen))
        _call(guard)

    decisions = told()

    verdicts = {record.attributes["watchkeeper.decision.verdict"] for record in decisions}
    assert verdicts == {"allow", "deny", "escalate", "modify"}
    assert [faults(record) for record in decisions] == [[] for _ in decisions]
    tool = decisions[1].attributes
    assert (tool["gen_ai.tool.call.id"], tool["watchkeeper.target.tier"]) == ("call-1", "read")
    assert (tool["gen_ai.agent.version"], tool["watchkeeper.target.type"]) == ("7", "tool")
    assert tool["watchkeeper.decision.duration_ms"] >= 0


def _call(guard: Guard) -> None:
    run = TracerProvider().get_tracer("test").start_as_current_span("run")
    with run:
        for check, name in ((guard.check_model, "large"), (guard.check_tool, "transfer")):
            try:
                check(name)
            except Refused:
                continue


def test_a_gate_that_failed_tells_what_it_failed_with(
    attached: Any, told: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = attached()
    monkeypatch.setattr(guard, "_in_force", lambda: 1 / 0)

    with pytest.raises(Refused):
        guard.check_tool("transfer")

    (record,) = told()
    assert faults(record) == []
    assert record.attributes["watchkeeper.decision.source"] == "fail_closed"
    assert record.attributes["error.type"] == "ZeroDivisionError"


def test_a_decision_that_the_host_reports_fits(
    attached: Any, told: Callable[[], list[Any]]
) -> None:
    more = {
        "watchkeeper.approval.id": "a-1",
        "watchkeeper.approval.outcome": "approved",
        "watchkeeper.approval.approver": "ann",
        "watchkeeper.risk.score": 0.3,
        "watchkeeper.policy.version": "7",
    }

    attached().report("transfer", "allow", source="human", call_id="call-1", more=more)
    attached().report("transfer", "deny", reason_code="spend-limit/03", engine="opa")

    records = told()
    assert [faults(record) for record in records] == [[], []]
    assert more.items() <= dict(records[0].attributes).items()


def test_a_line_that_is_lost_and_found_again_is_told(
    tmp_path: Path, words: dict[str, Any], told_of_link: Callable[[], list[Any]]
) -> None:
    clock = {"steady": 0.0}
    guard = _offline(tmp_path, words, clock)
    guard._on_heard()
    clock["steady"] = 61.0
    for _ in range(2):
        with pytest.raises(Refused, match="lease_lapsed"):
            guard.check_tool("transfer")
    guard._on_heard()
    guard.check_tool("transfer")

    records = told_of_link()

    assert [record.attributes["watchkeeper.link.phase"] for record in records] == [
        "connected",
        "lease_lapsed",
        "fallback_entered",
        "recovered",
    ]
    assert records[2].attributes["watchkeeper.link.fallback"] == "degrade"
    assert [faults(record) for record in records] == [[], [], [], []]


def _offline(tmp_path: Path, words: dict[str, Any], clock: dict[str, float]) -> Guard:
    signer = words["Signer"]()
    state = StateDirectory(tmp_path / "state")
    state.pin([signer.public])
    wall = 1_768_478_400.0
    state.remember(verify(signer.sign(words["claims"](now=wall)), state.pinned_keys()))
    return Guard(
        "clerk",
        state,
        service="clerk",
        framework=None,
        read_only_tools=(),
        on_loss=OnLoss.DEGRADE,
        keys=state.pinned_keys(),
        attributes={},
        emit_allow=False,
        clock=lambda: wall,
        monotonic=lambda: clock["steady"],
    )


def test_what_the_bridge_tells_of_the_governance_toolkit_fits(
    told: Callable[[], list[Any]],
) -> None:
    listening = bridge(agent="clerk")
    tool = governed_tool("did:mesh:1")
    for action in ("read", "delete", "export"):
        try:
            tool(action=action)
        except GovernanceDenied:
            continue
    listening.flush()
    listening.remove()

    records = told()

    assert len(records) == 3
    assert [faults(record) for record in records] == [[], [], []]


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "arguments", [_nested(100_000), {1: "a", "b": 2}, {"a": "\ud800"}, {"a": 10**5000}]
)
def test_whatever_a_model_calls_its_tool_the_refusal_is_told(
    control: Any,
    attached: Any,
    words: dict[str, Any],
    told: Callable[[], list[Any]],
    arguments: Any,
) -> None:
    """Half a character, or arguments that cannot be written, would hide it and its whole batch."""
    guard = attached(read_only_tools=())
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.position == (1, 1))

    with pytest.raises(Refused):
        guard.check_tool("pay\ud800", arguments, call_id="\udfff", conversation="é\ud83d")

    [record] = [one for one in told() if one.event_name == "watchkeeper.decision"]
    assert record.attributes["gen_ai.tool.name"] == "pay?"
    assert record.attributes["gen_ai.conversation.id"] == "é?"
    assert faults(record) == []
    json.dumps([record.body, dict(record.attributes)], ensure_ascii=False).encode()
