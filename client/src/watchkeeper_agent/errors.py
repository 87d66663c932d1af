"""What can go wrong inside an agent, each with what to do about it."""

from __future__ import annotations


class AgentError(Exception):
    """Base of everything this library raises."""


class StateError(AgentError):
    """The state directory or a key cannot be used."""


class Refused(AgentError):
    """A model or tool call that must not happen; the call was not made.

    `kind` is the restriction (kill, pause, require_approval, degrade), `reason_code` says
    why, and `decision_id` finds the refusal in the console.
    """

    def __init__(
        self, action: str, kind: str, reason_code: str, decision_id: str, hold_id: str | None
    ) -> None:
        super().__init__(
            f"{action} refused by {kind} ({reason_code}): "
            "an operator must release the hold, or it expires"
        )
        self.action = action
        self.kind = kind
        self.reason_code = reason_code
        self.decision_id = decision_id
        self.hold_id = hold_id

    @property
    def ends_the_run(self) -> bool:
        """A killed or paused agent stops; a degraded one may go on with what is left."""
        return self.kind in ("kill", "pause")
