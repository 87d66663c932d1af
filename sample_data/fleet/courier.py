"""courier, losing trust: governed by Microsoft's Agent Governance Toolkit, really run.

It starts where the sample history left it, near 450 of 1000, and sinks further, slowly.

AGT's policy engine decides, its audit log keeps the decision and OTelLogsBackend sends it,
its reward engine scores; the spans are those of AGT's own helpers. The toolkit wires none
of that to OpenTelemetry by itself, so this host does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from agent_os.audit_logger import AuditEntry, GovernanceAuditLogger
from agent_os.otel_audit_backend import OTelLogsBackend
from agentmesh.governance.audit import AuditLog
from agentmesh.governance.otel_observability import (
    enable_otel,
    trace_policy_evaluation,
    trace_trust_verification,
)
from agentmesh.governance.policy import PolicyEngine
from agentmesh.reward.engine import RewardEngine
from hypervisor.security.kill_switch import KillSwitch
from opentelemetry import trace
from watchkeeper_agent.adapters.agt import governed, obey_kill_switch

from sample_data.fleet.kit import Worker

DID = "did:mesh:0c0c1ee4a7d94c2f8f3b9a6d5e2f1b70"
READ_ONLY = ("read_parcel",)
POLICY = """
apiVersion: governance.toolkit/v1
name: delivery
agents: ["*"]
default_action: deny
rules:
  - name: allow-read
    condition: "action.type == 'read_parcel'"
    action: allow
  - name: allow-label
    condition: "action.type == 'print_label'"
    action: allow
  - name: deny-reroute
    condition: "action.type == 'reroute_parcel'"
    action: deny
"""
TEMPTED_SHARE = 0.15
# Shares of good signals; AGT's weights make about 450 of the first and 340 of the last.
QUALITY_AT_START = 0.28
QUALITY_AT_END = 0.16
RUNS_OF_DECLINE = 2000
# AGT looks at the last hundred signals of a kind.
RUNS_REMEMBERED = 100


class Denied(Exception):
    """AGT's policy engine said no."""


class Governance:
    """AGT, wired: one evaluation is a span and an audit entry, one score is a span."""

    def __init__(self, agent: str) -> None:
        # AGT wants to set its own TracerProvider, is refused, and then uses ours.
        logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
        enable_otel(service_name=agent)
        self._agent = agent
        self._engine = PolicyEngine()
        self._engine.load_yaml(POLICY)
        self._entries = AuditLog()
        self._audit = GovernanceAuditLogger()
        self._audit.add_backend(OTelLogsBackend())
        self.rewards = RewardEngine()

    def check(self, tool: str) -> None:
        """Evaluate, tell, and raise Denied when the engine does not allow."""
        with trace_policy_evaluation(agent_id=self._agent, stage="pre_tool") as told:
            decision = self._engine.evaluate(DID, {"action": {"type": tool}})
            trace.get_current_span().set_attribute("agt.tool.name", tool)
            told.update(action=decision.action, rule=decision.matched_rule)
            told.update(allowed=decision.allowed, policy_name="delivery")
            self._keep(tool, decision)
        self.reward(decision.allowed)
        if not decision.allowed:
            raise Denied(f"{tool} denied by {decision.matched_rule}")

    def reward(self, allowed: bool) -> None:
        self.rewards.record_policy_compliance(DID, allowed, "delivery")

    def remember(self, draw: Callable[[], float]) -> None:
        """The runs before this process: two allowed calls each, now and then a denied one."""
        for _ in range(RUNS_REMEMBERED):
            self.reward(True)
            self.reward(True)
            if draw() < TEMPTED_SHARE:
                self.reward(False)
            self.score(QUALITY_AT_START, draw)

    def _keep(self, tool: str, decision: Any) -> None:
        """The entry of AGT's hash-chained audit log, as the CloudEvent AGT makes of it."""
        entry = self._entries.log(
            event_type="policy_evaluation",
            agent_did=DID,
            action=tool,
            outcome=decision.action,
            policy_decision=decision.action,
            data={"rule": decision.matched_rule or "none", "reason": decision.reason or ""},
        )
        self._audit.log(
            AuditEntry(
                event_type="mesh_audit",
                agent_id=self._agent,
                action=tool,
                decision=decision.action,
                reason=decision.reason or "",
                metadata={"cloudevent": json.dumps(entry.to_cloudevent()), "agent_did": DID},
            )
        )

    def score(self, quality: float, draw: Callable[[], float]) -> None:
        """Signals of one run, good with probability `quality`, and the score they make."""
        within, accepted, together = (draw() < quality for _ in range(3))
        self.rewards.record_resource_usage(DID, 100, int(100 * quality), 10, 10)
        self.rewards.record_output_quality(DID, accepted, "depot")
        self.rewards.record_collaboration(DID, together, "did:mesh:depot")
        self.rewards.record_security_event(DID, within, "boundary")
        self.reward(draw() < quality)

    def tell_trust(self) -> int:
        with trace_trust_verification(agent_id=self._agent) as told:
            score = self.rewards.get_agent_score(DID)
            told.update(score=float(score.total_score), tier=score.tier)
        return int(score.total_score)


def quality_of(number: int) -> float:
    """Share of good signals in a run: it sinks, and stays down."""
    share = min(1.0, number / RUNS_OF_DECLINE)
    return QUALITY_AT_START + (QUALITY_AT_END - QUALITY_AT_START) * share


class Courier:
    """A run reads a parcel, prints its label, and now and then tries to reroute it."""

    def __init__(self, worker: Worker, governance: Governance) -> None:
        self._worker = worker
        self._governance = governance
        self._tracer = trace.get_tracer("sample_fleet.courier")
        self._tools = {
            name: governed(worker.guard, self._governed(name), name)
            for name in ("read_parcel", "print_label", "reroute_parcel")
        }

    def run(self, number: int) -> None:
        draw = self._worker.random.random
        plan = ["read_parcel", "print_label"]
        if draw() < TEMPTED_SHARE:
            plan.append("reroute_parcel")
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "courier",
            "gen_ai.agent.id": DID,
            "gen_ai.conversation.id": f"parcel-{number}",
        }
        with self._tracer.start_as_current_span("invoke_agent courier", attributes=attributes):
            self._think()
            for tool in plan:
                self._use(tool)
            self._governance.score(quality_of(number), draw)
            self._governance.tell_trust()

    def _think(self) -> None:
        self._worker.guard.check_model("fake-large")
        span = self._tracer.start_as_current_span(
            "chat fake-large",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "fake",
                "gen_ai.request.model": "fake-large",
                "gen_ai.usage.input_tokens": 90,
                "gen_ai.usage.output_tokens": 15,
            },
        )
        with span:
            pass

    def _use(self, tool: str) -> None:
        try:
            self._tools[tool]()
        except Denied:
            return

    def _governed(self, tool: str) -> Callable[[], None]:
        def call() -> None:
            self._governance.check(tool)
            attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
            with self._tracer.start_as_current_span(f"execute_tool {tool}", attributes=attributes):
                pass

        return call


def main() -> None:
    worker = Worker("courier", "agt", READ_ONLY)
    worker.guard.hooked("pre_model_call")
    governance = Governance("courier")
    obey_kill_switch(worker.guard, KillSwitch(), DID)
    governance.remember(worker.random.random)
    worker.work(Courier(worker, governance).run)


if __name__ == "__main__":
    main()
