"""What the Agent Governance Toolkit's own objects decided is found once in what it sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replaying import recording, replay, requests_of, rows

from collector.store.connection import Store

# The process whose objects wrote the truth; three others sent telemetry too.
WITNESS = "c5824045-56ad-435c-a9b0-5822202299f1"
KERNEL = "kernel.execute (decision NOT in span attributes)"
VERDICTS = {
    "require_approval": "escalate",
    "log": "warn",
    "transform": "modify",
}
# Told beyond the truth's decisions, each once. Approvals are in the truth under their own name;
# the automatic rejection, the replayed trace and the decorated calls are in it under none.
BEYOND = Counter(
    {
        ("agt.approval.request", "allow"): 1,
        ("agt.approval.request", "deny"): 1,
        ("audit: escalation.escalated", "escalate"): 1,
        ("audit: escalation.decided", "allow"): 1,
        ("audit: mesh.audit", "deny"): 1,
        ("policy", "allow"): 1,
        ("credential.rotate", "allow"): 1,
        ("credential.issue", "deny"): 1,
    }
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("agt")
    with replay(folder, [requests_of("agt_5.0.0")]) as replayed:
        yield replayed


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return recording("agt_5.0.0_truth")


def test_every_decision_that_was_sent_is_found_exactly_once(
    store: Store, truth: dict[str, Any]
) -> None:
    """45 of the 49 decisions. The other four cannot be told from the recording.

    They are those of `StatelessKernel.execute`, whose span is started with operation,
    action, agent and backend before the policy is asked, and is ended without an attribute,
    event or status after it. No log and no counter speaks of it either. So an allowed and
    a refused call leave the same span; see the next two tests.
    """
    decided = Counter(_told(d) for d in truth["decisions"] if d["emitter"] != KERNEL)

    found = Counter(_found(store))

    assert decided.total() == 45
    assert decided - found == Counter()
    assert _emitters(found - decided) == BEYOND


def test_the_four_decisions_of_the_kernel_left_spans_without_a_verdict(store: Store) -> None:
    words = rows(
        store,
        """
        select distinct
            json_keys(attributes)::varchar, status_code, status_message, len(events::json[])
        from span
        where name = 'kernel.execute' and attributes ->> '$.backend_type' is not null
        """,
    )

    assert words == [("[operation, action, agent_id, backend_type]", 0, "", 0)]


def test_calls_of_the_kernel_are_actions_of_unknown_outcome(
    store: Store, truth: dict[str, Any]
) -> None:
    executed = rows(
        store,
        """
        select distinct agent, name, outcome from action
        where agent = 'research-agent' and kind = 'tool'
        """,
    )

    asked = {(d["agent"], d["action"]) for d in truth["decisions"] if d["emitter"] == KERNEL}
    # An audit entry outside of any trace held the one call a few milliseconds before it.
    held = ("research-agent", "send_email")
    assert set(executed) == {(*call, "denied" if call == held else "unknown") for call in asked}


def test_verdicts_of_the_gateway_are_told_by_its_lines_with_reason_and_time(
    store: Store, truth: dict[str, Any]
) -> None:
    """Its counter tells the same seven; it dates all but the first of a kind at its export."""
    decided = Counter(
        (d["action"], _verdict(d["decision"]))
        for d in truth["decisions"]
        if d["emitter"] == "mcp_decisions metric"
    )

    found = rows(
        store,
        """
        select action, verdict, count(distinct decided_ns), count(reason)
        from decision where stage = 'mcp_request' group by action, verdict
        """,
    )

    assert {(action, verdict): (n, m) for action, verdict, n, m in found} == {
        call: (count, count) for call, count in decided.items()
    }
    assert decided.total() == 7


def test_every_action_of_an_evaluation_is_that_of_the_task_around_it(
    store: Store, truth: dict[str, Any]
) -> None:
    """`agt.policy.evaluate` does not name the action; the task span above it does."""
    decided = Counter(
        (d["agent"], d["action"], _verdict(d["decision"]))
        for d in truth["decisions"]
        if d["emitter"] == "agt.policy.evaluate"
    )

    found = rows(
        store,
        """
        select d.agent, replace(t.name, 'agent_task:handle-', ''), d.verdict
        from decision as d
        inner join span as s using (trace_id, span_id)
        inner join span as t on t.trace_id = s.trace_id and t.span_id = s.parent_span_id
        where s.name = 'agt.policy.evaluate'
        """,
    )

    assert Counter(found) == decided


def test_every_change_of_trust_is_found_exactly_once(store: Store, truth: dict[str, Any]) -> None:
    changes = Counter(
        (change["agent"], change["new"], f"changed from {change['old']:g}")
        for change in truth["trust"]
    )

    found = rows(
        store,
        """
        select agent, score, reason from trust_point
        where split_part(reason, ' ', 1) in ('changed', 'verified', 'evaluated')
        and environment = 'acceptance'
        """,
    )

    assert Counter(found) == changes
    assert changes.total() == 11


def test_the_tier_of_a_change_is_ours(store: Store, truth: dict[str, Any]) -> None:
    named = {
        (change["agent"], change["new"], change["tier"])
        for change in truth["trust"]
        if change["tier"] != "n/a"
    }

    found = set(
        rows(store, "select agent, score, tier from trust_point where reason like 'changed%'")
    )

    assert named <= found


def test_scores_on_the_small_scale_are_told_on_ours(store: Store) -> None:
    scores = rows(
        store,
        """
        select distinct score, raw_score, raw_scale
        from trust_point
        where raw_scale = '0-1'
        order by all
        """,
    )

    assert scores == [(210.0, 0.21, "0-1"), (810.0, 0.81, "0-1"), (820.0, 0.82, "0-1")]


def test_the_name_behind_an_identity_is_learnt(store: Store, truth: dict[str, Any]) -> None:
    learnt = rows(store, "select agent, alias from agent_alias")

    assert set(learnt) <= set(truth["agents"].items())
    assert {name for name, _ in learnt} == {"billing-agent", "research-agent", "rogue-agent"}


def test_an_agent_whose_name_is_learnt_appears_once_and_under_it(
    store: Store, truth: dict[str, Any]
) -> None:
    learnt = dict(rows(store, "select agent, alias from agent_names"))
    told = rows(store, "select agent, framework from agents")

    names = [agent for agent, _ in told]
    assert len(names) == len(set(names))
    assert set(learnt) <= set(names)
    assert not set(learnt.values()) & set(names)
    assert {framework for agent, framework in told if agent in learnt} == {"agt"}


def test_what_was_told_by_identifier_counts_for_the_name_and_keeps_the_identifier(
    store: Store,
) -> None:
    under_identifier = rows(
        store,
        """
        select n.agent, count(*)
        from agent_names as n
        inner join decision as d on d.agent = n.alias
        group by n.agent
        """,
    )
    under_name = rows(
        store,
        """
        select d.agent, count(*)
        from decisions as d
        inner join agent_names as n on n.agent = d.agent and n.alias = d.agent_id
        group by d.agent
        """,
    )

    assert under_identifier
    assert all(count <= dict(under_name)[agent] for agent, count in under_identifier)


def test_every_approval_is_found_with_its_outcome_and_approver(
    store: Store, truth: dict[str, Any]
) -> None:
    """The rule of the third is the action: an escalation is asked for by its action."""
    given = Counter(
        (approval["agent"], approval["rule"], approval["outcome"], approval["approver"])
        for approval in truth["approvals"]
    )

    found = rows(
        store,
        f"""
        select agent, coalesce(rule, action), approval_outcome, approver
        from decision
        where approval_outcome is not null and source = 'human' and instance = '{WITNESS}'
        """,
    )

    assert Counter(found) == given
    assert given.total() == 3


def test_every_ring_event_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    changed = Counter(
        (ring["event"], ring["agent"], _number(ring.get("previous")), _ring_after(ring))
        for ring in truth["rings"]
    )

    found = Counter(_happened(store, "ring", "name, agent_id, from_value, to_value"))

    refused = Counter({("ring.elevation_denied", DIDS["research-agent"], None, None): 1})
    assert found == changed + refused
    assert changed.total() == 6


def test_every_kill_is_found_once_and_whether_it_had_an_effect(
    store: Store, truth: dict[str, Any]
) -> None:
    """Each was told by an audit entry, a span of its signal, and two of them by a line too."""
    words = {True: "terminated", False: "not_terminated"}
    killed = Counter(
        (kill["kill_id"], kill["agent"], kill["reason"], words[kill["terminated"]])
        for kill in truth["kills"]
    )

    found = Counter(_happened(store, "kill", "subject, agent_id, reason, to_value"))

    assert found == killed
    assert killed.total() == 3


def test_every_signal_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    """The lines of the kernel's logger and the spans of their delivery tell the same six."""
    sent = Counter((signal["agent"], signal["signal"]) for signal in truth["signals"])

    assert Counter(_happened(store, "signal", "agent, to_value")) == sent
    assert sent.total() == 6


def test_every_exported_change_of_a_breaker_is_found_once(
    store: Store, truth: dict[str, Any]
) -> None:
    """3 of 4: that of the state backend is in the toolkit's memory only, and is never sent."""
    changed = Counter(
        (breaker["agent"], breaker["from_state"], breaker["to_state"], breaker["reason"])
        for breaker in truth["circuit_breaker"]
        if "emitter" not in breaker
    )

    found = Counter(_happened(store, "breaker", "agent_id, from_value, to_value, reason"))

    assert found == changed
    assert (changed.total(), len(truth["circuit_breaker"])) == (3, 4)


def test_the_quarantine_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    """An audit entry and a line tell it, one by the name and one by the identifier."""
    entered = Counter((each["agent"], each["reason"]) for each in truth["quarantine"])

    assert Counter(_happened(store, "quarantine", "agent_id, reason")) == entered


def test_every_step_of_a_lifecycle_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    steps = Counter((step["agent"], f"lifecycle.{step['event']}") for step in truth["lifecycle"])

    assert Counter(_happened(store, "lifecycle", "agent, name")) == steps
    assert steps.total() == 7


def test_every_cost_alert_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    """6 of 7: the last of the truth is the guard's state in the end, which no record tells.

    Each is told by a log record and by an event on a span; only the record's text says what
    was done.
    """
    alerts = Counter(
        (cost["agent"], cost["severity"], cost["value"], ACTS[cost["action"]])
        for cost in truth["costs"]
        if "severity" in cost
    )

    found = Counter(
        (agent, severity, round(float(value), 6), _act(reason))
        for agent, severity, value, reason in _happened(
            store, "cost", "agent, to_value, value, reason"
        )
    )

    assert found == alerts
    assert alerts.total() == 6


def test_every_incident_is_found_once(store: Store, truth: dict[str, Any]) -> None:
    """What the toolkit did about an incident (`actions`) is in no record of it."""
    incidents = Counter(
        (each["id"], each["severity"], each["agent"]) for each in truth["incidents"]
    )

    found = _happened(store, "incident", "name, subject, to_value, agent_id")

    detected = Counter(tuple(rest) for name, *rest in found if name.endswith("detected"))
    assert detected == incidents
    assert incidents.total() == 6
    assert sum(name.endswith("incident.resolved") for name, *_ in found) == 1


def test_every_objective_is_found_with_its_last_status(store: Store, truth: dict[str, Any]) -> None:
    """The gauge tells all three; only the one that changed is told as an event."""
    words = ["healthy", "warning", "critical", "exhausted"]
    last = {slo["slo"]: slo["status"] for slo in truth["slo"]}

    gauges = rows(
        store,
        """
        select attributes ->> '$."agent.sre.slo.name"', arg_max(value, time_ns)
        from metric_points
        where name = 'agent.sre.slo.status_code'
        group by all
        """,
    )
    changes = _happened(store, "objective", "subject, from_value, to_value, name")

    assert {name: words[int(code)] for name, code in gauges} == last
    assert [change[:3] for change in changes if change[3].endswith("status_change")] == [
        (slo["slo"], slo["before"], slo["status"])
        for slo in truth["slo"]
        if slo["before"] != slo["status"]
    ]


def test_both_sagas_and_the_drill_are_found_once(store: Store, truth: dict[str, Any]) -> None:
    sagas = {(saga["saga"], f"saga.{saga['outcome']}") for saga in truth["saga"]}
    drills = [(drill["name"], drill["score"]) for drill in truth["chaos"]]

    assert sorted(_happened(store, "saga", "subject, name")) == sorted(sagas)
    assert [
        (subject, value)
        for subject, value, name in _happened(store, "chaos", "subject, value, name")
        if name.endswith("completed")
    ] == drills


DIDS = recording("agt_5.0.0_truth")["agents"]
# What a cost alert says it did, in the words of the truth and of the record.
ACTS = {"alert": "alert", "throttle": "THROTTLED", "kill": "KILLED"}


def _act(reason: str) -> str:
    return next((word for word in ("THROTTLED", "KILLED") if word in reason), "alert")


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _ring_after(ring: dict[str, Any]) -> str | None:
    return _number(ring.get("ring")) or ring.get("severity")


def _happened(store: Store, kind: str, columns: str) -> list[tuple[Any, ...]]:
    """Governance events of the witness, each fact once, agents as they were told."""
    return rows(
        store,
        f"""
        select {columns} from governance_events
        where kind = '{kind}' and instance = '{WITNESS}'
        """,
    )


# Agent, action, verdict, what told it, and the rule, kind or reason code that tells it apart.
Decision = tuple[str, str | None, str, str, str | None]


def _told(decision: dict[str, Any]) -> Decision:
    """A decision of the truth, less what its emitter does not send."""
    emitter = decision["emitter"].partition(" (no agent")[0]
    agent = decision["agent"] or "agt-emit"
    detail = decision.get("kind") or decision.get("reason") or decision.get("rule")
    hidden = emitter in ("agt.policy.evaluate", "acs_intervention metric")
    action = None if hidden else decision["action"]
    return agent, action, _verdict(decision["decision"]), emitter, detail


def _verdict(word: str) -> str:
    return VERDICTS.get(word, word)


def _emitters(decisions: Counter[Decision]) -> Counter[tuple[str, str]]:
    return Counter((emitter, verdict) for _, _, verdict, emitter, _ in decisions.elements())


def _found(store: Store) -> Iterator[Decision]:
    kinds = _audit_kinds(store)
    for decision_id, agent, action, verdict, raw, rule, code, span in _decisions(store):
        kind = kinds.get(decision_id) or kinds.get((agent, action, raw))
        if span is not None:
            emitter = "policy_check:* span" if span.startswith("policy_check:") else span
            yield agent, action, verdict, emitter, None if "check" in span else rule
        elif kind is not None:
            yield agent, action, verdict, *_audited(kind)
        elif action is None:
            yield agent, action, verdict, "acs_intervention metric", code
        else:
            yield agent, action, verdict, "mcp_decisions metric", None


def _audited(kind: str) -> tuple[str, str | None]:
    if kind == "governance_decision":
        return "agt.audit log", None
    if kind == "ring.check":
        return "ring enforcer (bridged)", None
    return ("governance event", kind) if "." not in kind else (f"audit: {kind}", None)


def _decisions(store: Store) -> list[tuple[Any, ...]]:
    """Decisions of the witness, with the name of the span if a span told them."""
    return rows(
        store,
        f"""
        select
            d.decision_id, d.agent, d.action, d.verdict, d.raw_verdict, d.rule, d.reason_code,
            s.name
        from decision as d
        left join span as s
            on d.decision_id = lower(hex(s.trace_id)) || '-' || lower(hex(s.span_id))
        where d.instance = '{WITNESS}'
        """,
    )


def _audit_kinds(store: Store) -> dict[Any, str]:
    """The kind of every audit entry, by the id of its event, else by what it says."""
    entries = rows(
        store,
        """
        select
            attributes ->> '$."agt.audit.meta.event_id"',
            attributes ->> '$."agt.audit.meta.entry_id"',
            attributes ->> '$."agt.agent.id"',
            attributes ->> '$."agt.audit.action"',
            attributes ->> '$."agt.audit.decision"',
            attributes ->> '$."agt.audit.event_type"'
        from log_record
        where attributes ->> '$."event.name"' = 'audit_entry'
        """,
    )
    kinds: dict[Any, str] = {}
    for event, entry, agent, action, decision, kind in entries:
        key = f"agt-{event or entry}" if event or entry else (agent, action, decision)
        kinds[key] = "mesh.audit" if entry else kind
    return kinds
