"""How AGT judges what comes in from outside: tools' answers and definitions, texts and peers.

The gateway withholds or cleans an answer, and a peer is verified or not: these are verdicts.
A scanner only says what it found and leaves to its caller what to do: a finding is told as
a threat, a clean scan not at all. A scanner that asks another one makes one finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from opentelemetry._logs import SeverityNumber

from watchkeeper_agent.adapters.agt.hooks import Outcome
from watchkeeper_agent.adapters.agt.teller import Teller, text, word
from watchkeeper_agent.adapters.agt.verdicts import effect_of, failed, verdict_of

_SEVERITIES = ("info", "warning", "critical")
# The scanner that is scanning.
scanning: ContextVar[Any] = ContextVar("watchkeeper_agt_scanning", default=None)


def answer_intercepted(
    teller: Teller,
    outcome: Outcome,
    gateway: Any,
    agent_id: Any,
    tool_name: Any,
    *_: Any,
    **__: Any,
) -> None:
    """`MCPGateway.intercept_tool_response`; AGT's reason names categories and no content."""
    if failed(teller, outcome, agent_id, tool_name, stage="post_tool_call"):
        return
    answer = outcome.result
    verdict = verdict_of(answer.action, answer.allowed)
    found = _listed(threat["category"] for threat in answer.threats)
    teller.decision(
        agent_id,
        tool_name,
        verdict,
        effect_of(verdict, answer.allowed),
        source="fail_closed" if answer.action == "error" else "guardrail",
        stage="post_tool_call",
        reason_code=found or "response_scanner_error",
        reason=answer.reason,
        also={"watchkeeper.policy.id": "mcp_gateway", "watchkeeper.risk.category": found},
    )


def peer_verified(
    teller: Teller, outcome: Outcome, trust: Any, peer_did: Any, *_: Any, **__: Any
) -> None:
    """`TrustBridge.verify_peer`: it only answers, whoever asks may speak with the peer or not."""
    about: dict[str, Any] = {
        "stage": "handoff",
        "source": "trust",
        "watchkeeper.target.type": "agent",
        "watchkeeper.target.name": text(peer_did),
    }
    if failed(teller, outcome, trust.agent_did, None, **about):
        return
    verified = bool(outcome.result.verified)
    teller.decision(
        trust.agent_did,
        None,
        "allow" if verified else "deny",
        "unknown",
        reason_code="peer_not_verified",
        reason=outcome.result.rejection_reason,
        also={"watchkeeper.policy.id": "trust_bridge"},
        **about,
    )


# Scanners


def tool_scanned(
    teller: Teller,
    outcome: Outcome,
    scanner: Any,
    tool_name: Any,
    description: Any,
    schema: Any = None,
    server_name: Any = "unknown",
) -> None:
    """`MCPSecurityScanner.scan_tool`, which `scan_server` calls for each tool."""
    _mcp_threats(teller, outcome.result or (), tool_name, server_name)


def rug_pull_looked_for(
    teller: Teller,
    outcome: Outcome,
    scanner: Any,
    tool_name: Any,
    description: Any,
    schema: Any,
    server_name: Any,
) -> None:
    """`MCPSecurityScanner.check_rug_pull`: a definition that changed since it was registered."""
    threat = outcome.result
    _mcp_threats(teller, () if threat is None else (threat,), tool_name, server_name)


def _mcp_threats(teller: Teller, threats: Iterable[Any], tool: Any, server: Any) -> None:
    found = list(threats)
    severities = [str(word(threat.severity)) for threat in found]
    _threat(
        teller,
        "mcp_scan",
        _listed(word(threat.threat_type) for threat in found),
        after=max(severities, key=_rank, default=None),
        value=len(found),
        subject=f"{server}::{tool}",
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def answer_scanned(
    teller: Teller,
    outcome: Outcome,
    scanner: Any,
    response_content: Any,
    tool_name: Any = "unknown",
) -> None:
    """`MCPResponseScanner.scan_response`."""
    found = [] if outcome.result is None else outcome.result.threats
    _threat(
        teller,
        "mcp_response_scan",
        _listed(threat.category for threat in found),
        value=len(found),
        subject=tool_name,
    )


def injection_looked_for(
    teller: Teller,
    outcome: Outcome,
    detector: Any,
    text: Any,
    source: Any = "unknown",
    *_: Any,
    **__: Any,
) -> None:
    """`PromptInjectionDetector.detect`, which `detect_batch` calls for each text."""
    result = outcome.result
    if result is None or not result.is_injection:
        return
    _threat(
        teller,
        "prompt_injection",
        word(result.injection_type) or "detection_error",
        after=result.threat_level,
        value=result.confidence,
        subject=source,
    )


def _threat(
    teller: Teller,
    name: str,
    found: str | None,
    *,
    after: Any = None,
    value: Any,
    subject: Any,
) -> None:
    if found is None or scanning.get() is not None:
        return
    teller.happening(
        "threat",
        name,
        after=after,
        value=value,
        reason=found,
        severity=SeverityNumber.WARN,
        also={"watchkeeper.governance.id": text(subject)},
    )


def _listed(words: Iterable[Any]) -> str | None:
    return ",".join(sorted({str(told) for told in words})) or None
