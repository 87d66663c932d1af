"""What AGT does in this process is told, once and without AGT noticing."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import subprocess
import sys
import threading
import types
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agent_os.integrations.base import GovernancePolicy
from agent_os.mcp_gateway import MCPGateway, ResponsePolicy
from agent_os.mcp_response_scanner import MCPResponseScanner
from agent_os.mcp_security import MCPSecurityConfig, MCPSecurityScanner
from agent_os.prompt_injection import PromptInjectionDetector
from agent_os.stateless import ExecutionContext, StatelessKernel
from agentmesh.governance import govern
from agentmesh.governance.advisory import AdvisoryDecision, CallbackAdvisory
from agentmesh.governance.approval import ApprovalDecision, CallbackApproval
from agentmesh.governance.govern import GovernanceDenied
from agentmesh.governance.policy import PolicyEngine
from agentmesh.identity.agent_id import AgentIdentity, IdentityRegistry
from agentmesh.lifecycle.manager import LifecycleManager
from agentmesh.reward.engine import RewardEngine
from agentmesh.reward.trust_decay import NetworkTrustEngine, TrustEvent
from agentmesh.trust.bridge import TrustBridge
from agt_bank import HOSTILE, POLICY, governed_tool
from hypervisor.models import ExecutionRing
from hypervisor.rings.elevation import RingElevationError, RingElevationManager
from hypervisor.security.kill_switch import KillReason, KillSwitch
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.trace import TracerProvider
from watchkeeper_agent.adapters.agt import Bridge, bridge
from watchkeeper_agent.adapters.agt.hooks import Hook, listen
from watchkeeper_agent.adapters.agt.teller import Teller, text


class Telling:
    """A bridge whose events are kept here."""

    def __init__(self) -> None:
        self._exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        provider = LoggerProvider()
        provider.add_log_record_processor(SimpleLogRecordProcessor(self._exporter))
        self.bridge = bridge(agent="clerk", logger_provider=provider)

    def records(self, event: str) -> list[Any]:
        self.bridge.flush()
        told = [kept.log_record for kept in self._exporter.get_finished_logs()]
        return [record for record in told if record.event_name == f"watchkeeper.{event}"]

    def attributes(self, event: str) -> list[dict[str, Any]]:
        return [dict(record.attributes) for record in self.records(event)]

    def verdicts(self) -> list[tuple[Any, ...]]:
        words = ("verdict", "effect", "source")
        return [
            (told.get("gen_ai.tool.name"), *(told[f"watchkeeper.decision.{w}"] for w in words))
            for told in self.attributes("decision")
        ]

    def happenings(self) -> list[tuple[Any, ...]]:
        words = ("kind", "name", "from", "to")
        return [
            tuple(told.get(f"watchkeeper.governance.{w}") for w in words)
            for told in self.attributes("governance")
        ]


@pytest.fixture
def telling() -> Iterator[Telling]:
    made = Telling()
    yield made
    made.bridge.remove()


def governed(**options: Any) -> Callable[[str], str | None]:
    """A tool under `govern()`: what it answers, or None when AGT denied it."""
    made = governed_tool("did:mesh:1", **options)

    def call(action: str) -> str | None:
        try:
            return str(made(action=action))
        except GovernanceDenied:
            return None

    return call


def test_each_evaluation_of_govern_is_told_once_with_its_effect(telling: Telling) -> None:
    tool = governed()

    assert [tool("read"), tool("delete"), tool("export")] == ["done", None, None]

    assert telling.verdicts() == [
        ("read", "allow", "executed", "policy"),
        ("delete", "deny", "blocked", "policy"),
        ("export", "warn", "blocked", "policy"),
    ]


def test_an_approval_is_a_further_decision_by_whom_it_was_given(telling: Telling) -> None:
    yes = CallbackApproval(lambda request: ApprovalDecision(True, "ops@example.org"))
    asked = governed(approval_handler=yes)
    unasked = governed()

    assert (asked("pay"), unasked("pay")) == ("done", None)

    assert telling.verdicts() == [
        ("pay", "escalate", "held", "policy"),
        ("pay", "allow", "executed", "human"),
        ("pay", "escalate", "held", "policy"),
        ("pay", "deny", "blocked", "fail_closed"),
    ]
    held, given, *_ = telling.attributes("decision")
    assert given["watchkeeper.approval.id"] == held["watchkeeper.decision.id"]
    assert given["watchkeeper.approval.approver"] == "ops@example.org"


def test_what_an_advisory_blocks_was_not_executed(telling: Telling) -> None:
    no = CallbackAdvisory(lambda context: AdvisoryDecision(action="block", reason="no"))

    assert governed(advisory=no)("read") is None

    assert telling.verdicts() == [
        ("read", "allow", "blocked", "policy"),
        ("read", "deny", "blocked", "guardrail"),
    ]


def test_an_engine_that_is_asked_on_its_own_knows_no_effect(telling: Telling) -> None:
    engine = PolicyEngine()
    engine.load_yaml(POLICY)

    engine.evaluate("a-1", {"action": {"type": "delete"}}, stage="pre_tool")

    assert telling.verdicts() == [("delete", "deny", "unknown", "policy")]


def test_a_denial_by_ring_is_told_once_and_names_the_agent(telling: Telling) -> None:
    tool = governed(ring=ExecutionRing.RING_3_SANDBOX)

    assert tool("http_fetch") is None

    assert telling.verdicts() == [("http_fetch", "deny", "blocked", "policy")]
    assert telling.attributes("decision")[0]["gen_ai.agent.id"] == "did:mesh:1"


def test_a_tool_that_calls_another_governed_tool_tells_both(telling: Telling) -> None:
    inner = governed()
    outer = govern(lambda **_: inner("delete"), policy=POLICY, agent_id="outer")

    outer(action="read")

    assert [verdict[:2] for verdict in telling.verdicts()] == [
        ("read", "allow"),
        ("delete", "deny"),
    ]


async def test_async_calls_side_by_side_are_told_each_for_itself(telling: Telling) -> None:
    kernel = StatelessKernel()
    context = ExecutionContext(agent_id="a-1", policies=["read_only"])

    async def execute(number: int) -> None:
        action = "database_query" if number % 2 else "file_write"
        await kernel.execute(action, {}, context)

    await asyncio.gather(*(execute(number) for number in range(20)))

    assert Counter(verdict[:3] for verdict in telling.verdicts()) == {
        ("database_query", "allow", "executed"): 10,
        ("file_write", "deny", "blocked"): 10,
    }


def test_many_threads_lose_nothing_and_double_nothing(telling: Telling) -> None:
    tool = governed()

    threads = [threading.Thread(target=lambda: [tool("read") for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = telling.attributes("decision")
    assert len(told) == len({one["watchkeeper.decision.id"] for one in told}) == 200
    numbers = [r.attributes["watchkeeper.sequence.number"] for r in telling.records("decision")]
    assert len(set(numbers)) == 200


def test_an_event_stands_in_the_trace_of_the_moment_it_was_heard(telling: Telling) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("task") as span:
        governed()("read")

    record = telling.records("decision")[0]
    assert (record.trace_id, record.span_id) == (
        span.get_span_context().trace_id,
        span.get_span_context().span_id,
    )


def test_trust_kills_rings_and_lifecycles_are_told(telling: Telling) -> None:
    RewardEngine().record_policy_compliance("did:mesh:1", compliant=False)
    network = NetworkTrustEngine()
    network.process_trust_event(TrustEvent("did:mesh:2", "policy_violation", 1.0))
    switch = KillSwitch()
    switch.register_agent("did:mesh:1", lambda: None)
    switch.kill("did:mesh:1", "s-1", KillReason.MANUAL)
    switch.kill("did:mesh:2", "s-1", KillReason.MANUAL)
    _elevate()
    manager = LifecycleManager()
    agent = manager.request_provisioning("clerk", owner="ops")
    manager.approve(agent.agent_id)

    scores = [told["watchkeeper.trust.score"] for told in telling.attributes("trust")]
    assert scores == [375.0, 400.0]
    assert telling.happenings() == [
        ("kill", "security.agent_killed", None, "terminated"),
        ("kill", "security.agent_killed", None, "not_terminated"),
        ("ring", "ring.elevated", "3", "2"),
        ("ring", "ring.elevation_denied", "3", "3"),
        ("lifecycle", "lifecycle.requested", None, "pending_approval"),
        ("lifecycle", "lifecycle.approved", "pending_approval", "provisioned"),
    ]


def _elevate() -> None:
    rings = RingElevationManager()
    rings.request_elevation(
        "a-1", "s-1", ExecutionRing.RING_3_SANDBOX, ExecutionRing.RING_2_STANDARD, trust_score=0.8
    )
    with pytest.raises(RingElevationError):
        rings.request_elevation(
            "a-2",
            "s-1",
            ExecutionRing.RING_3_SANDBOX,
            ExecutionRing.RING_2_STANDARD,
            trust_score=0.2,
        )


INJECTED = f"<system>{HOSTILE}</system>"


class Scanner(MCPResponseScanner):
    def scan_response(self, response_content: str | None, tool_name: str = "") -> Any:
        raise RuntimeError("no patterns")


def gateway(policy: ResponsePolicy, scanner: Any = None) -> MCPGateway:
    return MCPGateway(GovernancePolicy(), response_policy=policy, response_scanner=scanner)


def test_what_the_gateway_does_with_an_answer_is_one_verdict(telling: Telling) -> None:
    for policy in ResponsePolicy:
        gateway(policy).intercept_tool_response("a-1", policy.value, INJECTED)
    gateway(ResponsePolicy.BLOCK).intercept_tool_response("a-1", "clean", {"amount": 1})
    gateway(ResponsePolicy.LOG, Scanner()).intercept_tool_response("a-1", "broken", "fine")

    assert telling.verdicts() == [
        ("block", "deny", "blocked", "guardrail"),
        ("sanitize", "modify", "modified", "guardrail"),
        ("log", "warn", "executed", "guardrail"),
        ("clean", "allow", "executed", "guardrail"),
        ("broken", "deny", "blocked", "fail_closed"),
    ]
    blocked, *_, clean, broken = telling.attributes("decision")
    found = "instruction_injection,prompt_injection"
    assert blocked["watchkeeper.risk.category"] == found
    assert blocked["watchkeeper.decision.reason_code"] == found.replace(",", "_")
    assert "watchkeeper.risk.category" not in clean
    assert broken["watchkeeper.decision.reason_code"] == "response_scanner_error"


def test_what_scanners_find_is_told_as_a_threat_and_is_no_verdict(telling: Telling) -> None:
    scanner = MCPSecurityScanner(config=MCPSecurityConfig())
    scanner.scan_server("web", [{"name": "search", "description": "Searches the web"}])
    scanner.register_tool("search", "Searches the web", None, "web")
    scanner.check_rug_pull("search", "Searches more", None, "web")
    # The scanner asks the detector of prompt injections, too: one finding all the same.
    scanner.scan_tool("pay", HOSTILE, server_name="bank")
    PromptInjectionDetector().detect_batch([("good morning", "chat"), (HOSTILE, "chat")])
    MCPResponseScanner().scan_response(INJECTED, "search")

    assert telling.happenings() == [
        ("threat", "mcp_scan", None, "critical"),
        ("threat", "mcp_scan", None, "critical"),
        ("threat", "prompt_injection", None, "high"),
        ("threat", "mcp_response_scan", None, None),
    ]
    told = telling.attributes("governance")
    assert [
        (one["watchkeeper.governance.id"], one["watchkeeper.governance.reason"]) for one in told
    ] == [
        ("web::search", "rug_pull"),
        ("bank::pay", "description_injection,hidden_instruction"),
        ("chat", "direct_override"),
        ("search", "instruction_injection,prompt_injection"),
    ]
    assert telling.verdicts() == []


async def test_a_peer_that_was_verified_or_not_is_a_verdict_on_it(telling: Telling) -> None:
    registry = IdentityRegistry()
    peer = AgentIdentity.create(name="peer", sponsor="ops@example.org", capabilities=["read"])
    registry.register(peer)
    trust = TrustBridge(agent_did="did:mesh:1", registry=registry)

    answers = [
        await trust.verify_peer(str(peer.did), required_trust_score=400),
        await trust.verify_peer(peer_did="did:mesh:nobody"),
    ]

    assert [answer.verified for answer in answers] == [True, False]
    told = telling.attributes("decision")
    assert telling.verdicts() == [
        (None, "allow", "unknown", "trust"),
        (None, "deny", "unknown", "trust"),
    ]
    assert {one["gen_ai.agent.id"] for one in told} == {"did:mesh:1"}
    assert {one["watchkeeper.decision.stage"] for one in told} == {"handoff"}
    assert [one["watchkeeper.target.name"] for one in told] == [str(peer.did), "did:mesh:nobody"]


def test_each_audit_record_is_told_with_its_chain_and_its_decision(telling: Telling) -> None:
    tool = governed()

    tool("read"), tool("delete")

    records = telling.attributes("audit_entry")
    decisions = telling.attributes("decision")
    assert [record["watchkeeper.audit.position"] for record in records] == [1, 2]
    assert len({record["watchkeeper.audit.chain"] for record in records}) == 1
    assert [record["watchkeeper.decision.id"] for record in records] == [
        decision["watchkeeper.decision.id"] for decision in decisions
    ]


def test_a_second_bridge_is_the_first(telling: Telling) -> None:
    assert bridge() is telling.bridge

    governed()("read")

    assert len(telling.verdicts()) == 1


def test_what_this_agt_has_not_is_skipped_and_said(telling: Telling) -> None:
    assert {"govern", "policy engine", "audit log", "kill switch"} <= set(telling.bridge.wired)
    assert "objectives" not in telling.bridge.wired
    assert any("agent_sre" in why for why in telling.bridge.skipped)


def test_a_bridge_that_was_removed_leaves_every_method_as_it_was(telling: Telling) -> None:
    telling.bridge.remove()

    governed()("read")

    assert telling.verdicts() == []
    assert "watchkeeper" not in PolicyEngine.evaluate.__code__.co_filename


def test_a_bridge_under_another_wrapper_passes_calls_through(telling: Telling) -> None:
    ours, asked = PolicyEngine.evaluate, []

    def theirs(*args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        return ours(*args, **kwargs)

    try:
        PolicyEngine.evaluate = theirs
        telling.bridge.remove()

        assert governed()("delete") is None
        assert (len(asked), telling.verdicts()) == (1, [])
    finally:
        PolicyEngine.evaluate = ours.__wrapped__


def test_an_error_of_ours_never_reaches_agt(
    telling: Telling, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(Teller, "decision", broken)

    assert [governed()("read"), governed()("delete")] == ["done", None]
    assert sum("agt_hook_failed" in record.message for record in caplog.records) == 1


def test_an_error_of_agt_is_its_own_and_is_told_as_no_verdict(telling: Telling) -> None:
    engine = PolicyEngine()

    with pytest.raises(AttributeError):
        engine.evaluate("a-1", 7)  # type: ignore[arg-type]

    assert telling.verdicts() == [(None, "error", "unknown", "policy")]


FORKING = """
import os, sys
from agentmesh.governance.policy import PolicyEngine
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from watchkeeper_agent.adapters.agt import bridge

provider = LoggerProvider()
line = lambda record: record.to_json(indent=None) + os.linesep
provider.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter(formatter=line)))
bridge(logger_provider=provider)
engine = PolicyEngine()
engine.evaluate("parent", {"action": {"type": "read"}})
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    engine.evaluate("child", {"action": {"type": "read"}})
"""


def test_a_process_and_its_forked_child_tell_their_own_until_they_end() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    told = [json.loads(line)["attributes"] for line in ended.stdout.splitlines()]
    assert sorted(each["gen_ai.agent.name"] for each in told) == ["child", "parent"]
    assert len({each["watchkeeper.sequence.stream"] for each in told}) == 2


class Hanging(LogRecordExporter):
    """An exporter that waits for a collector that does not answer."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def export(self, batch: Any) -> LogRecordExportResult:
        self.free.wait(30)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        self.free.set()

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def hanging_bridge(exporter: Hanging) -> Bridge:
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return bridge(logger_provider=provider)


def test_an_exporter_that_hangs_does_not_hold_agt_up() -> None:
    exporter = Hanging()
    made = hanging_bridge(exporter)
    tool = governed()

    answers = [tool("read") for _ in range(50)]

    assert not exporter.free.is_set()
    assert answers == ["done"] * 50
    exporter.free.set()
    made.remove()


def test_what_does_not_fit_the_queue_is_a_gap_in_the_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = Hanging()
    monkeypatch.setattr(Teller.__init__, "__defaults__", (None, None, None, False, 5))
    made = hanging_bridge(exporter)

    for _ in range(20):
        governed()("read")

    # Decisions and audit records; one event is with the exporter, five wait.
    assert 33 <= made.dropped <= 35
    exporter.free.set()
    made.remove()


HANGING = """
import sys, threading
from agentmesh.governance import govern
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, SimpleLogRecordProcessor
from watchkeeper_agent.adapters.agt import bridge

class Hanging(LogRecordExporter):
    def export(self, batch):
        threading.Event().wait()
    def shutdown(self):
        pass
    def force_flush(self, timeout_millis=0):
        return True

provider = LoggerProvider(shutdown_on_exit=False)
provider.add_log_record_processor(SimpleLogRecordProcessor(Hanging()))
made = bridge(agent="clerk", logger_provider=provider)
tool = govern(lambda **_: "done", policy=sys.argv[1], agent_id="did:mesh:1")
print([tool(action="read") for _ in range(3)], made.flush(0.1), flush=True)
if sys.argv[2] == "remove":
    made.remove()
"""


@pytest.mark.parametrize("end", ["remove", "exit"])
def test_an_exporter_that_hangs_holds_neither_a_call_nor_the_end_of_the_process(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HANGING, POLICY, end],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert ended.stdout == "['done', 'done', 'done'] False\n"


def test_half_a_character_and_a_vast_number_cost_no_other_event(telling: Telling) -> None:
    """An exporter that cannot write one value loses the batch it is in."""
    governed()("\ud800")
    telling.bridge.teller.happening("cost", "x", also={"value": 2**70, "list": [1, 2]})

    [decision] = telling.records("decision")
    [happening] = telling.records("governance")
    assert decision.attributes["gen_ai.tool.name"] == "?"
    assert (happening.attributes["value"], happening.attributes["list"]) == (str(2**70), (1, 2))
    for record in (decision, happening):
        str(record.body).encode()
        json.dumps(dict(record.attributes), ensure_ascii=False).encode()


class _Costly:
    """Tells when it is written out."""

    written = 0

    def __str__(self) -> str:
        _Costly.written += 1
        return "x"


def test_of_a_list_without_end_only_the_beginning_is_written() -> None:
    told = text({"all": [_Costly()] * 1_000_000})

    assert told is not None
    assert told.startswith("[['all', [x, x")
    assert _Costly.written == 20


def test_a_coroutine_that_ends_in_another_context_reaches_nobody(telling: Telling) -> None:
    class Kernel:
        async def decide(self, answer: str) -> str:
            await asyncio.sleep(0)
            return answer

    module = types.ModuleType("odd_kernel")
    vars(module)["Kernel"] = Kernel
    sys.modules["odd_kernel"] = module
    hook = Hook("odd", "odd_kernel", "Kernel", "decide", lambda *_: None, evaluates=True)
    listening = listen(hook, telling.bridge.teller)
    assert not isinstance(listening, str)
    deciding = Kernel().decide("allow")
    contextvars.copy_context().run(deciding.send, None)

    with pytest.raises(StopIteration) as ended:
        contextvars.copy_context().run(deciding.send, None)

    assert ended.value.value == "allow"


def test_a_log_handler_of_the_host_that_fails_reaches_nobody(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("broken")

    monkeypatch.setattr(Teller, "decision", broken)
    monkeypatch.setattr(logging.getLogger("watchkeeper_agent"), "exception", broken)

    assert [governed()("read"), governed()("delete")] == ["done", None]
