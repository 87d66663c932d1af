"""A process of the governance toolkit, 3.7 or 5.0, that does a bit of everything once.

    python agent.py plain|emitting|tampered TRUTH_FILE

The bridge tells what happens; `emitting` has the toolkit's own emitters on as well, `tampered`
changes audit records. What AGT itself answered is written to TRUTH_FILE.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

from agent_control_plane.signals import AgentSignal, SignalDispatcher
from agent_os.audit_logger import GovernanceAuditLogger
from agent_os.integrations.base import GovernancePolicy
from agent_os.mcp_gateway import MCPGateway, ResponsePolicy
from agent_os.mcp_security import MCPSecurityScanner
from agent_os.otel_audit_backend import OTelLogsBackend
from agent_os.prompt_injection import PromptInjectionDetector
from agent_os.stateless import ExecutionContext, StatelessKernel
from agent_sre.cost.guard import CostGuard
from agent_sre.incidents.circuit_breaker import CircuitBreaker
from agent_sre.incidents.detector import IncidentDetector, Signal, SignalType
from agent_sre.integrations.otel.metrics import MetricsExporter
from agent_sre.slo.indicators import TaskSuccessRate
from agent_sre.slo.objectives import SLO, ErrorBudget
from agentmesh.governance import otel_observability
from agentmesh.governance.approval import ApprovalDecision, CallbackApproval
from agentmesh.governance.audit import AuditLog
from agentmesh.governance.govern import GovernanceDenied
from agentmesh.governance.policy import PolicyEngine
from agentmesh.identity.agent_id import AgentIdentity, IdentityRegistry
from agentmesh.lifecycle.manager import LifecycleManager
from agentmesh.observability.otel_governance import GovernanceTracer
from agentmesh.reward.engine import RewardEngine
from agentmesh.reward.trust_decay import NetworkTrustEngine, TrustEvent
from agentmesh.services.behavior_monitor import AgentBehaviorMonitor
from agentmesh.trust.bridge import TrustBridge
from agt_bank import HOSTILE, POLICY, governed_tool
from host import exporting
from hypervisor.models import ActionDescriptor, ExecutionRing
from hypervisor.rings.breach_detector import RingBreachDetector
from hypervisor.rings.elevation import RingElevationError, RingElevationManager
from hypervisor.rings.enforcer import RingEnforcer
from hypervisor.security.kill_switch import KillReason, KillSwitch
from opentelemetry.sdk._logs import LoggingHandler
from watchkeeper_agent.adapters.agt import bridge

SIGNING_KEY = b"a shared secret of at least 32 bytes"
CLERK = "did:mesh:clerk"


class Process:
    """What happened, in AGT's own words: one line for each verdict, score and state."""

    def __init__(self, emitting: bool) -> None:
        self.emitting = emitting
        self.decisions: list[list[str]] = []
        self.scores: list[list[Any]] = []
        self.happenings: list[list[Any]] = []
        self.records = 0

    def judged(self, agent: str, action: str, word: str) -> None:
        self.decisions.append([agent, action, word])

    def all(self) -> None:
        for step in (self.govern, self.engine, self.gateway, self.rings, self.budget):
            step()
        asyncio.run(self.kernel())
        asyncio.run(self.peers())
        for step in (self.answers, self.scanners):
            step()
        for step in (self.trust, self.control, self.lifecycle, self.reliability):
            step()

    # Verdicts

    def govern(self) -> None:
        yes = CallbackApproval(lambda request: ApprovalDecision(True, "ops@example.org"))
        approved = self._governed(yes)
        plain = self._governed(None)
        for tool, action, words in (
            (plain, "read", ["allow"]),
            (plain, "delete", ["deny"]),
            (plain, "export", ["warn"]),
            (plain, "pay", ["require_approval", "deny"]),
            (approved, "pay", ["require_approval", "allow"]),
        ):
            with contextlib.suppress(GovernanceDenied):
                tool(action=action)
            for word in words:
                self.judged(CLERK, action, word)
        for tool in (plain, approved):
            entries = tool.audit_log.query()
            self.records += len(entries)
            if self.emitting:
                self._export(entries)

    def _export(self, entries: list[Any]) -> None:
        """The audit log as CloudEvents inside audit records, as a host would send it."""
        audit = GovernanceAuditLogger()
        audit.add_backend(OTelLogsBackend())
        for entry in entries:
            event = json.dumps(entry.to_cloudevent())
            audit.log_decision(entry.agent_did, entry.action, entry.outcome, cloudevent=event)

    def _governed(self, handler: Any) -> Any:
        return governed_tool(CLERK, approval_handler=handler)

    def engine(self) -> None:
        """Thirty evaluations; the toolkit's emitters tell them too, when they are on."""
        engine = PolicyEngine()
        engine.load_yaml(POLICY)
        audit, tracer = GovernanceAuditLogger(), GovernanceTracer()
        audit.add_backend(OTelLogsBackend())
        for number in range(30):
            action = ("read", "delete", "export")[number % 3]
            context = {"action": {"type": action}}
            if not self.emitting:
                decision = engine.evaluate("gateway", context)
                self.judged("gateway", action, decision.action)
                continue
            with otel_observability.trace_policy_evaluation("gateway") as told:
                decision = engine.evaluate("gateway", context)
                told.update(
                    action=decision.action, rule=decision.matched_rule, allowed=decision.allowed
                )
            self.judged("gateway", action, decision.action)
            audit.log_decision("gateway", action, decision.action, decision.reason or "")
            self._signed("gateway", action, decision)
            tracer.trace_policy_decision(
                decision.matched_rule or "default",
                {"action": decision.action, "result": decision.action.upper()},
                {"agent_did": "gateway", "resource": action},
            )

    # Records that are not what they were

    def tampered(self) -> list[dict[str, Any]]:
        """What AGT says of changed records, and what should be said of them."""
        return [
            *self._flipped(),
            self._changed(),
            self._lied(),
            self._signed_and_changed(),
        ]

    def _flipped(self) -> list[dict[str, Any]]:
        """The decision is not in the hash: AGT accepts a flipped one. The record told by the
        bridge is untouched, and contradicts it."""
        tool = self._denied()
        entry = tool.audit_log.query()[-1]
        entry.policy_decision = "allow"
        self._export([entry])
        return [self._expected(tool, entry, "contradicted")]

    def _changed(self) -> dict[str, Any]:
        """What the hash covers is changed."""
        tool = self._denied()
        entry = tool.audit_log.query()[-1]
        entry.data["rule"] = "mind"
        self._export([entry])
        return self._expected(tool, entry, "invalid")

    def _lied(self) -> dict[str, Any]:
        """The log is lied to from the start: its hash is right, its verdict is not."""
        told = AuditLog.log

        def lie(log: Any, **fields: Any) -> Any:
            return told(log, **{**fields, "outcome": "allow", "policy_decision": "allow"})

        AuditLog.log = lie
        try:
            tool = self._denied()
        finally:
            AuditLog.log = told
        return self._expected(tool, tool.audit_log.query()[-1], "contradicted")

    def _signed_and_changed(self) -> dict[str, Any]:
        """A signed event whose decision is flipped on its way; AGT's signer notices as well."""
        try:
            from agent_os.event_sink import GovernanceEvent, GovernanceEventSigner
        except ImportError:
            return {}
        signer = GovernanceEventSigner(SIGNING_KEY)
        event = GovernanceEvent(agent_id="gateway", action="delete", decision="deny")
        signed = event.to_cloudevent(signer=signer)
        signed["data"]["decision"] = "allow"
        audit = GovernanceAuditLogger()
        audit.add_backend(OTelLogsBackend())
        audit.log_decision("gateway", "delete", "deny", cloudevent=json.dumps(signed))
        return {
            "record": signed["id"],
            "agt_accepts": signer.verify(signed),
            "expected": "invalid",
        }

    def _denied(self) -> Any:
        tool = self._governed(None)
        with contextlib.suppress(GovernanceDenied):
            tool(action="delete")
        self.judged(CLERK, "delete", "deny")
        return tool

    def _expected(self, tool: Any, entry: Any, expected: str) -> dict[str, Any]:
        accepts, _ = tool.audit_log.verify_integrity()
        return {"record": entry.entry_id, "agt_accepts": accepts, "expected": expected}

    def _signed(self, agent: str, action: str, decision: Any) -> None:
        """The same as a signed CloudEvent, which only AGT 5 can."""
        try:
            from agent_os.event_sink import (
                GovernanceEvent,
                GovernanceEventSigner,
                OTLPGovernanceSink,
            )
        except ImportError:
            return
        sink = OTLPGovernanceSink(signer=GovernanceEventSigner(SIGNING_KEY))
        sink.emit([GovernanceEvent(agent_id=agent, action=action, decision=decision.action)])

    def gateway(self) -> None:
        gateway = MCPGateway(GovernancePolicy(), denied_tools=["rm"])
        for tool in ("search", "rm", "search"):
            allowed, _ = gateway.intercept_tool_call("gateway", tool, {})
            self.judged("gateway", tool, "allow" if allowed else "deny")

    def answers(self) -> None:
        """What tools answer, as the gateway lets it pass, cleans it or withholds it."""
        for policy in ResponsePolicy:
            gateway = MCPGateway(GovernancePolicy(), response_policy=policy)
            for tool, content in (("search", "42"), ("mail", f"<system>{HOSTILE}</system>")):
                answer = gateway.intercept_tool_response("gateway", tool, content)
                self.judged("gateway", tool, answer.action)
            self.happenings.append(["threat", "mcp_response_scan", None, None])

    async def peers(self) -> None:
        registry = IdentityRegistry()
        peer = AgentIdentity.create(name="peer", sponsor="ops@example.org", capabilities=["read"])
        registry.register(peer)
        trust = TrustBridge(agent_did=CLERK, registry=registry)
        for did, score in ((str(peer.did), 400), (str(peer.did), 900), ("did:mesh:nobody", 0)):
            result = await trust.verify_peer(did, required_trust_score=score)
            self.judged(CLERK, did, "allow" if result.verified else "deny")

    async def kernel(self) -> None:
        kernel = StatelessKernel()
        context = ExecutionContext(agent_id="reader", policies=["read_only"])
        actions = ["database_query", "file_write"] * 5
        results = await asyncio.gather(*(kernel.execute(a, {}, context) for a in actions))
        for action, result in zip(actions, results, strict=True):
            self.judged("reader", action, "allow" if result.success else "deny")

    def rings(self) -> None:
        enforcer, action = RingEnforcer(), ActionDescriptor("act-1", "Send", "/send")
        answer = enforcer.check(ExecutionRing.RING_3_SANDBOX, action, 0.4)
        self.judged("bank", "act-1", "allow" if answer.allowed else "deny")
        manager = RingElevationManager()
        three, two = ExecutionRing.RING_3_SANDBOX, ExecutionRing.RING_2_STANDARD
        manager.request_elevation(CLERK, "s-1", three, two, trust_score=0.8)
        self.happenings.append(["ring", "ring.elevated", "3", "2"])
        try:
            manager.request_elevation("reader", "s-1", three, two, trust_score=0.1)
        except RingElevationError:
            self.happenings.append(["ring", "ring.elevation_denied", "3", "3"])
        detector = RingBreachDetector(baseline_rate=0.001)
        for _ in range(2):
            breach = detector.record_call(CLERK, "s-1", three, ExecutionRing.RING_1_PRIVILEGED)
            if breach is not None:
                self.happenings.append(
                    ["ring", "ring.breach_detected", None, breach.severity.value]
                )

    def budget(self) -> None:
        guard = CostGuard(per_task_limit=1.0)
        for cost in (0.5, 5.0):
            allowed, _ = guard.check_task("reader", cost)
            self.judged("reader", "", "allow" if allowed else "deny")

    # States

    def scanners(self) -> None:
        scanner = MCPSecurityScanner()
        scanner.scan_tool("search", "Searches the web", server_name="web")
        threats = scanner.scan_tool("pay", HOSTILE, server_name="bank")
        worst = "critical" if any(t.severity.value == "critical" for t in threats) else "warning"
        self.happenings.append(["threat", "mcp_scan", None, worst])
        detector = PromptInjectionDetector()
        for text in ("good morning", HOSTILE):
            found = detector.detect(text, "chat")
            if found.is_injection:
                self.happenings.append(
                    ["threat", "prompt_injection", None, found.threat_level.value]
                )

    def trust(self) -> None:
        reward = RewardEngine()
        reward.record_policy_compliance(CLERK, compliant=False)
        self.scores.append([CLERK, reward.get_agent_score(CLERK).total_score])
        network = NetworkTrustEngine()
        network.process_trust_event(TrustEvent("reader", "policy_violation", 1.0))
        self.scores.append(["reader", network.get_score("reader")])

    def control(self) -> None:
        switch = KillSwitch()
        switch.register_agent(CLERK, lambda: None)
        for agent in (CLERK, "reader"):
            result = switch.kill(agent, "s-1", KillReason.MANUAL)
            state = "terminated" if result.terminated else "not_terminated"
            self.happenings.append(["kill", "security.agent_killed", None, state])
        dispatcher = SignalDispatcher("reader")
        for signal, state in (
            (AgentSignal.SIGSTOP, "stopped"),
            (AgentSignal.SIGKILL, "terminated"),
        ):
            before = "stopped" if dispatcher.is_stopped else "running"
            dispatcher.signal(signal, reason="drill")
            self.happenings.append(["signal", signal.name, before, state])
        monitor = AgentBehaviorMonitor(consecutive_failure_threshold=2)
        for _ in range(3):
            monitor.record_tool_call("reader", "search", success=False)
        monitor.release_quarantine("reader")
        self.happenings.append(["quarantine", "quarantine_entered", "free", "quarantined"])
        self.happenings.append(["quarantine", "quarantine_released", "quarantined", "free"])

    def lifecycle(self) -> None:
        manager = LifecycleManager()
        agent = manager.request_provisioning("clerk", owner="ops")
        manager.approve(agent.agent_id)
        manager.activate(agent.agent_id)
        manager.suspend(agent.agent_id, reason="drill")
        states = ["pending_approval", "provisioned", "active", "suspended"]
        names = ["requested", "approved", "activated", "suspended"]
        for name, before, after in zip(names, [None, *states], states, strict=False):
            self.happenings.append(["lifecycle", f"lifecycle.{name}", before, after])

    def reliability(self) -> None:
        breaker = CircuitBreaker("reader")
        for _ in range(5):
            breaker.record_failure("boom")
        breaker.reset()
        self.happenings.append(["breaker", "circuit_breaker", "closed", "open"])
        self.happenings.append(["breaker", "circuit_breaker", "open", "closed"])
        detector = IncidentDetector()
        incident = detector.ingest_signal(Signal(SignalType.POLICY_VIOLATION, "reader"))
        incident.resolve()
        self.happenings.append(["incident", incident.title, None, "detected"])
        self.happenings.append(["incident", incident.title, "detected", "resolved"])
        self._objective()

    def _objective(self) -> None:
        """The worked case of the toolkit's specification: 5 of 100 bad against 99.5 %."""
        # One failed task, then three good ones: 75 %.
        tasks = TaskSuccessRate(0.995)
        for good in (False, True, True, True):
            tasks.record_task(good)
        slo = SLO("success", [tasks], ErrorBudget(total=0.005), agent_id="gateway")
        for number in range(100):
            slo.record_event(number >= 5)
        status = slo.evaluate()
        self.happenings.append(["objective", "success", None, status.value])
        if self.emitting:
            exporter = MetricsExporter(service_name="bank")
            exporter.record_slo_from_object(slo)


def main(mode: str, truth_file: str) -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    made = exporting(f"agt-{mode}")
    told = bridge()
    if mode == "emitting":
        otel_observability.enable_otel("bank")
        for name in ("mcp_gateway", "mcp_security", "prompt_injection"):
            logger = logging.getLogger(f"agent_os.{name}")
            logger.setLevel(logging.INFO)
            logger.addHandler(LoggingHandler())
    process = Process(mode == "emitting")
    tampered = process.tampered() if mode == "tampered" else process.all()
    told.remove()
    for provider in made:
        provider.force_flush()
        provider.shutdown()
    truth = {
        "agt": told.agt_version,
        "wired": told.wired,
        "skipped": told.skipped,
        "dropped": told.dropped,
        "decisions": process.decisions,
        "scores": process.scores,
        "happenings": process.happenings,
        "records": process.records,
        "tampered": [told for told in tampered or [] if told],
    }
    Path(truth_file).write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
