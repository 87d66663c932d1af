"""Trust scores, which come on two scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.model import Tier
from collector.receive.normalise.facts import Sender, TrustFact
from collector.receive.normalise.keys import real, text

TIERS = ("agt.trust.tier", "governance.trust.decision")
SCORES = ("agt.new_score", "agt.trust.score", "agent.trust_score", "agt.trust_score")
_THOUSAND_SCOPES = ("agentmesh", "agent-governance-toolkit")
# The store reads the first word: a change outranks a check, a check a statement.
CHANGED, VERIFIED, EVALUATED = "changed", "verified", "evaluated"


def why_scored(name: str, attributes: Mapping[str, Any]) -> str | None:
    if "agt.new_score" in attributes:
        old = real(attributes.get("agt.old_score"))
        return CHANGED if old is None else f"{CHANGED} from {old:g}"
    if name == "agt.trust.verify":
        return VERIFIED
    judged = text(attributes.get("governance.trust.decision"))
    return None if judged is None else f"{EVALUATED} as {judged}"


def trust(
    agent: str,
    sender: Sender,
    scope: str,
    raw: Any,
    scored_ns: int,
    reason: str | None,
    raw_tier: str | None = None,
) -> Iterator[TrustFact]:
    """One reported score on our scale, or nothing when it is no score on either scale."""
    score = real(raw)
    if score is None or not 0 <= score <= 1000:
        return
    thousand = score > 1 or type(raw) is int or scope.startswith(_THOUSAND_SCOPES)
    ours = score if thousand else score * 1000
    yield TrustFact(
        agent=agent,
        agent_id=agent if agent.startswith("did:") else None,
        environment=sender.environment,
        sample=sender.sample,
        scored_ns=scored_ns,
        score=ours,
        tier=Tier.of(ours).value,
        raw_score=score,
        raw_scale="0-1000" if thousand else "0-1",
        origin="reported",
        reason=reason,
        raw_tier=raw_tier,
    )
