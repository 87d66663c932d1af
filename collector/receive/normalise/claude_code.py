"""Claude Code: its command line tells permissions as log records.

`tool_decision` is a verdict on one call of a tool. Its other events (prompts, requests to
the API, results of tools) stay log records: they have no span to belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from collector.model import DecisionSource, Effect, Mode, Stage, Verdict
from collector.receive.normalise.events import Event, decision_of
from collector.receive.normalise.facts import Fact, digest
from collector.receive.normalise.keys import text

DIALECT = "claude_code"
SCOPE = "com.anthropic.claude_code"

_VERDICTS: Mapping[str, tuple[Verdict, Effect]] = {
    "accept": (Verdict.ALLOW, Effect.EXECUTED),
    "reject": (Verdict.DENY, Effect.BLOCKED),
}


def facts(event: Event) -> Iterator[Fact]:
    """The permission that was given or refused."""
    attributes = event.attributes
    raw = text(attributes.get("decision"))
    found = _VERDICTS.get((raw or "").lower())
    if not event.scope.startswith(SCOPE) or found is None:
        return
    verdict, effect = found
    given_by = text(attributes.get("source"))
    call = text(attributes.get("tool_use_id"))
    session = text(attributes.get("session.id"))
    yield decision_of(
        event,
        DIALECT,
        verdict,
        effect,
        raw,
        decision_id=digest(DIALECT, session, call) if call else None,
        action=text(attributes.get("tool_name")),
        stage=Stage.PRE_TOOL_CALL.value,
        mode=Mode.ENFORCE.value,
        # "user_permanent", "user_reject", …; everything else is a rule somebody wrote before.
        source=(
            DecisionSource.HUMAN if (given_by or "").startswith("user") else DecisionSource.POLICY
        ).value,
        reason_code=given_by,
        tool_call_id=call,
        target_type="tool",
        target_name=text(attributes.get("tool_name")),
    )


READERS: Mapping[str, Callable[[Event], Iterable[Fact]]] = {
    "tool_decision": facts,
    "claude_code.tool_decision": facts,
}
